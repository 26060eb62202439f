// What training needs of Winograd's method beside the transforms of a forward pass: weights that change with every step
// to points in float, gradients of outputs to points, and sums at points back to gradients of taps. Of training_tile's
// tiles, whose first point is zero.
#pragma once

#include "effv2/kernels/winograd.hpp"

namespace effv2::kernels::winograd_gradient {

inline constexpr int outputs = training_tile, inputs = outputs + 2;
inline constexpr int pairs = winograd::Points<outputs>::pairs;
inline constexpr auto& at = winograd::Points<outputs>::at;
inline constexpr auto& powers = winograd::powers<outputs>;
static_assert(winograd::Points<outputs>::zeros == 1);

// What G's rows are multiplied with: at 0, and at each pair.
constexpr std::array<float, pairs + 1> tap_scales() {
    std::array<float, pairs + 1> scales{static_cast<float>(1.0 / winograd::product_but<outputs>(-1)[0])};
    for (int i = 0; i < pairs; ++i)
        scales[static_cast<std::size_t>(i + 1)] = static_cast<float>(1.0 / winograd::slope_at<outputs>(i));
    return scales;
}

// G g G^T of `channels` neighbouring output channels at once, in float: for weights that change with every step. Tap t
// and point p are at taps + t * tap_stride and points + p * point_stride.
template <class Arch>
void transform_kernels(const float* taps, std::ptrdiff_t tap_stride, int channels, float* points,
                       std::ptrdiff_t point_stride) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            // All of G's rows are multiples of g0 + p g1 + p^2 g2, for p = 0, the pairs, and infinity.
            const auto to_points =
                [](const Row& g0, const Row& g1, const Row& g2, Row(&out)[inputs]) __attribute__((always_inline)) {
                constexpr auto scale = tap_scales();
                out[0] = g0 * Row::broadcast(scale[0]);
                simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
                    constexpr float p = static_cast<float>(at[i]);
                    const Row even = g0.plus_product(p * p, g2) * Row::broadcast(scale[i + 1]);
                    const Row odd = g1 * Row::broadcast(p * scale[i + 1]);
                    out[2 * i + 1] = even + odd;
                    out[2 * i + 2] = even - odd;
                });
                out[inputs - 1] = g2;
            };
            Row half[3][inputs];
            simd::static_for<3>([&](auto y) __attribute__((always_inline)) {
                const float* line = taps + 3 * y * tap_stride + c;
                to_points(Row::load(line), Row::load(line + tap_stride), Row::load(line + 2 * tap_stride), half[y]);
            });
            simd::static_for<inputs>([&](auto x) __attribute__((always_inline)) {
                Row column[inputs];
                to_points(half[0][x], half[1][x], half[2][x], column);
                simd::static_for<inputs>([&](auto y) __attribute__((always_inline)) {
                    column[y].store(points + (y * inputs + x) * point_stride + c);
                });
            });
        });
}

// A: m outputs' gradients to points.
template <class Row>
[[gnu::always_inline]] inline void spread_outputs(const Row (&y)[outputs], Row (&points)[inputs]) {
    points[0] = y[0];
    points[inputs - 1] = y[outputs - 1];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        Row even = y[0], odd = y[1] * Row::broadcast(powers[i][1]);
        simd::static_for<outputs / 2 - 1>([&](auto k) __attribute__((always_inline)) {
            constexpr int j = 2 * k + 2;
            even = winograd::add(even, powers[i][j], y[j]);
            odd = winograd::add(odd, powers[i][j + 1], y[j + 1]);
        });
        points[2 * i + 1] = even + odd;
        points[2 * i + 2] = even - odd;
    });
}

// G^T: points to three taps.
template <class Row>
[[gnu::always_inline]] inline void gather_taps(const Row (&points)[inputs], Row (&taps)[3]) {
    constexpr std::array<float, pairs + 1> scale = tap_scales();
    taps[0] = points[0] * Row::broadcast(scale[0]);
    taps[1] = Row::broadcast(0.0f);
    taps[2] = points[inputs - 1];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        constexpr float p = static_cast<float>(at[i]), s = scale[i + 1];
        const Row sum = points[2 * i + 1] + points[2 * i + 2], difference = points[2 * i + 1] - points[2 * i + 2];
        taps[0] = taps[0].plus_product(s, sum);
        taps[1] = taps[1].plus_product(s * p, difference);
        taps[2] = taps[2].plus_product(s * p * p, sum);
    });
}

// One tile's output gradients to points: m x m pixels instead of (m + 2) x (m + 2).
template <class Arch>
void transform_gradient_tile(const winograd::InputTile& tile, int channels) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[outputs][inputs];  // [column][point along y]
            simd::static_for<outputs>([&](auto x) __attribute__((always_inline)) {
                Row column[outputs];
                simd::static_for<outputs>([&](auto y) __attribute__((always_inline)) {
                    column[y] = Row::load(tile.in[y * outputs + x] + c);
                    if (tile.next != nullptr) winograd::ask_for_channels(tile.next[y * outputs + x], c, Row::width);
                });
                spread_outputs(column, half[x]);
            });
            simd::static_for<inputs>([&](auto y) __attribute__((always_inline)) {
                Row line[outputs], points[inputs];
                simd::static_for<outputs>([&](auto x) __attribute__((always_inline)) { line[x] = half[x][y]; });
                spread_outputs(line, points);
                simd::static_for<inputs>([&](auto x) __attribute__((always_inline)) {
                    winograd::store_point(tile, y * inputs + x, c, points[x]);
                });
            });
        });
}

// Sums at all points to the gradients of 3 x 3 taps, for `channels` neighbouring output channels.
template <class Arch>
void gather_kernels(const float* points, std::ptrdiff_t point_stride, int channels, float* taps,
                    std::ptrdiff_t tap_stride) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[inputs][3];  // [row of points][tap along x]
            simd::static_for<inputs>([&](auto y) __attribute__((always_inline)) {
                Row line[inputs];
                simd::static_for<inputs>([&](auto x) __attribute__((always_inline)) {
                    line[x] = Row::load(points + (y * inputs + x) * point_stride + c);
                });
                gather_taps(line, half[y]);
            });
            simd::static_for<3>([&](auto x) __attribute__((always_inline)) {
                Row column[inputs], made[3];
                simd::static_for<inputs>([&](auto y) __attribute__((always_inline)) { column[y] = half[y][x]; });
                gather_taps(column, made);
                simd::static_for<3>([&](auto y) __attribute__((always_inline)) {
                    made[y].store(taps + (3 * y + x) * tap_stride + c);
                });
            });
        });
}

}  // namespace effv2::kernels::winograd_gradient
