// The one micro-kernel behind every full convolution, projection and dense layer: `rows` pixels by one panel of output
// channels, accumulated in registers over `taps` x `depth` inputs, with bias, SiLU and residual applied before the
// store.
//
//   out[r][c] = residual[r][c] + act(bias[c] + sum over t, k of in[t][r][k] * weights[t][k][c])
//
// Inputs come through pointers, one a pixel and tap, so a k x k convolution needs no copy of its input (im2col) and its
// border is a pointer to zeros.
#pragma once

#include <array>

#include "effv2/simd/activation.hpp"

namespace effv2::kernels {

// What the register file of an instruction set gives: how wide panels are and how many rows go with each width.
template <class Arch>
struct TileShape {
    static constexpr int registers = simd::lanes<Arch> == 16 || std::is_base_of_v<xsimd::neon, Arch> ? 32 : 16;

    // Granules in a full panel: two registers of sixteen or eight floats, four (or two) of four floats.
    static constexpr int unit = simd::lanes<Arch> == 16 ? 4 : (simd::lanes<Arch> == 8 || registers == 32) ? 2 : 1;

    // The last panel takes up to half a panel more instead of leaving a narrow one behind.
    static constexpr int widest = unit + unit / 2;

    // Accumulators fill the registers that the panel's weights and one broadcast input leave.
    static constexpr int max_rows(int granules) {
        const int lanes = simd::lanes<Arch>;
        const int vectors = (granules * granule + lanes - 1) / lanes;
        const int rows = (registers - vectors - 1) / vectors;
        const int most = vectors >= 3 ? 8 : 13;  // a quarter of a map of 7 x 7; more gain nothing, measured
        return rows < most ? rows : most;
    }
    static constexpr int most_rows = 13;
};

// How many floats ahead of its use a tile asks for its weights, unless it is told what to ask for. A tile reads them
// once, in order, and most come from far away; most processors fetch ahead by themselves only to the end of a page of 4
// KiB. Found on Zen 5.
inline constexpr std::ptrdiff_t weights_ahead = 4096;

// Asks for `floats` floats from `from` on, which will be read soon but not next. Inlined, because GCC 12 drops calls of
// functions that do nothing else.
[[gnu::always_inline]] inline void ask_for(const float* from, int floats) {
    constexpr int line = static_cast<int>(segment_floats);
    for (int i = 0; i < floats; i += line) __builtin_prefetch(from + i, 0, 2);  // into the second-level cache
}

// The same for what will be written; it helps probably since a line that another core has, or a farther cache, holds up
// all later stores.
[[gnu::always_inline]] inline void ask_to_write(const float* to, int floats) {
    constexpr int line = static_cast<int>(segment_floats);
    for (int i = 0; i < floats; i += line) __builtin_prefetch(to + i, 1, 3);
}

// The panels of a convolution's output channels: full ones, and a last one of 1 to widest granules.
template <class Arch>
struct Panels {
    int granules;  // of all output channels
    int count;

