// Operations that change the value of each pixel by itself or by the picture's statistics, as automl's autoaugment.py
// defines them. All of it is done in whole numbers, so that every machine gets the same bytes; where automl's single
// precision cuts a fraction off, a byte in some hundred may be one apart.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "effv2/training/data/augment/picture.hpp"

namespace effv2::training::data {

namespace colour_detail {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::uint32_t, 256>;

// One table for each channel.
inline void look_up(Picture& picture, const std::array<Table, 3>& tables) {
    std::uint8_t* at = picture.data();
    for (const std::uint8_t* end = at + picture.bytes(); at != end; at += 3)
        for (std::size_t c = 0; c < 3; ++c) at[c] = tables[c][at[c]];
}

inline std::array<Histogram, 3> count_values(const Picture& picture) {
    std::array<Histogram, 3> counts{};
    const std::uint8_t* at = picture.data();
    for (const std::uint8_t* end = at + picture.bytes(); at != end; at += 3)
        for (std::size_t c = 0; c < 3; ++c) ++counts[c][at[c]];
    return counts;
}

// tf.image.rgb_to_grayscale for bytes: weights 0.2989, 0.587 and 0.114, times 255.5 / 255, and the fraction cut off.
constexpr std::uint8_t grey(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
    return static_cast<std::uint8_t>((2989 * red + 5870 * green + 1140 * blue) * 511 / 5'100'000);
}

inline constexpr int factor_bits = 18;  // a factor of 32 times a byte fits 32 bits

// A blend of two bytes: `from` where the factor is 0, `to` where it is 1, and beyond either with clipping. The fraction
// is cut off, after adding 1/1024 so that products that are whole but for the rounding of the factor stay whole.
constexpr std::uint8_t blend(int from, int to, std::int32_t factor) {
    constexpr std::int32_t bias = 1 << (factor_bits - 10);
    const std::int32_t mixed = from + (((to - from) * factor + bias) >> factor_bits);
    return static_cast<std::uint8_t>(std::clamp(mixed, 0, 255));
}

inline std::int32_t fixed_factor(double factor) {
    return static_cast<std::int32_t>(std::lround(factor * (1 << factor_bits)));
}

}  // namespace colour_detail

// 255 - v.
inline void invert(Picture& picture) {
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes())) v = static_cast<std::uint8_t>(255 - v);
}

// Keeps the `bits` highest bits of each byte, 0 to 8; more leave the picture as it is.
inline void posterize(Picture& picture, int bits) {
    const auto mask = static_cast<std::uint8_t>(0xff00 >> std::clamp(bits, 0, 8));
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes())) v &= mask;
}

// Inverts the values from `threshold` up; none where it is 256 and more.
inline void solarize(Picture& picture, int threshold) {
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes()))
        v = static_cast<std::uint8_t>(v < threshold ? v : 255 - v);
}

// Adds to the values below 128, and clips.
inline void solarize_add(Picture& picture, int addition) {
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes()))
        v = static_cast<std::uint8_t>(v < 128 ? std::clamp(v + addition, 0, 255) : v);
}

// Stretches each channel so that its least value becomes 0 and its largest 255; a channel of one value stays.
inline void auto_contrast(Picture& picture) {
    std::array<int, 3> low = {255, 255, 255}, high = {0, 0, 0};
    const std::uint8_t* at = picture.data();
    for (const std::uint8_t* end = at + picture.bytes(); at != end; at += 3)
        for (std::size_t c = 0; c < 3; ++c) {
            low[c] = std::min<int>(low[c], at[c]);
            high[c] = std::max<int>(high[c], at[c]);
        }
    std::array<colour_detail::Table, 3> tables{};
    for (std::size_t c = 0; c < 3; ++c)
        for (int v = low[c]; v <= high[c]; ++v)
            tables[c][static_cast<std::size_t>(v)] =
                static_cast<std::uint8_t>(low[c] == high[c] ? v : (v - low[c]) * 255 / (high[c] - low[c]));
    colour_detail::look_up(picture, tables);
}

