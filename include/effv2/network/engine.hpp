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
    std::span<float> last_map = {};        // the same of the last block, whatever its stride: what the head sees
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

// The shape of Outputs::last_map.
constexpr MapShape last_map_shape(const Architecture& a) { return {final_channels(a), final_size(a)}; }

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

// The map that a feature output wants of the block, for each of the work's pictures.
inline void copy_feature_maps(const Work& work, const PlannedBlock& block, int stride, const Outputs& outputs,
                              int first_image) {
    for (std::size_t m = 0; m < feature_strides.size(); ++m) {
        if (feature_strides[m] != stride || outputs.maps[m].empty()) continue;
        const std::size_t floats =
            static_cast<std::size_t>(block.shape.out) * static_cast<std::size_t>(block.shape.window.output.pixels());
        for (int image = 0; image < work.images; ++image)
            copy_map(work.at(block.output, image), block.shape,
                     outputs.maps[m].data() + static_cast<std::size_t>(first_image + image) * floats);
    }
}

// Blocks [first, end) for the work's pictures, which are the outputs' pictures from `image` on.
template <class Arch>
void run_blocks(Work work, Plan plan, int first, int end, int image, const Outputs& outputs) {
    int stride = plan->architecture.stem_stride;
    for (int i = 0; i < end; ++i) {
        const PlannedBlock& block = plan.blocks[static_cast<std::size_t>(i)];
        stride *= block.shape.window.stride;
        if (i < first) continue;
        work.block = i;
        if (block.shape.kind == BlockKind::fused)
            run_fused<Arch>(work, block);
        else
            run_mbconv<Arch>(work, block, *plan);
        const auto next = static_cast<std::size_t>(i) + 1;
        if (next == plan.blocks.size() || plan.blocks[next].shape.window.stride > 1)
            copy_feature_maps(work, block, stride, outputs, image);
    }
}

// What each picture goes through by itself: (3, height, width) to the input of the first joint block.
template <class Arch>
void run_picture(const Work& work, Plan plan, const float* picture, int image, const Outputs& outputs) {
    run_stem<Arch>(work, *plan, picture);
    work.finished(Phase::stem);
    run_blocks<Arch>(work, plan, 0, plan->first_joint, image, outputs);
}

// What all pictures of the work go through together.
template <class Arch>
void run_joint(const Work& work, Plan plan, int first_image, const Outputs& outputs) {
    run_blocks<Arch>(work, plan, plan->first_joint, static_cast<int>(plan.blocks.size()), first_image, outputs);
    const PlannedBlock& last = plan.blocks.back();
    const std::size_t last_floats = last_map_shape(plan->architecture).floats();
    for (int image = 0; image < work.images && !outputs.last_map.empty(); ++image)
        copy_map(work.at(last.output, image), last.shape,
                 outputs.last_map.data() + static_cast<std::size_t>(first_image + image) * last_floats);
    if (outputs.logits.empty() && outputs.features.empty()) return;
    run_head<Arch>(work, *plan, last.output);
    work.finished(Phase::head);
    if (!outputs.logits.empty()) {
        run_classifier<Arch>(work, *plan);
        work.finished(Phase::classifier);
    }
    for (int image = 0; image < work.images; ++image) {
        if (!outputs.features.empty())
            copy_vector(work.at(plan->features, image), plan->architecture.head, outputs.features, first_image + image);
        if (!outputs.logits.empty())
            copy_vector(work.at(plan->logits, image), plan->architecture.classes, outputs.logits, first_image + image);
    }
}

// How many pictures of a batch run together: a multiple of the threads, so that none waits while they run side by side.
constexpr int pictures_together(int threads) {
    return threads * (threads < max_pictures_together ? max_pictures_together / threads : 1);
}

// One group of a batch: `count` of the pictures from `first` on.
template <class Arch>
void run_group(Work work, Plan plan, const float* pictures, int first, int count, const Outputs& outputs) {
    const std::size_t picture = std::size_t{3} * static_cast<std::size_t>(plan->architecture.input.pixels());
    const auto run = [&](Work one, int index) {
        one.image = index;
        run_picture<Arch>(one, plan, pictures + static_cast<std::size_t>(first + index) * picture, first + index,
                          outputs);
    };
    work.joint_images = count;
    const int threads = work.executor->threads();
    const int side_by_side = threads > 1 ? count / threads * threads : 0;
    if (side_by_side > 0)
        work.executor->run(side_by_side, [&](int index, int worker) {
            SerialExecutor alone;
            Work one = work;
            one.arena += static_cast<std::size_t>(worker) * work.scratch_stride;
            one.scratch = work.scratch_of(worker);
            one.executor = &alone;
            one.observer = nullptr;
            run(one, index);
        });
    for (int index = side_by_side; index < count; ++index) run(work, index);
    work.images = count;
    run_joint<Arch>(work, plan, first, outputs);
}

// A worker's share of the workspace: an arena, and scratch behind it. The joint arena lies behind all shares.
constexpr std::size_t share_floats(const PlanSummary& plan) { return plan.arena_floats + plan.scratch_floats; }

inline Work work_in(Plan plan, const float* weights, float* workspace, Executor& executor) {
    Work work;
    work.weights = weights;
    work.arena = workspace;
    work.scratch = workspace + plan->arena_floats;
    work.scratch_stride = share_floats(*plan);
    work.joint = workspace + share_floats(*plan) * static_cast<std::size_t>(executor.threads());
    work.executor = &executor;
    return work;
}

}  // namespace network

// Floats of workspace that a forward pass needs with that many threads, whatever the batch. What only batches need is
// not touched, and so takes no memory, where there are none.
constexpr std::size_t workspace_floats(const PlanSummary& plan, int threads) {
    return network::share_floats(plan) * static_cast<std::size_t>(threads) +
           plan.joint_floats * static_cast<std::size_t>(network::pictures_together(threads));
}

// Runs `batch` pictures, (batch, 3, height, width), in groups: first as many as keep every thread busy side by side,
// each on one thread with an arena of its own, which needs no barrier, and what is left over one by one on all threads;
// from the plan's first joint block on, all of the group together. The outputs are the same to the last bit, however
// many pictures and threads there are. The workspace holds workspace_floats(*plan, executor.threads()) floats from a
// cache line on; spans in `outputs` are empty or large enough. The observer is not told of pictures that run side by
// side. Nothing is checked here: Model and Network do.
template <class Arch>
void forward(Plan plan, const float* weights, float* workspace, Executor& executor, const float* pictures, int batch,
             const Outputs& outputs, Observer* observer = nullptr) {
    executor.gather([&](Executor& team) {
        network::Work work = network::work_in(plan, weights, workspace, team);
        work.observer = observer;
        const int together = network::pictures_together(team.threads());
        for (int first = 0; first < batch; first += together)
            network::run_group<Arch>(work, plan, pictures, first, std::min(together, batch - first), outputs);
    });
}

}  // namespace effv2
