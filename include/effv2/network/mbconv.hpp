// MBConv: 1x1 expansion, k x k depthwise, squeeze-excite, 1x1 projection, in four parallel phases.
//
// Phase 1, a task some panels of expanded channels: the expansion of all pixels into the task's scratch, with a border
// of zeros around; the depthwise over it while it is in cache; the mean that the squeeze needs in the same pass. The
// expanded map is never whole in memory. Phases 2 and 3: squeeze-excite's two layers, cut by the inputs of the first
// and the outputs of the second. Phase 4: the excitation multiplied in, and the projection with its residual; a task is
// some pixels, or some panels of the output where there are few pixels and fetching the weights weighs more.
//
// Each phase runs over all pictures of the work, panel by panel, so that a panel's weights are fetched once for them.
#pragma once

#include "effv2/kernels/depthwise.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

struct MbconvJob {
    const Work* work;
    const PlannedBlock* planned;
    const PlanSummary* plan;
    const Block* block;
    Packed expansion, depthwise, reduce, restore, projection;
    int in_stride, middle_stride, out_stride;

    MbconvJob(const Work& on, const PlannedBlock& of, const PlanSummary& in)
        : work(&on),
          planned(&of),
          plan(&in),
          block(&of.shape),
          expansion(on, of.weights.first, block->in, block->expanded),
          depthwise(on, of.weights.depthwise, 1, block->expanded),
          reduce(on, of.weights.reduce, block->expanded, block->squeezed),
          restore(on, of.weights.restore, block->squeezed, block->expanded),
          projection(on, of.weights.project, block->expanded, block->out),
          in_stride(pixel_stride(block->in)),
          middle_stride(pixel_stride(block->expanded)),
          out_stride(pixel_stride(block->out)) {}

    const float* in(int image) const { return work->at(planned->input, image); }
    float* middle(int image) const { return work->at(planned->middle, image); }
    float* out(int image) const { return work->at(planned->output, image); }
    float* squeezed(int image) const { return work->at(plan->squeezed, image); }
    float* scale(int image) const { return work->at(plan->scale, image); }
    int pixels() const { return block->window.output.pixels(); }
    bool squeezes() const { return block->squeezed > 0; }
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

// Expands all pixels of an input map into one panel.
template <class Arch>
void expand_panel(const MbconvJob& job, const float* map, int channel, int granules, const BorderedPanel& to) {
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
            in[r] = map + std::ptrdiff_t{first + r} * job.in_stride;
            out[r] = to.pixel(y, x);
            if (++x == size.width) x = 0, ++y;
        }
        tile.in = in;
        tile.out = out;
        kernels::compute_tile<Arch>(rows, granules, tile);
    });
}

// Expansion 1: the panel is a slice of the input map's channels.
inline void copy_panel(const MbconvJob& job, const float* map, int channel, const BorderedPanel& to) {
    const Extent size = job.block->window.input;
    const float* from = map + channel;
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x, from += job.in_stride) {
            float* pixel = to.pixel(y, x);
            for (int c = 0; c < to.width; ++c) pixel[c] = from[c];
        }
}

// One panel of one picture, expanded and filtered. Its outputs' means go where the factors will be.
template <class Arch>
void filter_panel(const MbconvJob& job, int image, int p, const BorderedPanel& expanded) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const int channel = panels.first_channel(p), granules = panels.width(p);
    const Window& window = job.block->window;
    if (job.block->expands)
        expand_panel<Arch>(job, job.in(image), channel, granules, expanded);
    else
        copy_panel(job, job.in(image), channel, expanded);

    kernels::DepthwisePanel panel;
    panel.kernel = window.kernel;
    panel.stride = window.stride;
    panel.size = window.output;
    panel.in = expanded.data;
    panel.in_columns = expanded.columns;
    panel.weights = job.depthwise.weights + std::ptrdiff_t{window.kernel * window.kernel} * channel;
    panel.bias = job.depthwise.bias + channel;
    panel.out = job.middle(image) + channel;
    panel.out_stride = job.middle_stride;
    panel.sums = job.scale(image) + channel;
    kernels::depthwise<Arch>(granules, panel);
    kernels::multiply<Arch>(panel.sums, 1.0f / static_cast<float>(job.pixels()), granules * granule);
}

// Phase 1 for panels [first, first + count). The border is cleared once for all panels of one width.
template <class Arch>
void expand_and_filter(const MbconvJob& job, int first, int count, float* scratch) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    int cleared = 0;
    for (int p = first; p < first + count; ++p) {
        const BorderedPanel expanded(job.block->window, scratch, panels.width(p) * granule);
        if (cleared != expanded.width) expanded.clear_border(job.block->window.input);
        cleared = expanded.width;
        for (int image = 0; image < job.work->images; ++image) filter_panel<Arch>(job, image, p, expanded);
    }
}