// Makes the values of each channel about equally frequent, as Pillow's equalize; a channel with too few pixels beside
// those of its largest value stays.
inline void equalize(Picture& picture) {
    const std::array<colour_detail::Histogram, 3> counts = colour_detail::count_values(picture);
    const auto pixels = static_cast<std::uint32_t>(picture.bytes() / 3);
    std::array<colour_detail::Table, 3> tables;
    for (std::size_t c = 0; c < 3; ++c) {
        std::size_t last = 255;
        while (counts[c][last] == 0) --last;
        const std::uint32_t step = (pixels - counts[c][last]) / 255;
        std::uint32_t below = 0;  // pixels of lesser values
        for (std::size_t v = 0; v < 256; below += counts[c][v], ++v)
            tables[c][v] =
                static_cast<std::uint8_t>(step == 0 ? v : std::min<std::size_t>((below + step / 2) / step, 255));
    }
    colour_detail::look_up(picture, tables);
}

// Towards black: a factor of 0 is black, 1 the picture, more is brighter. Factors are 0 to 32 here and below.
inline void brightness(Picture& picture, double factor) {
    const std::int32_t fixed = colour_detail::fixed_factor(factor);
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes())) v = colour_detail::blend(0, v, fixed);
}

// What contrast() blends with.
enum class ContrastTarget : std::uint8_t {
    // The number of pixels / 256, at most 255: a slip in automl that every model of its was trained with. A picture of
    // 64x64 pixels is blended with the near black 16, one of 256x256 and more with white.
    pixel_count,
    // The mean of the picture's greys, as Pillow does.
    mean_grey,
};

// Towards one grey: a factor of 0 is that grey, 1 the picture.
inline void contrast(Picture& picture, double factor, ContrastTarget target = ContrastTarget::pixel_count) {
    const std::size_t pixels = picture.bytes() / 3;
    std::size_t grey = std::min<std::size_t>(pixels / 256, 255);
    if (target == ContrastTarget::mean_grey) {
        std::uint64_t sum = 0;
        const std::uint8_t* at = picture.data();
        for (std::size_t i = 0; i < pixels; ++i, at += 3) sum += colour_detail::grey(at[0], at[1], at[2]);
        grey = static_cast<std::size_t>((2 * sum + pixels) / (2 * pixels));
    }
    const std::int32_t fixed = colour_detail::fixed_factor(factor);
    for (std::uint8_t& v : std::span(picture.data(), picture.bytes()))
        v = colour_detail::blend(static_cast<int>(grey), v, fixed);
}

// Towards the picture's own greys: a factor of 0 is grey, 1 the picture, more is more colourful.
inline void colour(Picture& picture, double factor) {
    const std::int32_t fixed = colour_detail::fixed_factor(factor);
    std::uint8_t* at = picture.data();
    for (const std::uint8_t* end = at + picture.bytes(); at != end; at += 3) {
        const int grey = colour_detail::grey(at[0], at[1], at[2]);
        for (int c = 0; c < 3; ++c) at[c] = colour_detail::blend(grey, at[c], fixed);
    }
}

// Towards a smoothed picture: a factor of 0 is smooth, 1 the picture, more is sharper. Smooth is the mean of 3x3 pixels
// with the middle five times (Pillow's SMOOTH), its fraction cut off; the outermost pixels stay as they are. `scratch`
// gets the former pixels.
inline void sharpness(Picture& picture, double factor, Picture& scratch) {
    if (picture.width() < 3 || picture.height() < 3) return;
    const std::int32_t fixed = colour_detail::fixed_factor(factor);
    scratch.reset(picture.width(), picture.height());
    std::copy_n(picture.data(), picture.bytes(), scratch.data());
    const std::size_t last = picture.row_bytes() - 3;
    for (int y = 1; y + 1 < picture.height(); ++y) {
        const std::uint8_t *above = scratch.row(y - 1), *here = scratch.row(y), *below = scratch.row(y + 1);
        std::uint8_t* to = picture.row(y);
        for (std::size_t i = 3; i < last; ++i) {
            const int sum = above[i - 3] + above[i] + above[i + 3] + here[i - 3] + 5 * here[i] + here[i + 3] +
                            below[i - 3] + below[i] + below[i + 3];
            to[i] = colour_detail::blend(sum / 13, here[i], fixed);
        }
    }
}

}  // namespace effv2::training::data
