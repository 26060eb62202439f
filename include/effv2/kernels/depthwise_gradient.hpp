// Depthwise convolution for training: no epilogue, maps where they lie, and the gradients of input and weights. A
// percent of a network's products, so one pixel at a time is fast enough.
#pragma once

#include "effv2/kernels/vector.hpp"
#include "effv2/kernels/weight_gradient.hpp"

namespace effv2::kernels {

// One source pixel of an output pixel and the weights that it is multiplied with, both (channels).
struct DepthwiseTap {
    const float* source;
    const float* weights;
};

// out[c] = sum over taps of source[c] * weights[c]
template <class Arch>
inline void depthwise_point(const DepthwiseTap* taps, int count, int channels, float* out) {
    for_each_step<Arch>(
        channels, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row sum = Row::broadcast(0.0f);
            for (int t = 0; t < count; ++t)
                sum.add_product(Row::load(taps[t].source + i), Row::load(taps[t].weights + i));
            sum.store(out + i);
        });
}

// sum[c] = (what was there, if `add`) + sum over the runs' pixels of in[c] * gradient[c]
template <class Arch>
inline void depthwise_tap_gradient(const GradientTile& tile, int channels) {
    for_each_step<Arch>(
        channels, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row even = Row::broadcast(0.0f), odd = even;
            for (int r = 0; r < tile.run_count; ++r) {
                const float* in = tile.in + tile.runs[r].in + i;
                const float* gradient = tile.gradient + tile.runs[r].gradient + i;
                int p = 0;
                for (; p + 2 <= tile.runs[r].pixels; p += 2) {
                    even.add_product(Row::load(in), Row::load(gradient));
                    odd.add_product(Row::load(in + tile.in_step), Row::load(gradient + tile.gradient_step));
                    in += 2 * tile.in_step, gradient += 2 * tile.gradient_step;
                }
                if (p < tile.runs[r].pixels) even.add_product(Row::load(in), Row::load(gradient));
            }
            if (tile.add) even = even + Row::load(tile.sum + i);
            (even + odd).store(tile.sum + i);
        });
}

}  // namespace effv2::kernels
