// The plan of a forward pass: for each block its geometry, the places of its weights in the pack and of its maps in the
// activation arena, and the sizes of both. Computed at compile time for an architecture type, or at run time by the
// same functions. All offsets and sizes are in floats.
#pragma once

#include <span>

#include "effv2/architecture/layout.hpp"
#include "effv2/architecture/tensors.hpp"

namespace effv2 {

// Where a map or vector of one picture lies.
struct Place {
    std::size_t at = 0, floats = 0;
    bool joint = false;  // in the joint arena, where it holds all pictures that run together, one after the other
};

// A map lives from the block that writes it to the one that reads it.
struct PlannedBlock {
    Block shape;
    BlockWeights weights;
    Place input, output;
    Place middle;  // MBConv: the depthwise output, read by the projection once the squeeze is known
};

// The pictures of a batch run side by side, each in a thread's own arena, up to the first joint block. From there on,
// where the weights far outweigh the maps, they run together in the joint arena, so that weights are fetched once for
// all.
struct PlanSummary {
    Architecture architecture;
    PackedConv stem, head, classifier;
    int first_joint = 0;             // block
    std::size_t weight_floats = 0;   // the whole pack
    std::size_t arena_floats = 0;    // of each thread that runs a picture by itself
    std::size_t joint_floats = 0;    // the joint arena, for each picture
    std::size_t scratch_floats = 0;  // of each worker thread
    Place stem_output;
    Place features;  // pooled: head channels
    Place logits;    // classes
    Place squeezed;  // squeeze-excite: sums of the first layer (slabs, squeezed)
    Place scale;     // ... and the factor of each expanded channel
    constexpr std::size_t picture_floats() const { return arena_floats + joint_floats; }
};

// A plan that somebody else owns.
struct Plan {
    const PlanSummary* summary = nullptr;
    std::span<const PlannedBlock> blocks;
    constexpr const PlanSummary& operator*() const { return *summary; }
    constexpr const PlanSummary* operator->() const { return summary; }
};

namespace detail {

constexpr std::size_t larger(std::size_t a, std::size_t b) { return a > b ? a : b; }

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
        const int matrices = b.winograd > 0 ? winograd_shape(b.winograd, b.window.stride).matrices : taps;
        w.first = cursor.convolution(matrices, in, b.expands ? b.expanded : b.out);
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

// Strassen's sums of two panels' weights, of a layer with so many inputs; a chunk of them at a time.
constexpr std::size_t mixed_floats(int inputs) {
    const int chunk = inputs < max_strassen_depth ? inputs : max_strassen_depth;
    return std::size_t{2} * static_cast<std::size_t>(chunk) * max_full_panel;
}

// Strassen's sums of an expansion's rows: four halves for each pair of pixels.
constexpr std::size_t expansion_sums(const Block& b) {
    return static_cast<std::size_t>(b.window.input.pixels() / 2) * static_cast<std::size_t>(sums_stride(b.in));
}

// A worker's share of those of a projection's rows: whole ones of its part of few pixels, or a chunk of a task's.
constexpr std::size_t projection_sums(const Block& b) {
    const int chunk = b.expanded < max_strassen_depth ? b.expanded : max_strassen_depth;
    return larger(static_cast<std::size_t>(min_projected_pixels / 2 * sums_stride(b.expanded)),
                  static_cast<std::size_t>(max_strassen_pairs * sums_stride(chunk)));
}

// What one worker needs beside the arena while it computes its part of the block.
constexpr std::size_t scratch_floats(const Block& b) {
    const auto expanded = static_cast<std::size_t>(pixel_stride(b.expanded));
    if (b.kind == BlockKind::mbconv) {
        const auto height = static_cast<std::size_t>(b.window.input.height + b.window.kernel - 1);
        const auto width = static_cast<std::size_t>(b.window.input.width + b.window.kernel - 1);
        std::size_t floats = larger(height * width * max_panel,
                                    static_cast<std::size_t>(max_squeezed_pictures * round_to_granule(b.squeezed)));
        if (b.strassen_expansion)
            floats = larger(floats, expansion_sums(b) + mixed_floats(b.in) + 2 * height * width * max_full_panel);
        if (b.strassen_projection) floats = larger(floats, projection_sums(b) + mixed_floats(b.expanded));
        return floats;
    }
    if (b.winograd == 0) return b.expands ? max_task_pixels * expanded : 0;
    const WinogradShape tile = winograd_shape(b.winograd, b.window.stride);
    const auto points = [&](int values, int channels) {
        return static_cast<std::size_t>(values * point_stride(max_task_tiles, channels));
    };
    const auto outputs = static_cast<std::size_t>(max_task_tiles * tile.outputs.pixels());
    return points(tile.inputs.pixels(), round_to_granule(b.in)) + points(tile.products, max_panel) +
           (b.expands ? outputs * expanded : 0);
}

// Floats alive while the block runs: its input, its output and, in MBConv, the map between them.
constexpr std::size_t middle_floats(const Block& b) {
    return b.kind == BlockKind::mbconv ? map_floats(b.window.output, b.expanded) : 0;
}
constexpr std::size_t live_floats(const Block& b) {
    return map_floats(b.window.input, b.in) + middle_floats(b) + map_floats(b.window.output, b.out);
}

// Floats of the sums that squeeze-excite's first layer is made of.
constexpr std::size_t squeezed_floats(const Block& b) {
    return static_cast<std::size_t>(slab_count(b.expanded)) * static_cast<std::size_t>(round_to_granule(b.squeezed));
}

constexpr std::size_t pack_floats(const Block& b) {
    WeightCursor cursor;
    place_weights(b, cursor);
    return cursor.end;
}

// Places maps of one arena by turns at its low and high end, the middle next to the low one. A network is a chain, so
// at any time only a block's input, middle and output live: an arena as large as the largest such sum is enough, which
// no plan can beat.
struct MapPlacer {
    std::size_t arena = 0;
    bool joint = false;
    bool low = true;  // where the next map goes

