// The first phase of MBConv: the 1x1 expansion of all pixels into scratch, one panel of channels or two at a time, with
// a border of zeros around; the depthwise over it while it is in cache; the mean that the squeeze needs in the same
// pass. The expanded map is never whole in memory.
#pragma once

#include "effv2/kernels/depthwise.hpp"
#include "effv2/network/mbconv_job.hpp"
#include "effv2/network/strassen.hpp"

namespace effv2::network {

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

    std::ptrdiff_t floats() const { return std::ptrdiff_t{rows} * columns * width; }
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

// Walks over the pixels of a bordered panel, row by row.
struct PixelWalk {
    const BorderedPanel* panel;
    int columns, y, x;  // of the map inside the border

    PixelWalk(const BorderedPanel& over, Extent inside, int first)
        : panel(&over), columns(inside.width), y(first / columns), x(first % columns) {}
    float* next() {
        float* pixel = panel->pixel(y, x);
        if (++x == columns) x = 0, ++y;
        return pixel;
    }
};

// Expands the pixels from `begin` on of an input map into one panel.
template <class Arch>
void expand_panel(const MbconvJob& job, const float* map, int begin, int p, const BorderedPanel& to) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const int channel = panels.first_channel(p), granules = panels.width(p);
    const Extent size = job.block->window.input;
    kernels::Tile tile;
    tile.depth = job.expansion.depth;
    tile.weights = job.expansion.weights + std::ptrdiff_t{job.expansion.depth} * channel;
    tile.bias = job.expansion.bias + channel;
    tile.silu = true;
    job.ask_beside_expansion(channel, granules * granule);
    PixelWalk walk(to, size, begin);
    const int most = kernels::TileShape<Arch>::max_rows(granules);
    const NextPanel next = panel_behind<Arch>(tile, granules, size.pixels() - begin);
    int which = 0;
    kernels::for_each_group(size.pixels() - begin, most, [&](int first, int rows) {
        const float* in[kernels::TileShape<Arch>::most_rows];
        float* out[kernels::TileShape<Arch>::most_rows];
        for (int r = 0; r < rows; ++r) {
            in[r] = map + std::ptrdiff_t{begin + first + r} * job.in_stride;
            out[r] = walk.next();
        }
        tile.in = in;
        tile.out = out;
        next.ask_by(tile, which++);
        kernels::compute_tile<Arch>(rows, granules, tile);
    });
}

// Expands all pixels of an input map into two panels by Strassen's product. The sums of its rows are in `map_sums`, or
// with `makes_sums` left there, tile by tile, so that fetching rows from another core's cache overlaps with products.
template <class Arch>
void expand_pair(const MbconvJob& job, const float* map, float* map_sums, bool makes_sums, int p, float* mixed,
                 const BorderedPanel& left, const BorderedPanel& right) {
    const Extent size = job.block->window.input;
    const int pairs = size.pixels() / 2, depth = job.expansion.depth;
    const int channel = kernels::Panels<Arch>(job.expansion.channels).first_channel(p);
    constexpr int most = kernels::strassen_rows<Arch>;
    float *out_upper[most], *out_lower[most];
    kernels::StrassenTile tile;
    tile.next_pair = std::ptrdiff_t{2} * job.in_stride;
    tile.next_sums = sums_stride(depth);
    tile.depth = depth;
    tile.left = job.expansion.weights + std::ptrdiff_t{depth} * channel;
    tile.right = tile.left + std::ptrdiff_t{depth} * left.width;
    tile.mixed = mixed;
    tile.bias = job.expansion.bias + channel;
    tile.out_upper = out_upper;
    tile.out_lower = out_lower;
    tile.right_offset = right.data - left.data;
    tile.silu = true;
    // After the last panels comes the projection, if not at once.
    const std::ptrdiff_t floats = std::ptrdiff_t{depth} * left.width;
    const bool last = channel + 4 * left.width > job.expansion.channels;
    const float* next = last ? job.projection.weights : tile.left + 2 * floats;
    const NextPanels ahead(next, next + floats, floats, kernels::group_count(pairs, most), depth);
    job.ask_beside_expansion(channel, 2 * left.width);
    PixelWalk walk(left, size, 0);
    kernels::for_each_strassen_tile<Arch>(pairs, [&](int first, int rows) {
        float* sums = map_sums + first * tile.next_sums;
        tile.rows = rows;
        tile.upper = map + first * tile.next_pair;
        tile.lower = tile.upper + job.in_stride;
        tile.sums = sums;
        tile.mixes = first == 0;
        for (int r = 0; r < rows; ++r) {
            if (makes_sums)
                kernels::sum_rows<Arch>(tile.upper + r * tile.next_pair, tile.lower + r * tile.next_pair, depth,
                                        sums + r * tile.next_sums);
            out_upper[r] = walk.next();
            out_lower[r] = walk.next();
        }
        ahead.ask_by(tile, first / most);
        kernels::compute_strassen_tile<Arch>(tile);
    });
    if (size.pixels() % 2 == 0) return;
    expand_panel<Arch>(job, map, 2 * pairs, p, left);
    expand_panel<Arch>(job, map, 2 * pairs, p + 1, right);
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

// The depthwise over one expanded panel of one picture. Its outputs' means go where the factors will be.
template <class Arch>
void filter_panel(const MbconvJob& job, int image, int p, const BorderedPanel& expanded) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const int channel = panels.first_channel(p), granules = panels.width(p);
    const Window& window = job.block->window;
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

// By the definition, for panels [first, first + count), each of all pictures. The border is cleared once for all of one
// width.
template <class Arch>
void expand_and_filter(const MbconvJob& job, int first, int count, float* scratch) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    int cleared = 0;
    for (int p = first; p < first + count; ++p) {
        const BorderedPanel expanded(job.block->window, scratch, panels.width(p) * granule);
        if (cleared != expanded.width) expanded.clear_border(job.block->window.input);
        cleared = expanded.width;
        for (int image = 0; image < job.work->images; ++image) {
            if (job.block->expands)
                expand_panel<Arch>(job, job.in(image), 0, p, expanded);
            else
                copy_panel(job, job.in(image), panels.first_channel(p), expanded);
            filter_panel<Arch>(job, image, p, expanded);
        }
    }
}

