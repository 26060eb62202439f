// Depthwise convolution for training: no epilogue, maps where they lie, and the gradients of input and weights. A
// percent of a network's products, so one pixel at a time is fast enough.
#pragma once

#include "effv2/kernels/vector.hpp"

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

// Which pixels of the source the output's pixels ("points") see: point j those of j * stride - before + (0 ... kernel
// - 1) along each axis, as far as they are there.
struct DepthwiseGrid {
    struct Axis {
        int source = 0, points = 0, before = 0;
    };
    Axis y, x;
    int stride = 1;

    // Calls f(tap (row by row), floats from the first map's first pixel) for the taps that a point has in rows
    // [0, rows) of a kernel, whose first row lies at source line `line` of an image. `step`: floats from pixel to
    // pixel.
    template <int rows, int kernel, class F>
    [[gnu::always_inline]] void for_each_tap(int image, int line, int column, std::ptrdiff_t step, F f) const {
        const std::ptrdiff_t corner = ((std::ptrdiff_t{image} * y.source + line) * x.source + column) * step;
        simd::static_for<rows>([&](auto a) __attribute__((always_inline)) {
            if (static_cast<unsigned>(line + a) >= static_cast<unsigned>(y.source)) return;
            const std::ptrdiff_t from = corner + std::ptrdiff_t{a} * x.source * step;
            simd::static_for<kernel>([&](auto b) __attribute__((always_inline)) {
                if (static_cast<unsigned>(column + b) >= static_cast<unsigned>(x.source)) return;
                f(std::integral_constant<int, a * kernel + b>{}, from + std::ptrdiff_t{b} * step);
            });
        });
    }
};

// sums[tap][c] = (what was there, if `add`) + sum over points of source[pixel of the tap][c] * gradient[point][c]
struct DepthwiseGradient {
    DepthwiseGrid grid;
    const float* source = nullptr;    // the first map
    const float* gradient = nullptr;  // of point 0
    float* sums = nullptr;
    std::ptrdiff_t source_step = 0, gradient_step = 0;  // floats from pixel to pixel
    std::ptrdiff_t sum_step = 0;                        // floats from tap to tap
    int first = 0, end = 0;                             // lines of points of all images
    int top = 0;                                        // of the kernel: its rows [top, top + rows)
    bool add = false;
};

template <class Arch, int rows, int kernel>
inline void depthwise_gradient(const DepthwiseGradient& g, int first_channel, int channels) {
    const auto &y = g.grid.y, &x = g.grid.x;
    for_each_step<Arch>(
        channels, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            const int channel = first_channel + i;
            float* const sums = g.sums + g.top * kernel * g.sum_step + channel;
            Row sum[rows * kernel];
            simd::static_for<rows * kernel>([&](auto t) __attribute__((always_inline)) {
                sum[t] = g.add ? Row::load(sums + t * g.sum_step) : Row::broadcast(0.0f);
            });
            const float* gradient = g.gradient + std::ptrdiff_t{g.first} * x.points * g.gradient_step + channel;
            for (int line = g.first; line < g.end; ++line) {
                const int image = line / y.points, from = line % y.points * g.grid.stride - y.before + g.top;
                for (int px = 0; px < x.points; ++px, gradient += g.gradient_step) {
                    const Row row = Row::load(gradient);
                    g.grid.template for_each_tap<rows, kernel>(
                        image, from, px * g.grid.stride - x.before,
                        g.source_step, [&](auto tap, std::ptrdiff_t at) __attribute__((always_inline)) {
                            sum[tap].add_product(Row::load(g.source + at + channel), row);
                        });
                }
            }
            simd::static_for<rows * kernel>([&](auto t) __attribute__((always_inline)) {
                sum[t].store(sums + t * g.sum_step);
            });
        });
}

}  // namespace effv2::kernels
