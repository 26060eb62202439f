#include "judge.hpp"

#include "common/instances.hpp"

namespace cli {

effv2::Result<effv2::training::Evaluation> judge(const effv2::Architecture& architecture,
                                                 const effv2::WeightSource& weights,
                                                 const effv2::training::data::Pictures& pictures,
                                                 const effv2::Recipe& recipe, effv2::Executor& executor) {
    effv2::Result<effv2::PackedWeights<>> packed = effv2::pack_weights(architecture, weights);
    if (!packed) return packed.error();
    effv2::Result<effv2::Network> network = effv2::Network::make(architecture, std::move(*packed), executor);
    if (!network) return network.error();
    return effv2::training::evaluate(*network, pictures, recipe, executor);
}

}  // namespace cli
