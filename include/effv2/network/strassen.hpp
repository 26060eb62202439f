// MBConv's 1x1 convolutions by Strassen's product (kernels/strassen.hpp): which pixels and which panels go in pairs,
// and the projection of pairs. Both depend on the layer's shape alone, so that outputs do not depend on how many
// threads there are or how many pictures run together.
//
// Pixels 2 i and 2 i + 1 of a map go together; where their number is odd, the last one goes alone, through the plain
// kernel.
#pragma once

#include "effv2/kernels/strassen.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

// The panels of a layer in units of two full ones, or of one: the last, and those that have no partner. From so many on
// as `halved` tells, no pair lies across the middle, so that two threads have as many pairs.
template <class Arch>
struct PanelUnits {
    int panels;      // of the layer
    int paired;      // full ones, from the first on; none without Strassen
    int middle = 0;  // pairs begin anew here
    int low, high;   // units in front of the middle, and behind it up to `paired`

    constexpr PanelUnits(const kernels::Panels<Arch>& of, bool strassen, int halved) : panels(of.count), paired(0) {
        if (strassen) paired = of.width(of.count - 1) == kernels::TileShape<Arch>::unit ? of.count : of.count - 1;
        if (paired >= halved) middle = paired / 2;
        low = (middle + 1) / 2;
        high = (paired - middle + 1) / 2;
    }
    constexpr int count() const { return low + high + panels - paired; }
    constexpr bool has_pairs() const { return paired >= 2; }
    constexpr int first_panel(int unit) const {
        if (unit < low) return 2 * unit;
        if (unit < low + high) return middle + 2 * (unit - low);
        return paired + unit - low - high;
    }
    constexpr bool is_pair(int unit) const {
        if (unit >= low + high) return false;
        return first_panel(unit) + 2 <= (unit < low ? middle : paired);
    }
};

// Of an expansion, whose tasks are units, and of a projection, whose tasks mostly are pixels.
template <class Arch>
constexpr PanelUnits<Arch> expansion_units(const Packed& layer, bool strassen) {
    return PanelUnits<Arch>(kernels::Panels<Arch>(layer.channels), strassen, 4);
}
template <class Arch>
constexpr PanelUnits<Arch> projection_units(const Packed& layer, bool strassen) {
    return PanelUnits<Arch>(kernels::Panels<Arch>(layer.channels), strassen, 8);
}

// Calls f(first, depth) for each chunk of a row of `depth` floats that goes through Strassen's product at once.
template <class F>
void for_each_chunk(int depth, F f) {
    constexpr int step = 2 * granule;
    kernels::for_each_group(depth / step, max_strassen_depth / step,
                            [&](int first, int count) { f(first * step, count * step); });
}

// Some pairs of pixels: where they come from and go, what is added, and their sums.
struct RowPairs {
    static constexpr int capacity = max_strassen_pairs;
    std::ptrdiff_t next_pair = 0, next_sums = 0;  // floats from one to the next, but for gaps between pictures or parts
    int count = 0;
    const float* upper[capacity];
    const float* lower[capacity];
    const float* sums[capacity];
    float* out_upper[capacity];
    float* out_lower[capacity];
    const float* residual_upper[capacity];
    const float* residual_lower[capacity];

    // How many from `first` on have no gap between them.
    int together(int first) const {
        int end = first + 1;
        while (end < count && upper[end] - upper[end - 1] == next_pair && sums[end] - sums[end - 1] == next_sums) ++end;
        return end - first;
    }
};

// The weights that are read next, of two panels that may lie apart: the last four tiles before ask for them. By all
// tiles is no faster (perhaps since they are gone again from the second-level cache). Found on Zen 5.
class NextPanels {
public:
    // `floats` of each panel; there are `tiles` tiles before, of that depth.
    NextPanels(const float* left, const float* right, std::ptrdiff_t floats, int tiles, int depth)
        : silent_(std::max(0, tiles - 4)),
          of_left_((tiles - silent_ + 1) / 2),
          left_(left, floats, of_left_, kernels::strassen_steps(depth)),
          right_(right, floats, tiles - silent_ - of_left_, kernels::strassen_steps(depth)) {}

