// The transforms of Winograd's F(m x m, 3x3): (m + 2) x (m + 2) inputs in, as many matrix products in between
// (tile.hpp), m x m outputs out, for any even m. Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural
// Networks", by interpolation at 0, pairs of +-p and infinity.
#pragma once

#include "effv2/kernels/products.hpp"
#include "effv2/kernels/vector.hpp"

namespace effv2::kernels {

namespace winograd {

// The pairs' points. Their product is one, which saves products in the transforms.
inline constexpr int pairs = winograd_outputs / 2;
inline constexpr std::array<double, pairs> at = {0.5, 1.0, 2.0};

// Coefficients of the product of (y - p^2) over all pairs but `left_out`, from y^0 on.
constexpr std::array<double, pairs + 1> product_but(int left_out) {
    std::array<double, pairs + 1> c{1.0};
    for (int i = 0, degree = 0; i < pairs; ++i) {
        if (i == left_out) continue;
        const double square = at[static_cast<std::size_t>(i)] * at[static_cast<std::size_t>(i)];
        for (int k = degree + 1; k >= 0; --k) {
            const auto n = static_cast<std::size_t>(k);
            c[n] = (k > 0 ? c[n - 1] : 0.0) - square * (k <= degree ? c[n] : 0.0);
        }
        ++degree;
    }
    return c;
}

// at[pair]^k: a table, since compilers need not compute at compile time what a function returns.
inline constexpr auto powers = [] {
    std::array<std::array<float, winograd_outputs>, pairs> table{};
    for (std::size_t i = 0; i < pairs; ++i) {
        double power = 1.0;
        for (float& entry : table[i]) entry = static_cast<float>(power), power *= at[i];
    }
    return table;
}();

// sum + c * x, without a product where c is one.
template <class Row>
[[gnu::always_inline]] inline Row add(const Row& sum, float c, const Row& x) {
    return c == 1.0f ? sum + x : sum.plus_product(c, x);
}

// The sum over k of coefficients[k] * d[first + 2 k].
template <int count, class Row>
[[gnu::always_inline]] inline Row combine(const std::array<double, pairs + 1>& coefficients, const Row* d) {
    Row sum = d[2 * (count - 1)];  // its coefficient is one
    simd::static_for<count - 1>([&](auto i) __attribute__((always_inline)) {
        constexpr int k = count - 2 - i;
        sum = add(sum, static_cast<float>(coefficients[static_cast<std::size_t>(k)]), d[2 * k]);
    });
    return sum;
}

// The derivative at pair i's point of the product of all (x - point).
constexpr double slope_at(int i) {
    const double square = at[static_cast<std::size_t>(i)] * at[static_cast<std::size_t>(i)];
    double slope = 2 * square;
    for (int j = 0; j < pairs; ++j) {
        const double other = at[static_cast<std::size_t>(j)];
        if (j != i) slope *= square - other * other;
    }
    return slope;
}

// What G's rows are multiplied with: at 0, and at each pair.
constexpr std::array<float, pairs + 1> tap_scales() {
    std::array<float, pairs + 1> scales{static_cast<float>(1.0 / product_but(-1)[0])};
    for (int i = 0; i < pairs; ++i) scales[static_cast<std::size_t>(i + 1)] = static_cast<float>(1.0 / slope_at(i));
    return scales;
}

// G: three taps to m + 2 points.
constexpr void transform_taps(const double (&g)[3], double (&points)[winograd_inputs]) {
    points[0] = g[0] / product_but(-1)[0];
    for (int i = 0; i < pairs; ++i) {
        const double p = at[static_cast<std::size_t>(i)], square = p * p, slope = slope_at(i);
        points[2 * i + 1] = (g[0] + p * g[1] + square * g[2]) / slope;
        points[2 * i + 2] = (g[0] - p * g[1] + square * g[2]) / slope;
    }
    points[winograd_inputs - 1] = g[2];
}

// G g G^T: the 3 x 3 taps of one input and output channel to all points, row by row. In double, at load time.
constexpr void transform_kernel(const float* taps, double (&points)[winograd_points]) {
    double half[3][winograd_inputs]{};
    for (int y = 0; y < 3; ++y) transform_taps({taps[3 * y], taps[3 * y + 1], taps[3 * y + 2]}, half[y]);
    for (int x = 0; x < winograd_inputs; ++x) {
        double column[winograd_inputs]{};
        transform_taps({half[0][x], half[1][x], half[2][x]}, column);
        for (int y = 0; y < winograd_inputs; ++y) points[y * winograd_inputs + x] = column[y];
    }
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
            const auto to_points = [](const Row& g0, const Row& g1, const Row& g2, Row(&out)[winograd_inputs])
                __attribute__((always_inline)) {
                constexpr auto scale = tap_scales();
                out[0] = g0 * Row::broadcast(scale[0]);
                simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
                    constexpr float p = static_cast<float>(at[i]);
                    const Row even = g0.plus_product(p * p, g2) * Row::broadcast(scale[i + 1]);
                    const Row odd = g1 * Row::broadcast(p * scale[i + 1]);
                    out[2 * i + 1] = even + odd;
                    out[2 * i + 2] = even - odd;
                });
                out[winograd_inputs - 1] = g2;
            };
            Row half[3][winograd_inputs];
            simd::static_for<3>([&](auto y) __attribute__((always_inline)) {
                const float* line = taps + 3 * y * tap_stride + c;
                to_points(Row::load(line), Row::load(line + tap_stride), Row::load(line + 2 * tap_stride), half[y]);
            });
            simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) {
                Row column[winograd_inputs];
                to_points(half[0][x], half[1][x], half[2][x], column);
                simd::static_for<winograd_inputs>([&](auto y) __attribute__((always_inline)) {
                    column[y].store(points + (y * winograd_inputs + x) * point_stride + c);
                });
            });
        });
}

