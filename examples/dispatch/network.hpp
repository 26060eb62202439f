// One network for several instruction sets: what main.cpp sees of it.
#pragma once

#include <cstddef>
#include <span>

namespace effv2 {
class Executor;
}

namespace dispatch {

class Network {
public:
    virtual ~Network() = default;

    // Floats of a picture, (3, height, width).
    virtual std::size_t input_floats() const = 0;

    // The logits of a picture, until the next call.
    virtual std::span<const float> run(std::span<const float> picture) = 0;
};

}  // namespace dispatch

// network.cpp, compiled for x86-64-v3 (AVX2 and FMA) and -v4 (AVX-512). Null where the weights cannot be loaded; the
// caller deletes what it gets.
extern "C" {
dispatch::Network* make_network_v3(const char* weights, effv2::Executor& executor);
dispatch::Network* make_network_v4(const char* weights, effv2::Executor& executor);
}
