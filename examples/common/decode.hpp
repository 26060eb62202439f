// Pictures from files, for the examples: JPEG by libjpeg-turbo, PNG by libpng, WebP by libwebp. Pixels equal those of
// Pillow's Image.open(path).convert("RGB"): alpha is dropped, and EXIF orientation is not applied; but of 16-bit greys,
// the upper 8 bits are kept, which Pillow cuts off at 255.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "effv2/error.hpp"
#include "effv2/image/pixels.hpp"

namespace examples {

// The largest picture that is decoded, in pixels: 768 MiB of red, green and blue.
inline constexpr std::int64_t max_decoded_pixels = std::int64_t{1} << 28;

// Decodes a picture file to height x width x 3 bytes. What kind of file it is, its first bytes tell, not its name.
// Fails with one sentence that begins with the path: for a file that cannot be read, is empty, is no picture of the
// three kinds, is cut short anywhere, is damaged where its format notices that (within a JPEG's scans it often does
// not, and Pillow shows what there is, too), is larger than max_decoded_pixels, or is a WebP animation (of an animated
// PNG, the picture that stands for it is decoded).
effv2::Result<effv2::Image> decode_file(const std::string& path);

// The same for a file's bytes; `name` stands for the path in errors.
effv2::Result<effv2::Image> decode_bytes(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace examples