// B^T: inputs to as many points, in place: all of them, or all but infinity.
template <class Row, std::size_t count>
[[gnu::always_inline]] inline void transform_inputs(Row (&d)[count]) {
    constexpr std::array<double, pairs + 1> all = product_but(-1);
    Row points[count];
    points[0] = combine<pairs + 1>(all, d);
    if constexpr (count == winograd_inputs) points[count - 1] = combine<pairs + 1>(all, d + 1);
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        constexpr std::array<double, pairs + 1> others = product_but(i);
        constexpr float p = static_cast<float>(at[i]);
        const Row even = combine<pairs>(others, d + 2), odd = combine<pairs>(others, d + 1);
        points[2 * i + 1] = add(even, p, odd);
        points[2 * i + 2] = p == 1.0f ? even - odd : even.minus_product(p, odd);
    });
    simd::static_for<static_cast<int>(count)>([&](auto i) __attribute__((always_inline)) { d[i] = points[i]; });
}

// A^T: points, with infinity or without, to m outputs, in place (what is behind them is left as it is).
template <class Row, std::size_t count>
[[gnu::always_inline]] inline void transform_outputs(Row (&m)[count]) {
    Row sum[pairs], difference[pairs];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        sum[i] = m[2 * i + 1] + m[2 * i + 2];
        difference[i] = m[2 * i + 1] - m[2 * i + 2];
    });
    simd::static_for<winograd_outputs>([&](auto j) __attribute__((always_inline)) {
        const Row(&from)[pairs] = j % 2 == 0 ? sum : difference;
        constexpr float first = powers[0][j];
        Row out;
        if constexpr (j == 0)
            out = m[0] + from[0];
        else if constexpr (j == winograd_outputs - 1 && count == winograd_inputs)
            out = add(m[count - 1], first, from[0]);
        else
            out = first == 1.0f ? from[0] : from[0] * Row::broadcast(first);
        simd::static_for<pairs - 1>([&](auto i) __attribute__((always_inline)) {
            out = add(out, powers[i + 1][j], from[i + 1]);
        });
        m[j] = out;
    });
}

