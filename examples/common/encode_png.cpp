#include "encode_png.hpp"

#include <png.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace examples {

using effv2::Error;
using effv2::ErrorCode;

effv2::Status encode_png(const std::string& path, const effv2::Image& image) {
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(image.width);
    header.height = static_cast<png_uint_32>(image.height);
    header.format = PNG_FORMAT_RGB;
    // libpng's own writing to a path would remove whatever has this name when it fails, devices included.
    std::vector<png_byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(header));
    png_alloc_size_t size = bytes.size();
    if (png_image_write_to_memory(&header, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0)
        return Error{ErrorCode::image, path + ": cannot be made a PNG: " + header.message};
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return Error{ErrorCode::file, path + ": cannot be created: " + std::strerror(errno)};
    const bool written = std::fwrite(bytes.data(), 1, size, file) == size;
    const int reason = errno;
    if (std::fclose(file) == 0 && written) return std::monostate{};
    return Error{ErrorCode::file, path + ": cannot be written: " + std::strerror(written ? errno : reason)};
}

}  // namespace examples
