// Operations that move pixels: rotation, shear and translation, each to the nearest pixel, as the operations of
// TensorFlow Addons that automl's autoaugment.py calls.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numbers>

#include "effv2/training/data/augment/picture.hpp"

namespace effv2::training::data {

// Where an output pixel comes from: source x = xx * x + xy * y + x0, source y = yx * x + yy * y + y0, in pixels.
struct Affine {
    double xx = 1.0, xy = 0.0, x0 = 0.0;
    double yx = 0.0, yy = 1.0, y0 = 0.0;
};

namespace move_detail {

inline constexpr int fraction_bits = 24;

inline std::int64_t fixed(double value) { return std::llround(value * (1 << fraction_bits)); }

// To the nearest pixel, halves away from zero, as std::round.
constexpr std::int64_t nearest(std::int64_t place) {
    constexpr std::int64_t half = std::int64_t{1} << (fraction_bits - 1);
    return (place + half - (place < 0 ? 1 : 0)) >> fraction_bits;
}

}  // namespace move_detail

// Moves pixels; those whose source's nearest pixel lies outside the picture become `fill` (ImageProjectiveTransform
// with NEAREST in TensorFlow Addons). Places are multiples of 2^-24 pixels: the same on every machine. `scratch` gets
// the former pixels.
inline void transform(Picture& picture, const Affine& affine, const Fill& fill, Picture& scratch) {
    using move_detail::fixed;
    using move_detail::nearest;
    swap(picture, scratch);
    picture.reset(scratch.width(), scratch.height());
    const std::int64_t xx = fixed(affine.xx), xy = fixed(affine.xy), yx = fixed(affine.yx), yy = fixed(affine.yy);
    const std::int64_t width = picture.width(), height = picture.height();
    for (int y = 0; y < picture.height(); ++y) {
        std::int64_t source_x = fixed(affine.x0) + xy * y;
        std::int64_t source_y = fixed(affine.y0) + yy * y;
        std::uint8_t* to = picture.row(y);
        for (int x = 0; x < picture.width(); ++x, to += 3, source_x += xx, source_y += yx) {
            const std::int64_t at_x = nearest(source_x), at_y = nearest(source_y);
            const bool inside = at_x >= 0 && at_x < width && at_y >= 0 && at_y < height;
            std::memcpy(to, inside ? scratch.row(static_cast<int>(at_y)) + 3 * at_x : fill.data(), 3);
        }
    }
}

// By so many degrees about the middle, anticlockwise as seen where they are positive.
inline Affine rotation(double degrees, int width, int height) {
    const double angle = degrees * (std::numbers::pi / 180.0);
    const double cosine = std::cos(angle), sine = std::sin(angle);
    const double right = width - 1, bottom = height - 1;
    return {cosine, -sine,  (right - (cosine * right - sine * bottom)) / 2.0,
            sine,   cosine, (bottom - (sine * right + cosine * bottom)) / 2.0};
}

// Each row moves left by `level` times its number, which leaves the first where it is.
inline Affine shear_x(double level) { return {1.0, level, 0.0, 0.0, 1.0, 0.0}; }

// Each column moves up by `level` times its number.
inline Affine shear_y(double level) { return {1.0, 0.0, 0.0, level, 1.0, 0.0}; }

// The picture moves left, or up, by so many pixels.
inline Affine translation_x(double pixels) { return {1.0, 0.0, pixels, 0.0, 1.0, 0.0}; }
inline Affine translation_y(double pixels) { return {1.0, 0.0, 0.0, 0.0, 1.0, pixels}; }

}  // namespace effv2::training::data
