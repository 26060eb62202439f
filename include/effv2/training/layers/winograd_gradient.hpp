// The gradient of a stride-1 3x3 convolution's weights at Winograd's points: inputs and output gradients are
// transformed tile by tile, each point is one matrix product over all tiles, and the sums are transformed to taps at
// the end.
#pragma once

#include "effv2/kernels/weight_gradient.hpp"
#include "effv2/training/layers/winograd.hpp"

namespace effv2::training {

namespace detail {

// Tiles that are transformed together: as many as let their points stay in the caches, unless the sums that they are
// added to would come by too often.
inline int winograd_gradient_tiles(const ConvShape& shape, int batch) {
    constexpr int floats = 1 << 20, least = 64;
    return std::min(Canvas(shape.window.output, batch).tiles(),
                    std::max(least, floats / (training_points * (shape.in + shape.out))));
}

// How far behind a point's place the next ones' is asked for, in floats.
inline constexpr int points_ahead = 32;

}  // namespace detail

// Floats of scratch: the points of some tiles, and the sums at all points.
inline std::size_t winograd_gradient_scratch(const ConvShape& shape, int batch) {
    const int tiles = detail::winograd_gradient_tiles(shape, batch);
    return static_cast<std::size_t>(training_points * (point_stride(tiles, pixel_stride(shape.in)) +
                                                       point_stride(tiles, pixel_stride(shape.out)))) +
           winograd_weights(shape);
}

// As convolve_weight_gradient.
template <class Arch>
class WinogradGradient {
public:
    WinogradGradient(const ConvShape& shape, int batch, const float* in, const float* out_gradient, float* scratch)
        : shape_(shape),
          in_(in),
          gradient_(out_gradient),
          canvas_(shape.window.output, batch),
          together_(detail::winograd_gradient_tiles(shape, batch)),
          in_stride_(pixel_stride(shape.in)),
          gradient_stride_(pixel_stride(shape.out)),
          in_points_(scratch),
          gradient_points_(in_points_ + training_points * point_stride(together_, in_stride_)),
          sums_(gradient_points_ + training_points * point_stride(together_, gradient_stride_)) {}

    void run(Executor& executor, float* weight_gradient) const {
        for (int first = 0; first < canvas_.tiles(); first += together_) {
            const int count = std::min(together_, canvas_.tiles() - first);
            constexpr int group = 4;  // tiles of a task
            executor.run((count + group - 1) / group, [&](int task, int) {
                transform(first, task * group, std::min((task + 1) * group, count), count);
            });
            add_products(executor, count, first > 0);
        }
        to_taps(executor, weight_gradient);
    }

private:
    // Tiles [begin, end) of the `count` that are together from tile `first` of the batch on.
    void transform(int first, int begin, int end, int count) const {
        const float *in[2][training_points], *gradient[2][training_tile * training_tile];
        const auto find = [&](int t) {
            canvas_.find_pixels(first + t, 1, training_tile + 2, in_, shape_.in_stride, network::zeros, in[t % 2]);
            canvas_.find_pixels(first + t, 0, training_tile, gradient_, shape_.out_stride, network::zeros,
                                gradient[t % 2]);
        };
        find(begin);
        for (int t = begin; t < end; ++t) {
            const bool last = first + t + 1 == canvas_.tiles();
            if (!last) find(t + 1);
            kernels::winograd::InputTile tile;
            tile.ahead = detail::points_ahead;
            tile.in = in[t % 2], tile.next = last ? nullptr : in[(t + 1) % 2];
            tile.out = in_points_ + std::ptrdiff_t{t} * in_stride_;
            tile.point_stride = point_stride(count, in_stride_);
            kernels::winograd::transform_input_tile<Arch, training_tile>(tile, shape_.in);
            tile.in = gradient[t % 2], tile.next = last ? nullptr : gradient[(t + 1) % 2];
            tile.out = gradient_points_ + std::ptrdiff_t{t} * gradient_stride_;
            tile.point_stride = point_stride(count, gradient_stride_);
            kernels::winograd_gradient::transform_gradient_tile<Arch>(tile, shape_.out);
        }
    }

    // sums[panel][point][in][channel of the panel] (+)= sum over tiles of the points' products
    void add_products(Executor& executor, int count, bool add) const {
        const kernels::Panels<Arch> panels(shape_.out);
        const kernels::PixelRun run{0, 0, count};
        executor.run(training_points * panels.count, [&](int task, int) {
            const int point = task / panels.count, p = task % panels.count, width = panels.width(p) * granule;
            kernels::GradientTile tile;
            tile.gradient = gradient_points_ + point * point_stride(count, gradient_stride_) + panels.first_channel(p);
            tile.in_step = in_stride_, tile.gradient_step = gradient_stride_;
            tile.runs = &run, tile.run_count = 1;
            tile.add = add;
            tile.in = in_points_ + point * point_stride(count, in_stride_);
            tile.sum = sums_ + panel_points<Arch>(shape_.in, p) + point * point_stride(shape_.in, width);
            kernels::add_gradient<Arch>(0, shape_.in, panels.width(p), tile);
        });
    }

    void to_taps(Executor& executor, float* weight_gradient) const {
        const kernels::Panels<Arch> panels(shape_.out);
        executor.run(panels.count * (shape_.in / granule), [&](int task, int) {
            const int p = task / (shape_.in / granule), width = panels.width(p) * granule;
            const float* sums = sums_ + panel_points<Arch>(shape_.in, p);
            float* taps = weight_gradient + std::ptrdiff_t{9} * shape_.in * panels.first_channel(p);
            for (int i = task % (shape_.in / granule) * granule, end = i + granule; i < end; ++i)
                kernels::winograd_gradient::gather_kernels<Arch>(
                    sums + std::ptrdiff_t{i} * width, point_stride(shape_.in, width), width,
                    taps + std::ptrdiff_t{i} * width, std::ptrdiff_t{shape_.in} * width);
        });
    }

    const ConvShape& shape_;
    const float *in_, *gradient_;
    Canvas canvas_;
    int together_, in_stride_, gradient_stride_;  // from a tile's channels at a point to the next one's
    float *in_points_, *gradient_points_, *sums_;
};

}  // namespace effv2::training
