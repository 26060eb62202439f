// MBConv: 1x1 expansion, k x k depthwise, squeeze-excite, 1x1 projection, in four parallel phases. Phase 1: expansion
// and depthwise (mbconv_expansion.hpp). Phases 2 and 3: squeeze-excite's two layers, cut by the inputs of the first and
// the outputs of the second. Phase 4: the projection (mbconv_projection.hpp).
//
// Each phase runs over all pictures of the work, panel by panel where there is no more to share, so that a panel's
// weights are fetched once for them.
#pragma once

#include "effv2/network/mbconv_expansion.hpp"
#include "effv2/network/mbconv_projection.hpp"

namespace effv2::network {

// Phase 2, squeeze-excite's first layer for slabs [first, first + count) of its inputs: their sums, without bias.
template <class Arch>
void squeeze_slabs(const MbconvJob& job, int first, int count) {
    const kernels::Panels<Arch> panels(job.reduce.channels);
    for (int slab = first; slab < first + count; ++slab)
        kernels::for_each_group(job.work->images, max_squeezed_pictures, [&](int image, int images) {
            const int channel = slab * squeeze_slab;
            const float* mean[max_squeezed_pictures];
            float* out[max_squeezed_pictures];
            for (int i = 0; i < images; ++i) {
                mean[i] = job.scale(image + i) + channel;
                out[i] = job.squeezed(image + i) + std::ptrdiff_t{slab} * job.reduce.channels;
            }
            kernels::Tile tile;
            tile.depth = std::min(squeeze_slab, job.reduce.depth - channel);
            for (int p = 0; p < panels.count; ++p) {
                tile.weights = job.reduce.weights + std::ptrdiff_t{job.reduce.depth} * panels.first_channel(p) +
                               std::ptrdiff_t{channel} * panels.width(p) * granule;
                tile.out_offset = panels.first_channel(p);
                const int most = kernels::TileShape<Arch>::max_rows(panels.width(p));
                kernels::for_each_group(images, most, [&](int row, int rows) {
                    tile.in = mean + row;
                    tile.out = out + row;
                    kernels::compute_tile<Arch>(rows, panels.width(p), tile);
                });
            }
        });
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
void restore_panels(const MbconvJob& job, int first, int count, float* scratch, bool excite) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const int last = first + count - 1, channel = panels.first_channel(first);
    const int width = panels.first_channel(last) + panels.width(last) * granule - channel;
    kernels::for_each_group(job.work->images, max_squeezed_pictures, [&](int image, int images) {
        Rows rows;
        for (int i = 0; i < images; ++i) {
            float* bottleneck = scratch + std::ptrdiff_t{i} * job.restore.depth;
            add_slabs<Arch>(job, image + i, bottleneck);
            rows.add(bottleneck, job.scale(image + i), nullptr);
        }
        project<Arch>(rows, job.restore, false, first, first + count);
        for (int i = 0; i < images; ++i) {
            const float* factors = rows.out[i] + channel;
            kernels::apply_sigmoid<Arch>(rows.out[i] + channel, width);
            float* pixel = job.middle(image + i) + channel;
            for (int j = 0; excite && j < job.pixels(); ++j, pixel += job.middle_stride)
                kernels::multiply<Arch>(pixel, factors, width);
        }
    });
}

template <class Arch>
void run_mbconv(const Work& work, const PlannedBlock& planned, const PlanSummary& plan) {
    const MbconvJob job(work, planned, plan);
    run_expansion<Arch>(job);
    work.finished(Phase::expand_depthwise);
    if (job.squeezes()) {
        // Panels of the projection need whole rows excited, unless pairs of pixels come first.
        const bool excite = projects_by_panels(job) && !projects_pairs<Arch>(job);
        const int slabs = slab_count(job.reduce.depth), panels = kernels::Panels<Arch>(job.expansion.channels).count;
        work.share(slabs, 1, slabs, [&](int first, int count, int) { squeeze_slabs<Arch>(job, first, count); });
        work.share(panels, 1, panels, [&](int first, int count, int worker) {
            restore_panels<Arch>(job, first, count, work.scratch_of(worker), excite);
        });
        work.finished(Phase::squeeze_excite);
    }
    run_projection<Arch>(job);
    work.finished(Phase::project);
}

}  // namespace effv2::network
