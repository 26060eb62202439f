// Where the maps of a training pass lie: every layer's shape for one input size, and its places in an arena that grows
// with the batch. Maps that the backward pass needs are kept, or (by choice) only each block's input is, and a block
// runs forward again before its gradients: a third more arithmetic for the memory of one block instead of all.
#pragma once

#include <algorithm>
#include <vector>

#include "effv2/training/layers/squeeze_excite.hpp"
#include "effv2/training/layers/winograd_gradient.hpp"
#include "effv2/training/parameters.hpp"

namespace effv2::training {

enum class Keep : std::uint8_t {
    maps,          // all that the backward pass reads
    block_inputs,  // and compute the rest again
};

// A place in the arena, in floats for each image of the batch.
using MapPlace = std::size_t;

// A convolution, full or depthwise, with the batch norm behind it.
struct NormedLayer {
    ConvShape shape;
    MapLayout map;          // of the output
    bool silu = false;      // behind the norm
    MapPlace raw = 0;       // the convolution's output
    MapPlace out = 0;       // what the next layer reads
    std::size_t state = 0;  // NormState, in floats from the start of the states
    LayerPlace at;
};

struct TrainedBlock {
    Block block;
    NormedLayer first, depthwise, project;  // those that the block has
    SqueezeShape squeeze;
    MapPlace squeeze_state = 0;
    MapPlace in = 0, out = 0;
    BlockPlaces places;

    bool has_first() const { return block.expands; }
    bool has_depthwise() const { return block.kind == BlockKind::mbconv; }
    bool has_squeeze() const { return block.squeezed > 0; }
};

// What all images of a batch share, as the largest layer needs it.
struct SharedScratch {
    std::size_t statistics = 0;  // moments and sums of the norms
    std::size_t transposed = 0;  // one layer's weights
    std::size_t gradient = 0;    // partial sums of one layer's weight gradient
    std::size_t points = 0;      // one layer's weights at Winograd's points
    std::size_t worker = 0;      // of each thread
};

class TrainingPlan {
public:
    TrainingPlan(const ParameterTable& table, const Architecture& a, int batch, Keep keep, Convolutions convolutions)
        : batch_(batch), convolutions_(convolutions) {
        const Window window = stem_window(a);
        columns = take(static_cast<std::size_t>(window.output.pixels()) * static_cast<std::size_t>(stem_columns));
        stem = make_layer(make_window(window.output, 1, 1, a.padding), 27, a.stem, false, true, table.stem());
        stem.out = take(map_floats(stem.map));
        MapPlace in = stem.out;
        int index = 0;
        for_each_block(a, [&](const Block& block) {
            const MapPlace out = take(static_cast<std::size_t>(block.window.output.pixels()) *
                                      static_cast<std::size_t>(pixel_stride(block.out)));
            const std::size_t outside = cursor_;
            if (keep == Keep::block_inputs) cursor_ = 0, internal_ = true;
            blocks.push_back(make_block(block, table.block(index++), in, out));
            if (keep == Keep::block_inputs) inner_ = std::max(inner_, cursor_), cursor_ = outside, internal_ = false;
            in = out;
        });
        const Extent last = final_size(a);
        head = make_layer(make_window(last, 1, 1, a.padding), final_channels(a), a.head, false, true, table.head());
        head.out = take(map_floats(head.map));
        widest_expanded_ = std::max(widest_expanded_, map_floats(head.map));
        classifier = ConvShape(make_window({1, 1}, 1, 1, a.padding), a.head, a.classes);
        pooled = take(static_cast<std::size_t>(classifier.in_stride));
        pooled_gradient = take(static_cast<std::size_t>(classifier.in_stride));
        logits = take(static_cast<std::size_t>(classifier.out_stride));
        logit_gradient = take(static_cast<std::size_t>(classifier.out_stride));
        note_convolution(classifier);
        map_gradient[0] = take(widest_map_), map_gradient[1] = take(widest_map_), branch_gradient = take(widest_map_);
        expanded_gradient[0] = take(widest_expanded_), expanded_gradient[1] = take(widest_expanded_);
        for (TrainedBlock& b : blocks) settle(b);
        arena_floats = cursor_ + inner_;
    }

    // Inputs of the stem, seen as a 1x1 convolution of 27 columns.
    static constexpr int stem_columns = 32;

    MapPlace columns = 0, pooled = 0, pooled_gradient = 0, logits = 0, logit_gradient = 0;
    MapPlace map_gradient[2]{}, branch_gradient = 0;  // of block outputs, in turns; of a residual's branch
    MapPlace expanded_gradient[2]{};                  // of maps between expansion and projection
    NormedLayer stem, head;
    ConvShape classifier;
    std::vector<TrainedBlock> blocks;
    std::size_t arena_floats = 0;  // for each image
    std::size_t state_floats = 0;  // of all NormStates
    SharedScratch shared;

private:
    // Places inside a block count from the end of the others where blocks share them; until that is known, they are
    // marked.
    static constexpr std::size_t inner_mark = std::size_t{1} << 60;