// A: m outputs' gradients to points.
template <class Row>
[[gnu::always_inline]] inline void spread_outputs(const Row (&y)[winograd_outputs], Row (&points)[winograd_inputs]) {
    points[0] = y[0];
    points[winograd_inputs - 1] = y[winograd_outputs - 1];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        Row even = y[0], odd = y[1] * Row::broadcast(powers[i][1]);
        simd::static_for<winograd_outputs / 2 - 1>([&](auto k) __attribute__((always_inline)) {
            constexpr int j = 2 * k + 2;
            even = add(even, powers[i][j], y[j]);
            odd = add(odd, powers[i][j + 1], y[j + 1]);
        });
        points[2 * i + 1] = even + odd;
        points[2 * i + 2] = even - odd;
    });
}

// G^T: points to three taps.
template <class Row>
[[gnu::always_inline]] inline void gather_taps(const Row (&points)[winograd_inputs], Row (&taps)[3]) {
    constexpr std::array<float, pairs + 1> scale = tap_scales();
    taps[0] = points[0] * Row::broadcast(scale[0]);
    taps[1] = Row::broadcast(0.0f);
    taps[2] = points[winograd_inputs - 1];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        constexpr float p = static_cast<float>(at[i]), s = scale[i + 1];
        const Row sum = points[2 * i + 1] + points[2 * i + 2], difference = points[2 * i + 1] - points[2 * i + 2];
        taps[0] = taps[0].plus_product(s, sum);
        taps[1] = taps[1].plus_product(s * p, difference);
        taps[2] = taps[2].plus_product(s * p * p, sum);
    });
}

// One tile's output gradients to points: m x m pixels, row by row (those beyond the map point at zeros).
template <class Arch>
void transform_gradient_tile(const float* const (&gradient)[winograd_outputs * winograd_outputs], int channels,
                             float* out, std::ptrdiff_t point_stride) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[winograd_outputs][winograd_inputs];  // [column][point along y]
            simd::static_for<winograd_outputs>([&](auto x) __attribute__((always_inline)) {
                Row column[winograd_outputs];
                simd::static_for<winograd_outputs>([&](auto y) __attribute__((always_inline)) {
                    column[y] = Row::load(gradient[y * winograd_outputs + x] + c);
                });
                spread_outputs(column, half[x]);
            });
            simd::static_for<winograd_inputs>([&](auto y) __attribute__((always_inline)) {
                Row line[winograd_outputs], points[winograd_inputs];
                simd::static_for<winograd_outputs>([&](auto x)
                                                       __attribute__((always_inline)) { line[x] = half[x][y]; });
                spread_outputs(line, points);
                simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) {
                    points[x].store(out + (y * winograd_inputs + x) * point_stride + c);
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
            Row half[winograd_inputs][3];  // [row of points][tap along x]
            simd::static_for<winograd_inputs>([&](auto y) __attribute__((always_inline)) {
                Row line[winograd_inputs];
                simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) {
                    line[x] = Row::load(points + (y * winograd_inputs + x) * point_stride + c);
                });
                gather_taps(line, half[y]);
            });
            simd::static_for<3>([&](auto x) __attribute__((always_inline)) {
                Row column[winograd_inputs], made[3];
                simd::static_for<winograd_inputs>([&](auto y)
                                                      __attribute__((always_inline)) { column[y] = half[y][x]; });
                gather_taps(column, made);
                simd::static_for<3>([&](auto y) __attribute__((always_inline)) {
                    made[y].store(taps + (3 * y + x) * tap_stride + c);
                });
            });
        });
}

