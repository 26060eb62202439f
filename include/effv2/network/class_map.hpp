// Where in a picture a class is seen: its class activation map (Zhou et al. 2016). The logits are linear in the pooled
// features, so a class's weights, put before the pooling, tell what every pixel of the head's map adds to its logit.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "effv2/network/model.hpp"

namespace effv2 {

namespace network {

// A class's weights, one for each channel of the head and zeros up to the granule, out of the packed classifier.
template <class Arch>
std::vector<float> class_weights(const PlanSummary& plan, const float* pack, int index) {
    const int depth = round_to_granule(plan.architecture.head);
    const kernels::Panels<Arch> panels(plan.architecture.classes);
    const int panel = panels.panel_of(index), channel = panels.first_channel(panel);
    const std::ptrdiff_t width = panels.width(panel) * granule;
    const float* const at = pack + plan.classifier.weights + std::ptrdiff_t{depth} * channel + (index - channel);
    std::vector<float> weights(static_cast<std::size_t>(depth));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = at[static_cast<std::ptrdiff_t>(i) * width];
    return weights;
}

// (channels, pixels) to pixels of channels, with zeros up to the granule: as kernels read them.
inline std::vector<float> to_pixels(std::span<const float> map, int channels, int pixels) {
    const auto stride = static_cast<std::size_t>(round_to_granule(channels)), count = static_cast<std::size_t>(pixels);
    std::vector<float> out(stride * count, 0.0f);
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c)
        for (std::size_t i = 0; i < count; ++i) out[i * stride + c] = map[c * count + i];
    return out;
}

// What the head's channels of one panel add to the map at `rows` pixels, whose inputs are `in`.
template <class Arch>
void add_head_panel(kernels::Tile tile, int rows, int width, const float* weights, double* sums) {
    std::array<float, std::size_t{kernels::TileShape<Arch>::most_rows} * max_panel> values;
    std::array<float*, kernels::TileShape<Arch>::most_rows> out;
    for (int r = 0; r < rows; ++r) out[static_cast<std::size_t>(r)] = values.data() + std::ptrdiff_t{r} * width;
    tile.out = out.data();
    kernels::compute_tile<Arch>(rows, width / granule, tile);
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < width; ++c)
            sums[r] += static_cast<double>(out[static_cast<std::size_t>(r)][c]) * static_cast<double>(weights[c]);
}

}  // namespace network

// Writes the map of class `index` for one picture: `map` is (height, width) of last_map_shape(a), row-major, in units
// of the logit. The mean over its pixels, plus the classifier's bias of the class, is the logit. `last_map` is that
// output of the forward pass of a network of the same weights, of architecture `a` (of any input size).
//
// Allocates, unlike the forward pass. Fails with ErrorCode::argument where architecture, a size or the index is wrong,
// or the weights were moved from,
// with ErrorCode::mismatch where the weights were packed for another architecture or other convolutions.
template <class Arch = simd::NativeArch>
Status class_map(const Architecture& a, const PackedWeights<Arch>& packed, std::span<const float> last_map, int index,
                 std::span<float> map) {
    if (const Problem problem = find_problem(a); problem.flaw != Flaw::none)
        return Error{ErrorCode::argument, explain(problem)};
    if (!network::serves(packed, a)) return network::cannot_serve(packed, a);
    const MapShape shape = last_map_shape(a);
    const int pixels = shape.size.pixels();
    if (last_map.size() != shape.floats()) return network::wrong_size("the last map", shape.floats(), last_map.size());
    if (map.size() != static_cast<std::size_t>(pixels))
        return network::wrong_size("the class map", static_cast<std::size_t>(pixels), map.size());
    if (index < 0 || index >= a.classes)
        return Error{ErrorCode::argument, "the class: expected a number from 0 to " + std::to_string(a.classes - 1) +
                                              ", found " + std::to_string(index)};
    PlanSummary plan;
    make_plan(a, plan, [](const PlannedBlock&) {});
    const float* const pack = packed.data();
    const std::vector<float> weights = network::class_weights<Arch>(plan, pack, index);
    const std::vector<float> inputs = network::to_pixels(last_map, shape.channels, pixels);

    const kernels::Panels<Arch> panels(a.head);
    kernels::Tile tile;
    tile.depth = round_to_granule(shape.channels);
    tile.silu = true;
    std::vector<double> sums(static_cast<std::size_t>(pixels), 0.0);
    for (int panel = 0; panel < panels.count; ++panel) {
        const int channel = panels.first_channel(panel), width = panels.width(panel);
        tile.weights = pack + plan.head.weights + std::ptrdiff_t{tile.depth} * channel;
        tile.bias = pack + plan.head.bias + channel;
        kernels::for_each_group(pixels, kernels::TileShape<Arch>::max_rows(width), [&](int first, int rows) {
            std::array<const float*, kernels::TileShape<Arch>::most_rows> in;
            for (int r = 0; r < rows; ++r)
                in[static_cast<std::size_t>(r)] = inputs.data() + std::ptrdiff_t{first + r} * tile.depth;
            tile.in = in.data();
            network::add_head_panel<Arch>(tile, rows, width * granule, weights.data() + channel, sums.data() + first);
        });
    }
    std::transform(sums.begin(), sums.end(), map.begin(), [](double sum) { return static_cast<float>(sum); });
    return std::monostate{};
}

}  // namespace effv2
