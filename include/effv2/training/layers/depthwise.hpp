// A depthwise convolution over a batch of channels-last maps: forward and both gradients. Weights are (taps, channels).
#pragma once

#include "effv2/kernels/depthwise_gradient.hpp"
#include "effv2/training/layers/weight_gradient.hpp"

namespace effv2::training {

namespace detail {

// The taps of one grid point that lie inside the map.
inline int collect_taps(const Gather& g, const float* map, int stride, const float* weights, int kernel, int channels,
                        int y, int x, kernels::DepthwiseTap* taps) {
    int count = 0;
    for (int a = 0; a < g.y.taps; ++a) {
        const int sy = y * g.y.step + g.y.first + a;
        if (sy < 0 || sy >= g.y.source) continue;
        for (int b = 0; b < g.x.taps; ++b) {
            const int sx = x * g.x.step + g.x.first + b;
            if (sx < 0 || sx >= g.x.source) continue;
            taps[count++] = {map + (std::ptrdiff_t{sy} * g.x.source + sx) * stride,
                             weights + (std::ptrdiff_t{g.y.tap(a)} * kernel + g.x.tap(b)) * channels};
        }
    }
    return count;
}

}  // namespace detail

// out = in * weights; `moments` as in ConvPass, or nullptr.
template <class Arch>
void depthwise_forward(Executor& executor, const ConvShape& shape, int batch, const float* in, const float* weights,
                       float* out, float* moments) {
    const Gather gather = forward_gather(shape.window);
    const int points = gather.points(), total = batch * points, chunks = chunk_count(total);
    const std::ptrdiff_t map = std::ptrdiff_t{shape.window.input.pixels()} * shape.in_stride;
    executor.run(chunks, [&](int chunk, int) {
        const int first = part_start(total, chunks, chunk), end = part_start(total, chunks, chunk + 1);
        for (int i = first; i < end; ++i) {
            kernels::DepthwiseTap taps[49];
            const int point = i % points;
            const int count =
                detail::collect_taps(gather, in + i / points * map, shape.in_stride, weights, shape.window.kernel,
                                     shape.out, point / gather.x.points, point % gather.x.points, taps);
            kernels::depthwise_point<Arch>(taps, count, shape.out, out + std::ptrdiff_t{i} * shape.out_stride);
        }
        if (moments == nullptr) return;
        float* to = moments + std::ptrdiff_t{chunk} * 2 * shape.out;
        kernels::channel_moments<Arch>(out + std::ptrdiff_t{first} * shape.out_stride, shape.out_stride, end - first,
                                       shape.out, to, to + shape.out);
    });
}

// The gradient of the input (+ residual, of the input's shape, or nullptr).
template <class Arch>
void depthwise_backward(Executor& executor, const ConvShape& shape, int batch, const float* out_gradient,
                        const float* weights, const float* residual, float* in_gradient) {
    const Window& w = shape.window;
    const int stride = w.stride, lines = w.input.height;
    const std::ptrdiff_t map = std::ptrdiff_t{w.output.pixels()} * shape.out_stride;
    executor.run(batch * lines, [&](int line, int) {
        const int image = line / lines, iy = line % lines;
        for (int ix = 0; ix < w.input.width; ++ix) {
            const Gather gather = backward_gather(w, iy % stride * stride + ix % stride);
            kernels::DepthwiseTap taps[49];
            const int count = detail::collect_taps(gather, out_gradient + image * map, shape.out_stride, weights,
                                                   w.kernel, shape.in, iy / stride, ix / stride, taps);
            const std::ptrdiff_t to = (std::ptrdiff_t{line} * w.input.width + ix) * shape.in_stride;
            kernels::depthwise_point<Arch>(taps, count, shape.in, in_gradient + to);
            if (residual != nullptr) kernels::accumulate<Arch>(in_gradient + to, residual + to, shape.in);
        }
    });
}

namespace detail {

// All rows of a 3x3 kernel at once, of a larger one row by row: as many sums as registers hold.
template <class Arch, int kernel>
void add_depthwise_gradient(kernels::DepthwiseGradient gradient, int first, int channels) {
    constexpr int rows = kernel == 3 ? 3 : 1;
    for (gradient.top = 0; gradient.top < kernel; gradient.top += rows)
        kernels::depthwise_gradient<Arch, rows, kernel>(gradient, first, channels);
}

}  // namespace detail

// The gradient of the weights. `scratch` has GradientCut::scratch_floats.
template <class Arch>
void depthwise_weight_gradient(Executor& executor, const ConvShape& shape, int batch, const float* in,
                               const float* out_gradient, float* scratch, float* weight_gradient) {
    const GradientCut cut(shape, batch);
    const Window& w = shape.window;
    const kernels::DepthwiseGrid grid{.y = {w.input.height, w.output.height, w.vertical.before},
                                      .x = {w.input.width, w.output.width, w.horizontal.before},
                                      .stride = w.stride};
    // Sums in registers are added to those in memory after so many points: the shorter the chains, the less is lost.
    constexpr int chained_points = 256;
    const int together = std::max(1, chained_points / w.output.width);
    executor.run(cut.splits * cut.slices, [&](int task, int) {
        const int split = task / cut.slices, first = task % cut.slices * cut.slice;
        kernels::DepthwiseGradient gradient{.grid = grid,
                                            .source = in,
                                            .gradient = out_gradient,
                                            .sums = weight_gradient,
                                            .source_step = shape.in_stride,
                                            .gradient_step = shape.out_stride,
                                            .sum_step = shape.out};
        if (cut.splits > 1) gradient.sums = scratch + static_cast<std::size_t>(split) * shape.weights();
        const int stop = part_start(cut.lines, cut.splits, split + 1);
        for (int line = part_start(cut.lines, cut.splits, split); line < stop; line += together) {
            gradient.first = line, gradient.end = std::min(line + together, stop);
            const int channels = std::min(cut.slice, shape.out - first);
            if (w.kernel == 3)
                detail::add_depthwise_gradient<Arch, 3>(gradient, first, channels);
            else if (w.kernel == 5)
                detail::add_depthwise_gradient<Arch, 5>(gradient, first, channels);
            else
                detail::add_depthwise_gradient<Arch, 7>(gradient, first, channels);
            gradient.add = true;
        }
    });
    detail::add_splits<Arch>(executor, shape, cut, scratch, weight_gradient);
}

}  // namespace effv2::training
