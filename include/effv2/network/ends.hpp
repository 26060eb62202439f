// The two ends of the network: the stem, and the head with pooling and classifier.
#pragma once

#include <algorithm>

#include "effv2/kernels/stem.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

// Row `y` of a plane with the border's zeros on both sides; all zeros beyond the plane.
inline void copy_stem_line(const Window& window, const float* plane, int y, float* to) {
    const int width = window.input.width, before = window.horizontal.before, after = window.horizontal.after;
    if (y < 0 || y >= window.input.height) {
        std::fill_n(to, before + width + after, 0.0f);
        return;
    }
    to = std::fill_n(to, before, 0.0f);
    to = std::copy_n(plane + std::ptrdiff_t{y} * width, width, to);
    std::fill_n(to, after, 0.0f);
}

// Asks for the three planes' lines that output row `y` reads.
inline void ask_for_stem_lines(const Window& window, const float* picture, int y) {
    for (int line = 0; line < 9; ++line) {
        const int from = y * window.stride - window.vertical.before + line % 3;
        if (from < 0 || from >= window.input.height) continue;
        kernels::ask_for(picture + (std::ptrdiff_t{line / 3} * window.input.height + from) * window.input.width,
                         window.input.width);
    }
}

// `picture` is (3, height, width), planes of floats.
template <class Arch>
void run_stem(const Work& work, const PlanSummary& plan, const float* picture) {
    const Window window = stem_window(plan.architecture);
    const Packed layer(work, plan.stem, 1, plan.architecture.stem);
    const int columns = window.input.width + window.horizontal.before + window.horizontal.after;
    const int stride = pixel_stride(plan.architecture.stem);
    work.share(window.output.height, 1, 8, [&](int first, int count, int worker) {
        float* lines = work.scratch_of(worker);
        for (int y = first; y < first + count; ++y) {
            ask_for_stem_lines(window, picture, y + 1);
            for (int line = 0; line < 9; ++line)
                copy_stem_line(window, picture + std::ptrdiff_t{line / 3} * window.input.pixels(),
                               y * window.stride - window.vertical.before + line % 3,
                               lines + std::ptrdiff_t{line} * columns);
            kernels::StemRow row;
            row.in = lines;
            row.columns = columns;
            row.weights = layer.weights;
            row.bias = layer.bias;
            row.stride = window.stride;
            row.out = work.at(plan.stem_output) + std::ptrdiff_t{y} * window.output.width * stride;
            row.out_stride = stride;
            row.width = window.output.width;
            row.channels = layer.channels;
            kernels::stem_row<Arch>(row);
        }
    });
}

// One panel of the head's 1x1 convolution over one map, and the mean over its pixels.
template <class Arch>
void head_panel(const Packed& layer, int panel, const float* map, int pixels, float* outputs, float* features) {
    const kernels::Panels<Arch> panels(layer.channels);
    const int channel = panels.first_channel(panel), width = panels.width(panel) * granule;
    const int stride = pixel_stride(layer.depth);
    float* sums = features + channel;
    std::fill_n(sums, width, 0.0f);
    kernels::Tile tile;
    tile.depth = layer.depth;
    tile.weights = layer.weights + std::ptrdiff_t{layer.depth} * channel;
    tile.bias = layer.bias + channel;
    tile.silu = true;
    kernels::for_each_group(pixels, kernels::TileShape<Arch>::max_rows(panels.width(panel)), [&](int first, int rows) {
        const float* in[kernels::TileShape<Arch>::most_rows];
        float* out[kernels::TileShape<Arch>::most_rows];
        for (int r = 0; r < rows; ++r) {
            in[r] = map + std::ptrdiff_t{first + r} * stride;
            out[r] = outputs + std::ptrdiff_t{r} * width;
        }
        tile.in = in;
        tile.out = out;
        kernels::compute_tile<Arch>(rows, panels.width(panel), tile);
        for (int r = 0; r < rows; ++r) kernels::accumulate<Arch>(sums, out[r], width);
    });
    kernels::multiply<Arch>(sums, 1.0f / static_cast<float>(pixels), width);
}

// The head and the pooling, panel by panel: the head's map is never whole in memory.
template <class Arch>
void run_head(const Work& work, const PlanSummary& plan, const Place& map) {
    const Architecture& a = plan.architecture;
    const Packed layer(work, plan.head, final_channels(a), a.head);
    const int pixels = final_size(a).pixels();
    work.share(kernels::Panels<Arch>(layer.channels).count, 1, 4, [&](int first, int count, int worker) {
        for (int panel = first; panel < first + count; ++panel)
            for (int image = 0; image < work.images; ++image)
                head_panel<Arch>(layer, panel, work.at(map, image), pixels, work.scratch_of(worker),
                                 work.at(plan.features, image));
    });
}

template <class Arch>
void run_classifier(const Work& work, const PlanSummary& plan) {
    const Packed layer(work, plan.classifier, plan.architecture.head, plan.architecture.classes);
    work.share(kernels::Panels<Arch>(layer.channels).count, 1, 8, [&](int first, int count, int) {
        for (int image = 0; image < work.images;) {
            Rows rows;
            for (; image < work.images && rows.count < Rows::capacity; ++image)
                rows.add(work.at(plan.features, image), work.at(plan.logits, image), nullptr);
            project<Arch>(rows, layer, false, first, first + count);
        }
    });
}

}  // namespace effv2::network
