// What decode.cpp and the decoders of the three formats share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "effv2/error.hpp"
#include "effv2/image/pixels.hpp"

namespace examples {

using Bytes = std::span<const std::uint8_t>;

// Each decodes a file whose first bytes are already known to be its format's.
effv2::Result<effv2::Image> decode_jpeg(Bytes bytes, std::string_view name);
effv2::Result<effv2::Image> decode_png(Bytes bytes, std::string_view name);
effv2::Result<effv2::Image> decode_webp(Bytes bytes, std::string_view name);

// An RGB picture of that size, all black, or an error if it would be too large. Decoders call it before they decode.
effv2::Result<effv2::Image> make_picture(std::uint32_t width, std::uint32_t height, std::string_view name);

// "NAME is a damaged JPEG file: DETAIL", and "NAME is a JPEG file that is cut short: ...".
effv2::Error damaged(std::string_view name, std::string_view format, std::string_view detail);
effv2::Error cut_short(std::string_view name, std::string_view format, std::size_t bytes);

}  // namespace examples
