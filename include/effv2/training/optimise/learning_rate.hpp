// The learning rate of each step: a linear warm-up, then constant, a staircase, or a cosine. A plain value that can be
// computed at compile time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>

#include "effv2/error.hpp"

namespace effv2::training {

enum class LearningRateShape : std::uint8_t {
    constant,
    staircase,  // times `factor` after every `interval` steps
    cosine,     // half a wave from `peak` at the first step to `floor` at `total_steps`
};

// The defaults are those of google/automl efficientnetv2/utils.py (WarmupLearningRateSchedule): shapes are counted from
// step 0, not from the end of the warm-up, so that a staircase has gone down some steps before the warm-up ends.
struct LearningRate {
    double peak = 0.0;  // for the whole batch
    LearningRateShape shape = LearningRateShape::constant;
    std::uint64_t warmup_steps = 0;  // from 0 at step 0 in a straight line to `peak`
    double factor = 0.97;            // staircase
    double interval = 1.0;           // staircase: steps, not always a whole number
    std::uint64_t total_steps = 0;   // cosine
    double floor = 0.0;              // the least after the warm-up
    bool after_warmup = false;       // true: the shape begins where the warm-up ends (PyTorch's SequentialLR)

    // The rate of a step; the first is 0.
    constexpr double at(std::uint64_t step) const;

    constexpr bool operator==(const LearningRate&) const = default;
};

// Inner workings.
namespace optimise {

// base^n.
constexpr double power(double base, std::uint64_t n) {
    double result = 1.0;
    for (; n > 0; n /= 2, base *= base)
        if (n % 2 == 1) result *= base;
    return result;
}

// cos(pi * t) for t in [0, 1], to about 1e-16: sin(pi / 2 - pi * t) by its series, for std::cos is not constexpr.
constexpr double cosine_of_half_turns(double t) {
    constexpr double pi = 3.14159265358979323846;
    const double x = pi * (0.5 - t);
    double term = x, sum = x;
    for (int k = 1; k <= 13; ++k) {
        term *= -x * x / (2.0 * k * (2.0 * k + 1.0));
        sum += term;
    }
    return sum;
}

}  // namespace optimise

constexpr double LearningRate::at(std::uint64_t step) const {
    if (step < warmup_steps) return peak * static_cast<double>(step) / static_cast<double>(warmup_steps);
    const std::uint64_t begin = after_warmup ? warmup_steps : 0, now = step - begin;
    double rate = peak;
    if (shape == LearningRateShape::staircase)
        rate = peak * optimise::power(factor, static_cast<std::uint64_t>(static_cast<double>(now) / interval));
    if (shape == LearningRateShape::cosine) {
        if (step >= total_steps) return floor;
        const double done = static_cast<double>(now) / static_cast<double>(total_steps - begin);
        rate = floor + (peak - floor) * 0.5 * (1.0 + optimise::cosine_of_half_turns(done));
    }
    return std::max(rate, floor);
}

// Fails with ErrorCode::argument where the rate could not be computed, or would be negative or grow without bound.
inline Status check(const LearningRate& rate) {
    const auto refuse = [](const std::string& what, double found, const std::string& expected) {
        return Error{ErrorCode::argument,
                     "learning rate: " + what + " is " + std::to_string(found) + ", expected " + expected};
    };
    if (!(rate.peak >= 0.0 && rate.peak < 1e9)) return refuse("its peak", rate.peak, "at least 0 and below 1e9");
    if (!(rate.floor >= 0.0 && rate.floor <= rate.peak)) return refuse("its floor", rate.floor, "0 to the peak");
    if (rate.shape == LearningRateShape::staircase) {
        if (!(rate.factor > 0.0 && rate.factor <= 1.0)) return refuse("its factor", rate.factor, "above 0, at most 1");
        if (!(rate.interval > 0.0)) return refuse("its interval", rate.interval, "more than 0 steps");
    }
    if (rate.shape == LearningRateShape::cosine && rate.total_steps <= rate.warmup_steps)
        return refuse("its number of steps", static_cast<double>(rate.total_steps),
                      "more than the " + std::to_string(rate.warmup_steps) + " of the warm-up");
    return std::monostate{};
}

// The published recipes (google/automl efficientnetv2/hparams.py, datasets.py, utils.py), for any batch and data set.
// `epoch`: steps of one, images / batch; not always a whole number.
namespace learning_rates {

// ImageNet, 350 epochs: 0.256 for a batch of 4096, five epochs of warm-up, times 0.97 every 2.4 epochs.
constexpr LearningRate imagenet(double epoch, int batch) {
    return {.peak = 0.016 * batch / 256,
            .shape = LearningRateShape::staircase,
            .warmup_steps = static_cast<std::uint64_t>(5.0 * epoch),
            .factor = 0.97,
            .interval = epoch * 2.4};
}

// ImageNet-21k: 0.128 for a batch of 4096, one epoch of warm-up, a cosine over all steps.
constexpr LearningRate imagenet21k(double epoch, int batch, std::uint64_t total_steps) {
    return {.peak = 0.008 * batch / 256,
            .shape = LearningRateShape::cosine,
            .warmup_steps = static_cast<std::uint64_t>(epoch),
            .total_steps = total_steps};
}

// ImageNet after ImageNet-21k: 0.001 for a batch of 512, one epoch of warm-up, then constant.
constexpr LearningRate fine_tuning(double epoch, int batch) {
    return {.peak = 0.0005 * batch / 256, .warmup_steps = static_cast<std::uint64_t>(epoch)};
}

}  // namespace learning_rates

}  // namespace effv2::training
