// What every block of a running network shares: the places in memory, the executor, and the loops that cut work into
// tasks.
#pragma once

#include <algorithm>

#include "effv2/architecture/plan.hpp"
#include "effv2/kernels/vector.hpp"
#include "effv2/network/observer.hpp"
#include "effv2/parallel/executor.hpp"

namespace effv2::network {

// One forward pass of one picture, or of several that run together (from the first joint block on).
struct Work {
    const float* weights = nullptr;
    float* arena = nullptr;          // of the one picture
    float* joint = nullptr;          // of all pictures that run together
    int joint_images = 1;            // how many those are; places in the joint arena depend on it
    int image = 0;                   // the first of the pictures that this work is about ...
    int images = 1;                  // ... and how many: all of them, or the one whose turn it is
    float* scratch = nullptr;        // of worker 0
    std::size_t scratch_stride = 0;  // floats from one worker's scratch to the next
    Executor* executor = nullptr;
    Observer* observer = nullptr;  // or nobody
    int block = -1;                // the one that runs

    void finished(Phase phase) const {
        if (observer != nullptr) observer->finished(phase, block);
    }

    float* scratch_of(int worker) const { return scratch + static_cast<std::size_t>(worker) * scratch_stride; }

    // The place of this work's `index`-th picture.
    float* at(const Place& place, int index = 0) const {
        if (!place.joint) return arena + place.at;
        return joint + static_cast<std::size_t>(joint_images) * place.at +
               static_cast<std::size_t>(image + index) * place.floats;
    }

    // Into how many tasks to cut [0, total): of at most `most` and, if they can be, no less than `least`; the fewest,
    // unless a few more let the threads end closer together.
    int count_tasks(int total, int least, int most) const {
        const int threads = executor->threads();
        const auto longest = [&](int tasks) {  // what the busiest thread has to do
            return ((tasks + threads - 1) / threads) * ((total + tasks - 1) / tasks);
        };
        const int fewest = (total + most - 1) / most;
        int best = fewest;
        if (threads == 1) return best;
        for (int tasks = fewest + 1; tasks <= fewest + 4 * threads && tasks * least <= total; ++tasks)
            if (longest(tasks) * 33 < longest(best) * 32) best = tasks;
        return best;
    }

    // Cuts [0, total) so, into pieces as equal as can be, and calls f(first, count, worker) for each.
    template <class F>
    void share(int total, int least, int most, F f) const {
        const int tasks = count_tasks(total, least, most);
        executor->run(tasks, [&](int task, int worker) {
            const int first = static_cast<int>(std::int64_t{total} * task / tasks);
            const int end = static_cast<int>(std::int64_t{total} * (task + 1) / tasks);
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

    // Asks for the biases of some channels. A panel needs its own before anything else, and they lie far from its
    // weights, whose reading brings no more than what is next to them. Inlined by force as ask_for is.
    [[gnu::always_inline]] void ask_for_bias(int channel, int floats) const {
        kernels::ask_for(bias + channel, floats);
    }
};

// The rows of one task: where each pixel comes from, where it goes, and what is added to it.
struct Rows {
    static constexpr int capacity = std::max({max_projected_pixels, max_task_pixels, max_tiled_pixels});
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

// Weights that are read next. The tiles before ask for them, each for a part, bit by bit: what one tile asks for all at
// once, it waits for itself.
class NextPanel {
public:
    // By so many tiles, each in so many steps.
    NextPanel(const float* from, std::ptrdiff_t floats, int tiles, std::ptrdiff_t steps)
        : from_(from), part_(floats / std::max(1, tiles) + 1), pace_(part_ / steps + 1) {}

    // Tile `which` asks for its part.
    template <class AnyTile>
    void ask_by(AnyTile& tile, int which) const {
        tile.ahead = from_ + which * part_;
        tile.pace = pace_;
    }

private:
    const float* from_;
    std::ptrdiff_t part_, pace_;
};

// The panel behind a 1x1 convolution's tile, whose panel has so many granules and is computed for so many rows.
template <class Arch>
NextPanel panel_behind(const kernels::Tile& tile, int granules, int rows) {
    const std::ptrdiff_t floats = std::ptrdiff_t{tile.depth} * granules * granule;
    const int tiles = kernels::group_count(rows, kernels::TileShape<Arch>::max_rows(granules));
    return NextPanel(tile.weights + floats, floats, tiles, tile.depth);
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
        const int width = panels.width(p) * granule;
        layer.ask_for_bias(channel + width, width);
        const int most = kernels::TileShape<Arch>::max_rows(panels.width(p));
        const NextPanel next = panel_behind<Arch>(tile, panels.width(p), rows.count);
        int which = 0;
        kernels::for_each_group(rows.count, most, [&](int first, int count) {
            const int end = std::min(first + 2 * count, rows.count);
            for (int i = first + count; i < end; ++i) kernels::ask_to_write(rows.out[i] + channel, width);
            tile.in = rows.in + first;
            tile.out = rows.out + first;
            if (residual) tile.residual = rows.residual + first;
            next.ask_by(tile, which++);
            kernels::compute_tile<Arch>(count, panels.width(p), tile);
        });
    }
}

template <class Arch>
void project(const Rows& rows, const Packed& layer, bool residual) {
    project<Arch>(rows, layer, residual, 0, kernels::Panels<Arch>(layer.channels).count);
}

}  // namespace effv2::network
