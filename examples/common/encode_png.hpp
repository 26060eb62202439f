// Pictures to PNG files, by libpng.
#pragma once

#include <string>

#include "effv2/error.hpp"
#include "effv2/image/pixels.hpp"

namespace examples {

// Writes a picture of 3 channels. Fails with one sentence that begins with the path.
effv2::Status encode_png(const std::string& path, const effv2::Image& image);

}  // namespace examples
