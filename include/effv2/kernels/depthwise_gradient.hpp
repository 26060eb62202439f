// Depthwise convolution for training: no epilogue, maps where they lie, and the gradients of input and weights. The
// taps' weights, or their gradients, stay in registers, as far as there are as many, while the points of a batch pass.
#pragma once

#include "effv2/kernels/gather.hpp"
#include "effv2/kernels/vector.hpp"

namespace effv2::kernels {

// How many points ahead maps are asked for: neighbours lie all channels apart, so nobody else sees them come. A map of
// 4 x 4, as training has them, is 16 points.
inline constexpr int depthwise_points_ahead = 32;

namespace detail {

// Calls f(tap (row by row of `kernel`), floats from the first map's first pixel) for those of the rectangle's rows
// [0, rows) that are in the source, for a point whose corner is at (line, column) of an image. `step`: floats from
// pixel to pixel.
template <int rows, int kernel, class F>
[[gnu::always_inline]] inline void for_each_tap(const Gather& gather, int image, int line, int column,
                                                std::ptrdiff_t step, F f) {
    const auto &y = gather.y, &x = gather.x;
    const std::ptrdiff_t corner = ((std::ptrdiff_t{image} * y.source + line) * x.source + column) * step;
    simd::static_for<rows>([&](auto a) __attribute__((always_inline)) {
        if (a >= y.taps || static_cast<unsigned>(line + a) >= static_cast<unsigned>(y.source)) return;
        const std::ptrdiff_t from = corner + std::ptrdiff_t{a} * x.source * step;
        simd::static_for<kernel>([&](auto b) __attribute__((always_inline)) {
            if (b >= x.taps || static_cast<unsigned>(column + b) >= static_cast<unsigned>(x.source)) return;
            f(std::integral_constant<int, a * kernel + b>{}, from + std::ptrdiff_t{b} * step);
        });
    });
}

// Walks over the points of a batch, line by line and image by image.
struct PointWalk {
    const Gather* gather;
    int image, y, x;

