// Winograd's method for 3x3 convolutions of stride 2, along x. With the even columns e and the odd columns o of a line,
//
//   out[i] = g0 e[i] + g2 e[i + 1] + g1 o[i]
//
// so that even columns go through F(m, 2), which is F(m, 3) with a third tap of zero and therefore without the point at
// infinity, and odd ones as they are: 13 products for six outputs instead of 18. Along y, the window's three lines are
// taps that sum up in the micro-kernel's registers. The same along y as well would leave 169 of 234 products, but with
// sums a third as long, for which the micro-kernel is slower, and two and a half times the weights.
#pragma once

#include "effv2/kernels/winograd.hpp"

namespace effv2::kernels::winograd {

// The 3 x 3 taps of one input and output channel to matrices: [point, then odd columns][tap along y]. In double, at
// load time.
template <int m>
constexpr void transform_strided_kernel(const float* taps, double (&matrices)[(m + 2) * 3]) {
    for (int y = 0; y < 3; ++y) {
        const float* line = taps + 3 * y;
        double points[m + 2]{};
        transform_taps<m>({line[0], line[2], 0.0}, points);
        points[m + 1] = line[1];
        for (int x = 0; x < m + 2; ++x) matrices[3 * x + y] = points[x];
    }
}

// One tile's inputs along x to points of even columns and, behind them, odd columns: value x of line y is point
// x * strided_height + y.
template <class Arch, int m>
void transform_strided_inputs(const InputTile& tile, int channels) {
    constexpr int points = m + 1, columns = 2 * m + 1;
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            for (int y = 0; y < strided_height; ++y) {
                const auto pixel = [&](int x) __attribute__((always_inline)) {
                    if (tile.next != nullptr) ask_for_channels(tile.next[y * columns + x], c, Row::width);
                    return Row::load(tile.in[y * columns + x] + c);
                };
                Row even[points];
                simd::static_for<points>([&](auto x) __attribute__((always_inline)) { even[x] = pixel(2 * x); });
                transform_inputs<m>(even);
                simd::static_for<points>([&](auto x) __attribute__((always_inline)) {
                    store_point(tile, x * strided_height + y, c, even[x]);
                });
                simd::static_for<m>([&](auto x) __attribute__((always_inline)) {
                    store_point(tile, (points + x) * strided_height + y, c, pixel(2 * x + 1));
                });
            }
        });
}

// The products of `count` tiles with one panel: inputs (x, input line, tile, depth) to (x, output line, tile, channel).
// From line to line of either it is point_stride.
template <class Arch, int m>
void multiply_strided(const float* inputs, int count, int depth, int granules, const float* weights, float* out) {
    const int width = granules * granule;
    constexpr int points = m + 1;
    const std::ptrdiff_t in_line = point_stride(count, depth), out_line = point_stride(count, width);
    Products products;
    products.taps = 3;
    products.next_tap = in_line;
    products.depth = depth;
    products.next_in = strided_height * in_line;
    products.next_out = strided_lines * out_line;
    for (int line = 0; line < strided_lines; ++line) {
        products.in = inputs + 2 * line * in_line;
        products.out = out + line * out_line;
        products.weights = weights;
        products.count = points;
        products.next_weights = std::ptrdiff_t{3} * depth * width;
        multiply_rows<Arch>(count, granules, products);
        products.in += points * products.next_in;  // odd columns, which share their weights
        products.out += points * products.next_out;
        products.weights += points * products.next_weights;
        products.count = m;
        products.next_weights = 0;
        multiply_rows<Arch>(count, granules, products);
    }
}

// One tile's products to outputs, with bias and SiLU, as transform_output_tile; without residuals, which a stride
// excludes.
template <class Arch, int m>
void transform_strided_outputs(const OutputTile& tile, int channels) {
    constexpr int points = m + 1;
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            const Row bias = Row::load(tile.bias + c);
            for (int y = 0; y < strided_lines; ++y) {
                const float* from = tile.points + y * tile.point_stride + c;
                const auto product = [&](int x) __attribute__((always_inline)) {
                    return Row::load(from + x * strided_lines * tile.point_stride);
                };
                Row line[points];
                simd::static_for<points>([&](auto x) __attribute__((always_inline)) { line[x] = product(x); });
                transform_outputs<m>(line);
                Row out[m];
                simd::static_for<m>([&](auto x) __attribute__((always_inline)) {
                    out[x] = line[x] + product(points + x) + bias;
                });
                simd::silu(out);
                simd::static_for<m>([&](auto x)
                                        __attribute__((always_inline)) { store_output(tile, y * m + x, c, out[x]); });
            }
        });
}

}  // namespace effv2::kernels::winograd
