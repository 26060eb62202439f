// The stem's 3x3 convolution with bias and SiLU: three input planes (NCHW, as pictures come) to a map of channels-last
// pixels. Its 27 taps are read straight from the planes, so nothing is packed for it.
#pragma once

#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// One output row. `in` holds the nine input rows that it sees, plane by plane, with the border's zeros included.
struct StemRow {
    const float* in = nullptr;       // (3 planes * 3 rows, columns)
    int columns = 0;                 // floats in a row of `in`
    const float* weights = nullptr;  // panels of (27, panel width)
    const float* bias = nullptr;     // (channels)
    int stride = 2;
    float* out = nullptr;  // first pixel
    int out_stride = 0;
    int width = 0;     // output pixels
    int channels = 0;  // a multiple of the granule
};

namespace detail {

template <class Arch, int rows, int granules>
void stem_pixels(const StemRow& s, int x, const float* weights, int channel) {
    using Row = simd::Row<Arch, granules>;
    Row sum[rows];
    const Row bias = Row::load(s.bias + channel);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r] = bias; });
    for (int line = 0; line < 9; ++line) {
        const float* in =
            s.in + static_cast<std::ptrdiff_t>(line) * s.columns + static_cast<std::ptrdiff_t>(x) * s.stride;
        for (int kx = 0; kx < 3; ++kx, ++in, weights += Row::width) {
            const Row w = Row::load(weights);
            simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
                sum[r].add_product(in[static_cast<std::ptrdiff_t>(r) * s.stride], w);
            });
        }
    }
    float* out = s.out + static_cast<std::ptrdiff_t>(x) * s.out_stride + channel;
    simd::silu(sum);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
        sum[r].store(out + static_cast<std::ptrdiff_t>(r) * s.out_stride);
    });
}

template <class Arch, int granules>
void stem_panel(const StemRow& s, const float* weights, int channel) {
    constexpr int rows = TileShape<Arch>::max_rows(granules) < 8 ? TileShape<Arch>::max_rows(granules) : 8;
    int x = 0;
    for (; x + rows <= s.width; x += rows) stem_pixels<Arch, rows, granules>(s, x, weights, channel);
    for (; x < s.width; ++x) stem_pixels<Arch, 1, granules>(s, x, weights, channel);
}

}  // namespace detail

template <class Arch>
inline void stem_row(const StemRow& s) {
    static constexpr auto table = []<int... g>(std::integer_sequence<int, g...>) {
        return std::array{&detail::stem_panel<Arch, g + 1>...};
    }
    (std::make_integer_sequence<int, TileShape<Arch>::widest>{});
    const Panels<Arch> panels(s.channels);
    for (int p = 0; p < panels.count; ++p) {
        const int channel = panels.first_channel(p);
        table[static_cast<std::size_t>(panels.width(p) - 1)](s, s.weights + std::ptrdiff_t{27} * channel, channel);
    }
}

}  // namespace effv2::kernels
