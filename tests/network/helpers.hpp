// Networks with formula weights, and their runs, for the network tests.
#pragma once

#include <vector>

#include "common/instances.hpp"
#include "effv2/network/model.hpp"
#include "effv2/weights/formula.hpp"
#include "effv2/weights/pack.hpp"
#include "kernels/random.hpp"

namespace effv2::tests {

// 1x1 convolutions through Strassen's product on a map of 13 x 11 pixels, one of which has no partner: an expansion
// with a stride, projections of one chunk and of two, blocks whose pictures run together.
inline constexpr Architecture in_pairs{.stem = 16,
                                       .stages = {mbconv(1, 2, 4, 48), mbconv(3, 1, 6, 176), mbconv(1, 2, 4, 64)},
                                       .head = 64,
                                       .classes = 10,
                                       .input = {50, 44}};
static_assert([] {
    int expansions = 0, projections = 0;
    for (const Block& block : make_blocks<in_pairs>()) {
        expansions += block.strassen_expansion ? 1 : 0;
        projections += block.strassen_projection ? 1 : 0;
    }
    return expansions == 4 && projections == 3;
}());

struct Run {
    std::vector<float> logits, features;
    std::array<std::vector<float>, 4> maps;
};

inline std::vector<float> formula_pictures(const Architecture& a, int batch) {
    std::vector<float> pictures(static_cast<std::size_t>(batch) * 3 * static_cast<std::size_t>(a.input.pixels()));
    formula_input(pictures);
    return pictures;
}

// Every output of `pictures`, poisoned before.
inline Run run(const Architecture& a, const PackedWeights<>& weights, const std::vector<float>& pictures, int batch,
               Executor& executor = network::default_executor()) {
    Network net = *Network::make(a, weights, executor);
    const auto count = static_cast<std::size_t>(batch);
    Run made;
    made.logits = poisoned(count * static_cast<std::size_t>(a.classes));
    made.features = poisoned(count * static_cast<std::size_t>(a.head));
    Outputs outputs{made.logits, made.features, {}};
    for (std::size_t m = 0; m < 4; ++m) {
        made.maps[m] = poisoned(count * feature_map_shape(a, m).floats());
        outputs.maps[m] = made.maps[m];
    }
    const Status status = net.forward(pictures, batch, outputs);
    if (!status) made.logits.clear();
    return made;
}

inline Run run_formula(const Architecture& a, int batch, Executor& executor = network::default_executor()) {
    return run(a, *pack_weights(a, FormulaSource{}), formula_pictures(a, batch), batch, executor);
}

}  // namespace effv2::tests
