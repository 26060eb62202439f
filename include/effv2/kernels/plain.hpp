// The plain scalar twin of every kernel: loops as the textbook has them, sums in double, planes (NCHW) and PyTorch's
// weight layout. Slow on purpose; tests hold the fast kernels against these.
#pragma once

#include <cmath>
#include <vector>

#include "effv2/architecture/blocks.hpp"

namespace effv2::kernels::plain {

inline float silu(float x) { return static_cast<float>(x / (1.0 + std::exp(-static_cast<double>(x)))); }
inline float sigmoid(float x) { return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(x)))); }

// A map of (channels, height, width).
struct Map {
    int channels = 0;
    Extent size;
    std::vector<float> values;

    Map() = default;
    Map(int c, Extent s)
        : channels(c), size(s), values(static_cast<std::size_t>(c) * static_cast<std::size_t>(s.pixels())) {}
    float& at(int c, int y, int x) { return values[index(c, y, x)]; }
    float at(int c, int y, int x) const { return values[index(c, y, x)]; }
    // Zero beyond the border.
    float padded(int c, int y, int x) const {
        const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
        return inside ? at(c, y, x) : 0.0f;
    }

private:
    std::size_t index(int c, int y, int x) const {
        return (static_cast<std::size_t>(c) * static_cast<std::size_t>(size.height) + static_cast<std::size_t>(y)) *
                   static_cast<std::size_t>(size.width) +
               static_cast<std::size_t>(x);
    }
};

// Full convolution without bias; weights (outputs, in.channels, k, k). A 1x1 has window.kernel 1.
inline Map convolve(const Map& in, const Window& window, int outputs, const std::vector<float>& weights) {
    Map out(outputs, window.output);
    const int k = window.kernel;
    for (int o = 0; o < outputs; ++o)
        for (int y = 0; y < window.output.height; ++y)
            for (int x = 0; x < window.output.width; ++x) {
                double sum = 0.0;
                const float* w = weights.data() + static_cast<std::ptrdiff_t>(o) * in.channels * k * k;
                for (int c = 0; c < in.channels; ++c)
                    for (int ky = 0; ky < k; ++ky)
                        for (int kx = 0; kx < k; ++kx)
                            sum += static_cast<double>(*w++) *
                                   in.padded(c, y * window.stride + ky - window.vertical.before,
                                             x * window.stride + kx - window.horizontal.before);
                out.at(o, y, x) = static_cast<float>(sum);
            }
    return out;
}

// Depthwise convolution without bias; weights (channels, 1, k, k).
inline Map convolve_depthwise(const Map& in, const Window& window, const std::vector<float>& weights) {
    Map out(in.channels, window.output);
    const int k = window.kernel;
    for (int c = 0; c < in.channels; ++c)
        for (int y = 0; y < window.output.height; ++y)
            for (int x = 0; x < window.output.width; ++x) {
                double sum = 0.0;
                for (int ky = 0; ky < k; ++ky)
                    for (int kx = 0; kx < k; ++kx)
                        sum += static_cast<double>(weights[static_cast<std::size_t>((c * k + ky) * k + kx)]) *
                               in.padded(c, y * window.stride + ky - window.vertical.before,
                                         x * window.stride + kx - window.horizontal.before);
                out.at(c, y, x) = static_cast<float>(sum);
            }
    return out;
}

// (in) -> (outputs); weights (outputs, in).
inline std::vector<float> dense(const std::vector<float>& in, const std::vector<float>& weights,
                                const std::vector<float>& bias) {
    std::vector<float> out(bias.size());
    for (std::size_t o = 0; o < out.size(); ++o) {
        double sum = bias[o];
        for (std::size_t i = 0; i < in.size(); ++i) sum += static_cast<double>(weights[o * in.size() + i]) * in[i];
        out[o] = static_cast<float>(sum);
    }
    return out;
}

// Mean of each channel.
inline std::vector<float> pool(const Map& in) {
    std::vector<float> out(static_cast<std::size_t>(in.channels));
    for (int c = 0; c < in.channels; ++c) {
        double sum = 0.0;
        for (int y = 0; y < in.size.height; ++y)
            for (int x = 0; x < in.size.width; ++x) sum += in.at(c, y, x);
        out[static_cast<std::size_t>(c)] = static_cast<float>(sum / in.size.pixels());
    }
    return out;
}

inline void apply_silu(Map& map) {
    for (float& value : map.values) value = silu(value);
}

}  // namespace effv2::kernels::plain
