// What a training log says, in charts.
#pragma once

#include <string>

#include "effv2/error.hpp"

namespace cli {

// Writes loss.svg, accuracy.svg, learning_rate.svg and image_size.svg to a folder, which is made where it is missing.
// Fails where the log cannot be read or a file not be written.
effv2::Status write_plots(const std::string& log, const std::string& folder);

}  // namespace cli
