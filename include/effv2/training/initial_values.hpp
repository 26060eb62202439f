// The weights that a network starts with when it starts from nothing.
#pragma once

#include <cmath>
#include <cstdint>

#include "effv2/training/data/random.hpp"
#include "effv2/weights/source.hpp"

namespace effv2::training {

// Fresh values as the released code draws them (google/automl effnetv2_model.py): convolutions normal with variance
// 2 / (k * k * outputs), depthwise 2 / (k * k), the classifier uniform within 1 / sqrt(classes), norms 1 and 0, biases
// 0.
class InitialValues final : public WeightSource {
public:
    explicit InitialValues(std::uint64_t seed) : seed_(seed) {}
    void read(const Tensor& t, std::size_t first, std::span<float> into) const override {
        // Each element has a stream of its own, so that they can be read in pieces.
        const std::uint64_t tensor = (static_cast<std::uint64_t>(t.layer) << 32) +
                                     (static_cast<std::uint64_t>(t.block.stage) << 16) +
                                     static_cast<std::uint64_t>(t.block.index);
        for (std::size_t i = 0; i < into.size(); ++i)
            into[i] = value(t, data::Random(seed_, tensor, first + i, data::Purpose::initial));
    }
    float epsilon() const override { return 1e-3f; }

private:
    static float value(const Tensor& t, data::Random random) {
        if (t.part == Part::norm_weight || t.part == Part::norm_variance) return 1.0f;
        if (t.part != Part::weight) return 0.0f;
        if (t.layer == Layer::classifier)
            return static_cast<float>(random.uniform(-1.0, 1.0) / std::sqrt(t.shape.dims[0]));
        const int outputs = t.layer == Layer::depthwise ? 1 : t.shape.dims[0];
        return static_cast<float>(std::sqrt(2.0 / (outputs * t.shape.dims[2] * t.shape.dims[3])) * random.normal());
    }

    std::uint64_t seed_;
};

}  // namespace effv2::training
