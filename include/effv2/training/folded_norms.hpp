// Weights whose batch norms were folded into their convolutions before they were saved: files of inference engines.
// Their norms' statistics are those of an identity, whatever gamma and beta have learned since, and batch statistics
// would tear them from the weights (TrainingNetwork::adopt_statistics mends it).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "effv2/architecture/tensors.hpp"
#include "effv2/weights/source.hpp"

namespace effv2::training {

namespace detail {

// What a norm's statistics are where it leaves its input to gamma and beta; NaN for other tensors.
inline double identity_value(Part part, double epsilon) {
    switch (part) {
        case Part::norm_mean:
            return 0.0;
        case Part::norm_variance:
            return 1.0 - epsilon;
        default:
            return std::nan("");
    }
}

}  // namespace detail

// Whether every norm of these weights has the statistics of an identity. New weights do not count: their variance is 1,
// and a norm by it multiplies with 1 / sqrt(1 + epsilon).
inline bool has_folded_norms(const Architecture& architecture, const WeightSource& source) {
    bool folded = true;
    std::vector<float> values;
    for_each_tensor(architecture, [&](const Tensor& tensor) {
        const double expected = detail::identity_value(tensor.part, source.epsilon());
        if (!folded || std::isnan(expected)) return;
        values.resize(tensor.shape.elements());
        source.read(tensor, 0, values);
        folded =
            std::all_of(values.begin(), values.end(), [&](float value) { return std::abs(value - expected) < 1e-6; });
    });
    return folded;
}

}  // namespace effv2::training