    constexpr Place next(std::size_t floats) {
        const Place place{low ? 0 : arena - floats, floats, joint};
        low = !low;
        return place;
    }
    // A map of `floats` that lives beside a block's input and output, of which one or both lie in this arena.
    constexpr Place beside(const Place& a, const Place& b, std::size_t floats) const {
        const auto low_end = [&](const Place& p) { return p.joint == joint && p.at == 0 ? p.floats : 0; };
        return {larger(low_end(a), low_end(b)), floats, joint};
    }
};

}  // namespace detail

// The first block from which on every block's weights outweigh its maps two to one: maps of one picture stay in a
// thread's own cache where those of all would not, and are both written and read.
constexpr int first_joint_block(const Architecture& a) {
    int first = 0, i = 0;
    for_each_block(a, [&](const Block& b) {
        ++i;
        if (detail::pack_floats(b) <= 2 * detail::live_floats(b)) first = i;
    });
    return first;
}

// Fills `summary` and calls emit(planned block) for each block in order.
template <class Emit>
constexpr void make_plan(const Architecture& a, PlanSummary& summary, Emit emit) {
    summary.architecture = a;
    summary.first_joint = first_joint_block(a);
    const std::size_t stem_floats = detail::map_floats(stem_window(a).output, a.stem);
    detail::MapPlacer own{stem_floats, false}, joint{0, true};
    std::size_t scratch = 64 * max_panel;
    std::size_t squeezed = 0, scale = 0;
    int index = 0;
    for_each_block(a, [&](const Block& b) {
        detail::MapPlacer& maps = index++ < summary.first_joint ? own : joint;
        maps.arena = detail::larger(maps.arena, detail::live_floats(b));
        scratch = detail::larger(scratch, detail::scratch_floats(b));
        squeezed = detail::larger(squeezed, detail::squeezed_floats(b));
        scale = detail::larger(scale, static_cast<std::size_t>(round_to_granule(b.expanded)));
    });
    joint.arena = detail::larger(joint.arena, detail::map_floats(final_size(a), final_channels(a)));

    detail::WeightCursor cursor;
    summary.stem = cursor.convolution(27, 1, a.stem);
    index = 0;
    summary.stem_output = (summary.first_joint > 0 ? own : joint).next(stem_floats);
    Place input = summary.stem_output;
    for_each_block(a, [&](const Block& b) {
        PlannedBlock planned;
        planned.shape = b;
        planned.weights = detail::place_weights(b, cursor);
        planned.input = input;
        const bool is_joint = index >= summary.first_joint, next_is_joint = ++index >= summary.first_joint;
        planned.output = (next_is_joint ? joint : own).next(detail::map_floats(b.window.output, b.out));
        planned.middle = (is_joint ? joint : own).beside(planned.input, planned.output, detail::middle_floats(b));
        input = planned.output;
        emit(planned);
    });
    summary.head = cursor.convolution(1, round_to_granule(final_channels(a)), a.head);
    summary.classifier = cursor.convolution(1, round_to_granule(a.head), a.classes);
    summary.weight_floats = cursor.end;

    summary.arena_floats = summary.first_joint > 0 ? own.arena : 0;
    summary.joint_floats = joint.arena;
    const auto vector = [&](std::size_t floats) {
        const Place place{summary.joint_floats, round_to_segment(floats), true};
        summary.joint_floats += place.floats;
        return place;
    };
    summary.features = vector(static_cast<std::size_t>(a.head));
    summary.logits = vector(static_cast<std::size_t>(a.classes));
    summary.squeezed = vector(squeezed);
    summary.scale = vector(scale);
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
