// Weight files, as classify and run take them.
#pragma once

#include <string>

#include "effv2/weights/load_weights.hpp"

namespace cli {

// Weights and what they are. Fails where `variant` is not empty and the file holds another.
effv2::Result<effv2::LoadedNetwork> load(const std::string& path, const std::string& variant,
                                         const effv2::WeightOptions& options = {});

}  // namespace cli
