// Resizing a part of a picture to bytes, bilinear without antialiasing, as TensorFlow does by default; and mirroring.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "effv2/training/data/augment/picture.hpp"

namespace effv2::training::data {

// Memory that resizing keeps from one picture to the next.
struct ResizeScratch {
    // The two source pixels of an output pixel along one axis, and the weight of the second in 1/2048.
    struct Pair {
        int first, second;
        std::int32_t weight;
    };
    std::vector<Pair> across, down;
    std::vector<std::int32_t> upper, lower;  // two rows, resized along x, in 1/2048 of a byte
};

namespace resize_detail {

inline constexpr int weight_bits = 11;  // two such weights and a byte fit 32 bits
inline constexpr std::int32_t one = 1 << weight_bits;

// Pixel centres lie at halves, and beyond the border both pixels are the border's (compute_interpolation_weights in
// TensorFlow's resize_bilinear_op.cc). In whole numbers: the place of output pixel i is ((2 i + 1) in - out) / (2 out).
inline void make_pairs(int begin, int in, int out, std::vector<ResizeScratch::Pair>& pairs) {
    pairs.resize(static_cast<std::size_t>(out));
    const std::int64_t unit = 2 * std::int64_t{out};
    for (int i = 0; i < out; ++i) {
        // Never below -1 pixel: one is added in front of the division, which cuts towards zero, and taken off behind.
        const std::int64_t place = (2 * std::int64_t{i} + 1) * in - out + unit;
        const int below = static_cast<int>(place / unit) - 1;
        const std::int64_t part = place % unit;
        pairs[static_cast<std::size_t>(i)] = {begin + std::clamp(below, 0, in - 1),
                                              begin + std::clamp(below + 1, 0, in - 1),
                                              static_cast<std::int32_t>((part * one + out) / unit)};
    }
}

inline void resize_row(const std::uint8_t* from, const std::vector<ResizeScratch::Pair>& across, std::int32_t* to) {
    for (const ResizeScratch::Pair& pair : across) {
        const std::uint8_t* a = from + 3 * static_cast<std::ptrdiff_t>(pair.first);
        const std::uint8_t* b = from + 3 * static_cast<std::ptrdiff_t>(pair.second);
        for (int c = 0; c < 3; ++c) *to++ = a[c] * one + (b[c] - a[c]) * pair.weight;
    }
}

inline void blend_rows(const std::int32_t* upper, const std::int32_t* lower, std::int32_t weight, std::size_t count,
                       std::uint8_t* to) {
    constexpr std::int32_t half = 1 << (2 * weight_bits - 1);
    const std::int32_t other = one - weight;
    for (std::size_t i = 0; i < count; ++i)
        to[i] = static_cast<std::uint8_t>((upper[i] * other + lower[i] * weight + half) >> (2 * weight_bits));
}

}  // namespace resize_detail

// Mirrors left and right.
inline void mirror(Picture& picture) {
    for (int y = 0; y < picture.height(); ++y) {
        std::uint8_t* left = picture.row(y);
        std::uint8_t* right = left + picture.row_bytes() - 3;
        for (; left < right; left += 3, right -= 3) std::swap_ranges(left, left + 3, right);
    }
}

// Resizes the box of a view of three channels to width x height pixels, mirrored where `mirrored`. An output pixel
// looks at the two pixels around its place along each axis, however many lie between it and the next. Rounds to the
// nearest byte; automl cuts the fraction off, which darkens what is learned from by half a step against what is judged.
// Weights are multiples of 1/2048, and all sums are of whole numbers: the same bytes on every machine.
inline void resize_box(const ImageView& from, const Box& box, int width, int height, bool mirrored,
                       ResizeScratch& scratch, Picture& to) {
    to.reset(width, height);
    resize_detail::make_pairs(box.x, box.width, width, scratch.across);
    resize_detail::make_pairs(box.y, box.height, height, scratch.down);
    if (mirrored) std::reverse(scratch.across.begin(), scratch.across.end());
    scratch.upper.resize(to.row_bytes());
    scratch.lower.resize(to.row_bytes());
    int upper = -1, lower = -1;  // the source rows that scratch holds
    for (int y = 0; y < height; ++y) {
        const ResizeScratch::Pair& pair = scratch.down[static_cast<std::size_t>(y)];
        if (pair.first == lower) {  // often: the next output row lies between the next two
            scratch.upper.swap(scratch.lower);
            std::swap(upper, lower);
        }
        if (pair.first != upper) resize_detail::resize_row(from.row(pair.first), scratch.across, scratch.upper.data());
        upper = pair.first;
        if (pair.second != lower)
            resize_detail::resize_row(from.row(pair.second), scratch.across, scratch.lower.data());
        lower = pair.second;
        resize_detail::blend_rows(scratch.upper.data(), scratch.lower.data(), pair.weight, to.row_bytes(), to.row(y));
    }
}

}  // namespace effv2::training::data
