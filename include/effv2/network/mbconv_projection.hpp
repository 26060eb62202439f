// The last phase of MBConv: the excitation multiplied into the middle map, the 1x1 projection and its residual. A task
// is some pixels, or some panels of the output where there are few pixels and fetching the weights weighs more.
#pragma once

#include "effv2/network/mbconv_job.hpp"
#include "effv2/network/strassen.hpp"

namespace effv2::network {

// Whether tasks are panels.
inline bool projects_by_panels(const MbconvJob& job) {
    const int threads = job.work->executor->threads();
    return threads > 1 && job.work->images * job.pixels() < threads * min_projected_pixels;
}

inline float* middle_row(const MbconvJob& job, int image, int pixel) {
    return job.middle(image) + std::ptrdiff_t{pixel} * job.middle_stride;
}
inline float* out_row(const MbconvJob& job, int image, int pixel) {
    return job.out(image) + std::ptrdiff_t{pixel} * job.out_stride;
}
inline const float* residual_row(const MbconvJob& job, int image, int pixel) {
    return job.in(image) + std::ptrdiff_t{pixel} * job.in_stride;
}
inline void add_pixel(Rows& rows, const MbconvJob& job, int image, int pixel) {
    rows.add(middle_row(job, image, pixel), out_row(job, image, pixel), residual_row(job, image, pixel));
}

// By the definition: pixels [first, first + count) of all pictures in a row, and panels [first_panel, end_panel).
template <class Arch>
void project_pixels(const MbconvJob& job, int first, int count, int first_panel, int end_panel, bool excite) {
    int image = first / job.pixels(), pixel = first % job.pixels();
    for (int left = count; left > 0;) {
        Rows rows;
        for (; left > 0 && rows.count < Rows::capacity; --left) {
            if (excite)
                kernels::multiply<Arch>(middle_row(job, image, pixel), job.scale(image), job.expansion.channels);
            add_pixel(rows, job, image, pixel);
            if (++pixel == job.pixels()) pixel = 0, ++image;
        }
        project<Arch>(rows, job.projection, job.block->residual, first_panel, end_panel);
    }
}

// By Strassen's product: pairs [first, first + count) of all pictures in a row, at most max_strassen_pairs, and the
// pixels without a partner that come behind them.
template <class Arch>
class PairedProjection {
public:
    PairedProjection(const MbconvJob& job, int first, int count)
        : job_(job), units_(projection_units<Arch>(job.projection, true)), pairs_(job.pixels() / 2) {
        rows_.next_pair = std::ptrdiff_t{2} * job.middle_stride;
        for (int i = first; i < first + count; ++i) {
            const int image = i / pairs_, upper = 2 * (i % pairs_), lower = upper + 1;
            image_[rows_.count] = image;
            upper_[rows_.count] = upper;
            rows_.upper[rows_.count] = middle_row(job, image, upper);
            rows_.lower[rows_.count] = middle_row(job, image, lower);
            rows_.out_upper[rows_.count] = out_row(job, image, upper);
            rows_.out_lower[rows_.count] = out_row(job, image, lower);
            rows_.residual_upper[rows_.count] = residual_row(job, image, upper);
            rows_.residual_lower[rows_.count] = residual_row(job, image, lower);
            ++rows_.count;
            add_pixel(pixels_, job, image, upper);
            add_pixel(pixels_, job, image, lower);
            if (lower + 2 != job.pixels()) continue;
            alone_image_[alone_.count] = image;
            add_pixel(alone_, job, image, job.pixels() - 1);
        }
    }

    // All of it by one task.
    void run(float* scratch) {
        float* mixed = scratch + detail::projection_sums(*job_.block);
        for_each_chunk(job_.projection.depth, [&](int chunk, int depth) {
            rows_.next_sums = sums_stride(depth);
            for (int i = 0; i < rows_.count; ++i) {
                float* sums = scratch + i * rows_.next_sums;
                excite_and_sum(i, chunk, depth, sums);
                rows_.sums[i] = sums;
            }
            project_chunk<Arch>(rows_, job_.projection, job_.block->residual, chunk, depth, 0, units_.count(), mixed);
        });
        excite_alone();
        project_others(0, units_.count());
    }

