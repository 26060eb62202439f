// Fused-MBConv: a full k x k convolution that expands, and the 1x1 projection that consumes its output while it is in
// cache. The expanded map is never whole in memory: a task expands some pixels into its own scratch and projects them
// at once. With expansion 1 there is no projection, and the convolution writes (with its residual) straight to the
// output map.
#pragma once

#include "effv2/kernels/strided_winograd.hpp"
#include "effv2/network/patch.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

struct FusedJob {
    const Block* block;
    Packed first, projection;
    PixelMap<const float> in;
    PixelMap<float> out;
    int expanded_stride;  // floats from pixel to pixel

    // Of the work's `image`-th picture.
    FusedJob(const Work& work, const PlannedBlock& planned, int image)
        : block(&planned.shape),
          first(work, planned.weights.first, block->in, block->expands ? block->expanded : block->out),
          projection(work, planned.weights.project, block->expanded, block->out),
          in{work.at(planned.input, image), pixel_stride(block->in), block->window.input},
          out{work.at(planned.output, image), pixel_stride(block->out), block->window.output},
          expanded_stride(pixel_stride(block->expanded)) {}

    // What the residual adds to the output pixel (input and output maps have one shape there).
    const float* residual(int pixel) const { return block->residual ? in.at(pixel) : nullptr; }
};

// ---- 3x3 of stride 1 or 2: Winograd ----

// The tiles [first, first + count) of the map, in row order, of F(m x m, 3x3).
template <class Arch, int m, int stride>
class WinogradTask {
public:
    static constexpr WinogradShape shape = winograd_shape(m, stride);

    WinogradTask(const FusedJob& job, int first, int count, float* scratch)
        : job_(job),
          count_(count),
          points_(scratch),
          products_(points_ + shape.inputs.pixels() * point_stride(max_task_tiles, job.first.depth)),
          expanded_(products_ + shape.products * point_stride(max_task_tiles, max_panel)) {
        const int columns = in_tiles(job.block->window.output).width;
        for (int t = 0; t < count; ++t)
            corners_[t] = {(first + t) / columns * shape.outputs.height, (first + t) % columns * shape.outputs.width};
    }

    // How many tiles cover a map.
    static constexpr Extent in_tiles(Extent map) {
        return {(map.height + shape.outputs.height - 1) / shape.outputs.height,
                (map.width + shape.outputs.width - 1) / shape.outputs.width};
    }

    void run() const {
        transform_inputs();
        const kernels::Panels<Arch> panels(job_.first.channels);
        for (int p = 0; p < panels.count; ++p) {
            job_.first.ask_for_bias(panels.first_channel(p), panels.width(p) * granule);
            multiply(panels.width(p), panels.first_channel(p));
            transform_outputs(panels.first_channel(p), panels.width(p) * granule);
        }
        if (job_.block->expands) project_tiles();
    }

private:
    static constexpr int outputs = shape.outputs.pixels();

    void transform_inputs() const {
        const int depth = job_.first.depth;
        const Window& window = job_.block->window;
        kernels::winograd::InputTile tile;
        tile.point_stride = point_stride(count_, depth);
        const float* patches[2][shape.inputs.pixels()];  // of a tile, and of the next one, which is asked for
        const auto find = [&](int t) {
            find_patch(job_.in, corners_[t].y * stride - window.vertical.before,
                       corners_[t].x * stride - window.horizontal.before, shape.inputs, zeros, patches[t % 2]);
        };
        find(0);
        for (int t = 0; t < count_; ++t) {
            const bool last = t + 1 == count_;
            if (!last) find(t + 1);
            tile.next = last ? nullptr : patches[(t + 1) % 2];
            tile.in = patches[t % 2];
            tile.out = points_ + std::ptrdiff_t{t} * depth;
            if constexpr (stride == 2)
                kernels::winograd::transform_strided_inputs<Arch, m>(tile, depth);
            else
                kernels::winograd::transform_input_tile<Arch, m>(tile, depth);
        }
    }

