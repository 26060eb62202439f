// MBConv: 1x1 expansion, k x k depthwise, squeeze-excite, 1x1 projection, in two parallel phases.
//
// Phase 1, a task a few panels of expanded channels: the expansion of all pixels into the task's scratch, with a border
// of zeros around; the depthwise over it while it is in cache; the sum that the squeeze needs in the same pass. The
// expanded map is never whole in memory. Then the squeeze-excite's two small layers on the calling thread. Phase 2, a
// task some pixels: the excitation multiplied in, and the projection with its residual.
#pragma once

#include "effv2/kernels/depthwise.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

struct MbconvJob {
    const Block* block;
    const BlockWeights* places;
    Packed expansion, depthwise, projection;
    const float* in;
    float *middle, *out;
    float *sums, *bottleneck, *scale;  // the squeeze-excite's vectors
    int in_stride, middle_stride, out_stride;

    MbconvJob(const Work& work, const PlannedBlock& planned, const PlanSummary& plan)
        : block(&planned.shape),
          places(&planned.weights),
          expansion(work, places->first, block->in, block->expanded),
          depthwise(work, places->depthwise, 1, block->expanded),
          projection(work, places->project, block->expanded, block->out),
          in(work.arena + planned.input),
          middle(work.arena + planned.middle),
          out(work.arena + planned.output),
          sums(work.arena + plan.squeeze),
          bottleneck(sums + round_to_segment(static_cast<std::size_t>(expansion.channels))),
          scale(bottleneck + round_to_segment(static_cast<std::size_t>(expansion.channels))),
          in_stride(pixel_stride(block->in)),
          middle_stride(pixel_stride(block->expanded)),
          out_stride(pixel_stride(block->out)) {}
};

// The expanded panel in scratch: the input map's pixels, `width` floats each, inside the depthwise's border.
struct BorderedPanel {
    float* data;
    int width;          // floats in a pixel
    int rows, columns;  // pixels, border included
    int top, left;

    BorderedPanel(const Window& window, float* scratch, int panel_width)
        : data(scratch),
          width(panel_width),
          rows(window.input.height + window.vertical.before + window.vertical.after),
          columns(window.input.width + window.horizontal.before + window.horizontal.after),
          top(window.vertical.before),
          left(window.horizontal.before) {}

    float* pixel(int y, int x) const { return data + (std::ptrdiff_t{y + top} * columns + x + left) * width; }

    void clear_border(Extent inside) const {
        const auto clear = [&](int y, int first, int end) {
            float* from = data + (std::ptrdiff_t{y} * columns + first) * width;
            for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{end - first} * width; ++i) from[i] = 0.0f;
        };
        for (int y = 0; y < rows; ++y) {
            if (y < top || y >= top + inside.height) {
                clear(y, 0, columns);
                continue;
            }
            clear(y, 0, left);
            clear(y, left + inside.width, columns);
        }
    }
};

// Expands all pixels of the input map into one panel.
template <class Arch>
void expand_panel(const MbconvJob& job, int channel, int granules, const BorderedPanel& to) {
    const Extent size = job.block->window.input;
    kernels::Tile tile;
    tile.depth = job.expansion.depth;
    tile.weights = job.expansion.weights + std::ptrdiff_t{job.expansion.depth} * channel;
    tile.bias = job.expansion.bias + channel;
    tile.silu = true;
    int y = 0, x = 0;
    kernels::for_each_group(size.pixels(), kernels::TileShape<Arch>::max_rows(granules), [&](int first, int rows) {
        const float* in[kernels::TileShape<Arch>::most_rows];
        float* out[kernels::TileShape<Arch>::most_rows];
        for (int r = 0; r < rows; ++r) {
            in[r] = job.in + std::ptrdiff_t{first + r} * job.in_stride;
            out[r] = to.pixel(y, x);
            if (++x == size.width) x = 0, ++y;
        }
        tile.in = in;
        tile.out = out;
        kernels::compute_tile<Arch>(rows, granules, tile);
    });
}

// Expansion 1: the panel is a slice of the input map's channels.
inline void copy_panel(const MbconvJob& job, int channel, const BorderedPanel& to) {
    const Extent size = job.block->window.input;
    const float* from = job.in + channel;
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x, from += job.in_stride) {
            float* pixel = to.pixel(y, x);
            for (int c = 0; c < to.width; ++c) pixel[c] = from[c];
        }
}

