// What lies between the head's map and the classifier: the mean over the map, with dropout.
#pragma once

#include <cstdint>

#include "effv2/training/data/random.hpp"
#include "effv2/training/layers/batch_norm.hpp"

namespace effv2::training {

// Each value is dropped with probability `rate`, and the others are divided by 1 - rate (Srivastava et al. 2014). What
// is dropped depends on (seed, step, value) alone.
struct Dropout {
    double rate = 0.0;
    std::uint64_t seed = 0, step = 0;
    float factor(std::int64_t value) const {
        if (rate <= 0.0) return 1.0f;
        data::Random random(seed, step, static_cast<std::uint64_t>(value), data::Purpose::dropout);
        return random.chance(rate) ? 0.0f : static_cast<float>(1.0 / (1.0 - rate));
    }
};

// pooled[image] = mean over the map's pixels, with dropout; rows of map.stride floats.
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
