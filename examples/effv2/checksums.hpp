// Checksums by which a run knows its pictures and its first weights again.
#pragma once

#include <string>

#include "effv2/error.hpp"
#include "effv2/training/data/pictures.hpp"

namespace cli {

// Of all pixels, sizes and labels, as 16 hexadecimal digits.
std::string checksum_pictures(const effv2::training::data::Pictures& pictures);

// Of a file's bytes. Fails where it cannot be read.
effv2::Result<std::string> checksum_file(const std::string& path);

}  // namespace cli