// Phase 1 for panels [first, first + count). The border is cleared once for all panels of one width.
template <class Arch>
void expand_and_filter(const MbconvJob& job, int first, int count, float* scratch) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const Window& window = job.block->window;
    kernels::DepthwisePanel panel;
    panel.kernel = window.kernel;
    panel.stride = window.stride;
    panel.out_stride = job.middle_stride;
    panel.size = window.output;
    int cleared = 0;
    for (int p = first; p < first + count; ++p) {
        const int channel = panels.first_channel(p), granules = panels.width(p);
        const BorderedPanel expanded(window, scratch, granules * granule);
        if (cleared != granules) expanded.clear_border(window.input);
        cleared = granules;
        if (job.block->expands)
            expand_panel<Arch>(job, channel, granules, expanded);
        else
            copy_panel(job, channel, expanded);

        panel.in = expanded.data;
        panel.in_columns = expanded.columns;
        panel.weights = job.depthwise.weights + std::ptrdiff_t{window.kernel * window.kernel} * channel;
        panel.bias = job.depthwise.bias + channel;
        panel.out = job.middle + channel;
        panel.sums = job.sums + channel;
        kernels::depthwise<Arch>(granules, panel);
    }
}

// From the outputs' sums to the factor of each expanded channel.
template <class Arch>
void squeeze_excite(const Work& work, const MbconvJob& job) {
    const Packed reduce(work, job.places->reduce, job.block->expanded, job.block->squeezed);
    const Packed restore(work, job.places->restore, job.block->squeezed, job.block->expanded);
    kernels::multiply<Arch>(job.sums, 1.0f / static_cast<float>(job.block->window.output.pixels()), reduce.depth);
    kernels::dense<Arch>(job.sums, reduce.depth, reduce.weights, reduce.bias, job.bottleneck, reduce.channels, true);
    kernels::dense<Arch>(job.bottleneck, restore.depth, restore.weights, restore.bias, job.scale, restore.channels,
                         false);
    kernels::apply_sigmoid<Arch>(job.scale, restore.channels);
}

// Phase 2 for pixels [first, first + count) and panels [first_panel, end_panel).
template <class Arch>
void project_pixels(const MbconvJob& job, int first, int count, int first_panel, int end_panel) {
    Rows rows;
    for (int i = first; i < first + count; ++i)
        rows.add(job.middle + std::ptrdiff_t{i} * job.middle_stride, job.out + std::ptrdiff_t{i} * job.out_stride,
                 job.in + std::ptrdiff_t{i} * job.in_stride);
    project<Arch>(rows, job.projection, job.block->residual, first_panel, end_panel);
}

template <class Arch>
void excite_pixels(const MbconvJob& job, int first, int count) {
    for (int i = first; i < first + count; ++i)
        kernels::multiply<Arch>(job.middle + std::ptrdiff_t{i} * job.middle_stride, job.scale, job.expansion.channels);
}

// Phase 2 for all pixels, cut by pixels, or by panels where there are too few pixels to keep the threads busy.
template <class Arch>
void excite_and_project(const Work& work, const MbconvJob& job) {
    const bool squeezes = job.block->squeezed > 0;
    const int pixels = job.block->window.output.pixels();
    const int panels = kernels::Panels<Arch>(job.projection.channels).count;
    if (pixels >= 8 * work.executor->threads() || pixels > max_projected_pixels) {
        work.share(pixels, 8, max_projected_pixels, [&](int first, int count, int) {
            if (squeezes) excite_pixels<Arch>(job, first, count);
            project_pixels<Arch>(job, first, count, 0, panels);
        });
        return;
    }
    if (squeezes) excite_pixels<Arch>(job, 0, pixels);
    work.share(panels, 1, panels,
               [&](int first, int count, int) { project_pixels<Arch>(job, 0, pixels, first, first + count); });
}

template <class Arch>
void run_mbconv(const Work& work, const PlannedBlock& planned, const PlanSummary& plan) {
    const MbconvJob job(work, planned, plan);
    constexpr int most_panels = 4;  // few enough that threads end together
    work.share(
        kernels::Panels<Arch>(job.expansion.channels).count, 1, most_panels,
        [&](int first, int count, int worker) { expand_and_filter<Arch>(job, first, count, work.scratch_of(worker)); });
    work.finished(Phase::expand_depthwise);
    if (planned.shape.squeezed > 0) {
        squeeze_excite<Arch>(work, job);
        work.finished(Phase::squeeze_excite);
    }
    excite_and_project<Arch>(work, job);
    work.finished(Phase::project);
}

}  // namespace effv2::network
