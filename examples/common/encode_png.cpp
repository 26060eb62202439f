#include "encode_png.hpp"

#include <png.h>

#include <algorithm>
#include <span>
#include <vector>

#include "effv2/weights/new_file.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;

effv2::Status encode_png(const std::string& path, const effv2::Image& image) {
    constexpr int largest = 1000000;  // pixels a side: libpng's limit
    if (std::max(image.width, image.height) > largest)
        return Error{ErrorCode::image, path + ": " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                                           " pixels are too large for a PNG, which has at most 1000000 a side"};
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(image.width);
    header.height = static_cast<png_uint_32>(image.height);
    header.format = PNG_FORMAT_RGB;
    // libpng's own writing to a path would remove whatever has this name when it fails.
    std::vector<png_byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(header));
    png_alloc_size_t size = bytes.size();
    if (png_image_write_to_memory(&header, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0)
        return Error{ErrorCode::image, path + ": cannot be made a PNG: " + header.message};
    effv2::Result<effv2::detail::NewFile> file = effv2::detail::NewFile::create(path, effv2::detail::Links::followed);
    if (!file) return file.error();
    if (effv2::Status written = file->write(std::as_bytes(std::span(bytes.data(), size))); !written) return written;
    return file->commit();
}

}  // namespace examples
