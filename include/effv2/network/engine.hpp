// The forward pass over a plan: pictures in, logits, pooled features and feature maps out. It allocates nothing, cannot
// fail, and is compiled once for all architectures. Model (a type for each architecture) and Network (chosen at run
// time) are thin owners around it.
#pragma once

#include <array>

#include "effv2/network/ends.hpp"
#include "effv2/network/fused.hpp"
#include "effv2/network/mbconv.hpp"

namespace effv2 {

// The total strides at which feature maps can be had.
inline constexpr std::array<int, 4> feature_strides{4, 8, 16, 32};

// Where a forward pass writes; empty spans are left out.
struct Outputs {
    std::span<float> logits;               // (batch, classes)
    std::span<float> features;             // (batch, head): pooled, before the classifier
    std::array<std::span<float>, 4> maps;  // (batch, channels, height, width) at strides 4, 8, 16, 32
};

// The shape of a feature map: channels and size. Channels are 0 where the architecture has no map of that stride.
struct MapShape {
    int channels = 0;
    Extent size;
    constexpr std::size_t floats() const {
        return static_cast<std::size_t>(channels) * static_cast<std::size_t>(size.pixels());
    }
};

// `index` into feature_strides. The map is the output of the last block of that total stride.
constexpr MapShape feature_map_shape(const Architecture& a, std::size_t index) {
    const int wanted = feature_block(a, feature_strides[index]);
    MapShape shape;
    int i = 0;
    for_each_block(a, [&](const Block& block) {
        if (i++ == wanted) shape = {block.out, block.window.output};
    });
    return shape;
}

namespace network {

// Channels-last with padding to (channels, height, width).
inline void copy_map(const float* map, const Block& block, float* to) {
    const int pixels = block.window.output.pixels(), stride = pixel_stride(block.out);
    for (int c = 0; c < block.out; ++c)
        for (int i = 0; i < pixels; ++i) *to++ = map[std::ptrdiff_t{i} * stride + c];
}

inline void copy_vector(const float* from, int count, std::span<float> to, int image) {
    float* at = to.data() + static_cast<std::size_t>(image) * static_cast<std::size_t>(count);
    for (int i = 0; i < count; ++i) at[i] = from[i];
}

// One picture, (3, height, width); `image` is its place in the batch of the outputs.
template <class Arch>
void run_picture(Work work, Plan plan, const float* picture, int image, const Outputs& outputs) {
    run_stem<Arch>(work, *plan, picture);
    work.finished(Phase::stem);
    int stride = plan->architecture.stem_stride;
    for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
        const PlannedBlock& block = plan.blocks[i];
        work.block = static_cast<int>(i);
        if (block.shape.kind == BlockKind::fused)
            run_fused<Arch>(work, block);
        else
            run_mbconv<Arch>(work, block, *plan);

        stride *= block.shape.window.stride;
        const bool last_of_stride = i + 1 == plan.blocks.size() || plan.blocks[i + 1].shape.window.stride > 1;
        for (std::size_t m = 0; last_of_stride && m < feature_strides.size(); ++m) {
            if (feature_strides[m] != stride || outputs.maps[m].empty()) continue;
            const std::size_t floats = static_cast<std::size_t>(block.shape.out) *
                                       static_cast<std::size_t>(block.shape.window.output.pixels());
            copy_map(work.arena + block.output, block.shape,
                     outputs.maps[m].data() + static_cast<std::size_t>(image) * floats);
        }
    }
    if (outputs.logits.empty() && outputs.features.empty()) return;
    work.block = -1;
    run_head<Arch>(work, *plan, work.arena + plan.blocks.back().output);
    work.finished(Phase::head);
    if (!outputs.features.empty())
        copy_vector(work.arena + plan->features, plan->architecture.head, outputs.features, image);
    if (outputs.logits.empty()) return;
    run_classifier<Arch>(work, *plan);
    work.finished(Phase::classifier);
    copy_vector(work.arena + plan->logits, plan->architecture.classes, outputs.logits, image);
}

// A worker's share of the workspace: an arena, and scratch behind it.
constexpr std::size_t share_floats(const PlanSummary& plan) { return plan.arena_floats + plan.scratch_floats; }

}  // namespace network

// Floats of workspace that a forward pass needs with that many threads, whatever the batch. Of the arenas, only the
// first is touched unless pictures outnumber threads.
constexpr std::size_t workspace_floats(const PlanSummary& plan, int threads) {
    return network::share_floats(plan) * static_cast<std::size_t>(threads);
}

// Runs `batch` pictures, (batch, 3, height, width). As many pictures as keep every thread busy run side by side, each
// on one thread with an arena of its own, which needs no barrier; what is left over runs picture by picture on all
// threads. The outputs are the same to the last bit. The workspace holds workspace_floats(*plan, executor.threads())
// floats from a cache line on; spans in `outputs` are empty or large enough. The observer sees only pictures that run
// on all threads. Nothing is checked here: Model and Network do.
template <class Arch>
void forward(Plan plan, const float* weights, float* workspace, Executor& executor, const float* pictures, int batch,
             const Outputs& outputs, Observer* observer = nullptr) {
    const std::size_t share = network::share_floats(*plan);
    const auto work_in = [&](float* memory, Executor& on) {
        network::Work work;
        work.weights = weights;
        work.arena = memory;
        work.scratch = memory + plan->arena_floats;
        work.scratch_stride = share;
        work.executor = &on;
        return work;
    };
    const auto run = [&](const network::Work& work, int image) {
        const std::size_t picture = std::size_t{3} * static_cast<std::size_t>(plan->architecture.input.pixels());
        network::run_picture<Arch>(work, plan, pictures + static_cast<std::size_t>(image) * picture, image, outputs);
    };
    const int threads = executor.threads();
    const int side_by_side = threads > 1 ? batch / threads * threads : 0;
    if (side_by_side > 0)
        executor.run(side_by_side, [&](int image, int worker) {
            SerialExecutor alone;
            run(work_in(workspace + static_cast<std::size_t>(worker) * share, alone), image);
        });
    network::Work work = work_in(workspace, executor);
    work.observer = observer;
    for (int image = side_by_side; image < batch; ++image) run(work, image);
}

}  // namespace effv2