// One tile's inputs to points. `in` are the pixels (row by row; the border points at zeros), each of `channels`
// floats; point i of the tile is written to out + i * point_stride.
template <class Arch>
void transform_input_tile(const float* const (&in)[winograd_points], int channels, float* out,
                          std::ptrdiff_t point_stride) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[winograd_inputs][winograd_inputs];  // [column][point along y]
            for (int x = 0; x < winograd_inputs; ++x) {
                Row column[winograd_inputs];
                simd::static_for<winograd_inputs>([&](auto y) __attribute__((always_inline)) {
                    column[y] = Row::load(in[y * winograd_inputs + x] + c);
                });
                transform_inputs(column);
                simd::static_for<winograd_inputs>([&](auto y)
                                                      __attribute__((always_inline)) { half[x][y] = column[y]; });
            }
            for (int y = 0; y < winograd_inputs; ++y) {
                Row line[winograd_inputs];
                simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) { line[x] = half[x][y]; });
                transform_inputs(line);
                simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) {
                    line[x].store(out + (y * winograd_inputs + x) * point_stride + c);
                });
            }
        });
}

// The products of `count` (at most max_task_tiles) tiles with one panel of `granules` granules, point by point:
//   products[point][tile][channel] = inputs[point][tile] * weights[point], of (depth) and (depth, panel width)
// From point to point it is point_stride in inputs and products, `weight_stride` in weights.
template <class Arch>
void multiply_points(const float* inputs, int count, int depth, int granules, const float* weights,
                     std::ptrdiff_t weight_stride, float* out) {
    Products products;
    products.count = winograd_points;
    products.next_in = point_stride(count, depth);
    products.next_weights = weight_stride;
    products.next_out = point_stride(count, granules * granule);
    products.in = inputs;
    products.depth = depth;
    products.weights = weights;
    products.out = out;
    multiply_rows<Arch>(count, granules, products);
}

// What becomes of a tile's outputs: m x m pixels, row by row; a null pointer drops a pixel beyond the map's edge.
struct OutputTile {
    const float* points = nullptr;  // first point, first channel of the panel
    std::ptrdiff_t point_stride = 0;
    const float* bias = nullptr;
    float* const* out = nullptr;
    std::ptrdiff_t out_offset = 0;
    const float* const* residual = nullptr;  // pixels as `out`, or nullptr
};

// One pixel's channels from c on, with their residual.
template <class Row>
[[gnu::always_inline]] inline void store_output(const OutputTile& tile, int pixel, int c, Row value) {
    float* to = tile.out[pixel];
    if (to == nullptr) return;
    if (tile.residual != nullptr) value = value + Row::load(tile.residual[pixel] + tile.out_offset + c);
    value.store(to + tile.out_offset + c);
}

// One tile's points to outputs, over a panel of `channels`: with bias, SiLU and then the residual, or (for training)
// the residual alone.
template <class Arch, bool activated = true>
void transform_output_tile(const OutputTile& tile, int channels) {
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[winograd_inputs][winograd_outputs];  // [row of points][output along x]
            for (int y = 0; y < winograd_inputs; ++y) {
                Row line[winograd_inputs];
                simd::static_for<winograd_inputs>([&](auto x) __attribute__((always_inline)) {
                    line[x] = Row::load(tile.points + (y * winograd_inputs + x) * tile.point_stride + c);
                });
                transform_outputs(line);
                simd::static_for<winograd_outputs>([&](auto x)
                                                       __attribute__((always_inline)) { half[y][x] = line[x]; });
            }
            Row bias;
            if constexpr (activated) bias = Row::load(tile.bias + c);
            for (int x = 0; x < winograd_outputs; ++x) {
                Row column[winograd_inputs];
                simd::static_for<winograd_inputs>([&](auto y)
                                                      __attribute__((always_inline)) { column[y] = half[y][x]; });
                transform_outputs(column);
                simd::static_for<winograd_outputs / 2>([&](auto pair) __attribute__((always_inline)) {
                    Row &upper = column[2 * pair], &lower = column[2 * pair + 1];
                    if constexpr (activated) {
                        upper = upper + bias, lower = lower + bias;
                        simd::silu(upper, lower);
                    }
                    store_output(tile, 2 * pair * winograd_outputs + x, c, upper);
                    store_output(tile, (2 * pair + 1) * winograd_outputs + x, c, lower);
                });
            }
        });
}

}  // namespace winograd

}  // namespace effv2::kernels
