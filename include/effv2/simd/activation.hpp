// The network's two activations, in vector registers: SiLU (x * sigmoid(x)) and the sigmoid of
// squeeze-excite.
#pragma once

#include <cstdint>

#include "effv2/simd/row.hpp"

namespace effv2::simd {

// 1 + exp(-x), for x clamped to +-87 so that the exponent stays in range. Relative error under 3e-7 for |x| < 16.
// exp(-x) = 2^n * 2^f with n = round(-x / ln 2) and f in [-1/2, 1/2]: n is rounded by adding 1.5 * 2^23, whose low mantissa
// bits then hold it, and 2^f is a polynomial of degree 5.
template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> one_plus_exp_minus(xsimd::batch<float, Arch> x) {
    using Float = xsimd::batch<float, Arch>;
    using Int = xsimd::batch<std::int32_t, Arch>;
    const Float magic(12582912.0f), minus_log2e(-1.44269504088896f);
    x = xsimd::min(xsimd::max(x, Float(-87.0f)), Float(87.0f));
    const Float shifted = xsimd::fma(x, minus_log2e, magic);
    const Float f = xsimd::fma(x, minus_log2e, magic - shifted);
    // Minimax over [-1/2, 1/2], relative error 1e-7 (the constant term is exactly 1).
    Float p(1.32647e-3f);
    p = xsimd::fma(p, f, Float(9.67151e-3f));
    p = xsimd::fma(p, f, Float(5.550734e-2f));
    p = xsimd::fma(p, f, Float(2.4022242e-1f));
    p = xsimd::fma(p, f, Float(6.9314698e-1f));
    p = xsimd::fma(p, f, Float(1.0f));
    const Int exponent = xsimd::bitwise_cast<Int>(shifted) << 23;
    return Float(1.0f) + xsimd::bitwise_cast<Float>(xsimd::bitwise_cast<Int>(p) + exponent);
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> silu(xsimd::batch<float, Arch> x) {
    return x / one_plus_exp_minus(x);
}

template <class Arch>
[[gnu::always_inline]] inline xsimd::batch<float, Arch> sigmoid(xsimd::batch<float, Arch> x) {
    return xsimd::batch<float, Arch>(1.0f) / one_plus_exp_minus(x);
}

template <class Arch, int granules>
[[gnu::always_inline]] inline Row<Arch, granules> silu(const Row<Arch, granules>& row) {
    return Row<Arch, granules>::map([](auto x) __attribute__((always_inline)) { return silu(x); }, row);
}

}  // namespace effv2::simd