    // Tile `which` asks for its part: of the left panel in the first half of those that ask, then of the right one.
    void ask_by(kernels::StrassenTile& tile, int which) const {
        const int index = which - silent_;
        if (index < 0)
            tile.ahead = nullptr;
        else if (index < of_left_)
            left_.ask_by(tile, index);
        else
            right_.ask_by(tile, index - of_left_);
    }

private:
    int silent_, of_left_;  // tiles
    NextPanel left_, right_;
};

// The outputs of one chunk of all inputs, for the units [first, end) that are pairs. The first chunk begins with bias
// and residual, the others add to what is there. `mixed` has mixed_floats.
template <class Arch>
void project_chunk(const RowPairs& rows, const Packed& layer, bool residual, int chunk, int depth, int first_unit,
                   int end_unit, float* mixed) {
    const kernels::Panels<Arch> panels(layer.channels);
    const PanelUnits<Arch> units = projection_units<Arch>(layer, true);
    constexpr int width = kernels::TileShape<Arch>::unit * granule;
    kernels::StrassenTile tile;
    tile.next_pair = rows.next_pair;
    tile.next_sums = rows.next_sums;
    tile.depth = depth;
    tile.mixed = mixed;
    const auto weights_of = [&](int unit, int from) {
        return layer.weights + std::ptrdiff_t{layer.depth} * panels.first_channel(units.first_panel(unit)) +
               std::ptrdiff_t{from} * width;
    };
    const auto next_of = [&](int unit) {
        if (unit + 1 < end_unit && units.is_pair(unit + 1)) return weights_of(unit + 1, chunk);
        if (chunk + depth < layer.depth) return weights_of(first_unit, chunk + depth);
        return layer.weights + std::ptrdiff_t{layer.depth} * layer.channels;  // the next layer
    };
    const std::ptrdiff_t to_right = std::ptrdiff_t{layer.depth} * width;
    const int tiles = kernels::group_count(rows.count, kernels::strassen_rows<Arch>);
    for (int unit = first_unit; unit < end_unit; ++unit) {
        if (!units.is_pair(unit)) continue;
        const int channel = panels.first_channel(units.first_panel(unit));
        tile.left = weights_of(unit, chunk);
        tile.right = tile.left + to_right;
        tile.bias = chunk == 0 ? layer.bias + channel : nullptr;
        tile.left_offset = channel;
        tile.right_offset = channel + width;
        layer.ask_for_bias(channel + 2 * width, 2 * width);
        const float* next = next_of(unit);
        const NextPanels ahead(next, next + to_right, std::ptrdiff_t{depth} * width, tiles, depth);
        int index = 0;
        const auto compute = [&](int first, int count) {
            tile.rows = count;
            tile.mixes = first == 0;
            tile.upper = rows.upper[first] + chunk;
            tile.lower = rows.lower[first] + chunk;
            tile.sums = rows.sums[first];
            tile.out_upper = rows.out_upper + first;
            tile.out_lower = rows.out_lower + first;
            if (chunk > 0) {
                tile.residual_upper = tile.out_upper;
                tile.residual_lower = tile.out_lower;
            } else if (residual) {
                tile.residual_upper = rows.residual_upper + first;
                tile.residual_lower = rows.residual_lower + first;
            }
            ahead.ask_by(tile, index++);
            kernels::compute_strassen_tile<Arch>(tile);
        };
        for (int first = 0, run; first < rows.count; first += run) {
            run = rows.together(first);
            kernels::for_each_strassen_tile<Arch>(run, [&](int i, int count) { compute(first + i, count); });
        }
    }
}

}  // namespace effv2::network