    PointWalk(const Gather& over, int first)
        : gather(&over),
          image(first / over.points()),
          y(first % over.points() / over.x.points),
          x(first % over.x.points) {}
    void next() {
        if (++x < gather->x.points) return;
        x = 0;
        if (++y == gather->y.points) y = 0, ++image;
    }
};

}  // namespace detail

// out[point][c] = sum over the taps of point of source[pixel of the tap][c] * weights[tap][c]
struct DepthwisePoints {
    Gather gather;
    const float* source = nullptr;   // the first map
    const float* weights = nullptr;  // (kernel x kernel, weight_step)
    float* out = nullptr;            // the first map that is written
    int out_width = 0, out_pixels = 0;
    std::ptrdiff_t source_step = 0, weight_step = 0, out_step = 0;  // floats from pixel to pixel or tap to tap
    int first = 0, end = 0;                                         // points of all images
};

namespace detail {

template <class Arch, int kernel, int granules>
void depthwise_points(const DepthwisePoints& d, int channel) {
    using Row = simd::Row<Arch, granules>;
    const auto &gy = d.gather.y, &gx = d.gather.x;
    Row weights[kernel * kernel];
    simd::static_for<kernel * kernel>([&](auto t) __attribute__((always_inline)) {
        constexpr int a = t / kernel, b = t % kernel;
        if (a < gy.taps && b < gx.taps)
            weights[t] = Row::load(d.weights + (gy.tap(a) * kernel + gx.tap(b)) * d.weight_step + channel);
    });
    PointWalk at(d.gather, d.first);
    for (int i = d.first; i < d.end; ++i, at.next()) {
        const int line = at.y * gy.step + gy.first, column = at.x * gx.step + gx.first;
        const int ahead = (at.image * gy.source + line) * gx.source + column + depthwise_points_ahead * gx.step;
        ask_for(d.source + ahead * d.source_step + channel, Row::width);
        Row sum = Row::broadcast(0.0f);
        for_each_tap<kernel, kernel>(
            d.gather, at.image, line, column,
            d.source_step, [&](auto tap, std::ptrdiff_t from) __attribute__((always_inline)) {
                sum.add_product(Row::load(d.source + from + channel), weights[tap]);
            });
        const int pixel =
            at.image * d.out_pixels + (at.y * gy.spread + gy.place) * d.out_width + (at.x * gx.spread + gx.place);
        sum.store(d.out + pixel * d.out_step + channel);
    }
}

}  // namespace detail

// Granules that a visit of the points takes together: where a point's pixels lie is found once for them.
inline constexpr int depthwise_unit = 4;

// Of channels [first_channel, first_channel + channels).
template <class Arch, int kernel>
inline void depthwise_points(const DepthwisePoints& d, int first_channel, int channels) {
    int i = 0;
    if constexpr (kernel == 3)  // larger ones have too many weights
        for (; i + depthwise_unit * granule <= channels; i += depthwise_unit * granule)
            detail::depthwise_points<Arch, kernel, depthwise_unit>(d, first_channel + i);
    for_each_step<Arch>(
        channels - i, [&](auto granules, int more) __attribute__((always_inline)) {
            detail::depthwise_points<Arch, kernel, granules>(d, first_channel + i + more);
        });
}

// sums[tap][c] = (what was there, if `add`) + sum over points of source[pixel of the tap][c] * gradient[point][c]
struct DepthwiseGradient {
    Gather gather;
    const float* source = nullptr;    // the first map
    const float* gradient = nullptr;  // of point 0
    float* sums = nullptr;
    std::ptrdiff_t source_step = 0, gradient_step = 0;  // floats from pixel to pixel
    std::ptrdiff_t sum_step = 0;                        // floats from tap to tap
    int first = 0, end = 0;                             // lines of points of all images
    int top = 0;                                        // of the kernel: its rows [top, top + rows)
    bool add = false;
};

namespace detail {

template <class Arch, int rows, int kernel, int granules>
void depthwise_gradient(const DepthwiseGradient& g, int channel) {
    using Row = simd::Row<Arch, granules>;
    const auto &y = g.gather.y, &x = g.gather.x;
    float* const sums = g.sums + g.top * kernel * g.sum_step + channel;
    Row sum[rows * kernel];
    simd::static_for<rows * kernel>([&](auto t) __attribute__((always_inline)) {
        sum[t] = g.add ? Row::load(sums + t * g.sum_step) : Row::broadcast(0.0f);
    });
    const float* gradient = g.gradient + std::ptrdiff_t{g.first} * x.points * g.gradient_step + channel;
    for (int line = g.first; line < g.end; ++line) {
        const int image = line / y.points, from = line % y.points * y.step + y.first + g.top;
        for (int px = 0; px < x.points; ++px, gradient += g.gradient_step) {
            ask_for(gradient + depthwise_points_ahead * g.gradient_step, Row::width);
            const int ahead = (image * y.source + from) * x.source + (px + depthwise_points_ahead) * x.step;
            ask_for(g.source + ahead * g.source_step + channel, Row::width);
            const Row row = Row::load(gradient);
            for_each_tap<rows, kernel>(
                g.gather, image, from, px * x.step + x.first,
                g.source_step, [&](auto tap, std::ptrdiff_t at) __attribute__((always_inline)) {
                    sum[tap].add_product(Row::load(g.source + at + channel), row);
                });
        }
    }
    simd::static_for<rows * kernel>([&](auto t)
                                        __attribute__((always_inline)) { sum[t].store(sums + t * g.sum_step); });
}

}  // namespace detail

// Granules that a visit of the points takes together: as many as registers hold sums and gradients of, and a task has.
template <class Arch, int taps>
inline constexpr int gradient_unit = std::clamp(TileShape<Arch>::registers / (taps + 1) * simd::lanes<Arch> / granule,
                                                1, 8);

// Of channels [first_channel, first_channel + channels).
template <class Arch, int rows, int kernel>
inline void depthwise_gradient(const DepthwiseGradient& g, int first_channel, int channels) {
    constexpr int unit = gradient_unit<Arch, rows * kernel>;
    int i = 0;
    for (; i + unit * granule <= channels; i += unit * granule)
        detail::depthwise_gradient<Arch, rows, kernel, unit>(g, first_channel + i);
    for_each_step<Arch>(
        channels - i, [&](auto granules, int more) __attribute__((always_inline)) {
            detail::depthwise_gradient<Arch, rows, kernel, granules>(g, first_channel + i + more);
        });
}

}  // namespace effv2::kernels
