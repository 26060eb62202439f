// Depthwise k x k convolution of one channel panel, over a map that already has its border of zeros, with bias, SiLU
// and the squeeze's sum of outputs in the same pass.
#pragma once

#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// One panel of a depthwise layer. `in` is (rows, columns, panel width) with the border included, packed densely.
struct DepthwisePanel {
    const float* in = nullptr;
    int in_columns = 0;              // pixels in a row of `in`, border included
    const float* weights = nullptr;  // (k * k, panel width)
    const float* bias = nullptr;     // (panel width)
    int kernel = 3, stride = 1;
    float* out = nullptr;   // pixel (0, 0), first channel of the panel
    int out_stride = 0;     // floats from one output pixel to the next
    Extent size;            // of the output
    float* sums = nullptr;  // (panel width): the outputs' sum over all pixels is written here
};

// How many rows ahead a panel asks for its outputs' place: in a map of all channels, it is a few lines of each pixel.
inline constexpr int depthwise_rows_ahead = 3;

// Whole rows of so many pixels or more are summed by themselves: one sum of a large map would lose what is small beside
// it.
inline constexpr int depthwise_summed_together = 1024;

namespace detail {

// `pixels` neighbouring outputs of one row; `in` points at the window of the first. `size` is the kernel's, if it is
// known (else 0): a loop over three taps is unrolled.
template <class Arch, int granules, int pixels, int size>
[[gnu::always_inline]] inline void depthwise_pixels(const DepthwisePanel& p, const float* in, float* out,
                                                    simd::Row<Arch, granules>& total) {
    using Row = simd::Row<Arch, granules>;
    Row sum[pixels];
    const Row bias = Row::load(p.bias);
    simd::static_for<pixels>([&](auto x) __attribute__((always_inline)) { sum[x] = bias; });
    const float* weights = p.weights;
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(p.stride) * Row::width;
    const int kernel = size > 0 ? size : p.kernel;
    for (int ky = 0; ky < kernel; ++ky) {
        const float* at = in + static_cast<std::ptrdiff_t>(ky) * p.in_columns * Row::width;
        for (int kx = 0; kx < kernel; ++kx, at += Row::width, weights += Row::width) {
            const Row w = Row::load_factor(weights);
            simd::static_for<pixels>([&](auto x) __attribute__((always_inline)) {
                sum[x].add_product(Row::load(at + x * step), w);
            });
        }
    }
    simd::silu(sum);
    simd::static_for<pixels>([&](auto x) __attribute__((always_inline)) {
        total = total + sum[x];
        sum[x].store(out + static_cast<std::ptrdiff_t>(x) * p.out_stride);
    });
}

// The outputs of one row, `together` neighbours at a time and the rest at once. Returns the total with them, which is
// in registers meanwhile: in memory, each pixel would wait for the one before.
template <class Arch, int granules, int size>
[[gnu::always_inline]] inline simd::Row<Arch, granules> depthwise_row(const DepthwisePanel& p, const float* in,
                                                                      float* out, simd::Row<Arch, granules> total) {
    using Row = simd::Row<Arch, granules>;
    constexpr int together = Row::fulls <= 2 ? 4 : 2;
    const std::ptrdiff_t in_step = static_cast<std::ptrdiff_t>(p.stride) * Row::width;
    int left = p.size.width;
    for (; left >= together; left -= together, in += together * in_step, out += together * std::ptrdiff_t{p.out_stride})
        depthwise_pixels<Arch, granules, together, size>(p, in, out, total);
    simd::static_for<together - 1>([&](auto rest) __attribute__((always_inline)) {
        if (left == rest + 1) depthwise_pixels<Arch, granules, rest + 1, size>(p, in, out, total);
    });
    return total;
}

template <class Arch, int granules, int size>
void depthwise_panel(const DepthwisePanel& p) {
    using Row = simd::Row<Arch, granules>;
    Row total = Row::broadcast(0.0f);
    int summed = 0;
    bool in_parts = false;
    for (int y = 0; y < p.size.height; ++y) {
        const float* in = p.in + static_cast<std::ptrdiff_t>(y) * p.stride * p.in_columns * Row::width;
        float* out = p.out + static_cast<std::ptrdiff_t>(y) * p.size.width * p.out_stride;
        const float* ahead = out + std::ptrdiff_t{depthwise_rows_ahead} * p.size.width * p.out_stride;
        for (int x = 0; y + depthwise_rows_ahead < p.size.height && x < p.size.width; ++x, ahead += p.out_stride)
            ask_to_write(ahead, Row::width);
        total = depthwise_row<Arch, granules, size>(p, in, out, total);
        summed += p.size.width;
        if (summed < depthwise_summed_together || y + 1 == p.size.height) continue;
        (in_parts ? Row::load(p.sums) + total : total).store(p.sums);
        total = Row::broadcast(0.0f), summed = 0, in_parts = true;
    }
    (in_parts ? Row::load(p.sums) + total : total).store(p.sums);
}

}  // namespace detail

// Computes a panel of `granules` granules.
template <class Arch>
inline void depthwise(int granules, const DepthwisePanel& panel) {
    constexpr int unit = TileShape<Arch>::unit;
    if (granules == unit && panel.kernel == 3) return detail::depthwise_panel<Arch, unit, 3>(panel);
    static constexpr auto table = []<int... g>(std::integer_sequence<int, g...>) {
        return std::array{&detail::depthwise_panel<Arch, g + 1, 0>...};
    }
    (std::make_integer_sequence<int, TileShape<Arch>::widest>{});
    table[static_cast<std::size_t>(granules - 1)](panel);
}

}  // namespace effv2::kernels
