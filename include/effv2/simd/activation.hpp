// The network's two activations, in vector registers: SiLU (x * sigmoid(x)) and the sigmoid of
// squeeze-excite.
#pragma once

#include <cstdint>

#include "effv2/simd/row.hpp"

namespace effv2::simd {

namespace detail {

// 2^f for f in [-1/2, 1/2]: minimax, relative error 1e-7, exactly 1 at 0.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> exp2_fraction(xsimd::batch<float, Arch> f) {
    using Float = xsimd::batch<float, Arch>;
    Float p(1.32647e-3f);
    p = xsimd::fma(p, f, Float(9.67151e-3f));
    p = xsimd::fma(p, f, Float(5.550734e-2f));
    p = xsimd::fma(p, f, Float(2.4022242e-1f));
    p = xsimd::fma(p, f, Float(6.9314698e-1f));
    return xsimd::fma(p, f, Float(1.0f));
}

inline constexpr float minus_log2e = -1.44269504088896f;

// exp(-x) = 2^n * 2^f with n = round(-x / ln 2). n is rounded by adding 1.5 * 2^23, whose low mantissa bits then hold
// it and are shifted into the exponent of 2^f; x is clamped so that the exponent stays in range.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> exp_minus(xsimd::batch<float, Arch> x, xsimd::generic) {
    using Float = xsimd::batch<float, Arch>;
    using Int = xsimd::batch<std::int32_t, Arch>;
    const Float magic(12582912.0f);
    x = xsimd::min(xsimd::max(x, Float(-87.0f)), Float(87.0f));
    const Float shifted = xsimd::fma(x, Float(minus_log2e), magic);
    const Float f = xsimd::fma(x, Float(minus_log2e), magic - shifted);
    const Int exponent = xsimd::bitwise_cast<Int>(shifted) << 23;
    return xsimd::bitwise_cast<Float>(xsimd::bitwise_cast<Int>(exp2_fraction(f)) + exponent);
}

#if defined(__AVX512F__)
// AVX-512 rounds in one instruction and multiplies by 2^n in another that saturates by itself (xsimd 8.1 has no
// scalef).
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> exp_minus(xsimd::batch<float, Arch> x, xsimd::avx512f) {
    using Float = xsimd::batch<float, Arch>;
    const Float t = x * Float(minus_log2e), n = xsimd::nearbyint(t);
    return _mm512_maskz_scalef_ps(0xffff, exp2_fraction(t - n), n);  // masked: see the GCC bug in row.hpp
}
#endif

#if defined(__AVX512VL__)
// The same for the half register beside AVX-512's.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> exp_minus(xsimd::batch<float, Arch> x,
                                                                  xsimd::fma3<xsimd::avx2>) {
    using Float = xsimd::batch<float, Arch>;
    const Float t = x * Float(minus_log2e), n = xsimd::nearbyint(t);
    return _mm256_maskz_scalef_ps(0xff, exp2_fraction(t - n), n);
}
#endif

}  // namespace detail

// 1 + exp(-x). Relative error under 4e-7 for |x| < 16.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> one_plus_exp_minus(xsimd::batch<float, Arch> x) {
    return xsimd::batch<float, Arch>(1.0f) + detail::exp_minus(x, Arch{});
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> silu(xsimd::batch<float, Arch> x) {
    return x / one_plus_exp_minus(x);
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> sigmoid(xsimd::batch<float, Arch> x) {
    return xsimd::batch<float, Arch>(1.0f) / one_plus_exp_minus(x);
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

}  // namespace effv2::simd