    void multiply(int granules, int channel) const {
        const int depth = job_.first.depth;
        const float* weights = job_.first.weights + std::ptrdiff_t{shape.matrices} * depth * channel;
        if constexpr (stride == 2)
            kernels::winograd::multiply_strided<Arch, m>(points_, count_, depth, granules, weights, products_);
        else
            kernels::winograd::multiply_points<Arch, m>(points_, count_, depth, granules, weights,
                                                        std::ptrdiff_t{depth} * granules * granule, products_);
    }

    void transform_outputs(int channel, int width) const {
        const bool expands = job_.block->expands, adds = !expands && job_.block->residual;
        float* places[2][outputs];  // of a tile, and of the next one, which are asked for where they are a map's
        const auto find = [&](int t) {
            if (!expands) return find_outputs(t, job_.out, places[t % 2]);
            const PixelMap<float> tiles{expanded_, job_.expanded_stride, {count_, outputs}};
            find_patch<float>(tiles, t, 0, {1, outputs}, nullptr, places[t % 2]);
        };
        find(0);
        for (int t = 0; t < count_; ++t) {
            const bool last = t + 1 == count_;
            if (!last) find(t + 1);
            const float* residual[outputs];
            if (adds) find_outputs(t, job_.in, residual);
            kernels::winograd::OutputTile tile;
            tile.points = products_ + std::ptrdiff_t{t} * width;
            tile.point_stride = point_stride(count_, width);
            tile.bias = job_.first.bias + channel;
            tile.out = places[t % 2];
            tile.next = last || expands ? nullptr : places[(t + 1) % 2];  // expanded maps stay in the caches
            tile.out_offset = channel;
            tile.residual = adds ? residual : nullptr;
            if constexpr (stride == 2)
                kernels::winograd::transform_strided_outputs<Arch, m>(tile, width);
            else
                kernels::winograd::transform_output_tile<Arch, m>(tile, width);
        }
    }

    // The tile's pixels in a map of the output's size; null beyond it.
    template <class Float>
    void find_outputs(int t, const PixelMap<Float>& map, Float** to) const {
        find_patch<Float>(map, corners_[t].y, corners_[t].x, shape.outputs, nullptr, to);
    }

    void project_tiles() const {
        const Extent size = job_.block->window.output;
        Rows rows;
        for (int t = 0; t < count_; ++t) {
            const float* from = expanded_ + std::ptrdiff_t{t} * outputs * job_.expanded_stride;
            for (int i = 0; i < outputs; ++i, from += job_.expanded_stride) {
                const int y = corners_[t].y + i / shape.outputs.width, x = corners_[t].x + i % shape.outputs.width;
                const int pixel = y * size.width + x;
                if (y < size.height && x < size.width) rows.add(from, job_.out.at(pixel), job_.residual(pixel));
            }
        }
        project<Arch>(rows, job_.projection, job_.block->residual);
    }

    const FusedJob& job_;
    int count_;
    float *points_, *products_, *expanded_;
    struct Corner {
        int y, x;
    };
    Corner corners_[max_task_tiles];  // the first output of each tile
};

// ---- any other kernel: direct ----

// Where the windows of neighbouring output pixels start, and the pointer tables that a tile reads them by.
template <class Arch>
struct DirectRows {
    const float* in[kernels::TileShape<Arch>::most_rows * 49];
    int taps = 0, depth = 0;  // as in kernels::Tile

