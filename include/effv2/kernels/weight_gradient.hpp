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
    const float* in = nullptr;        // first input channel
    const float* gradient = nullptr;  // first output channel of the panel
    int in_step = 0;                  // floats from a run's pixel to the next
    int gradient_step = 0;
    const PixelRun* runs = nullptr;
    int run_count = 0;
    float* sum = nullptr;  // (input channels, panel width)
    bool asks = false;     // for operands ahead of time; each tile's, found by add_gradient of many channels
    bool add = false;      // to what `sum` holds, or start from zero
};

template <class Arch, int rows, int granules>
void add_gradient(const GradientTile& tile) {
    using Row = simd::Row<Arch, granules>;
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
                    ask_for(in + rows - 1 + gradient_pixels_ahead * tile.in_step, 1);
                    ask_for(gradient + gradient_pixels_ahead * tile.gradient_step, Row::width);
                }
                const Row g = Row::load_factor(gradient);
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

namespace detail {

struct GradientKernel {
    using Operands = GradientTile;
    // Input channels: as many as registers hold, but no more than a granule, in multiples of which they come. With
    // AVX2, six by two registers take a fifth less time than four by two, which load more for each product.
    template <class Arch>
    static constexpr RowRange rows(int granules) {
        const int most = std::min(granule, TileShape<Arch>::max_rows(granules));
        return {most == granule ? granule : granule / 2, most};
    }
    template <class Arch, int rows, int granules>
    static constexpr auto function = &add_gradient<Arch, rows, granules>;
};

}  // namespace detail

// Input channels [first, end), both multiples of a granule, by a panel of `granules` granules. The operands are those
// of channel 0. The first tile that reads a cache line asks for those to come.
template <class Arch>
inline void add_gradient(int first, int end, int granules, GradientTile tile) {
    constexpr int line = static_cast<int>(segment_floats);
    const GradientTile all = tile;
    for_each_group(end - first, detail::GradientKernel::rows<Arch>(granules).most, [&](int start, int rows) {
        const int channel = first + start, last = channel + rows - 1;
        tile.in = all.in + channel;
        tile.sum = all.sum + std::ptrdiff_t{channel} * granules * granule;
        tile.asks = start == 0 || last / line != (channel - 1) / line;
        call_for_tile<Arch, detail::GradientKernel>(rows, granules, tile);
    });
}

}  // namespace effv2::kernels