// Phase 2, squeeze-excite's first layer for slabs [first, first + count) of its inputs: their sums, without bias.
template <class Arch>
void squeeze_slabs(const MbconvJob& job, int first, int count) {
    const kernels::Panels<Arch> panels(job.reduce.channels);
    for (int slab = first; slab < first + count; ++slab)
        for (int image = 0; image < job.work->images; ++image) {
            const int channel = slab * squeeze_slab;
            const float* mean = job.scale(image) + channel;
            float* out = job.squeezed(image) + std::ptrdiff_t{slab} * job.reduce.channels;
            kernels::Tile tile;
            tile.in = &mean;
            tile.depth = std::min(squeeze_slab, job.reduce.depth - channel);
            tile.out = &out;
            for (int p = 0; p < panels.count; ++p) {
                tile.weights = job.reduce.weights + std::ptrdiff_t{job.reduce.depth} * panels.first_channel(p) +
                               std::ptrdiff_t{channel} * panels.width(p) * granule;
                tile.out_offset = panels.first_channel(p);
                kernels::compute_tile<Arch>(1, panels.width(p), tile);
            }
        }
}

// Its activations from the sums of all slabs. Each task of phase 3 does this for itself: it is less than a barrier.
template <class Arch>
void add_slabs(const MbconvJob& job, int image, float* bottleneck) {
    const int channels = job.reduce.channels;
    std::copy_n(job.reduce.bias, channels, bottleneck);
    for (int slab = 0; slab < slab_count(job.reduce.depth); ++slab)
        kernels::accumulate<Arch>(bottleneck, job.squeezed(image) + std::ptrdiff_t{slab} * channels, channels);
    kernels::apply_silu<Arch>(bottleneck, channels);
}

// Phase 3 for panels [first, first + count): the factors of their channels, and with `excite` their product with the
// middle map.
template <class Arch>
void restore_panels(const MbconvJob& job, int first, int count, float* bottleneck, bool excite) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const int last = first + count - 1, channel = panels.first_channel(first);
    const int width = panels.first_channel(last) + panels.width(last) * granule - channel;
    for (int image = 0; image < job.work->images; ++image) {
        add_slabs<Arch>(job, image, bottleneck);
        float* scale = job.scale(image);
        kernels::dense_panels<Arch>(bottleneck, job.restore.depth, job.restore.weights, job.restore.bias, scale,
                                    job.restore.channels, first, first + count);
        kernels::apply_sigmoid<Arch>(scale + channel, width);
        float* pixel = job.middle(image) + channel;
        for (int i = 0; excite && i < job.pixels(); ++i, pixel += job.middle_stride)
            kernels::multiply<Arch>(pixel, scale + channel, width);
    }
}

// Phase 4 for pixels [first, first + count) of all pictures in a row, and panels [first_panel, end_panel).
template <class Arch>
void project_pixels(const MbconvJob& job, int first, int count, int first_panel, int end_panel, bool excite) {
    int image = first / job.pixels(), pixel = first % job.pixels();
    for (int left = count; left > 0;) {
        Rows rows;
        for (; left > 0 && rows.count < Rows::capacity; --left) {
            float* middle = job.middle(image) + std::ptrdiff_t{pixel} * job.middle_stride;
            if (excite) kernels::multiply<Arch>(middle, job.scale(image), job.expansion.channels);
            rows.add(middle, job.out(image) + std::ptrdiff_t{pixel} * job.out_stride,
                     job.in(image) + std::ptrdiff_t{pixel} * job.in_stride);
            if (++pixel == job.pixels()) pixel = 0, ++image;
        }
        project<Arch>(rows, job.projection, job.block->residual, first_panel, end_panel);
    }
}

template <class Arch>
void run_mbconv(const Work& work, const PlannedBlock& planned, const PlanSummary& plan) {
    const MbconvJob job(work, planned, plan);
    const int expanded_panels = kernels::Panels<Arch>(job.expansion.channels).count;
    const int panels = kernels::Panels<Arch>(job.projection.channels).count;
    const int pixels = work.images * job.pixels(), threads = work.executor->threads();
    const bool by_panels = threads > 1 && pixels < threads * min_projected_pixels;

    constexpr int most_panels = 4;  // few enough that threads end together
    work.share(expanded_panels, 1, most_panels, [&](int first, int count, int worker) {
        expand_and_filter<Arch>(job, first, count, work.scratch_of(worker));
    });
    work.finished(Phase::expand_depthwise);
    if (job.squeezes()) {
        const int slabs = slab_count(job.reduce.depth);
        work.share(slabs, 1, slabs, [&](int first, int count, int) { squeeze_slabs<Arch>(job, first, count); });
        work.share(expanded_panels, 1, expanded_panels, [&](int first, int count, int worker) {
            restore_panels<Arch>(job, first, count, work.scratch_of(worker), by_panels);
        });
        work.finished(Phase::squeeze_excite);
    }
    if (by_panels)
        work.share(panels, 1, panels, [&](int first, int count, int) {
            project_pixels<Arch>(job, 0, pixels, first, first + count, false);
        });
    else
        work.share(pixels, 8, max_projected_pixels, [&](int first, int count, int) {
            project_pixels<Arch>(job, first, count, 0, panels, job.squeezes());
        });
    work.finished(Phase::project);
}

}  // namespace effv2::network
