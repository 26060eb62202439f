// Weight files, as the subcommands take them.
#pragma once

#include <string>

#include "effv2/weights/load_weights.hpp"
#include "options.hpp"

namespace cli {

// What the command line says of a scheme; nothing for an empty name.
effv2::WeightOptions weight_options(const std::string& scheme);

// Weights and what they are. Fails where `variant` is not empty and the file holds another. `padding` is "same",
// "symmetric" or empty.
effv2::Result<effv2::LoadedNetwork> load(const WeightsFile& file, const std::string& variant,
                                         const std::string& padding = {});

}  // namespace cli
