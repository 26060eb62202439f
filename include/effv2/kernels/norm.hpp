// Batch norm's passes over channels-last pixels, with the activation on the same visit: statistics, normalising, and
// both halves of the gradient. Channels are a multiple of the granule; `stride` is floats from pixel to pixel.
#pragma once

#include "effv2/kernels/vector.hpp"

namespace effv2::kernels {

// How many floats ahead the passes ask for maps, which they read and write in order: most processors fetch ahead only
// to the end of a page of 4 KiB. Found on Zen 5, where half and twice as much do as well. Registers of less than a
// cache line do not ask: they would several times a line, and AVX2 lost by it.
inline constexpr std::ptrdiff_t maps_ahead = 1024;

template <class Row>
[[gnu::always_inline]] inline void ask_for_map(const float* at) {
    if constexpr (Row::width >= static_cast<int>(segment_floats)) ask_for(at + maps_ahead, Row::width);
}
template <class Row>
[[gnu::always_inline]] inline void ask_to_write_map(float* at) {
    if constexpr (Row::width >= static_cast<int>(segment_floats)) ask_to_write(at + maps_ahead, Row::width);
}

// A pixel-by-channel piece of a map.
struct Strip {
    int pixels = 0, channels = 0;
    std::ptrdiff_t stride = 0;
};

// Calls f(granules, floats from the strip's start to the pixel, channel) for each register of channels of each pixel.
template <class Arch, class F>
[[gnu::always_inline]] inline void for_each_row(const Strip& strip, F f) {
    for (int p = 0; p < strip.pixels; ++p)
        for_each_step<Arch>(
            strip.channels, [&](auto granules, int i)
                                __attribute__((always_inline)) { f(granules, p * strip.stride, i); });
}

// Mean and sum of squared deviations of each channel over a few pixels that are in the first-level cache. Two visits,
// since a sum of squares would lose the variance of channels whose mean is large. Two registers of channels, even and
// odd pixels: four sums, which wait for each other less than they did alone.
template <class Arch>
inline void channel_moments(const float* in, std::ptrdiff_t stride, int pixels, int channels, float* mean,
                            float* deviation) {
    const float share = 1.0f / static_cast<float>(pixels);
    const auto measure = [&](auto granules, int i) __attribute__((always_inline)) {
        using Row = simd::Row<Arch, granules>;
        Row even = Row::broadcast(0.0f), odd = even;
        int p = 0;
        for (; p + 2 <= pixels; p += 2) {
            even = even + Row::load(in + p * stride + i);
            odd = odd + Row::load(in + (p + 1) * stride + i);
        }
        if (p < pixels) even = even + Row::load(in + p * stride + i);
        const Row middle = (even + odd) * Row::broadcast(share);
        middle.store(mean + i);
        even = Row::broadcast(0.0f), odd = even;
        for (p = 0; p + 2 <= pixels; p += 2) {
            const Row a = Row::load(in + p * stride + i) - middle, b = Row::load(in + (p + 1) * stride + i) - middle;
            even.add_product(a, a);
            odd.add_product(b, b);
        }
        if (p < pixels) {
            const Row a = Row::load(in + p * stride + i) - middle;
            even.add_product(a, a);
        }
        (even + odd).store(deviation + i);
    };
    constexpr int two = 2 * std::max(1, simd::lanes<Arch> / granule);  // granules
    int done = 0;
    for (; done + two * granule <= channels; done += two * granule) measure(std::integral_constant<int, two>{}, done);
    for_each_step<Arch>(
        channels - done, [&](auto granules, int i) __attribute__((always_inline)) { measure(granules, done + i); });
}

// out = act(in * scale + shift), or factor * act(...) + residual; act is SiLU or nothing.
struct NormForward {
    const float* in = nullptr;
    const float* scale = nullptr;  // (channels)
    const float* shift = nullptr;
    bool silu = false;
    float factor = 1.0f;
    const float* residual = nullptr;  // or nothing
    float* out = nullptr;
    float* sums = nullptr;  // (channels): the outputs' sums over the pixels are added here; or nullptr
};

template <class Arch>
inline void normalise(const Strip& strip, const NormForward& n) {
    for_each_row<Arch>(
        strip, [&](auto granules, std::ptrdiff_t at, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            ask_for_map<Row>(n.in + at + i);
            ask_to_write_map<Row>(n.out + at + i);
            Row value = Row::load(n.shift + i);
            value.add_product(Row::load(n.in + at + i), Row::load(n.scale + i));
            if (n.silu) value = simd::silu(value);
            if (n.sums != nullptr) (Row::load(n.sums + i) + value).store(n.sums + i);
            if (n.residual != nullptr) value = Row::load(n.residual + at + i).plus_product(n.factor, value);
            value.store(n.out + at + i);
        });
}

// First half of the gradient: through the activation, and what the batch has in common.
//   z = in * scale + shift,  g = factor * gradient (or gradient * gate + plus, a value a channel)
//   out = g * act'(z),  sums += out,  products += out * (in - mean)
struct NormGradient {
    const float* in = nullptr;
    const float *mean = nullptr, *scale = nullptr, *shift = nullptr;  // (channels)
    bool silu = false;
    const float* gradient = nullptr;
    float factor = 1.0f;
    const float *gate = nullptr, *plus = nullptr;  // (channels), both or neither
    float* out = nullptr;
    float *sums = nullptr, *products = nullptr;  // (channels)
};

template <class Arch>
inline void norm_gradient(const Strip& strip, const NormGradient& n) {
    for_each_row<Arch>(
        strip, [&](auto granules, std::ptrdiff_t at, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            ask_for_map<Row>(n.in + at + i);
            ask_for_map<Row>(n.gradient + at + i);
            ask_to_write_map<Row>(n.out + at + i);
            const Row in = Row::load(n.in + at + i);
            Row g = Row::load(n.gradient + at + i);
            if (n.gate != nullptr) {
                Row gated = Row::load(n.plus + i);
                gated.add_product(g, Row::load(n.gate + i));
                g = gated;
            } else {
                g = g * Row::broadcast(n.factor);
            }
            if (n.silu) {
                Row z = Row::load(n.shift + i);
                z.add_product(in, Row::load(n.scale + i));
                g = g * simd::silu_gradient(z);
            }
            g.store(n.out + at + i);
            (Row::load(n.sums + i) + g).store(n.sums + i);
            Row product = Row::load(n.products + i);
            product.add_product(g, in - Row::load(n.mean + i));
            product.store(n.products + i);
        });
}

// sums += gradient * silu(in * scale + shift): the gradient of squeeze-excite's gates.
struct GateGradient {
    const float *in = nullptr, *scale = nullptr, *shift = nullptr, *gradient = nullptr;
    float* sums = nullptr;  // (channels)
};

template <class Arch>
inline void add_gate_gradient(const Strip& strip, const GateGradient& n) {
    for_each_row<Arch>(
        strip, [&](auto granules, std::ptrdiff_t at, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            ask_for_map<Row>(n.in + at + i);
            ask_for_map<Row>(n.gradient + at + i);
            Row value = Row::load(n.shift + i);
            value.add_product(Row::load(n.in + at + i), Row::load(n.scale + i));
            Row sum = Row::load(n.sums + i);
            sum.add_product(simd::silu(value), Row::load(n.gradient + at + i));
            sum.store(n.sums + i);
        });
}

// Second half: out = a * out + b * (in - mean) + c.
struct NormApply {
    const float* in = nullptr;
    const float *mean = nullptr, *a = nullptr, *b = nullptr, *c = nullptr;  // (channels)
    float* out = nullptr;
};

template <class Arch>
inline void apply_norm_gradient(const Strip& strip, const NormApply& n) {
    for_each_row<Arch>(
        strip, [&](auto granules, std::ptrdiff_t at, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            ask_for_map<Row>(n.in + at + i);
            ask_to_write_map<Row>(n.out + at + i);
            Row value = Row::load(n.c + i);
            value.add_product(Row::load(n.in + at + i) - Row::load(n.mean + i), Row::load(n.b + i));
            value.add_product(Row::load(n.out + at + i), Row::load(n.a + i));
            value.store(n.out + at + i);
        });
}

// gradient[i] *= silu'(before[i])
template <class Arch>
inline void multiply_by_silu_gradient(float* gradient, const float* before, int n) {
    for_each_step<Arch>(
        n, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            (Row::load(gradient + i) * simd::silu_gradient(Row::load(before + i))).store(gradient + i);
        });
}

}  // namespace effv2::kernels
