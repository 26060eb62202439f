// Maps and weights of the layer tests, to and from the layout that the training layers work on.
#pragma once

#include "effv2/training/parameters.hpp"
#include "training/plain_layers.hpp"

namespace effv2::tests {

// Of gradients, relative to their norm.
inline constexpr double slope_tolerance = 2e-5;

// Maps as the layers hold them: padded channels are zero, what lies between pixels is poison.
inline std::vector<float> lay_out(const Maps& maps) {
    const int stride = pixel_stride(maps.channels), rounded = round_to_granule(maps.channels);
    std::vector<float> out = poisoned(static_cast<std::size_t>(maps.images * maps.size.pixels() * stride));
    for (std::size_t p = 0; p < out.size() / static_cast<std::size_t>(stride); ++p)
        for (int c = 0; c < rounded; ++c)
            out[p * static_cast<std::size_t>(stride) + static_cast<std::size_t>(c)] =
                c < maps.channels
                    ? static_cast<float>(
                          maps.values[p * static_cast<std::size_t>(maps.channels) + static_cast<std::size_t>(c)])
                    : 0.0f;
    return out;
}

inline Values take_out(const std::vector<float>& laid, int channels) {
    const auto stride = static_cast<std::size_t>(pixel_stride(channels));
    Values out;
    for (std::size_t p = 0; p < laid.size() / stride; ++p)
        for (int c = 0; c < channels; ++c) out.push_back(laid[p * stride + static_cast<std::size_t>(c)]);
    return out;
}

inline Maps random_maps(Random& random, int images, int channels, Extent size) {
    Maps maps(images, channels, size);
    maps.values = doubles(random.reals(maps.values.size()));
    return maps;
}

// A weight tensor in PyTorch's order to and from the panels.
struct LaidWeights {
    training::ParameterEntry entry;
    LaidWeights(Layer layer, const Shape& shape) : entry{{layer, Part::weight, shape, {}}, 0, 0} {
        entry.floats = training::detail::TensorDims(entry.tensor).floats();
    }
    std::vector<float> lay_out(const std::vector<float>& values) const {
        std::vector<float> out(entry.floats, 0.0f);
        training::write_tensor<simd::NativeArch>(entry, values, out.data());
        return out;
    }
    Values take_out(const std::vector<float>& laid) const {
        std::vector<float> values(entry.tensor.shape.elements());
        training::read_tensor<simd::NativeArch>(entry, laid.data(), 0, values);
        return doubles(values);
    }
};

}  // namespace effv2::tests
