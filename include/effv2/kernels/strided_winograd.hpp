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

// The 3 x 3 taps of one input and output channel to matrices, of which there are fewer than winograd_points:
// [point, then odd columns][tap along y]. In double, at load time.
constexpr void transform_strided_kernel(const float* taps, double (&matrices)[winograd_points]) {
    for (int y = 0; y < 3; ++y) {
        const float* line = taps + 3 * y;
        double points[winograd_inputs]{};
        transform_taps({line[0], line[2], 0.0}, points);
        points[strided_points] = line[1];
        for (int x = 0; x <= strided_points; ++x) matrices[3 * x + y] = points[x];
    }
}

// One tile's inputs along x to points of even columns and, behind them, odd columns. `in` are the pixels (row by row;
// the border points at zeros), each of `channels` floats; value x of line y is written to
// out + (x * strided_height + y) * line_stride.
template <class Arch>
void transform_strided_inputs(const float* const (&in)[strided_height * strided_width], int channels, float* out,
                              std::ptrdiff_t line_stride) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            for (int y = 0; y < strided_height; ++y) {
                const float* const* line = in + y * strided_width;
                float* to = out + y * line_stride + c;
                Row even[strided_points];
                simd::static_for<strided_points>([&](auto x) __attribute__((always_inline)) {
                    even[x] = Row::load(line[2 * x] + c);
                });
                transform_inputs(even);
                simd::static_for<strided_points>([&](auto x) __attribute__((always_inline)) {
                    even[x].store(to + x * strided_height * line_stride);
                });
                simd::static_for<winograd_outputs>([&](auto x) __attribute__((always_inline)) {
                    Row::load(line[2 * x + 1] + c).store(to + (strided_points + x) * strided_height * line_stride);
                });
            }
        });
}

// The products of `count` tiles with one panel: inputs (x, input line, tile, depth) to (x, output line, tile, channel).
// From line to line of either it is point_stride.
template <class Arch>
void multiply_strided(const float* inputs, int count, int depth, int granules, const float* weights, float* products) {
    const int width = granules * granule;
    const std::ptrdiff_t in_line = point_stride(count, depth), out_line = point_stride(count, width);
    const float* in[3 * TileShape<Arch>::most_rows];
    float* out[TileShape<Arch>::most_rows];
    Tile tile;
    tile.in = in;
    tile.taps = 3;
    tile.depth = depth;
    tile.out = out;
    for_each_group(strided_lines * count, TileShape<Arch>::max_rows(granules), [&](int first, int rows) {
        for (int r = 0; r < rows; ++r) {
            const int line = (first + r) / count, t = (first + r) % count;
            out[r] = products + line * out_line + std::ptrdiff_t{t} * width;
            for (int tap = 0; tap < 3; ++tap)
                in[tap * rows + r] = inputs + (2 * line + tap) * in_line + std::ptrdiff_t{t} * depth;
        }
        for (int x = 0; x < strided_width; ++x) {
            tile.in_offset = x * strided_height * in_line;
            tile.out_offset = x * strided_lines * out_line;
            tile.weights = weights + std::ptrdiff_t{std::min(x, strided_points)} * 3 * depth * width;
            compute_tile<Arch>(rows, granules, tile);
        }
    });
}

// One tile's products to outputs, with bias and SiLU, as transform_output_tile; without residuals, which a stride
// excludes.
template <class Arch>
void transform_strided_outputs(const OutputTile& tile, int channels) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            const Row bias = Row::load(tile.bias + c);
            for (int y = 0; y < strided_lines; ++y) {
                const float* from = tile.points + y * tile.point_stride + c;
                const auto product = [&](int x) __attribute__((always_inline)) {
                    return Row::load(from + x * strided_lines * tile.point_stride);
                };
                Row line[strided_points];
                simd::static_for<strided_points>([&](auto x) __attribute__((always_inline)) { line[x] = product(x); });
                transform_outputs(line);
                simd::static_for<winograd_outputs>([&](auto x) __attribute__((always_inline)) {
                    float* to = tile.out[y * winograd_outputs + x];
                    if (to == nullptr) return;
                    simd::silu(line[x] + product(strided_points + x) + bias).store(to + tile.out_offset + c);
                });
            }
        });
}

}  // namespace effv2::kernels::winograd
