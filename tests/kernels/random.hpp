// Random operands for the kernel tests, the same on every machine, and outputs poisoned before the kernel writes them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "effv2/kernels/plain.hpp"

namespace effv2::tests {

class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}

    // In [low, high].
    int integer(int low, int high) {
        return low + static_cast<int>(engine_() % static_cast<std::uint32_t>(high - low + 1));
    }
    // In [-1, 1].
    float real() { return static_cast<float>(static_cast<double>(engine_()) / 2147483647.5 - 1.0); }

    std::vector<float> reals(std::size_t n) {
        std::vector<float> values(n);
        for (float& value : values) value = real();
        return values;
    }
    kernels::plain::Map map(int channels, Extent size) {
        kernels::plain::Map made(channels, size);
        for (float& value : made.values) value = real();
        return made;
    }

private:
    std::mt19937 engine_;
};

inline std::vector<float> poisoned(std::size_t n) {
    return std::vector<float>(n, std::numeric_limits<float>::quiet_NaN());
}

// ||a - b|| / ||b||; infinite where a value is not a number.
inline double relative_error(std::span<const float> a, std::span<const float> b) {
    double difference = 0.0, norm = 1e-30;
    for (std::size_t i = 0; i < b.size(); ++i) {
        if (!std::isfinite(a[i])) return std::numeric_limits<double>::infinity();
        difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
        norm += static_cast<double>(b[i]) * b[i];
    }
    return std::sqrt(difference / norm);
}

}  // namespace effv2::tests
