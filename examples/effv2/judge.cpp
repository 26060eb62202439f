#include "judge.hpp"

#include "common/instances.hpp"
#include "effv2/architecture/variants.hpp"

namespace cli {

effv2::Result<effv2::training::Evaluation> judge(const effv2::Architecture& architecture,
                                                 const effv2::WeightSource& weights,
                                                 const effv2::training::data::Pictures& pictures,
                                                 const effv2::Recipe& recipe, effv2::Executor& executor) {
    // So that the figures are, to the last bit, those of who reads the weights from a file.
    const effv2::Architecture a = effv2::as_read(architecture);
    effv2::Result<effv2::PackedWeights<>> packed = effv2::pack_weights(a, weights);
    if (!packed) return packed.error();
    effv2::Result<effv2::Network> network = effv2::Network::make(a, std::move(*packed), executor);
    if (!network) return network.error();
    return effv2::training::evaluate(*network, pictures, recipe, executor);
}

}  // namespace cli
