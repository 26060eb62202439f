// The picture that augmentation works on: 8-bit RGB pixels of its own, in memory that is kept from one picture to the
// next.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "effv2/image/pixels.hpp"

namespace effv2::training::data {

// height x width x 3 bytes without gaps, at least one pixel.
class Picture {
public:
    Picture() : Picture(1, 1) {}
    Picture(int width, int height) { reset(width, height); }

    int width() const { return width_; }
    int height() const { return height_; }
    std::size_t row_bytes() const { return 3 * static_cast<std::size_t>(width_); }
    std::size_t bytes() const { return row_bytes() * static_cast<std::size_t>(height_); }

    // Takes another size, in pixels; the pixels are then arbitrary. Allocates only where it never was as large.
    void reset(int width, int height) {
        width_ = width;
        height_ = height;
        if (pixels_.size() < bytes()) pixels_.resize(bytes());
    }

    std::uint8_t* data() { return pixels_.data(); }
    const std::uint8_t* data() const { return pixels_.data(); }
    std::uint8_t* row(int y) { return data() + row_bytes() * static_cast<std::size_t>(y); }
    const std::uint8_t* row(int y) const { return data() + row_bytes() * static_cast<std::size_t>(y); }

    // Valid until the next reset().
    ImageView view() const { return {data(), width_, height_, 3, std::ptrdiff_t{width_} * 3}; }

    friend void swap(Picture& a, Picture& b) noexcept {
        std::swap(a.width_, b.width_);
        std::swap(a.height_, b.height_);
        a.pixels_.swap(b.pixels_);
    }

    bool operator==(const Picture& other) const {
        return width_ == other.width_ && height_ == other.height_ && std::equal(data(), data() + bytes(), other.data());
    }

private:
    int width_ = 0, height_ = 0;
    std::vector<std::uint8_t> pixels_;
};

// A part of a picture, in pixels. Where it is a crop, it has a pixel at least and lies within the picture; where it is
// blanked out, it may be empty.
struct Box {
    int x = 0, y = 0;  // the top left pixel
    int width = 0, height = 0;

    bool operator==(const Box&) const = default;
};

// The colour of what an operation leaves empty, red, green, blue.
using Fill = std::array<std::uint8_t, 3>;

inline constexpr Fill grey_fill = {128, 128, 128};  // automl's
inline constexpr Fill black_fill = {0, 0, 0};

// Writes one colour over a box within the picture.
inline void fill_box(Picture& picture, const Box& box, const Fill& fill) {
    for (int y = box.y; y < box.y + box.height; ++y) {
        std::uint8_t* to = picture.row(y) + 3 * static_cast<std::ptrdiff_t>(box.x);
        for (int x = 0; x < box.width; ++x, to += 3) std::copy(fill.begin(), fill.end(), to);
    }
}

}  // namespace effv2::training::data
