// The network's two activations, in vector registers: SiLU (x * sigmoid(x)) and the sigmoid of
// squeeze-excite.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

#include "effv2/simd/row.hpp"

namespace effv2::simd {

namespace detail {

inline constexpr float minus_log2e = -1.44269504088896f;

// Keeps a sum as it is written where compilers may take it apart (-ffast-math): a rounding is made of it below.
template <class Float>
[[gnu::always_inline]] inline Float as_written(Float sum) {
#if defined(__FAST_MATH__)
    return held(sum);
#else
    return sum;
#endif
}

// exp(-x) is 2^power * 2^fraction.
template <class Float>
struct Exponent {
    Float fraction;  // in [-1/2, 1/2]
    Float power;     // whole, in the form that times_power_of_two takes
};

// The power, round(-x / ln 2), is found by adding 1.5 * 2^23, whose low mantissa bits then hold it; x is clamped so
// that it stays in range.
template <class Arch>
[[gnu::always_inline]] inline Exponent<xsimd::batch<float, Arch>> exponent_of_minus(xsimd::batch<float, Arch> x) {
    using Float = xsimd::batch<float, Arch>;
    const Float magic(12582912.0f);
    x = xsimd::min(xsimd::max(x, Float(-87.0f)), Float(87.0f));
    const Float shifted = as_written(xsimd::fma(x, Float(minus_log2e), magic));
    return {xsimd::fma(x, Float(minus_log2e), as_written(magic - shifted)), shifted};
}

// Its low bits are shifted into the exponent of y.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> times_power_of_two(xsimd::batch<float, Arch> y,
                                                                           xsimd::batch<float, Arch> power) {
    using Float = xsimd::batch<float, Arch>;
    using Int = xsimd::batch<std::int32_t, Arch>;
    // Not xsimd's cast, whose template argument is a batch up to version 10 and an element since.
    return std::bit_cast<Float>(std::bit_cast<Int>(y) + (std::bit_cast<Int>(power) << 23));
}

// AVX-512 rounds in one instruction and multiplies by 2^n in another that saturates by itself (xsimd 8.1 has no
// scalef). The same for the half register beside AVX-512's.
#if defined(__AVX512F__)
template <class Arch>
    requires std::derived_from<Arch, xsimd::avx512f>
[[gnu::always_inline]] inline Exponent<xsimd::batch<float, Arch>> exponent_of_minus(xsimd::batch<float, Arch> x) {
    const xsimd::batch<float, Arch> t = x * xsimd::batch<float, Arch>(minus_log2e), n = xsimd::nearbyint(t);
    return {t - n, n};
}
template <class Arch>
    requires std::derived_from<Arch, xsimd::avx512f>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> times_power_of_two(xsimd::batch<float, Arch> y,
                                                                           xsimd::batch<float, Arch> power) {
    return _mm512_maskz_scalef_ps(0xffff, y, power);  // masked: see the GCC bug in row.hpp
}
#endif

#if defined(__AVX512VL__)
template <class Arch>
    requires std::same_as<Arch, xsimd::fma3<xsimd::avx2>>
[[gnu::always_inline]] inline Exponent<xsimd::batch<float, Arch>> exponent_of_minus(xsimd::batch<float, Arch> x) {
    const xsimd::batch<float, Arch> t = x * xsimd::batch<float, Arch>(minus_log2e), n = xsimd::nearbyint(t);
    return {t - n, n};
}
template <class Arch>
    requires std::same_as<Arch, xsimd::fma3<xsimd::avx2>>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> times_power_of_two(xsimd::batch<float, Arch> y,
                                                                           xsimd::batch<float, Arch> power) {
    return _mm256_maskz_scalef_ps(0xff, y, power);
}
#endif

}  // namespace detail

