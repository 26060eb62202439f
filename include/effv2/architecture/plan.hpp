// The plan of a forward pass: for each block its geometry, the places of its weights in the pack and of its maps in the
// activation arena, and the sizes of both. Computed at compile time for an architecture type, or at run time by the
// same functions. All offsets and sizes are in floats.
#pragma once

#include <span>

#include "effv2/architecture/layout.hpp"
#include "effv2/architecture/tensors.hpp"

namespace effv2 {

// A map lives from the block that writes it to the one that reads it.
struct PlannedBlock {
    Block shape;
    BlockWeights weights;
    std::size_t input = 0;   // arena offset of the block's input map
    std::size_t output = 0;  // ... of its output map
    std::size_t middle = 0;  // MBConv: ... of the depthwise output, read by the projection once the squeeze is known
};

struct PlanSummary {
    Architecture architecture;
    PackedConv stem, head, classifier;
    std::size_t weight_floats = 0;   // the whole pack
    std::size_t arena_floats = 0;    // activations of one picture
    std::size_t scratch_floats = 0;  // of each worker thread
    std::size_t features = 0;        // arena offset of the pooled features (head channels)
    std::size_t logits = 0;          // arena offset of the logits (classes)
    std::size_t squeeze = 0;         // arena offset of the squeeze-excite's vectors: sums, bottleneck, scale
    std::size_t stem_output = 0;     // arena offset
};

// A plan that somebody else owns.
struct Plan {
    const PlanSummary* summary = nullptr;
    std::span<const PlannedBlock> blocks;
    constexpr const PlanSummary& operator*() const { return *summary; }
    constexpr const PlanSummary* operator->() const { return summary; }
};

namespace detail {

constexpr std::size_t map_floats(Extent size, int channels) {
    return round_to_segment(static_cast<std::size_t>(size.pixels()) * static_cast<std::size_t>(pixel_stride(channels)));
}

// Hands out consecutive segments of the weight pack.
struct WeightCursor {
    std::size_t end = 0;
    constexpr std::size_t take(std::size_t floats) {
        const std::size_t start = end;
        end += round_to_segment(floats);
        return start;
    }
    // `taps` matrices of inputs x outputs, and a bias.
    constexpr PackedConv convolution(int taps, int inputs, int outputs) {
        const auto rounded = static_cast<std::size_t>(round_to_granule(outputs));
        PackedConv packed;
        packed.weights = take(static_cast<std::size_t>(taps) * static_cast<std::size_t>(inputs) * rounded);
        packed.bias = take(rounded);
        return packed;
    }
};

constexpr BlockWeights place_weights(const Block& b, WeightCursor& cursor) {
    const int in = round_to_granule(b.in), expanded = round_to_granule(b.expanded);
    const int taps = b.window.kernel * b.window.kernel;
    BlockWeights w;
    if (b.kind == BlockKind::fused) {
        w.first = cursor.convolution(b.winograd ? winograd_points : taps, in, b.expands ? b.expanded : b.out);
        if (b.expands) w.project = cursor.convolution(1, expanded, b.out);
        return w;
    }
    if (b.expands) w.first = cursor.convolution(1, in, b.expanded);
    w.depthwise = cursor.convolution(taps, 1, b.expanded);
    if (b.squeezed > 0) {
        w.reduce = cursor.convolution(1, expanded, b.squeezed);
        w.restore = cursor.convolution(1, round_to_granule(b.squeezed), b.expanded);
    }
    w.project = cursor.convolution(1, expanded, b.out);
    return w;
}

// What one worker needs beside the arena while it computes its part of the block.
constexpr std::size_t scratch_floats(const Block& b) {
    const auto expanded = static_cast<std::size_t>(pixel_stride(b.expanded));
    if (b.kind == BlockKind::mbconv) {
        const auto height = static_cast<std::size_t>(b.window.input.height + b.window.kernel - 1);
        const auto width = static_cast<std::size_t>(b.window.input.width + b.window.kernel - 1);
        return height * width * max_panel;
    }
    if (!b.winograd) return b.expands ? max_task_pixels * expanded : 0;
    const std::size_t point = static_cast<std::size_t>(round_to_granule(b.in)) + max_panel;
    const std::size_t outputs = b.expands ? winograd_outputs * winograd_outputs * expanded : 0;
    return max_task_tiles * (winograd_points * point + outputs);
}

constexpr std::size_t larger(std::size_t a, std::size_t b) { return a > b ? a : b; }

// Floats alive while the block runs: its input, its output and, in MBConv, the map between them.
constexpr std::size_t middle_floats(const Block& b) {
    return b.kind == BlockKind::mbconv ? map_floats(b.window.output, b.expanded) : 0;
}
constexpr std::size_t live_floats(const Block& b) {
    return map_floats(b.window.input, b.in) + middle_floats(b) + map_floats(b.window.output, b.out);
}

}  // namespace detail

// Fills `summary` and calls emit(planned block) for each block in order.
//
// The arena: the network is a chain, so at any time only a block's input, middle and output live. Maps are placed by
// turns at the low and the high end of the arena, the middle next to the low one; the arena is then exactly as large as
// the largest such sum, which no plan can beat.
template <class Emit>
constexpr void make_plan(const Architecture& a, PlanSummary& summary, Emit emit) {
    summary.architecture = a;
    std::size_t maps = detail::map_floats(stem_window(a).output, a.stem);
    std::size_t scratch = static_cast<std::size_t>(9 * (a.input.width + 4)) + 64 * max_panel;
    int widest = 1;
    for_each_block(a, [&](const Block& b) {
        maps = detail::larger(maps, detail::live_floats(b));
        scratch = detail::larger(scratch, detail::scratch_floats(b));
        if (b.expanded > widest) widest = b.expanded;
    });

    detail::WeightCursor cursor;
    summary.stem = cursor.convolution(27, 1, a.stem);
    bool low = true;  // the input map of the next block lies at the low end
    for_each_block(a, [&](const Block& b) {
        PlannedBlock planned;
        planned.shape = b;
        planned.weights = detail::place_weights(b, cursor);
        const std::size_t in = detail::map_floats(b.window.input, b.in);
        const std::size_t out = detail::map_floats(b.window.output, b.out);
        planned.input = low ? 0 : maps - in;
        planned.output = low ? maps - out : 0;
        planned.middle = low ? in : out;
        low = !low;
        emit(planned);
    });
    summary.head = cursor.convolution(1, round_to_granule(final_channels(a)), a.head);
    summary.classifier = cursor.convolution(1, round_to_granule(a.head), a.classes);
    summary.weight_floats = cursor.end;

    const auto wide = static_cast<std::size_t>(round_to_segment(static_cast<std::size_t>(widest)));
    summary.stem_output = 0;
    summary.features = maps;
    summary.logits = summary.features + round_to_segment(static_cast<std::size_t>(a.head));
    summary.squeeze = summary.logits + round_to_segment(static_cast<std::size_t>(a.classes));
    summary.arena_floats = summary.squeeze + 3 * wide;
    summary.scratch_floats = round_to_segment(scratch);
}

// The plan of an architecture known at compile time.
template <Architecture A>
    requires(is_sound<A>)
struct StaticPlan {
    PlanSummary summary;
    std::array<PlannedBlock, static_cast<std::size_t>(A.block_count())> blocks{};

    constexpr StaticPlan() {
        std::size_t count = 0;
        make_plan(A, summary, [&](const PlannedBlock& block) { blocks[count++] = block; });
    }
    constexpr Plan view() const { return {&summary, blocks}; }
};

template <Architecture A>
inline constexpr StaticPlan<A> static_plan{};

}  // namespace effv2