    // The same by tasks of two loops: the excitation and the sums of all chunks of pair i, to sums_of(i) ...
    template <class SumsOf>
    void excite(SumsOf sums_of) {
        for_each_chunk(job_.projection.depth, [&](int chunk, int depth) {
            for (int i = 0; i < rows_.count; ++i) excite_and_sum(i, chunk, depth, sums_of(i) + 2 * chunk);
        });
        excite_alone();
    }
    // ... and then the units [first, end).
    template <class SumsOf>
    void project_units(int first, int end, SumsOf sums_of, float* mixed) {
        rows_.next_sums = sums_stride(job_.projection.depth);
        for_each_chunk(job_.projection.depth, [&](int chunk, int depth) {
            for (int i = 0; i < rows_.count; ++i) rows_.sums[i] = sums_of(i) + 2 * chunk;
            project_chunk<Arch>(rows_, job_.projection, job_.block->residual, chunk, depth, first, end, mixed);
        });
        project_others(first, end);
    }

private:
    void excite_and_sum(int i, int chunk, int depth, float* sums) const {
        const int image = image_[i];
        float* upper = middle_row(job_, image, upper_[i]) + chunk;
        float* lower = upper + job_.middle_stride;
        if (job_.squeezes())
            kernels::excite_and_sum_rows<Arch>(upper, lower, job_.scale(image) + chunk, depth, sums);
        else
            kernels::sum_rows<Arch>(upper, lower, depth, sums);
    }

    void excite_alone() const {
        for (int i = 0; job_.squeezes() && i < alone_.count; ++i)
            kernels::multiply<Arch>(middle_row(job_, alone_image_[i], job_.pixels() - 1), job_.scale(alone_image_[i]),
                                    job_.expansion.channels);
    }

    // What has no partner: panels of all pixels, and pixels of all panels of the units.
    void project_others(int first, int end) const {
        for (int unit = first; unit < end; ++unit) {
            const int panel = units_.first_panel(unit);
            const bool pair = units_.is_pair(unit);
            if (!pair) project<Arch>(pixels_, job_.projection, job_.block->residual, panel, panel + 1);
            if (alone_.count > 0)
                project<Arch>(alone_, job_.projection, job_.block->residual, panel, panel + (pair ? 2 : 1));
        }
    }

    const MbconvJob& job_;
    PanelUnits<Arch> units_;
    int pairs_;  // of a picture
    RowPairs rows_;
    int image_[RowPairs::capacity], upper_[RowPairs::capacity], alone_image_[RowPairs::capacity];
    Rows pixels_, alone_;
};

// Tasks of some pairs of pixels.
template <class Arch>
void project_pairs(const MbconvJob& job, int pairs) {
    job.work->share(pairs, 4, max_strassen_pairs, [&](int first, int count, int worker) {
        PairedProjection<Arch>(job, first, count).run(job.work->scratch_of(worker));
    });
}

// Tasks of some units of panels. The rows' sums lie in the workers' scratch, in each so many that they fit.
template <class Arch>
void project_pairs_by_panels(const MbconvJob& job, int pairs) {
    const Work& work = *job.work;
    const auto sums_of = [&](int pair) {
        constexpr int each = min_projected_pixels / 2;
        return work.scratch_of(pair / each) + std::ptrdiff_t{pair % each} * sums_stride(job.projection.depth);
    };
    work.share(pairs, 4, max_strassen_pairs, [&](int first, int count, int) {
        PairedProjection<Arch>(job, first, count).excite([&](int i) { return sums_of(first + i); });
    });
    const int units = projection_units<Arch>(job.projection, true).count();
    work.share(units, 1, units, [&](int first_unit, int count, int worker) {
        float* mixed = work.scratch_of(worker) + detail::projection_sums(*job.block);
        for (int first = 0; first < pairs; first += max_strassen_pairs)
            PairedProjection<Arch>(job, first, std::min(max_strassen_pairs, pairs - first))
                .project_units(
                    first_unit, first_unit + count, [&](int i) { return sums_of(first + i); }, mixed);
    });
}

template <class Arch>
bool projects_pairs(const MbconvJob& job) {
    return projection_units<Arch>(job.projection, job.block->strassen_projection).has_pairs();
}

template <class Arch>
void run_projection(const MbconvJob& job) {
    const int panels = kernels::Panels<Arch>(job.projection.channels).count, pixels = job.work->images * job.pixels();
    const bool by_panels = projects_by_panels(job);
    if (projects_pairs<Arch>(job)) {
        const int pairs = job.work->images * (job.pixels() / 2);
        return by_panels ? project_pairs_by_panels<Arch>(job, pairs) : project_pairs<Arch>(job, pairs);
    }
    if (by_panels)
        job.work->share(panels, 1, panels, [&](int first, int count, int) {
            project_pixels<Arch>(job, 0, pixels, first, first + count, false);
        });
    else
        job.work->share(pixels, 8, max_projected_pixels, [&](int first, int count, int) {
            project_pixels<Arch>(job, first, count, 0, panels, job.squeezes());
        });
}

}  // namespace effv2::network
