#include "decode.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "decode_formats.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;

namespace {

// More than any picture of max_decoded_pixels takes; keeps a path like /dev/zero from filling the memory.
constexpr std::size_t max_file_bytes = std::size_t{2} << 30;

bool starts_with(Bytes bytes, std::size_t at, std::string_view text) {
    return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

bool is_jpeg(Bytes bytes) { return starts_with(bytes, 0, "\xff\xd8\xff"); }
bool is_png(Bytes bytes) { return starts_with(bytes, 0, "\x89PNG\r\n\x1a\n"); }
bool is_webp(Bytes bytes) { return starts_with(bytes, 0, "RIFF") && starts_with(bytes, 8, "WEBP"); }

Error no_picture(Bytes bytes, std::string_view name) {
    std::string found;
    for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 8))) {
        std::array<char, 4> digits{};
        std::snprintf(digits.data(), digits.size(), " %02x", byte);
        found += digits.data();
    }
    return {ErrorCode::format,
            std::string(name) + " is not a picture: a JPEG, PNG or WebP file was expected, and it starts with" + found};
}

effv2::Result<std::vector<std::uint8_t>> read_file(const std::string& path) {
    const auto failed = [&path](const char* verb) {
        return Error{ErrorCode::file, path + " cannot be " + verb + ": " + std::strerror(errno)};
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (!file) return failed("opened");
    std::vector<std::uint8_t> bytes;
    std::array<std::uint8_t, 1 << 16> block;
    while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
        bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
        if (bytes.size() > max_file_bytes)
            return Error{ErrorCode::file,
                         path + " is larger than the limit of " + std::to_string(max_file_bytes) + " bytes"};
    }
    if (std::ferror(file.get())) return failed("read");
    return bytes;
}

}  // namespace

effv2::Result<effv2::Image> make_picture(std::uint32_t width, std::uint32_t height, std::string_view name) {
    const std::string size = std::to_string(width) + "x" + std::to_string(height);
    if (width < 1 || height < 1) return Error{ErrorCode::format, std::string(name) + " has " + size + " pixels"};
    if (width > effv2::max_image_side || height > effv2::max_image_side ||
        std::int64_t{width} * std::int64_t{height} > max_decoded_pixels)
        return Error{ErrorCode::image, std::string(name) + " has " + size + " pixels, more than the limits of " +
                                           std::to_string(max_decoded_pixels) + " in all and " +
                                           std::to_string(effv2::max_image_side) + " a side"};
    effv2::Image picture{static_cast<int>(width), static_cast<int>(height), 3, {}};
    picture.pixels.resize(std::size_t{3} * width * height);
    return picture;
}

Error damaged(std::string_view name, std::string_view format, std::string_view detail) {
    return {ErrorCode::format,
            std::string(name) + " is a damaged " + std::string(format) + " file: " + std::string(detail)};
}

Error cut_short(std::string_view name, std::string_view format, std::size_t bytes) {
    return {ErrorCode::format, std::string(name) + " is a " + std::string(format) +
                                   " file that is cut short: it ends at byte " + std::to_string(bytes) +
                                   ", before its picture does"};
}

effv2::Result<effv2::Image> decode_bytes(Bytes bytes, std::string_view name) try {
    if (bytes.empty())
        return Error{ErrorCode::format, std::string(name) + " is empty: a JPEG, PNG or WebP file was expected"};
    if (is_jpeg(bytes)) return decode_jpeg(bytes, name);
    if (is_png(bytes)) return decode_png(bytes, name);
    if (is_webp(bytes)) return decode_webp(bytes, name);
    return no_picture(bytes, name);
} catch (const std::bad_alloc&) {
    return Error{ErrorCode::image, std::string(name) + " holds a picture that does not fit into memory"};
}

effv2::Result<effv2::Image> decode_file(const std::string& path) {
    const effv2::Result<std::vector<std::uint8_t>> bytes = read_file(path);
    if (!bytes) return bytes.error();
    return decode_bytes(*bytes, path);
}

}  // namespace examples