    MapPlace take(std::size_t floats) {
        const std::size_t at = cursor_;
        cursor_ += round_to_segment(floats);
        return internal_ ? at + inner_mark : at;
    }
    void settle(TrainedBlock& b) const {
        for (MapPlace* place : {&b.first.raw, &b.first.out, &b.depthwise.raw, &b.depthwise.out, &b.project.raw,
                                &b.project.out, &b.squeeze_state})
            if (*place >= inner_mark) *place = *place - inner_mark + cursor_;
    }
    static std::size_t map_floats(const MapLayout& map) {
        return static_cast<std::size_t>(map.pixels) * static_cast<std::size_t>(map.stride);
    }

    NormedLayer make_layer(const Window& window, int in, int out, bool depthwise, bool silu, const LayerPlace& at) {
        NormedLayer layer;
        layer.shape = ConvShape(window, in, out, depthwise);
        layer.shape.winograd = convolutions_ == Convolutions::fast && suits_winograd(layer.shape);
        layer.map = {window.output.pixels(), layer.shape.out, layer.shape.out_stride};
        layer.silu = silu;
        layer.raw = take(map_floats(layer.map));
        layer.state = state_floats;
        layer.at = at;
        state_floats += round_to_segment(static_cast<std::size_t>(NormState::values * layer.shape.out));
        note_convolution(layer.shape);
        const auto parts =
            static_cast<std::size_t>(std::max(chunk_count(std::int64_t{batch_} * layer.map.pixels),
                                              Pieces(batch_, layer.map.pixels, layer.map.channels).count()));
        shared.statistics = std::max(shared.statistics, parts * 2 * static_cast<std::size_t>(layer.shape.out));
        return layer;
    }
    void note_convolution(const ConvShape& shape) {
        if (!shape.depthwise) shared.transposed = std::max(shared.transposed, shape.weights());
        shared.gradient = std::max(shared.gradient, GradientCut(shape, batch_).scratch_floats(shape));
        if (shape.winograd) shared.gradient = std::max(shared.gradient, winograd_gradient_scratch(shape, batch_));
        shared.points = std::max(shared.points, winograd_weights(shape));
        shared.worker = std::max(shared.worker, round_to_segment(winograd_scratch(shape)));
    }

    TrainedBlock make_block(const Block& block, const BlockPlaces& places, MapPlace in, MapPlace out) {
        TrainedBlock b;
        b.block = block;
        b.places = places;
        b.in = in, b.out = out;
        const Padding any = Padding::same;  // of no effect on 1x1
        const Window &window = block.window, point_in = make_window(window.input, 1, 1, any),
                     point_out = make_window(window.output, 1, 1, any);
        const bool fused = block.kind == BlockKind::fused;
        if (b.has_first()) {
            b.first = make_layer(fused ? window : point_in, block.in, block.expanded, false, true, places.first);
            b.first.out = take(map_floats(b.first.map));
            widest_expanded_ = std::max(widest_expanded_, map_floats(b.first.map));
        }
        if (b.has_depthwise()) {
            b.depthwise = make_layer(window, block.expanded, block.expanded, true, true, places.depthwise);
            b.depthwise.out = take(map_floats(b.depthwise.map));
            widest_expanded_ = std::max(widest_expanded_, map_floats(b.depthwise.map));
        }
        if (b.has_squeeze()) {
            b.squeeze = SqueezeShape(window.output.pixels(), block.expanded, block.squeezed);
            b.squeeze_state = take(b.squeeze.state_floats());
            note_convolution(b.squeeze.reduce);
            note_convolution(b.squeeze.restore);
            // Both at once.
            shared.transposed = std::max(shared.transposed, 2 * round_to_segment(b.squeeze.reduce.weights()));
        }
        const bool single = block.is_single_convolution();
        b.project = make_layer(single ? window : point_out, single ? block.in : block.expanded, block.out, false,
                               single, places.project);
        b.project.out = out;
        const auto in_floats =
            static_cast<std::size_t>(window.input.pixels()) * static_cast<std::size_t>(pixel_stride(block.in));
        widest_map_ = std::max({widest_map_, map_floats(b.project.map), in_floats});
        return b;
    }

    int batch_;
    Convolutions convolutions_;
    bool internal_ = false;
    std::size_t cursor_ = 0, inner_ = 0, widest_map_ = 0, widest_expanded_ = 0;
};

}  // namespace effv2::training
