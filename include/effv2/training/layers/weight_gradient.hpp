// The gradient of a full convolution's weights. Tasks are slices of input channels and, where those are few, parts of
// the batch, whose sums are added up in order afterwards: the bits depend on the shape alone. Where there are still few
// for the threads, they are cut by output channels as well, of which no sum knows.
#pragma once

#include "effv2/training/layers/convolution.hpp"

namespace effv2::training {

// How the work is cut: by the shape of the layer and the batch, never by the threads.
struct GradientCut {
    int slice = 0;  // input channels of a task, a multiple of the granule
    int slices = 0;
    int splits = 0;  // parts of the batch's lines
    int lines = 0;   // of all maps: rows of the output, or for a 1x1 chunks of pixels

    GradientCut(const ConvShape& shape, int batch) {
        constexpr int wanted_tasks = 16;
        cut(shape.in, std::clamp(round_to_granule(shape.in / wanted_tasks), 2 * granule, 64));
        lines = shape.pointwise() ? chunk_count(std::int64_t{batch} * shape.window.output.pixels())
                                  : batch * shape.window.output.height;
        constexpr int least_lines = 4;
        splits = std::clamp(lines / least_lines, 1, (wanted_tasks + slices - 1) / slices);
        if (!shape.pointwise()) return;
        // Each slice reads all gradients of a 1x1 convolution once more, so its slices are few. The splits stay as they
        // are: sums depend on them.
        constexpr int pointwise_slice = 120;
        const int wide = (shape.in + pointwise_slice - 1) / pointwise_slice;
        cut(shape.in, round_to_granule((shape.in + wide - 1) / wide));
    }
    std::size_t scratch_floats(const ConvShape& shape) const {
        return splits > 1 ? static_cast<std::size_t>(splits) * shape.weights() : 0;
    }

private:
    void cut(int channels, int of) { slice = of, slices = (channels + of - 1) / of; }
};

namespace detail {

// The pixels that one tap sees in some lines of the output, as runs.
class TapRuns {
public:
    static constexpr int capacity = chunk_pixels;

    // Lines [first, end) of tap (ky, kx); a line is (image, output row).
    TapRuns(const ConvShape& shape, int first, int end, int ky, int kx) {
        const Window& w = shape.window;
        const int low = w.horizontal.before - kx;  // input x = output x * stride - low
        const int from = low > 0 ? (low + w.stride - 1) / w.stride : 0;
        const int to = std::min(w.output.width, (w.input.width - 1 + low) / w.stride + 1);
        if (w.input.width - 1 + low < 0 || from >= to) return;
        for (int line = first; line < end; ++line) {
            const int image = line / w.output.height, oy = line % w.output.height;
            const int iy = oy * w.stride + ky - w.vertical.before;
            if (iy < 0 || iy >= w.input.height) continue;
            runs_[count_++] = {((std::ptrdiff_t{image} * w.input.height + iy) * w.input.width + from * w.stride - low) *
                                   shape.in_stride,
                               (std::ptrdiff_t{line} * w.output.width + from) * shape.out_stride, to - from};
        }
    }
    // Pixels [first, end) of a 1x1 convolution.
    TapRuns(const ConvShape& shape, int first, int end) : count_(1) {
        runs_[0] = {std::ptrdiff_t{first} * shape.in_stride, std::ptrdiff_t{first} * shape.out_stride, end - first};
    }
    const kernels::PixelRun* data() const { return runs_; }
    int size() const { return count_; }

private:
    kernels::PixelRun runs_[capacity];
    int count_ = 0;
};

// A task's part of the weights: input channels [first, end), panels of output channels [first_panel, end_panel).
struct WeightPart {
    int first, end, first_panel, end_panel;
};

// Adds what some pixels say about one tap of a part of the weights.
template <class Arch>
void add_tap(const ConvShape& shape, const TapRuns& runs, const float* in, const float* out_gradient, int tap,
             const WeightPart& part, bool add, float* sums) {
    const kernels::Panels<Arch> panels(shape.out);
    kernels::GradientTile tile;
    tile.in_step = shape.in_stride * shape.window.stride, tile.gradient_step = shape.out_stride;
    tile.runs = runs.data(), tile.run_count = runs.size();
    tile.add = add;
    for (int p = part.first_panel; p < part.end_panel; ++p) {
        const int channel = panels.first_channel(p), width = panels.width(p) * granule;
        tile.in = in, tile.gradient = out_gradient + channel;
        tile.sum = sums + std::ptrdiff_t{shape.taps()} * shape.in * channel + std::ptrdiff_t{tap} * shape.in * width;
        kernels::add_gradient<Arch>(part.first, part.end, panels.width(p), tile);
    }
}

// The parts' sums, added up in order.
template <class Arch>
void add_splits(Executor& executor, const ConvShape& shape, const GradientCut& cut, const float* scratch,
                float* weight_gradient) {
    if (cut.splits == 1) return;
    constexpr int piece = 4096;
    const auto total = static_cast<int>(shape.weights());
    executor.run((total + piece - 1) / piece, [&](int task, int) {
        const int first = task * piece, count = std::min(piece, total - first);
        std::copy_n(scratch + first, count, weight_gradient + first);
        for (int s = 1; s < cut.splits; ++s) {
            const float* part = scratch + static_cast<std::size_t>(s) * shape.weights() + first;
            kernels::accumulate<Arch>(weight_gradient + first, part, count);
        }
    });
}

}  // namespace detail

// weight_gradient = sum over pixels of in x out_gradient, laid out as the weights. `scratch` has
// GradientCut::scratch_floats.
template <class Arch>
void convolve_weight_gradient(Executor& executor, const ConvShape& shape, int batch, const float* in,
                              const float* out_gradient, float* scratch, float* weight_gradient) {
    const GradientCut cut(shape, batch);
    const int pixels = batch * shape.window.output.pixels();
    const int kernel = shape.window.kernel;
    // Lines that are visited together, so that all panels and taps find their pixels in the caches.
    const int together = shape.pointwise() ? 2 : std::max(1, chunk_pixels / shape.window.output.width);
    const int panels = kernels::Panels<Arch>(shape.out).count;
    run_by_parts(executor, cut.splits * cut.slices, panels, [&](int task, int first_panel, int end_panel) {
        const int split = task / cut.slices, first = task % cut.slices * cut.slice;
        const detail::WeightPart part{first, std::min(first + cut.slice, shape.in), first_panel, end_panel};
        float* sums = cut.splits > 1 ? scratch + static_cast<std::size_t>(split) * shape.weights() : weight_gradient;
        const int start = part_start(cut.lines, cut.splits, split);
        const int stop = part_start(cut.lines, cut.splits, split + 1);
        for (int line = start; line < stop; line += together) {
            const int last = std::min(line + together, stop);
            if (shape.pointwise()) {
                const detail::TapRuns runs(shape, part_start(pixels, cut.lines, line),
                                           part_start(pixels, cut.lines, last));
                detail::add_tap<Arch>(shape, runs, in, out_gradient, 0, part, line > start, sums);
                continue;
            }
            for (int tap = 0; tap < kernel * kernel; ++tap) {
                const detail::TapRuns runs(shape, line, last, tap / kernel, tap % kernel);
                detail::add_tap<Arch>(shape, runs, in, out_gradient, tap, part, line > start, sums);
            }
        }
    });
    detail::add_splits<Arch>(executor, shape, cut, scratch, weight_gradient);
}

}  // namespace effv2::training
