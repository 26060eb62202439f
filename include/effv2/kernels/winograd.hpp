// The transforms of Winograd's F(4x4, 3x3): 6 x 6 inputs in, 36 matrix products in between (tile.hpp), 4 x 4 outputs
// out. Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", by interpolation at 0, +-a, +-b and
// infinity.
#pragma once

#include "effv2/kernels/vector.hpp"

namespace effv2::kernels {

namespace winograd {

// Interpolation points. 1/sqrt(2) and sqrt(2), rather than the usual 1 and 2, keep the transforms' entries near one,
// and make a^2 b^2 one.
inline constexpr double a = 0.70710678118654752, b = 1.41421356237309505;

inline constexpr float fa = static_cast<float>(a), fb = static_cast<float>(b);
inline constexpr float a2 = static_cast<float>(a * a), b2 = static_cast<float>(b * b);
inline constexpr float a3 = static_cast<float>(a * a * a), b3 = static_cast<float>(b * b * b);
inline constexpr float a2b2 = static_cast<float>(a * a * b * b), a2_plus_b2 = static_cast<float>(a * a + b * b);

// G: three taps to six points.
constexpr void transform_taps(const double (&g)[3], double (&points)[6]) {
    constexpr double at_0 = a * a * b * b, at_a = 2 * a * a * (a * a - b * b), at_b = 2 * b * b * (b * b - a * a);
    points[0] = g[0] / at_0;
    points[1] = (g[0] + a * g[1] + a * a * g[2]) / at_a;
    points[2] = (g[0] - a * g[1] + a * a * g[2]) / at_a;
    points[3] = (g[0] + b * g[1] + b * b * g[2]) / at_b;
    points[4] = (g[0] - b * g[1] + b * b * g[2]) / at_b;
    points[5] = g[2];
}

// G g G^T: the 3 x 3 taps of one input and output channel to 36 points, row by row. In double, at load time.
constexpr void transform_kernel(const float* taps, double (&points)[winograd_points]) {
    double half[3][6]{};
    for (int y = 0; y < 3; ++y) transform_taps({taps[3 * y], taps[3 * y + 1], taps[3 * y + 2]}, half[y]);
    for (int x = 0; x < 6; ++x) {
        double column[6]{};
        transform_taps({half[0][x], half[1][x], half[2][x]}, column);
        for (int y = 0; y < 6; ++y) points[y * 6 + x] = column[y];
    }
}

// B^T: six inputs to six points, in place.
template <class Row>
[[gnu::always_inline]] inline void transform_inputs(Row (&d)[6]) {
    static_assert(a2b2 == 1.0f, "the points are chosen so that the outer coefficient is one");
    const Row first = d[4].minus_product(a2_plus_b2, d[2]) + d[0];
    const Row last = d[5].minus_product(a2_plus_b2, d[3]) + d[1];
    const Row even_a = d[4].minus_product(b2, d[2]), odd_a = d[3].minus_product(b2, d[1]);
    const Row even_b = d[4].minus_product(a2, d[2]), odd_b = d[3].minus_product(a2, d[1]);
    d[0] = first;
    d[1] = even_a.plus_product(fa, odd_a);
    d[2] = even_a.minus_product(fa, odd_a);
    d[3] = even_b.plus_product(fb, odd_b);
    d[4] = even_b.minus_product(fb, odd_b);
    d[5] = last;
}

// A^T: six points to four outputs, in place (the last two are left as they are).
template <class Row>
[[gnu::always_inline]] inline void transform_outputs(Row (&m)[6]) {
    const Row sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    const Row sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    m[0] = m[0] + sum_a + sum_b;
    m[1] = (difference_a * Row::broadcast(fa)).plus_product(fb, difference_b);
    m[2] = (sum_a * Row::broadcast(a2)).plus_product(b2, sum_b);
    m[3] = m[5].plus_product(a3, difference_a).plus_product(b3, difference_b);
}

// One tile's inputs to points. `in` are the 36 pixels (row by row; the border points at zeros), each of `channels`
// floats; point i of the tile is written to out + i * point_stride.
template <class Arch>
void transform_input_tile(const float* const (&in)[winograd_points], int channels, float* out,
                          std::ptrdiff_t point_stride) {
    for_each_step<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[6][6];  // [column][point along y]
            for (int x = 0; x < 6; ++x) {
                Row column[6];
                simd::static_for<6>([&](auto y)
                                        __attribute__((always_inline)) { column[y] = Row::load(in[y * 6 + x] + c); });
                transform_inputs(column);
                simd::static_for<6>([&](auto y) __attribute__((always_inline)) { half[x][y] = column[y]; });
            }
            for (int y = 0; y < 6; ++y) {
                Row line[6];
                simd::static_for<6>([&](auto x) __attribute__((always_inline)) { line[x] = half[x][y]; });
                transform_inputs(line);
                simd::static_for<6>([&](auto x) __attribute__((always_inline)) {
                    line[x].store(out + (y * 6 + x) * point_stride + c);
                });
            }
        });
}

// What becomes of a tile's outputs: 16 pixels, row by row; a null pointer drops a pixel beyond the map's edge.
struct OutputTile {
    const float* points = nullptr;  // first point, first channel of the panel
    std::ptrdiff_t point_stride = 0;
    const float* bias = nullptr;
    float* const* out = nullptr;
    std::ptrdiff_t out_offset = 0;
    const float* const* residual = nullptr;  // pixels as `out`, or nullptr
};

// One tile's points to outputs, over a panel of `channels`, with bias, SiLU and then the residual.
template <class Arch>
void transform_output_tile(const OutputTile& tile, int channels) {
    for_each_step<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[6][4];  // [row of points][output along x]
            for (int y = 0; y < 6; ++y) {
                Row line[6];
                simd::static_for<6>([&](auto x) __attribute__((always_inline)) {
                    line[x] = Row::load(tile.points + (y * 6 + x) * tile.point_stride + c);
                });
                transform_outputs(line);
                simd::static_for<4>([&](auto x) __attribute__((always_inline)) { half[y][x] = line[x]; });
            }
            const Row bias = Row::load(tile.bias + c);
            for (int x = 0; x < 4; ++x) {
                Row column[6];
                simd::static_for<6>([&](auto y) __attribute__((always_inline)) { column[y] = half[y][x]; });
                transform_outputs(column);
                simd::static_for<4>([&](auto y) __attribute__((always_inline)) {
                    float* to = tile.out[y * 4 + x];
                    if (to == nullptr) return;
                    Row value = simd::silu(column[y] + bias);
                    if (tile.residual != nullptr)
                        value = value + Row::load(tile.residual[y * 4 + x] + tile.out_offset + c);
                    value.store(to + tile.out_offset + c);
                });
            }
        });
}

}  // namespace winograd

}  // namespace effv2::kernels
