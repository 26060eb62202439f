// The micro-kernel behind every weight gradient: what `rows` input channels and one panel of output channels have in
// common, summed over pixels.
//
//   sum[r][c] = (what was there) + sum over pixels p of in[p][r] * gradient[p][c]
//
// Both operands are read where they lie, channels last, so nothing is transposed: an input channel is a broadcast, the
// panel of the output's gradient is a row of registers.
#pragma once

#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// Neighbouring pixels of one line: offsets of the first, in floats, and how many.
struct PixelRun {
    std::ptrdiff_t in = 0, gradient = 0;
    int pixels = 0;
};

// How many pixels ahead a tile asks for both operands: neighbouring pixels lie all channels apart, so nobody else sees
// them come. Found on Zen 5, where 32 is as good.
inline constexpr std::ptrdiff_t gradient_pixels_ahead = 64;

struct GradientTile {
    const float* in = nullptr;        // first input channel of the tile
    const float* gradient = nullptr;  // first output channel of the panel
    int in_step = 0;                  // floats from a run's pixel to the next
    int gradient_step = 0;
    const PixelRun* runs = nullptr;
    int run_count = 0;
    float* sum = nullptr;  // (rows, panel width)
    bool asks = false;     // for operands ahead of time, as the first tile that reads these cache lines should
    bool add = false;      // to what `sum` holds, or start from zero
};

// Input channels of a tile: a granule, or half of one where the registers are few.
template <class Arch>
inline constexpr int gradient_rows = TileShape<Arch>::max_rows(TileShape<Arch>::widest) >= granule ? granule
                                                                                                   : granule / 2;

template <class Arch, int granules>
void add_gradient(const GradientTile& tile) {
    using Row = simd::Row<Arch, granules>;
    constexpr int rows = gradient_rows<Arch>;
    Row sum[rows];
    const Row zero = Row::broadcast(0.0f);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
        sum[r] = tile.add ? Row::load(tile.sum + r * Row::width) : zero;
    });
    // Two loops: with the question inside, its jumps cost a fifth of the time wherever the code came to lie badly.
    const auto add_runs = [&](auto asks) __attribute__((always_inline)) {
        for (int i = 0; i < tile.run_count; ++i) {
            const PixelRun& run = tile.runs[i];
            const float* in = tile.in + run.in;
            const float* gradient = tile.gradient + run.gradient;
            for (int p = 0; p < run.pixels; ++p, in += tile.in_step, gradient += tile.gradient_step) {
                if constexpr (asks) {
                    ask_for(in + gradient_pixels_ahead * tile.in_step, 1);
                    ask_for(gradient + gradient_pixels_ahead * tile.gradient_step, Row::width);
                }
                const Row g = Row::load(gradient);
                simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r].add_product(in[r], g); });
            }
        }
    };
    if (tile.asks)
        add_runs(std::true_type{});
    else
        add_runs(std::false_type{});
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r].store(tile.sum + r * Row::width); });
}

// Of a panel of `granules` granules.
template <class Arch>
inline void add_gradient(int granules, const GradientTile& tile) {
    static constexpr auto table = []<int... g>(std::integer_sequence<int, g...>) {
        return std::array{&add_gradient<Arch, g + 1>...};
    }
    (std::make_integer_sequence<int, TileShape<Arch>::widest>{});
    table[static_cast<std::size_t>(granules - 1)](tile);
}

}  // namespace effv2::kernels
