// What every block of a running network shares: the places in memory, the executor, and the loops that cut work into
// tasks.
#pragma once

#include "effv2/architecture/plan.hpp"
#include "effv2/kernels/vector.hpp"
#include "effv2/network/observer.hpp"
#include "effv2/parallel/executor.hpp"

namespace effv2::network {

// One forward pass of one picture.
struct Work {
    const float* weights = nullptr;
    float* arena = nullptr;
    float* scratch = nullptr;        // of worker 0
    std::size_t scratch_stride = 0;  // floats from one worker's scratch to the next
    Executor* executor = nullptr;
    Observer* observer = nullptr;  // or nobody
    int block = -1;                // the one that runs

    void finished(Phase phase) const {
        if (observer != nullptr) observer->finished(phase, block);
    }

    float* scratch_of(int worker) const { return scratch + static_cast<std::size_t>(worker) * scratch_stride; }

    // Cuts [0, total) into pieces of at most `most`, a multiple of the threads where `total` allows (a thread should
    // have no less than `least` at a time), as equal as can be, and calls f(first, count, worker) for each.
    template <class F>
    void share(int total, int least, int most, F f) const {
        const int threads = executor->threads();
        int pieces = (total + most - 1) / most;
        pieces = (pieces + threads - 1) / threads * threads;
        const int finest = total / least > 0 ? total / least : 1;
        if (pieces > finest) pieces = finest;
        executor->run(pieces, [&](int piece, int worker) {
            const int first = static_cast<int>(std::int64_t{total} * piece / pieces);
            const int end = static_cast<int>(std::int64_t{total} * (piece + 1) / pieces);
            f(first, end - first, worker);
        });
    }
};

// The border's pixel: as many zeros as any map has channels.
alignas(64) inline constexpr float zeros[4096]{};

// A layer's packed panels, its bias and sizes (rounded to the granule).
struct Packed {
    const float* weights = nullptr;
    const float* bias = nullptr;
    int depth = 0;     // input channels
    int channels = 0;  // output channels

    Packed(const Work& work, const PackedConv& at, int in, int out)
        : weights(work.weights + at.weights),
          bias(work.weights + at.bias),
          depth(round_to_granule(in)),
          channels(round_to_granule(out)) {}
};

// The rows of one task: where each pixel comes from, where it goes, and what is added to it.
struct Rows {
    static constexpr int capacity = max_projected_pixels;
    static_assert(capacity >= max_task_pixels && capacity >= max_task_tiles * winograd_outputs * winograd_outputs);
    int count = 0;
    const float* in[capacity];
    float* out[capacity];
    const float* residual[capacity];

    void add(const float* from, float* to, const float* plus) {
        in[count] = from;
        out[count] = to;
        residual[count++] = plus;
    }
};

// Rows that one tile may have in every panel of a layer.
template <class Arch>
constexpr int tile_rows(const kernels::Panels<Arch>& panels) {
    using Shape = kernels::TileShape<Arch>;
    const int last = Shape::max_rows(panels.width(panels.count - 1));
    return panels.count == 1 || last < Shape::max_rows(Shape::unit) ? last : Shape::max_rows(Shape::unit);
}

// A 1x1 convolution of the rows, without activation: panels [first_panel, end_panel) one after the other, so that a
// panel's weights are read from memory once for all rows.
template <class Arch>
void project(const Rows& rows, const Packed& layer, bool residual, int first_panel, int end_panel) {
    const kernels::Panels<Arch> panels(layer.channels);
    for (int p = first_panel; p < end_panel; ++p) {
        const int channel = panels.first_channel(p);
        kernels::Tile tile;
        tile.depth = layer.depth;
        tile.weights = layer.weights + static_cast<std::ptrdiff_t>(layer.depth) * channel;
        tile.bias = layer.bias + channel;
        tile.out_offset = channel;
        const int most = kernels::TileShape<Arch>::max_rows(panels.width(p));
        kernels::for_each_group(rows.count, most, [&](int first, int count) {
            tile.in = rows.in + first;
            tile.out = rows.out + first;
            if (residual) tile.residual = rows.residual + first;
            kernels::compute_tile<Arch>(count, panels.width(p), tile);
        });
    }
}

template <class Arch>
void project(const Rows& rows, const Packed& layer, bool residual) {
    project<Arch>(rows, layer, residual, 0, kernels::Panels<Arch>(layer.channels).count);
}

}  // namespace effv2::network
