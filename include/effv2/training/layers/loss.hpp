// The head's last steps: mean over the map, dropout, and softmax cross-entropy with soft labels. Sums in double: they
// are a thousandth of the work, and the loss is what people look at.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "effv2/training/layers/batch_norm.hpp"
#include "effv2/weights/formula.hpp"

namespace effv2::training {

// A random number in [0, 1) that depends on nothing but its arguments.
inline double uniform(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index) {
    return effv2::detail::formula_uniform(seed * 0x9e3779b97f4a7c15u ^ (purpose + 1) * 0xd1342543de82ef95u, index);
}

// Labels smoothed as TensorFlow and PyTorch do it: t * (1 - smoothing) + smoothing / classes.
struct LossSettings {
    float smoothing = 0.0f;
};

struct Loss {
    double mean = 0.0;  // over the batch, nats
    int correct = 0;    // images whose largest logit is where the largest target is
};

// Cross-entropy of softmax(logits) against targets (batch, classes), whose rows sum to 1; rows of logits and of their
// gradient are `stride` floats apart, and the gradient's padding is set to zero.
inline Loss cross_entropy(const LossSettings& settings, int batch, int classes, std::ptrdiff_t stride,
                          const float* logits, const float* targets, float* gradient) {
    Loss loss;
    const double smoothing = static_cast<double>(settings.smoothing);
    for (int i = 0; i < batch; ++i, logits += stride, targets += classes, gradient += stride) {
        const auto largest = std::max_element(logits, logits + classes);
        double sum = 0.0, total = 0.0;
        for (int c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c]) - *largest);
        const double log_sum = std::log(sum) + *largest;
        for (int c = 0; c < classes; ++c) {
            const double target = targets[c] * (1.0 - smoothing) + smoothing / classes;
            const double log_p = static_cast<double>(logits[c]) - log_sum;
            total -= target * log_p;
            gradient[c] = static_cast<float>((std::exp(log_p) - target) / batch);
        }
        std::fill(gradient + classes, gradient + stride, 0.0f);
        loss.mean += total / batch;
        loss.correct += largest - logits == std::max_element(targets, targets + classes) - targets;
    }
    return loss;
}

// pooled[image] = mean over the map's pixels, each value dropped with probability `rate` and the others divided by
// 1 - rate.
struct Dropout {
    double rate = 0.0;
    std::uint64_t seed = 0, step = 0;
    float factor(std::int64_t value) const {
        if (rate <= 0.0) return 1.0f;
        const bool kept = uniform(seed + 1, step, static_cast<std::uint64_t>(value)) >= rate;
        return kept ? static_cast<float>(1.0 / (1.0 - rate)) : 0.0f;
    }
};

template <class Arch>
void pool_forward(Executor& executor, const MapLayout& map, int batch, const Dropout& dropout, const float* in,
                  float* pooled) {
    executor.run(batch, [&](int image, int) {
        float* to = pooled + image * map.stride;
        std::fill_n(to, map.channels, 0.0f);
        for (int p = 0; p < map.pixels; ++p) kernels::accumulate<Arch>(to, in + map.at(image, p), map.channels);
        const float share = 1.0f / static_cast<float>(map.pixels);
        for (int c = 0; c < map.channels; ++c) to[c] *= share * dropout.factor(std::int64_t{image} * map.channels + c);
    });
}

// The gradient of every pixel of the map; pooled_gradient is overwritten.
template <class Arch>
void pool_backward(Executor& executor, const MapLayout& map, int batch, const Dropout& dropout, float* pooled_gradient,
                   float* in_gradient) {
    executor.run(batch, [&](int image, int) {
        float* from = pooled_gradient + image * map.stride;
        const float share = 1.0f / static_cast<float>(map.pixels);
        for (int c = 0; c < map.channels; ++c)
            from[c] *= share * dropout.factor(std::int64_t{image} * map.channels + c);
        for (int p = 0; p < map.pixels; ++p) std::copy_n(from, map.channels, in_gradient + map.at(image, p));
    });
}

}  // namespace effv2::training
