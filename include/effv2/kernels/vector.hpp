// Work on vectors of channels: squeeze-excite and pooling. Lengths are multiples of the granule.
#pragma once

#include <algorithm>

#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// Calls f(register-wide Row type tag, offset) over n floats, n a multiple of the granule.
template <class Arch, class F>
[[gnu::always_inline]] inline void for_each_step(int n, F f) {
    constexpr int step = simd::lanes < Arch >> granule ? simd::lanes<Arch> / granule : 1;
    int i = 0;
    for (; i + step * granule <= n; i += step * granule) f(std::integral_constant<int, step>{}, i);
    if constexpr (step > 1)
        for (; i < n; i += granule) f(std::integral_constant<int, 1>{}, i);
}

// The same for work that may be done twice: what is left at the end is covered by a whole step that overlaps the one
// before, since a step of half a register takes as long as a whole one.
template <class Arch, class F>
[[gnu::always_inline]] inline void cover_in_steps(int n, F f) {
    constexpr int step = simd::lanes < Arch >> granule ? simd::lanes<Arch> / granule : 1;
    constexpr int floats = step * granule;
    if (n < floats)
        for (int i = 0; i < n; i += granule) f(std::integral_constant<int, 1>{}, i);
    else  // one call, of which compilers make one copy: f is often long
        for (int i = 0; i < n; i += floats) f(std::integral_constant<int, step>{}, std::min(i, n - floats));
}

template <class Arch>
inline void multiply(float* values, float factor, int n) {
    for_each_step<Arch>(
        n, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            (Row::load(values + i) * Row::broadcast(factor)).store(values + i);
        });
}

template <class Arch>
inline void multiply(float* values, const float* factors, int n) {
    for_each_step<Arch>(
        n, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            (Row::load(values + i) * Row::load(factors + i)).store(values + i);
        });
}

// values[i] = f(values[i]), f of a register.
template <class Arch, class F>
[[gnu::always_inline]] inline void apply(float* values, int n, F f) {
    for_each_step<Arch>(
        n, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row::map(f, Row::load(values + i)).store(values + i);
        });
}

template <class Arch>
inline void apply_sigmoid(float* values, int n) {
    apply<Arch>(
        values, n, [](auto x) __attribute__((always_inline)) { return simd::sigmoid(x); });
}

template <class Arch>
inline void apply_silu(float* values, int n) {
    apply<Arch>(
        values, n, [](auto x) __attribute__((always_inline)) { return simd::silu(x); });
}

// sums[i] += values[i]
template <class Arch>
inline void accumulate(float* sums, const float* values, int n) {
    for_each_step<Arch>(
        n, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            (Row::load(sums + i) + Row::load(values + i)).store(sums + i);
        });
}

}  // namespace effv2::kernels