    explicit constexpr Panels(int channels) : granules(round_to_granule(channels) / granule) {
        constexpr int unit = TileShape<Arch>::unit;
        const int full = granules / unit, rest = granules % unit;
        const bool joined = full > 0 && rest <= TileShape<Arch>::widest - unit;
        count = full + (rest > 0 && !joined ? 1 : 0);
    }
    constexpr int first_channel(int panel) const { return panel * TileShape<Arch>::unit * granule; }
    // The panel of an output channel.
    constexpr int panel_of(int channel) const {
        const int panel = channel / (TileShape<Arch>::unit * granule);
        return panel < count ? panel : count - 1;
    }
    // Granules of that panel.
    constexpr int width(int panel) const {
        return panel + 1 < count ? TileShape<Arch>::unit : granules - panel * TileShape<Arch>::unit;
    }
};

// The operands of one tile. Pointer tables have one entry a row (`in` one a row and tap, tap by tap); the offsets are
// added to every entry, so that one table serves all panels.
struct Tile {
    const float* const* in = nullptr;
    std::ptrdiff_t in_offset = 0;
    int taps = 1;
    int depth = 0;
    const float* weights = nullptr;  // (taps, depth, panel width)
    const float* bias = nullptr;     // (panel width), or nullptr for zeros
    float* const* out = nullptr;
    std::ptrdiff_t out_offset = 0;
    const float* const* residual = nullptr;  // rows as `out`, or nullptr
    bool silu = false;
    const float* ahead = nullptr;  // what is read soon and asked for on the way where asks_by_parts, or nullptr ...
    std::ptrdiff_t pace = 0;       // ... so many floats for each input
};

// Whether a tile has a register left for the place of what it asks for: not where it has pointers to thirteen rows.
template <class Arch>
inline constexpr bool asks_by_parts = TileShape<Arch>::registers == 16;

template <class Arch, int rows, int granules>
void compute_tile(const Tile& tile) {
    using Row = simd::Row<Arch, granules>;
    Row sum[rows];
    const Row start = tile.bias != nullptr ? Row::load(tile.bias) : Row::broadcast(0.0f);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r] = start; });

    const float* weights = tile.weights;
    const bool told = tile.ahead != nullptr;
    [[maybe_unused]] const float* ahead = told ? tile.ahead : weights + weights_ahead;
    [[maybe_unused]] const std::ptrdiff_t pace = told ? tile.pace : Row::width;
    const float* const* in = tile.in;
    for (int tap = 0; tap < tile.taps; ++tap, in += rows) {
        // k ends at zero: a bound to compare with would take the last of the registers that the pointers leave.
        const float* from[rows];
        simd::static_for<rows>([&](auto r)
                                   __attribute__((always_inline)) { from[r] = in[r] + tile.in_offset + tile.depth; });
        for (std::ptrdiff_t k = -tile.depth; k < 0; ++k, weights += Row::width) {
            constexpr int line = static_cast<int>(segment_floats);
            if constexpr (asks_by_parts<Arch>) {
                for (int i = 0; i < Row::width; i += line) __builtin_prefetch(ahead + i, 0, 2);
                ahead += pace;
            } else {
                for (int i = 0; i < Row::width; i += line) __builtin_prefetch(weights + weights_ahead + i);
            }
            const Row w = Row::load_factor(weights);
            simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r].add_product(from[r][k], w); });
        }
    }

    if (tile.silu) simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r] = simd::silu(sum[r]); });
    if (tile.residual != nullptr) {
        simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
            sum[r] = sum[r] + Row::load(tile.residual[r] + tile.out_offset);
        });
    }
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r].store(tile.out[r] + tile.out_offset); });
}

// Which numbers of rows a micro-kernel is compiled for.
struct RowRange {
    int least, most;
};

// A micro-kernel's functions by the size of a tile: [granules - 1][rows - 1]. `Kernel` has Operands,
// rows<Arch>(granules) and function<Arch, rows, granules>.
template <class Arch, class Kernel>
inline constexpr auto tile_functions = [] {
    using Shape = TileShape<Arch>;
    using Function = void (*)(const typename Kernel::Operands&);
    std::array<std::array<Function, Shape::most_rows>, Shape::widest> table{};
    simd::static_for<Shape::widest>([&](auto g) {
        constexpr RowRange range = Kernel::template rows<Arch>(g + 1);
        simd::static_for<range.most - range.least + 1>([&](auto r) {
            constexpr int rows = range.least + r;
            table[g][rows - 1] = Kernel::template function<Arch, rows, g + 1>;
        });
    });
    return table;
}();

template <class Arch, class Kernel>
inline void call_for_tile(int rows, int granules, const typename Kernel::Operands& operands) {
    const auto& functions = tile_functions<Arch, Kernel>[static_cast<std::size_t>(granules - 1)];
    functions[static_cast<std::size_t>(rows - 1)](operands);
}

namespace detail {

struct TileKernel {
    using Operands = Tile;
    template <class Arch>
    static constexpr RowRange rows(int granules) {
        return {1, TileShape<Arch>::max_rows(granules)};
    }
    template <class Arch, int rows, int granules>
    static constexpr auto function = &compute_tile<Arch, rows, granules>;
};

}  // namespace detail

// Computes `rows` (1 to TileShape::max_rows(granules)) rows of a panel of `granules` granules.
template <class Arch>
inline void compute_tile(int rows, int granules, const Tile& tile) {
    call_for_tile<Arch, detail::TileKernel>(rows, granules, tile);
}

// The fewest groups of at most `most` rows.
constexpr int group_count(int total, int most) { return (total + most - 1) / most; }

// Cuts `total` rows into these groups, of sizes as equal as can be, and calls f(first, count).
template <class F>
inline void for_each_group(int total, int most, F f) {
    const int groups = group_count(total, most);
    if (groups == 0) return;
    // The g-th ends at total * (g + 1) / groups, rounded down; found by sums, since that product may be beyond an int
    // (maps have up to 67 million pixels) and wider divisions for each group would cost B0 half a percent.
    const int least = total / groups, rest = total - least * groups;
    for (int g = 0, first = 0, carried = 0; g < groups; ++g) {
        carried += rest;
        const bool longer = carried >= groups;
        if (longer) carried -= groups;
        const int count = least + (longer ? 1 : 0);
        f(first, count);
        first += count;
    }
}

}  // namespace effv2::kernels
