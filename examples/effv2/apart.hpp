// Files that a command writes, beside those that it reads.
#pragma once

#include <string>
#include <vector>

#include "effv2/error.hpp"

namespace cli {

// Fails (ErrorCode::argument) where an output would take the place of an input or of another output. Empty names are
// passed over, and so are devices.
effv2::Status check_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

}  // namespace cli
