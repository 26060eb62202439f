// Stride-1 3x3 convolutions through Winograd's transforms: forward, and the gradient of the input, which is such a
// convolution itself. Weights change with every step, so theirs are transformed in every step too.
#pragma once

#include "effv2/kernels/winograd_gradient.hpp"
#include "effv2/training/layers/canvas.hpp"
#include "effv2/training/layers/convolution.hpp"

namespace effv2::training {

// Whether a layer can go this way, and the transforms weigh less than the products that they save.
inline bool suits_winograd(const ConvShape& shape) {
    return !shape.depthwise && shape.window.kernel == 3 && shape.window.stride == 1 && shape.in >= 16 &&
           shape.out >= 16 && shape.window.output.height >= 3 && shape.window.output.width >= 3;
}

// Floats of a layer's transformed weights in either direction, or of their gradient: panels of (points, inputs, panel
// width), from point to point point_stride, which adds a line at most.
inline std::size_t winograd_weights(const ConvShape& shape) {
    if (!shape.winograd) return 0;
    const std::size_t panels = static_cast<std::size_t>(std::max(shape.in, shape.out)) / granule;  // no more than these
    return training_points * (shape.weights() / 9 + panels * segment_floats);
}

// Where the points of a panel begin in them. All panels but the last are full.
template <class Arch>
constexpr std::ptrdiff_t panel_points(int depth, int panel) {
    return panel * training_points * point_stride(depth, kernels::TileShape<Arch>::unit * granule);
}

namespace detail {

// Tiles of a task: as many as let its points stay in a second-level cache.
constexpr int winograd_tiles(int depth) {
    constexpr int floats = 3 << 16;
    return std::clamp(floats / (training_points * depth), 4, max_task_tiles);
}

constexpr std::size_t winograd_scratch(int depth) {
    const int tiles = winograd_tiles(depth);
    return static_cast<std::size_t>(training_points * (point_stride(tiles, depth) + point_stride(tiles, max_panel)));
}

}  // namespace detail

// Floats of scratch that each worker needs, in either direction.
inline std::size_t winograd_scratch(const ConvShape& shape) {
    return shape.winograd ? std::max(detail::winograd_scratch(shape.in), detail::winograd_scratch(shape.out)) : 0;
}

// Panels of (9, depth, panel width) to panels of points.
template <class Arch>
void transform_weights(Executor& executor, int depth, int channels, const float* weights, float* points) {
    const kernels::Panels<Arch> panels(channels);
    constexpr int rows = 16;  // of a task
    const int parts = (depth + rows - 1) / rows;
    executor.run(panels.count * parts, [&](int task, int) {
        const int panel = task / parts, width = panels.width(panel) * granule, first = task % parts * rows;
        const float* from = weights + std::ptrdiff_t{9} * depth * panels.first_channel(panel);
        float* to = points + panel_points<Arch>(depth, panel);
        for (int i = first; i < std::min(first + rows, depth); ++i)
            kernels::winograd_gradient::transform_kernels<Arch>(
                from + std::ptrdiff_t{i} * width, std::ptrdiff_t{depth} * width, width, to + std::ptrdiff_t{i} * width,
                point_stride(depth, width));
    });
}

namespace detail {

// Some tiles of the batch, through all panels.
template <class Arch>
class WinogradChunk {
public:
    WinogradChunk(const ConvPass& pass, const Canvas& canvas, const float* points, int first, int count, float* scratch)
        : pass_(pass),
          canvas_(canvas),
          weights_(points),
          first_(first),
          count_(count),
          inputs_(scratch),
          products_(scratch + training_points * point_stride(count, pass.depth)) {}

