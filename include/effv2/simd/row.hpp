// A row of neighbouring channels in vector registers. Channels come in granules of eight floats, the step in which
// every EfficientNetV2 width is rounded; a row of an odd number of granules ends in a half-width register where the
// architecture's registers hold sixteen floats, so that no lane is wasted on 24, 40 or 56 channels.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

// GCC 12 takes the undefined merge operands of its own AVX-512 intrinsics for uninitialised variables (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "effv2/architecture/layout.hpp"

namespace effv2::simd {

// The instruction set that the including translation unit is compiled for. It is a template argument of every kernel;
// what else it takes to link units that are compiled for different ones stands in docs/embedding.md. Newer versions of
// xsimd prefer avxvnni to fma3<avx2>, but then know of no fused multiply-add.
using NativeArch = std::conditional_t<xsimd::batch<float>::size == 8 && xsimd::fma3<xsimd::avx2>::supported(),
                                      xsimd::fma3<xsimd::avx2>, xsimd::default_arch>;

template <class Arch>
inline constexpr int lanes = static_cast<int>(xsimd::batch<float, Arch>::size);

// Unrolls at compile time: calls f(integral_constant<int, 0>) ... f(integral_constant<int, n - 1>).
template <int n, class F>
[[gnu::always_inline]] constexpr void static_for(F&& f) {
    [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
        (..., f(std::integral_constant<int, i>{}));
    }
    (std::make_integer_sequence<int, n>{});
}

namespace detail {

// Eight floats beside sixteen-float registers.
#if defined(__AVX512F__)
using HalfArch = xsimd::fma3<xsimd::avx2>;
inline xsimd::batch<float, HalfArch> lower_half(xsimd::batch<float, NativeArch> x) {
    return __builtin_shufflevector(x.data, x.data, 0, 1, 2, 3, 4, 5, 6, 7);  // not the cast: see the GCC bug above
}
#else
using HalfArch = NativeArch;  // never used: no architecture without AVX-512 leaves half a register over
inline xsimd::batch<float, HalfArch> lower_half(xsimd::batch<float, NativeArch> x) { return x; }
#endif

// Has a value in a register from here on. Tuned for Zen, GCC 12 takes a row that a few products share for cheaper to
// load with each of them: tiles of up to four rows then wait for loads and take half again as long.
template <class Batch>
[[gnu::always_inline]] inline Batch held(Batch x) {
#if defined(__x86_64__) || defined(__i386__)
    asm("" : "+v"(x.data));
#elif defined(__aarch64__)
    asm("" : "+w"(x.data));
#endif
    return x;
}

// What a row is held in. What it has not takes no memory: rows are spilled and copied.
template <class Arch, int fulls, bool has_half>
struct Registers {
    [[no_unique_address]] std::array<xsimd::batch<float, Arch>, fulls> full;
    xsimd::batch<float, HalfArch> half;
};
template <class Arch, int fulls>
struct Registers<Arch, fulls, false> {
    std::array<xsimd::batch<float, Arch>, fulls> full;
};

}  // namespace detail

// `granules` * 8 neighbouring floats.
template <class Arch, int granules>
struct Row : detail::Registers<Arch, granules * granule / lanes<Arch>, granules * granule % lanes<Arch> != 0> {
    using Full = xsimd::batch<float, Arch>;
    using Half = xsimd::batch<float, detail::HalfArch>;
    static constexpr int width = granules * granule;
    static constexpr int fulls = width / lanes<Arch>;
    static constexpr bool has_half = width % lanes<Arch> != 0;
    static constexpr int half_at = fulls * lanes<Arch>;

    // Applies f(full register or half register) -> same, to every register of every argument at one place.
    template <class F, class... Rows>
    [[gnu::always_inline]] static Row map(F f, const Rows&... rows) {
        Row result;
        static_for<fulls>([&](auto i) __attribute__((always_inline)) { result.full[i] = f(rows.full[i]...); });
        if constexpr (has_half) result.half = f(rows.half...);
        return result;
    }

    [[gnu::always_inline]] static Row load(const float* from) {
        Row result;
        static_for<fulls>([&](auto i) __attribute__((always_inline)) {
            result.full[i] = Full::load_unaligned(from + i * lanes<Arch>);
        });
        if constexpr (has_half) result.half = Half::load_unaligned(from + half_at);
        return result;
    }
    // The same for a row that several others are multiplied with: loaded once.
    [[gnu::always_inline]] static Row load_factor(const float* from) {
        return map(
            [](auto x) __attribute__((always_inline)) { return detail::held(x); }, load(from));
    }
    [[gnu::always_inline]] static Row broadcast(float value) {
        Row result;
        static_for<fulls>([&](auto i) __attribute__((always_inline)) { result.full[i] = Full(value); });
        if constexpr (has_half) result.half = Half(value);
        return result;
    }
    [[gnu::always_inline]] void store(float* to) const {
        static_for<fulls>([&](auto i)
                              __attribute__((always_inline)) { this->full[i].store_unaligned(to + i * lanes<Arch>); });
        if constexpr (has_half) this->half.store_unaligned(to + half_at);
    }

    // this += a * b
    [[gnu::always_inline]] void add_product(const Row& a, const Row& b) {
        static_for<fulls>([&](auto i) __attribute__((always_inline)) {
            this->full[i] = xsimd::fma(a.full[i], b.full[i], this->full[i]);
        });
        if constexpr (has_half) this->half = xsimd::fma(a.half, b.half, this->half);
    }
    // this += scalar * b. The half register is the lower part of the full one: a second broadcast from memory would
    // make loads, not products, the limit.
    [[gnu::always_inline]] void add_product(float scalar, const Row& b) {
        const Full wide(scalar);
        static_for<fulls>([&](auto i) __attribute__((always_inline)) {
            this->full[i] = xsimd::fma(wide, b.full[i], this->full[i]);
        });
        if constexpr (has_half && fulls > 0) this->half = xsimd::fma(detail::lower_half(wide), b.half, this->half);
        if constexpr (has_half && fulls == 0) this->half = xsimd::fma(Half(scalar), b.half, this->half);
    }

    // this + factor * b and this - factor * b, rounded once.
    [[gnu::always_inline]] Row plus_product(float factor, const Row& b) const {
        const auto f = [factor](auto x, auto y) __attribute__((always_inline)) {
            return xsimd::fma(decltype(y)(factor), y, x);
        };
        return map(f, *this, b);
    }
    [[gnu::always_inline]] Row minus_product(float factor, const Row& b) const {
        const auto f = [factor](auto x, auto y) __attribute__((always_inline)) {
            return xsimd::fnma(decltype(y)(factor), y, x);
        };
        return map(f, *this, b);
    }

    friend Row operator+(const Row& a, const Row& b) {
        return map(
            [](auto x, auto y) __attribute__((always_inline)) { return x + y; }, a, b);
    }
    friend Row operator*(const Row& a, const Row& b) {
        return map(
            [](auto x, auto y) __attribute__((always_inline)) { return x * y; }, a, b);
    }
    friend Row operator-(const Row& a, const Row& b) {
        return map(
            [](auto x, auto y) __attribute__((always_inline)) { return x - y; }, a, b);
    }
};

}  // namespace effv2::simd
