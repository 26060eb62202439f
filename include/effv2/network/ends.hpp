// The two ends of the network: the stem, and the head with pooling and classifier.
#pragma once

#include <algorithm>

#include "effv2/kernels/stem.hpp"
#include "effv2/network/work.hpp"

namespace effv2::network {

// `picture` is (3, height, width), planes of floats.
template <class Arch>
void run_stem(const Work& work, const PlanSummary& plan, const float* picture) {
    const Packed layer(work, plan.stem, 1, plan.architecture.stem);
    const Window window = stem_window(plan.architecture);
    work.share(window.output.height, 1, 8, [&](int first, int count, int) {
        kernels::StemRow row;
        row.picture = picture;
        row.window = window;
        row.weights = layer.weights;
        row.bias = layer.bias;
        row.out_stride = pixel_stride(plan.architecture.stem);
        row.channels = layer.channels;
        for (row.y = first; row.y < first + count; ++row.y) {
            for (int line = 0; line < 9; ++line)  // of the next row
                if (const float* from = row.input(row.y + 1, line)) kernels::ask_for(from, window.input.width);
            row.out = work.at(plan.stem_output) + std::ptrdiff_t{row.y} * window.output.width * row.out_stride;
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
    // Some tiles' sums by themselves: one sum of a large map would lose what is small beside it.
    constexpr int tiles_together = 32;
    float* part = outputs + std::ptrdiff_t{kernels::TileShape<Arch>::most_rows} * max_panel;
    std::fill_n(sums, width, 0.0f);
    std::fill_n(part, width, 0.0f);
    const auto add_part = [&] {
        kernels::accumulate<Arch>(sums, part, width);
        std::fill_n(part, width, 0.0f);
    };
    kernels::Tile tile;
    tile.depth = layer.depth;
    tile.weights = layer.weights + std::ptrdiff_t{layer.depth} * channel;
    tile.bias = layer.bias + channel;
    tile.silu = true;
    const int most = kernels::TileShape<Arch>::max_rows(panels.width(panel));
    const NextPanel next = panel_behind<Arch>(tile, panels.width(panel), pixels);
    int which = 0;
    kernels::for_each_group(pixels, most, [&](int first, int rows) {
        const float* in[kernels::TileShape<Arch>::most_rows];
        float* out[kernels::TileShape<Arch>::most_rows];
        for (int r = 0; r < rows; ++r) {
            in[r] = map + std::ptrdiff_t{first + r} * stride;
            out[r] = outputs + std::ptrdiff_t{r} * width;
        }
        tile.in = in;
        tile.out = out;
        next.ask_by(tile, which++);
        kernels::compute_tile<Arch>(rows, panels.width(panel), tile);
        for (int r = 0; r < rows; ++r) kernels::accumulate<Arch>(part, out[r], width);
        if (which % tiles_together == 0) add_part();
    });
    add_part();
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
