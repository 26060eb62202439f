// Exponential moving averages of parameters and of batch norm's running statistics, whose values evaluation uses in
// place of the last ones (Tan & Le 2021, section 5; tf.train.ExponentialMovingAverage). Updated alone here, or by the
// optimiser in its own pass.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "effv2/error.hpp"
#include "effv2/kernels/vector.hpp"
#include "effv2/parallel/executor.hpp"

namespace effv2::training {

struct Ema {
    double decay = 0.9999;
    bool warms_up = true;  // begins with a short memory: min(decay, (1 + t) / (10 + t))

    // The share that the average keeps at update `t`. google/automl counts the step just made: its first t is 1.
    constexpr double at(std::uint64_t t) const {
        if (!warms_up) return decay;
        return std::min(decay, (1.0 + static_cast<double>(t)) / (10.0 + static_cast<double>(t)));
    }
    constexpr bool operator==(const Ema&) const = default;
};

// Fails with ErrorCode::argument where the decay is outside [0, 1].
inline Status check(const Ema& ema) {
    if (ema.decay >= 0.0 && ema.decay <= 1.0) return std::monostate{};
    return Error{ErrorCode::argument,
                 "moving average: its decay is " + std::to_string(ema.decay) + ", expected 0 to 1"};
}

// Inner workings.
namespace optimise {

template <class Arch, int granules>
[[gnu::always_inline]] inline simd::Row<Arch, granules> averaged(const simd::Row<Arch, granules>& average,
                                                                 const simd::Row<Arch, granules>& value, float share) {
    return average.plus_product(share, value - average);
}

template <class Arch>
inline void update_average(float* average, const float* values, int count, float share) {
    const int whole = count / granule * granule;
    kernels::for_each_step<Arch>(
        whole, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            averaged<Arch, granules>(Row::load(average + i), Row::load(values + i), share).store(average + i);
        });
    for (int i = whole; i < count; ++i) average[i] = std::fma(share, values[i] - average[i], average[i]);
}

}  // namespace optimise

// average += (1 - decay) * (values - average), for arrays of one length, of any.
//
// Fails with ErrorCode::argument where the lengths differ.
template <class Arch = simd::NativeArch>
Status update_ema(std::span<float> average, std::span<const float> values, double decay, Executor& executor) {
    if (average.size() != values.size())
        return Error{ErrorCode::argument, "the moving average has " + std::to_string(average.size()) +
                                              " floats, expected " + std::to_string(values.size())};
    constexpr std::size_t chunk = 16384;
    const float share = static_cast<float>(1.0 - decay);
    executor.run(static_cast<int>((values.size() + chunk - 1) / chunk), [&](int task, int) {
        const std::size_t first = static_cast<std::size_t>(task) * chunk;
        const int count = static_cast<int>(std::min(chunk, values.size() - first));
        optimise::update_average<Arch>(average.data() + first, values.data() + first, count, share);
    });
    return std::monostate{};
}

}  // namespace effv2::training