    // Of pixels [first, first + rows). Inside the map, a row of the window is one run of floats, which counts as one
    // tap: fewer pointers to follow.
    DirectRows(const FusedJob& job, int first, int rows) {
        const Window& window = job.block->window;
        const int kernel = window.kernel, pixels = job.block->window.output.width;
        int y[kernels::TileShape<Arch>::most_rows], x[kernels::TileShape<Arch>::most_rows];
        bool whole = job.in.stride == job.first.depth;
        for (int r = 0; r < rows; ++r) {
            y[r] = (first + r) / pixels * window.stride - window.vertical.before;
            x[r] = (first + r) % pixels * window.stride - window.horizontal.before;
            whole = whole && y[r] >= 0 && x[r] >= 0 && y[r] + kernel <= window.input.height &&
                    x[r] + kernel <= window.input.width;
        }
        taps = whole ? kernel : kernel * kernel;
        depth = whole ? kernel * job.first.depth : job.first.depth;
        for (int r = 0; r < rows; ++r) {
            if (!whole) {
                find_patch(job.in, y[r], x[r], {kernel, kernel}, zeros, in + r, rows);
                continue;
            }
            const float* row = job.in.at(y[r], x[r]);
            for (int ky = 0; ky < kernel; ++ky, row += std::ptrdiff_t{window.input.width} * job.in.stride)
                in[ky * rows + r] = row;
        }
    }
};

// The k x k convolution of pixels [first, first + count) to `out`, plus `residual` if it is not nullptr. All panels of
// a few pixels at a time, whose input then stays in the first-level cache.
template <class Arch>
void convolve_directly(const FusedJob& job, int first, int count, float* const* out, const float* const* residual) {
    const int taps = job.block->window.kernel * job.block->window.kernel;
    const kernels::Panels<Arch> panels(job.first.channels);
    kernels::for_each_group(count, tile_rows<Arch>(panels), [&](int begin, int rows) {
        const DirectRows<Arch> windows(job, first + begin, rows);
        kernels::Tile tile;
        tile.in = windows.in;
        tile.taps = windows.taps;
        tile.depth = windows.depth;
        tile.out = out + begin;
        tile.residual = residual != nullptr ? residual + begin : nullptr;
        tile.silu = true;
        for (int p = 0; p < panels.count; ++p) {
            const int channel = panels.first_channel(p);
            tile.weights = job.first.weights + std::ptrdiff_t{taps} * job.first.depth * channel;
            tile.bias = job.first.bias + channel;
            tile.out_offset = channel;
            kernels::compute_tile<Arch>(rows, panels.width(p), tile);
        }
    });
}

template <class Arch>
void run_direct_task(const FusedJob& job, int first, int count, float* scratch) {
    const bool adds = job.block->residual;
    Rows rows;
    float* expanded[Rows::capacity];
    for (int i = 0; i < count; ++i) {
        expanded[i] = scratch + std::ptrdiff_t{i} * job.expanded_stride;
        rows.add(expanded[i], job.out.at(first + i), job.residual(first + i));
    }
    if (!job.block->expands)
        return convolve_directly<Arch>(job, first, count, rows.out, adds ? rows.residual : nullptr);
    convolve_directly<Arch>(job, first, count, expanded, nullptr);
    project<Arch>(rows, job.projection, adds);
}

template <class Arch>
void run_fused_picture(const Work& work, const FusedJob& job) {
    const Extent size = job.block->window.output;
    if (job.block->winograd == 0)
        return work.share(size.pixels(), 8, max_task_pixels, [&](int first, int count, int worker) {
            run_direct_task<Arch>(job, first, count, work.scratch_of(worker));
        });

    kernels::winograd::with_tile(job.block->winograd, [&](auto m) {
        const auto run_tiles = [&](auto stride) {
            using Task = WinogradTask<Arch, m, stride>;
            work.share(Task::in_tiles(size).pixels(), 4, max_task_tiles, [&](int first, int count, int worker) {
                Task(job, first, count, work.scratch_of(worker)).run();
            });
        };
        if (job.block->window.stride == 1)
            run_tiles(std::integral_constant<int, 1>{});
        else
            run_tiles(std::integral_constant<int, 2>{});
    });
}

template <class Arch>
void run_fused(const Work& work, const PlannedBlock& planned) {
    for (int image = 0; image < work.images; ++image) run_fused_picture<Arch>(work, FusedJob(work, planned, image));
    work.finished(Phase::fused);
}

}  // namespace effv2::network
