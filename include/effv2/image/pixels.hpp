// Pictures as the library takes them: a view of the caller's 8-bit pixels, and an Image that owns its own.
// Decoding files is not the library's business; examples/common/decode.hpp shows one way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "effv2/error.hpp"

namespace effv2 {

// Pixels that somebody else owns: rows from top to bottom, pixels from left to right, channels interleaved, one byte
// per channel. Grey counts as equal red, green and blue, and alpha is dropped, as Pillow's convert("RGB") does both.
struct ImageView {
    const std::uint8_t* data = nullptr;  // the top left pixel
    int width = 0;                       // pixels in a row
    int height = 0;                      // rows
    int channels = 3;                    // 1 (grey), 3 (red, green, blue) or 4 (red, green, blue, alpha)
    std::ptrdiff_t row_stride = 0;       // bytes from a row to the one below; negative where rows lie bottom-up

    const std::uint8_t* row(int y) const { return data + row_stride * y; }
};

// The longest side that the library takes. Up to here Pillow's single precision box holds every coordinate exactly.
inline constexpr int max_image_side = 1 << 24;

// An error that says what is wrong with the view, or nothing. Cannot tell whether the memory is really there.
inline Status check_image(const ImageView& image) {
    const auto wrong = [](std::string message) { return Error{ErrorCode::image, std::move(message)}; };
    if (image.width < 1 || image.height < 1 || image.width > max_image_side || image.height > max_image_side)
        return wrong("a picture has 1 to " + std::to_string(max_image_side) + " pixels a side, not " +
                     std::to_string(image.width) + "x" + std::to_string(image.height));
    if (image.channels != 1 && image.channels != 3 && image.channels != 4)
        return wrong("a picture has 1 (grey), 3 (RGB) or 4 (RGBA) channels, not " + std::to_string(image.channels));
    if (image.data == nullptr) return wrong("the picture has no pixels: its data pointer is null");
    const std::ptrdiff_t row_bytes = std::ptrdiff_t{image.width} * image.channels;
    const std::ptrdiff_t stride = image.row_stride;
    if (image.height > 1 && stride < row_bytes && stride > -row_bytes)
        return wrong("rows of " + std::to_string(image.width) + " pixels of " + std::to_string(image.channels) +
                     " channels lie at least " + std::to_string(row_bytes) + " bytes apart, not " +
                     std::to_string(stride));
    return std::monostate{};
}

// Views `pixels` as height x width x channels bytes without gaps between rows.
// Fails where check_image does, or where there are more or fewer bytes than that.
inline Result<ImageView> view_pixels(std::span<const std::uint8_t> pixels, int width, int height, int channels) {
    const ImageView view{pixels.data(), width, height, channels, std::ptrdiff_t{width} * channels};
    if (const Status checked = check_image(view); !checked) return checked.error();
    const std::size_t expected = static_cast<std::size_t>(view.row_stride) * static_cast<std::size_t>(height);
    if (pixels.size() != expected)
        return Error{ErrorCode::image, "a picture of " + std::to_string(width) + "x" + std::to_string(height) + "x" +
                                           std::to_string(channels) + " takes " + std::to_string(expected) +
                                           " bytes, not " + std::to_string(pixels.size())};
    return view;
}

// A picture that owns its pixels: height x width x channels bytes without gaps between rows.
struct Image {
    int width = 0;
    int height = 0;
    int channels = 3;
    std::vector<std::uint8_t> pixels;

    // The pixels, valid as long as this Image is.
    ImageView view() const& { return {pixels.data(), width, height, channels, std::ptrdiff_t{width} * channels}; }
    ImageView view() const&& = delete;  // would dangle
};

}  // namespace effv2