// x[i] becomes 1 + exp(-x[i]). Relative error under 4e-7 for |x| < 16, and under 1e-6 without fused multiply-adds.
// Operation by operation, not register by register: then several chains of operations that wait for each other run at
// once, however little a processor looks ahead.
template <class Float, std::size_t n>
[[gnu::always_inline]] inline void one_plus_exp_minus(Float (&x)[n]) {
    constexpr float coefficients[] = {9.67151e-3f, 5.550734e-2f, 2.4022242e-1f, 6.9314698e-1f, 1.0f};
    detail::Exponent<Float> e[n];
    for (std::size_t i = 0; i < n; ++i) e[i] = detail::exponent_of_minus(x[i]);
    // 2^fraction: minimax, relative error 1e-7, exactly 1 at 0.
    for (std::size_t i = 0; i < n; ++i) x[i] = Float(1.32647e-3f);
    for (const float c : coefficients)
        for (std::size_t i = 0; i < n; ++i) x[i] = xsimd::fma(x[i], e[i].fraction, Float(c));
    for (std::size_t i = 0; i < n; ++i) x[i] = Float(1.0f) + detail::times_power_of_two(x[i], e[i].power);
}

template <class Float, std::size_t n>
[[gnu::always_inline]] inline void silu(Float (&x)[n]) {
    Float divisor[n];
    for (std::size_t i = 0; i < n; ++i) divisor[i] = x[i];
    one_plus_exp_minus(divisor);
    for (std::size_t i = 0; i < n; ++i) x[i] = x[i] / divisor[i];
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> silu(xsimd::batch<float, Arch> x) {
    xsimd::batch<float, Arch> only[1] = {x};
    silu(only);
    return only[0];
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> sigmoid(xsimd::batch<float, Arch> x) {
    xsimd::batch<float, Arch> only[1] = {x};
    one_plus_exp_minus(only);
    return xsimd::batch<float, Arch>(1.0f) / only[0];
}

// The derivative of SiLU: s * (1 + x * (1 - s)) with s = sigmoid(x).
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> silu_gradient(xsimd::batch<float, Arch> x) {
    using Float = xsimd::batch<float, Arch>;
    const Float s = sigmoid(x);
    return s * xsimd::fma(x, Float(1.0f) - s, Float(1.0f));
}

template <class Arch, int granules>
[[gnu::always_inline]] inline Row<Arch, granules> silu_gradient(const Row<Arch, granules>& row) {
    return Row<Arch, granules>::map(
        [](auto x) __attribute__((always_inline)) { return silu_gradient(x); }, row);
}

template <class Arch, int granules>
[[gnu::always_inline]] inline Row<Arch, granules> silu(const Row<Arch, granules>& row) {
    return Row<Arch, granules>::map(
        [](auto x) __attribute__((always_inline)) { return silu(x); }, row);
}

// Of two rows at once.
template <class Arch, int granules>
[[gnu::always_inline]] inline void silu(Row<Arch, granules>& a, Row<Arch, granules>& b) {
    using Row = Row<Arch, granules>;
    if constexpr (Row::fulls > 0) {
        typename Row::Full full[2 * Row::fulls];
        static_for<Row::fulls>([&](auto i) __attribute__((always_inline)) {
            full[2 * i] = a.full[i];
            full[2 * i + 1] = b.full[i];
        });
        silu(full);
        static_for<Row::fulls>([&](auto i) __attribute__((always_inline)) {
            a.full[i] = full[2 * i];
            b.full[i] = full[2 * i + 1];
        });
    }
    if constexpr (Row::has_half) {
        typename Row::Half half[2] = {a.half, b.half};
        silu(half);
        a.half = half[0];
        b.half = half[1];
    }
}

// Of some rows, two at a time: more would not fit into the registers.
template <std::size_t n, class Arch, int granules>
[[gnu::always_inline]] inline void silu(Row<Arch, granules> (&x)[n]) {
    static_for<static_cast<int>(n) / 2>([&](auto i) __attribute__((always_inline)) { silu(x[2 * i], x[2 * i + 1]); });
    if constexpr (n % 2 != 0) x[n - 1] = silu(x[n - 1]);
}

}  // namespace effv2::simd
