// Softmax cross-entropy with soft labels. Sums in double: they are a thousandth of the work, and the loss is what
// people look at.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace effv2::training {

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

}  // namespace effv2::training
