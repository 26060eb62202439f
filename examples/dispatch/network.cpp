// The network, compiled once for each instruction set, with MAKE_NETWORK as the name under which main.cpp finds it.
#include "network.hpp"

#include <effv2/effv2.hpp>
#include <new>

namespace {

using Net = effv2::Model<effv2::variants::b0>;

class Own final : public dispatch::Network {
public:
    Own(Net::Weights weights, effv2::Executor& executor) : net_(std::move(weights), executor) {}
    std::size_t input_floats() const override { return Net::input_floats; }
    std::span<const float> run(std::span<const float> picture) override { return net_(picture); }

private:
    Net net_;
};

}  // namespace

dispatch::Network* MAKE_NETWORK(const char* weights, effv2::Executor& executor) {
    effv2::Result<Net::Weights> loaded = effv2::load_weights<Net>(weights);
    return loaded ? new (std::nothrow) Own(std::move(*loaded), executor) : nullptr;
}