// By Strassen's product, for units [first, first + count) of one picture. Scratch begins with the sums of its
// rows, which are there, or else made by the first pair.
template <class Arch>
void expand_and_filter_pairs(const MbconvJob& job, int image, int first, int count, float* scratch, bool& has_sums) {
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const PanelUnits<Arch> units = expansion_units<Arch>(job.expansion, true);
    const Window& window = job.block->window;
    float* mixed = scratch + detail::expansion_sums(*job.block);
    float* expanded = mixed + detail::mixed_floats(job.block->in);
    int cleared = 0, right_cleared = 0;
    for (int unit = first; unit < first + count; ++unit) {
        const int p = units.first_panel(unit);
        const BorderedPanel left(window, expanded, panels.width(p) * granule);
        if (cleared != left.width) left.clear_border(window.input);
        cleared = left.width;
        if (!units.is_pair(unit)) {
            expand_panel<Arch>(job, job.in(image), 0, p, left);
            filter_panel<Arch>(job, image, p, left);
            continue;
        }
        const BorderedPanel right(window, expanded + left.floats(), left.width);
        if (right_cleared != right.width) right.clear_border(window.input);
        right_cleared = right.width;
        expand_pair<Arch>(job, job.in(image), scratch, !has_sums, p, mixed, left, right);
        has_sums = true;
        filter_panel<Arch>(job, image, p, left);
        filter_panel<Arch>(job, image, p + 1, right);
    }
}

template <class Arch>
void run_expansion(const MbconvJob& job) {
    const Work& work = *job.work;
    const kernels::Panels<Arch> panels(job.expansion.channels);
    const PanelUnits<Arch> units = expansion_units<Arch>(job.expansion, job.block->strassen_expansion);
    constexpr int most_panels = 4;  // few enough that threads end together
    if (!units.has_pairs())
        return work.share(panels.count, 1, most_panels, [&](int first, int count, int worker) {
            expand_and_filter<Arch>(job, first, count, work.scratch_of(worker));
        });

    // Each worker makes the rows' sums for itself: fetching them from other cores would take longer. They last for all
    // of its tasks if there is one picture.
    std::array<bool, 256> made{};
    const int most_units = work.images > 1 ? most_panels : most_panels / 2;
    work.share(units.count(), 1, most_units, [&](int first, int count, int worker) {
        for (int image = 0; image < work.images; ++image) {
            bool has_sums = false;
            const bool lasts = work.images == 1 && worker < static_cast<int>(made.size());
            expand_and_filter_pairs<Arch>(job, image, first, count, work.scratch_of(worker),
                                          lasts ? made[static_cast<std::size_t>(worker)] : has_sums);
        }
    });
}

}  // namespace effv2::network
