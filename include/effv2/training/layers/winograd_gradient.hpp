// The gradient of a stride-1 3x3 convolution's weights at Winograd's points: inputs and output gradients are
// transformed tile by tile, each point is one matrix product over all tiles, and the sums are transformed to taps at
// the end.
#pragma once

#include "effv2/kernels/weight_gradient.hpp"
#include "effv2/training/layers/winograd.hpp"

namespace effv2::training {

namespace detail {

// Tiles that are transformed together: as many as let their points stay in a last-level cache.
inline int winograd_gradient_tiles(const ConvShape& shape, int batch) {
    constexpr int floats = 1 << 22;
    return std::min(Canvas(shape.window.output, batch).tiles(),
                    std::max(32, floats / (training_points * (shape.in + shape.out))));
}

}  // namespace detail

// Floats of scratch: the points of some tiles, and the sums at all points.
inline std::size_t winograd_gradient_scratch(const ConvShape& shape, int batch) {
    const int tiles = detail::winograd_gradient_tiles(shape, batch);
    return static_cast<std::size_t>(training_points *
                                    (point_stride(tiles, shape.in) + point_stride(tiles, shape.out))) +
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
          in_points_(scratch),
          gradient_points_(in_points_ + training_points * point_stride(together_, shape.in)),
          sums_(gradient_points_ + training_points * point_stride(together_, shape.out)) {}

    void run(Executor& executor, float* weight_gradient) const {
        for (int first = 0; first < canvas_.tiles(); first += together_) {
            const int count = std::min(together_, canvas_.tiles() - first);
            constexpr int group = 4;  // tiles of a task
            executor.run((count + group - 1) / group, [&](int task, int) {
                for (int t = task * group; t < std::min((task + 1) * group, count); ++t) transform(first + t, t, count);
            });
            add_products(executor, count, first > 0);
        }
        to_taps(executor, weight_gradient);
    }

private:
    // Tile `tile` of the batch, the `t`-th of `count` that are together.
    void transform(int tile, int t, int count) const {
        const float* in[training_points];
        detail::find_inputs(canvas_, tile, in_, shape_.in_stride, in);
        kernels::winograd::transform_input_tile<Arch, training_tile>(
            in, shape_.in, in_points_ + std::ptrdiff_t{t} * shape_.in, point_stride(count, shape_.in));
        constexpr int pixels = training_tile * training_tile;
        std::ptrdiff_t place[pixels];
        canvas_.find_pixels<training_tile>(tile, 0, place);
        const float* gradient[pixels];
        for (int i = 0; i < pixels; ++i)
            gradient[i] = place[i] != Canvas::outside ? gradient_ + place[i] * shape_.out_stride : network::zeros;
        kernels::winograd_gradient::transform_gradient_tile<Arch>(
            gradient, shape_.out, gradient_points_ + std::ptrdiff_t{t} * shape_.out, point_stride(count, shape_.out));
    }

    // sums[panel][point][in][channel of the panel] (+)= sum over tiles of the points' products
    void add_products(Executor& executor, int count, bool add) const {
        const kernels::Panels<Arch> panels(shape_.out);
        const kernels::PixelRun run{0, 0, count};
        executor.run(training_points * panels.count, [&](int task, int) {
            const int point = task / panels.count, p = task % panels.count, width = panels.width(p) * granule;
            kernels::GradientTile tile;
            tile.gradient = gradient_points_ + point * point_stride(count, shape_.out) + panels.first_channel(p);
            tile.in_step = shape_.in, tile.gradient_step = shape_.out;
            tile.runs = &run, tile.run_count = 1;
            tile.add = add;
            float* sums = sums_ + panel_points<Arch>(shape_.in, p) + point * point_stride(shape_.in, width);
            for (int i = 0; i < shape_.in; i += kernels::gradient_rows<Arch>) {
                tile.in = in_points_ + point * point_stride(count, shape_.in) + i;
                tile.asks = i % static_cast<int>(segment_floats) == 0;
                tile.sum = sums + std::ptrdiff_t{i} * width;
                kernels::add_gradient<Arch>(panels.width(p), tile);
            }
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
    int together_;
    float *in_points_, *gradient_points_, *sums_;
};

}  // namespace effv2::training
