// Weights without files: every element follows from its tensor's timm name and its flat index, so that a test, a
// benchmark or a program in another language can make the same network from nothing. The values keep activations near
// unit scale and let every layer show in the logits.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "effv2/weights/naming.hpp"
#include "effv2/weights/source.hpp"

namespace effv2 {

namespace detail {

// 64-bit FNV-1a.
constexpr std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

// Element `index` of the stream of that seed, in [0, 1) with 24 bits: splitmix64 (Steele, Lea & Flood 2014).
constexpr double formula_uniform(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<double>(z >> 40) / 16777216.0;
}

// Gain of a convolution's or the classifier's weights. What ends a block is weak where a residual is added, that is in
// all blocks but a stage's first.
constexpr double formula_gain(const Tensor& tensor) {
    const bool first = tensor.block.index == 0;
    switch (tensor.layer) {
        case Layer::stem:
            return 1.5;
        case Layer::classifier:
            return 2.0;
        case Layer::se_reduce:
        case Layer::se_expand:
            return 1.0;
        case Layer::project:
            if (tensor.block.is_single_convolution()) return first ? 1.4 : 0.21;
            return first ? 1.8 : 0.27;
        default:
            return 1.3;
    }
}

// The two kinds of value that the formula has: 0.75 + scale * u, and scale * (2u - 1).
struct FormulaRange {
    double scale;
    bool centred;  // the second kind
};

inline FormulaRange formula_range(const Tensor& tensor) {
    switch (tensor.part) {
        case Part::norm_weight:
        case Part::norm_variance:
            return {0.5, false};
        case Part::norm_bias:
        case Part::norm_mean:
            return {0.2, true};
        case Part::bias:
            return {0.5, true};
        case Part::weight:
            break;
    }
    const double fan_in = static_cast<double>(tensor.shape.elements()) / tensor.shape.dims[0];
    return {formula_gain(tensor) * std::sqrt(3.0 / fan_in), true};
}

}  // namespace detail

// A network of any architecture whose weights are the formula's.
class FormulaSource final : public WeightSource {
public:
    explicit FormulaSource(float epsilon = 1e-3f) : epsilon_(epsilon) {}

    void read(const Tensor& tensor, std::size_t first, std::span<float> into) const override {
        const TensorName name = detail::timm_name(tensor);
        const std::uint64_t seed = detail::fnv1a(name.view());
        const detail::FormulaRange range = detail::formula_range(tensor);
        for (std::size_t i = 0; i < into.size(); ++i) {
            const double u = detail::formula_uniform(seed, first + i);
            into[i] = static_cast<float>(range.centred ? range.scale * (2 * u - 1) : 0.75 + range.scale * u);
        }
    }
    float epsilon() const override { return epsilon_; }

private:
    float epsilon_;
};

// The formula's input picture(s): fills `into` with flat elements `first` on of an (N, 3, H, W) input.
inline void formula_input(std::span<float> into, std::size_t first = 0) {
    const std::uint64_t seed = detail::fnv1a("input");
    const double scale = std::sqrt(3.0);
    for (std::size_t i = 0; i < into.size(); ++i)
        into[i] = static_cast<float>((detail::formula_uniform(seed, first + i) * 2 - 1) * scale);
}

}  // namespace effv2
