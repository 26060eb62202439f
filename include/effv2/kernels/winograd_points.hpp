// Winograd's F(m x m, 3x3) in one dimension: the points at which polynomials are evaluated, and the transforms of
// inputs, taps and outputs to and from them. Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", by
// interpolation at m + 2 points: pairs of +-p, with zero before them where m is even, and infinity behind them.
#pragma once

#include <array>
#include <type_traits>

#include "effv2/architecture/layout.hpp"
#include "effv2/simd/row.hpp"

namespace effv2::kernels::winograd {

// The points of F(m x m, 3x3) but infinity.
template <int m>
struct Points;

template <>
struct Points<6> {
    static constexpr int zeros = 1, pairs = 3;
    static constexpr std::array<double, pairs> at = {0.5, 1.0, 2.0};
};

// Found by a coarse search among points with 1, which saves outputs products where it comes first. The relative error
// of random sums in float32 is 2.7 times that of m = 6; with 1/4, 1/2, 1 and 2 it is 4.7 times that.
template <>
struct Points<7> {
    static constexpr int zeros = 0, pairs = 4;
    static constexpr std::array<double, pairs> at = {1.0, 0.25, 0.625, 2.5};
};

// Calls f(std::integral_constant<int, m>) for the m that is `tile`.
template <class F>
constexpr void with_tile(int tile, F f) {
    if (tile == 6)
        f(std::integral_constant<int, 6>{});
    else
        f(std::integral_constant<int, 7>{});
}

// Where pair i's points are among all: +p here, and -p behind it.
template <int m>
constexpr int place_of(int pair) {
    return Points<m>::zeros + 2 * pair;
}

// Coefficients of the product of (y - p^2) over all pairs but `left_out`, from y^0 on.
template <int m>
constexpr auto product_but(int left_out) {
    constexpr int pairs = Points<m>::pairs;
    std::array<double, pairs + 1> c{1.0};
    for (int i = 0, degree = 0; i < pairs; ++i) {
        if (i == left_out) continue;
        const double p = Points<m>::at[static_cast<std::size_t>(i)], square = p * p;
        for (int k = degree + 1; k >= 0; --k) {
            const auto n = static_cast<std::size_t>(k);
            c[n] = (k > 0 ? c[n - 1] : 0.0) - square * (k <= degree ? c[n] : 0.0);
        }
        ++degree;
    }
    return c;
}

// at[pair]^k: a table, since compilers need not compute at compile time what a function returns.
template <int m>
inline constexpr auto powers = [] {
    std::array<std::array<float, m>, Points<m>::pairs> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        double power = 1.0;
        for (float& entry : table[i]) entry = static_cast<float>(power), power *= Points<m>::at[i];
    }
    return table;
}();

// sum + c * x, without a product where c is one.
template <class Row>
[[gnu::always_inline]] inline Row add(const Row& sum, float c, const Row& x) {
    return c == 1.0f ? sum + x : sum.plus_product(c, x);
}

// The sum over k of coefficients[k] * d[2 k].
template <int count, std::size_t n, class Row>
[[gnu::always_inline]] inline Row combine(const std::array<double, n>& coefficients, const Row* d) {
    Row sum = d[2 * (count - 1)];  // its coefficient is one
    simd::static_for<count - 1>([&](auto i) __attribute__((always_inline)) {
        constexpr int k = count - 2 - i;
        sum = add(sum, static_cast<float>(coefficients[static_cast<std::size_t>(k)]), d[2 * k]);
    });
    return sum;
}

// The derivative at pair i's +p of the product of all (x - point). At -p it is the same, or without a point at zero its
// opposite.
template <int m>
constexpr double slope_at(int i) {
    const double p = Points<m>::at[static_cast<std::size_t>(i)], square = p * p;
    double slope = Points<m>::zeros > 0 ? 2 * square : 2 * p;
    for (int j = 0; j < Points<m>::pairs; ++j) {
        const double other = Points<m>::at[static_cast<std::size_t>(j)];
        if (j != i) slope *= square - other * other;
    }
    return slope;
}

// G: three taps to m + 2 points.
template <int m>
constexpr void transform_taps(const double (&g)[3], double (&points)[m + 2]) {
    constexpr bool has_zero = Points<m>::zeros > 0;
    if (has_zero) points[0] = g[0] / product_but<m>(-1)[0];
    for (int i = 0; i < Points<m>::pairs; ++i) {
        const double p = Points<m>::at[static_cast<std::size_t>(i)], square = p * p, slope = slope_at<m>(i);
        points[place_of<m>(i)] = (g[0] + p * g[1] + square * g[2]) / slope;
        points[place_of<m>(i) + 1] = (g[0] - p * g[1] + square * g[2]) / (has_zero ? slope : -slope);
    }
    points[m + 1] = g[2];
}

// B^T: inputs to as many points, in place: all of them, or all but infinity.
template <int m, class Row, std::size_t count>
[[gnu::always_inline]] inline void transform_inputs(Row (&d)[count]) {
    constexpr int zeros = Points<m>::zeros, pairs = Points<m>::pairs;
    constexpr auto all = product_but<m>(-1);
    Row points[count];
    if constexpr (zeros > 0) points[0] = combine<pairs + 1>(all, d);
    if constexpr (count == m + 2) points[count - 1] = combine<pairs + 1>(all, d + zeros);
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        constexpr auto others = product_but<m>(i);
        constexpr float p = static_cast<float>(Points<m>::at[i]);
        const Row even = combine<pairs>(others, d + zeros + 1), odd = combine<pairs>(others, d + zeros);
        points[place_of<m>(i)] = add(even, p, odd);
        points[place_of<m>(i) + 1] = p == 1.0f ? even - odd : even.minus_product(p, odd);
    });
    simd::static_for<static_cast<int>(count)>([&](auto i) __attribute__((always_inline)) { d[i] = points[i]; });
}

// A^T: points, with infinity or without, to m outputs, in place (what is behind them is left as it is).
template <int m, class Row, std::size_t count>
[[gnu::always_inline]] inline void transform_outputs(Row (&points)[count]) {
    constexpr int pairs = Points<m>::pairs;
    Row sum[pairs], difference[pairs];
    simd::static_for<pairs>([&](auto i) __attribute__((always_inline)) {
        sum[i] = points[place_of<m>(i)] + points[place_of<m>(i) + 1];
        difference[i] = points[place_of<m>(i)] - points[place_of<m>(i) + 1];
    });
    simd::static_for<m>([&](auto j) __attribute__((always_inline)) {
        const Row(&from)[pairs] = j % 2 == 0 ? sum : difference;
        constexpr float first = powers<m>[0][j];
        Row out;
        if constexpr (j == 0 && Points<m>::zeros > 0)
            out = points[0] + from[0];
        else if constexpr (j == m - 1 && count == m + 2)
            out = add(points[count - 1], first, from[0]);
        else
            out = first == 1.0f ? from[0] : from[0] * Row::broadcast(first);
        simd::static_for<pairs - 1>([&](auto i) __attribute__((always_inline)) {
            out = add(out, powers<m>[i + 1][j], from[i + 1]);
        });
        points[j] = out;
    });
}

}  // namespace effv2::kernels::winograd
