// A depthwise convolution over a batch of channels-last maps: forward and both gradients. Weights are (taps, channels).
#pragma once

#include "effv2/kernels/depthwise_gradient.hpp"
#include "effv2/training/layers/weight_gradient.hpp"

namespace effv2::training {

namespace detail {

template <class Arch>
void depthwise_points(int kernel, const kernels::DepthwisePoints& points, int first, int channels) {
    if (kernel == 3)
        kernels::depthwise_points<Arch, 3>(points, first, channels);
    else if (kernel == 5)
        kernels::depthwise_points<Arch, 5>(points, first, channels);
    else
        kernels::depthwise_points<Arch, 7>(points, first, channels);
}

// All points of a batch, then f(chunk, its points, first channel, channels) in each task. Tasks are chunks of points,
// cut further by channels where there are few chunks.
template <class Arch, class F>
void run_depthwise(Executor& executor, int batch, int kernel, int channels, const kernels::DepthwisePoints& all, F f) {
    constexpr int unit = kernels::depthwise_unit * granule;
    const int total = batch * all.gather.points(), chunks = chunk_count(total);
    run_by_parts(executor, chunks, (channels + unit - 1) / unit, [&](int chunk, int begin, int end) {
        kernels::DepthwisePoints points = all;
        points.first = part_start(total, chunks, chunk), points.end = part_start(total, chunks, chunk + 1);
        const int first = begin * unit, count = std::min(end * unit, channels) - first;
        depthwise_points<Arch>(kernel, points, first, count);
        f(chunk, points, first, count);
    });
}

}  // namespace detail

// out = in * weights; `moments` as in ConvPass, or nullptr.
template <class Arch>
void depthwise_forward(Executor& executor, const ConvShape& shape, int batch, const float* in, const float* weights,
                       float* out, float* moments) {
    const Window& w = shape.window;
    kernels::DepthwisePoints all;
    all.gather = kernels::forward_gather(w);
    all.source = in, all.source_step = shape.in_stride;
    all.weights = weights, all.weight_step = shape.out;
    all.out = out, all.out_step = shape.out_stride;
    all.out_width = w.output.width, all.out_pixels = w.output.pixels();
    const auto measure = [&](int chunk, const kernels::DepthwisePoints& points, int first, int channels) {
        if (moments == nullptr) return;
        float* to = moments + std::ptrdiff_t{chunk} * 2 * shape.out + first;
        kernels::channel_moments<Arch>(out + points.first * all.out_step + first, all.out_step,
                                       points.end - points.first, channels, to, to + shape.out);
    };
    detail::run_depthwise<Arch>(executor, batch, w.kernel, shape.out, all, measure);
}

// The gradient of the input (+ residual, of the input's shape, or nullptr), one remainder class of the stride at a
// time.
template <class Arch>
void depthwise_backward(Executor& executor, const ConvShape& shape, int batch, const float* out_gradient,
                        const float* weights, const float* residual, float* in_gradient) {
    const Window& w = shape.window;
    kernels::DepthwisePoints all;
    all.source = out_gradient, all.source_step = shape.out_stride;
    all.weights = weights, all.weight_step = shape.in;
    all.out = in_gradient, all.out_step = shape.in_stride;
    all.out_width = w.input.width, all.out_pixels = w.input.pixels();
    for (int c = 0; c < w.stride * w.stride; ++c) {
        all.gather = kernels::backward_gather(w, c);
        detail::run_depthwise<Arch>(executor, batch, w.kernel, shape.in, all, [](auto...) {});
    }
    if (residual == nullptr) return;
    executor.run(batch * w.input.height, [&](int line, int) {
        for (int x = 0; x < w.input.width; ++x) {
            const std::ptrdiff_t at = (std::ptrdiff_t{line} * w.input.width + x) * shape.in_stride;
            kernels::accumulate<Arch>(in_gradient + at, residual + at, shape.in);
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
    const kernels::Gather gather = kernels::forward_gather(w);
    // Sums in registers are added to those in memory after so many points: the shorter the chains, the less is lost.
    constexpr int chained_points = 256;
    const int together = std::max(1, chained_points / w.output.width);
    executor.run(cut.splits * cut.slices, [&](int task, int) {
        const int split = task / cut.slices, first = task % cut.slices * cut.slice;
        kernels::DepthwiseGradient gradient{.gather = gather,
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