    void run() const {
        transform_inputs();
        const kernels::Panels<Arch> panels(pass_.channels);
        for (int p = 0; p < panels.count; ++p) {
            const int width = panels.width(p) * granule;
            kernels::winograd::multiply_points<Arch, training_tile>(inputs_, count_, pass_.depth, panels.width(p),
                                                                    weights_ + panel_points<Arch>(pass_.depth, p),
                                                                    point_stride(pass_.depth, width), products_);
            transform_outputs(panels.first_channel(p), width);
        }
    }

private:
    void transform_inputs() const {
        const float* in[2][training_points];  // of a tile, and of the next one, which is asked for
        const auto find = [&](int t) {
            canvas_.find_pixels(first_ + t, 1, training_tile + 2, pass_.source, pass_.source_stride, network::zeros,
                                in[t % 2]);
        };
        find(0);
        for (int t = 0; t < count_; ++t) {
            const bool last = t + 1 == count_;
            if (!last) find(t + 1);
            kernels::winograd::InputTile tile;
            tile.in = in[t % 2], tile.next = last ? nullptr : in[(t + 1) % 2];
            tile.out = inputs_ + std::ptrdiff_t{t} * pass_.depth;
            tile.point_stride = point_stride(count_, pass_.depth);
            kernels::winograd::transform_input_tile<Arch, training_tile>(tile, pass_.depth);
        }
    }

    void transform_outputs(int channel, int width) const {
        constexpr int pixels = training_tile * training_tile;
        float* out[2][pixels];  // of a tile, and of the next one, asked for where the map is new to the caches
        const float* residual[pixels];
        const auto find = [&](int t) {
            canvas_.find_pixels(first_ + t, 0, training_tile, pass_.destination, pass_.destination_stride, nullptr,
                                out[t % 2]);
        };
        find(0);
        for (int t = 0; t < count_; ++t) {
            const bool last = t + 1 == count_;
            if (!last) find(t + 1);
            if (pass_.residual != nullptr)
                canvas_.find_pixels(first_ + t, 0, training_tile, pass_.residual, pass_.destination_stride, nullptr,
                                    residual);
            kernels::winograd::OutputTile tile;
            tile.points = products_ + std::ptrdiff_t{t} * width;
            tile.point_stride = point_stride(count_, width);
            tile.out = out[t % 2], tile.out_offset = channel;
            if (pass_.moments != nullptr && !last) tile.next = out[(t + 1) % 2];
            tile.residual = pass_.residual != nullptr ? residual : nullptr;
            kernels::winograd::transform_output_tile<Arch, training_tile, false>(tile, width);
        }
    }

    const ConvPass& pass_;
    const Canvas& canvas_;
    const float* weights_;
    int first_, count_;
    float *inputs_, *products_;
};

}  // namespace detail

// The pass of a stride-1 3x3 convolution, with transformed weights in place of its own; scratch as winograd_scratch
// says, for each worker.
template <class Arch>
void convolve_winograd(Executor& executor, const ConvPass& pass, const float* points, float* scratch,
                       std::size_t scratch_stride) {
    const Canvas canvas({pass.gather.y.points, pass.gather.x.points}, pass.batch);
    const int tiles = canvas.tiles();
    const int most = detail::winograd_tiles(pass.depth), chunks = (tiles + most - 1) / most;
    executor.run(chunks, [&](int task, int worker) {
        const int first = part_start(tiles, chunks, task);
        const detail::WinogradChunk<Arch> chunk(pass, canvas, points, first,
                                                part_start(tiles, chunks, task + 1) - first,
                                                scratch + static_cast<std::size_t>(worker) * scratch_stride);
        chunk.run();
    });
    if (pass.moments == nullptr) return;
    // Tiles have not the pixels of the chunks that statistics are made of.
    const int points_count = pass.batch * pass.gather.points(), parts = chunk_count(points_count);
    executor.run(parts, [&](int part, int) {
        const int first = part_start(points_count, parts, part);
        float* moments = pass.moments + std::ptrdiff_t{part} * 2 * pass.channels;
        kernels::channel_moments<Arch>(pass.destination + std::ptrdiff_t{first} * pass.destination_stride,
                                       pass.destination_stride, part_start(points_count, parts, part + 1) - first,
                                       pass.channels, moments, moments + pass.channels);
    });
}

}  // namespace effv2::training
