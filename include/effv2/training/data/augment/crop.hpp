// Which part of a picture a training sample shows: a random area and aspect, as TensorFlow or torchvision draw it, or
// the classic shift of CIFAR's pictures.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "effv2/training/data/augment/picture.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

// How AreaCrop draws: TensorFlow's draws the aspect evenly and the height evenly among those that fit, torchvision's
// the area evenly and the logarithm of the aspect evenly.
enum class AreaDraw : std::uint8_t { tensorflow, torchvision };

// What remains where no try fits.
enum class CropFallback : std::uint8_t {
    whole,          // the whole picture
    padded_center,  // the middle of size / (size + 32) of the shorter side, size being that of the network's input
    bounded_aspect  // the middle, all of one side, and of the other as much as the aspects allow
};

// A crop of random area and aspect.
struct AreaCrop {
    AreaDraw draw;
    double min_area, max_area;      // shares of the picture's area
    double min_aspect, max_aspect;  // width / height
    int tries;
    double min_covered;  // tries of less than this share of the area are lost (min_object_covered)
    CropFallback fallback;
};

// S, M, L and XL at automl (preprocess_for_train in preprocessing.py, with TensorFlow's defaults).
inline constexpr AreaCrop automl_crop = {AreaDraw::tensorflow, 0.05, 1.0, 0.75, 1.33, 100, 0.0, CropFallback::whole};
// B0 to B3 at automl (_decode_and_random_crop in preprocess_legacy.py).
inline constexpr AreaCrop automl_b_crop = {AreaDraw::tensorflow,       0.08, 1.0, 3.0 / 4.0, 4.0 / 3.0, 10, 0.1,
                                           CropFallback::padded_center};
// Inception's, as torchvision's RandomResizedCrop draws it by default.
inline constexpr AreaCrop inception_crop = {AreaDraw::torchvision,       0.08, 1.0, 3.0 / 4.0, 4.0 / 3.0, 10, 0.0,
                                            CropFallback::bounded_aspect};

namespace crop_detail {

// To the nearest, halves to even, as lrintf and Python's round() do.
inline int nearest(double value) { return static_cast<int>(std::nearbyint(value)); }

struct Size {
    int width, height;
};

// GenerateRandomCrop in TensorFlow's sample_distorted_bounding_box_op.cc; a size of 0 where the try is lost. The height
// is evenly distributed, and corrected by a pixel where rounding took the area out of its range.
inline Size try_tensorflow(Random& random, int width, int height, const AreaCrop& crop) {
    const double aspect = random.uniform(crop.min_aspect, crop.max_aspect);
    const double whole = static_cast<double>(width) * height;
    const auto width_for = [aspect](int h) { return nearest(h * aspect); };
    int most = nearest(std::sqrt(crop.max_area * whole / aspect));
    if (width_for(most) > width) most = static_cast<int>((width + 0.5 - 1e-7) / aspect);
    if (width_for(most) > width) --most;
    most = std::min(most, height);
    int h = std::min(nearest(std::sqrt(crop.min_area * whole / aspect)), most);
    h += random.below(most - h + 1);
    const auto area_for = [&](int rows) { return static_cast<double>(rows) * width_for(rows); };
    if (area_for(h) < crop.min_area * whole) ++h;
    if (area_for(h) > crop.max_area * whole) --h;
    const bool fits = area_for(h) >= crop.min_area * whole && area_for(h) <= crop.max_area * whole && h >= 1 &&
                      h <= height && width_for(h) >= 1 && width_for(h) <= width;
    return fits ? Size{width_for(h), h} : Size{0, 0};
}

// RandomResizedCrop.get_params of torchvision.
inline Size try_torchvision(Random& random, int width, int height, const AreaCrop& crop) {
    const double area = random.uniform(crop.min_area, crop.max_area) * width * height;
    const double aspect = std::exp(random.uniform(std::log(crop.min_aspect), std::log(crop.max_aspect)));
    const Size size{nearest(std::sqrt(area * aspect)), nearest(std::sqrt(area / aspect))};
    const bool fits = size.width >= 1 && size.width <= width && size.height >= 1 && size.height <= height;
    return fits ? size : Size{0, 0};
}

inline Size fall_back(int width, int height, const AreaCrop& crop, int input_size) {
    const double aspect = static_cast<double>(width) / height;
    if (crop.fallback == CropFallback::padded_center) {
        const double share = input_size / (input_size + 32.0);
        const int side = std::max(static_cast<int>(share * std::min(width, height)), 1);
        return {side, side};
    }
    if (crop.fallback == CropFallback::bounded_aspect && aspect < crop.min_aspect)
        return {width, std::clamp(nearest(width / crop.min_aspect), 1, height)};
    if (crop.fallback == CropFallback::bounded_aspect && aspect > crop.max_aspect)
        return {std::clamp(nearest(height * crop.max_aspect), 1, width), height};
    return {width, height};
}

}  // namespace crop_detail

// Draws the part of a picture of width x height pixels that is shown; `input_size` is that of the network's input, in
// pixels a side. Every place within the picture is as likely. (TensorFlow's own never reaches the last row or column of
// places, a slip that large pictures hide; with 32 pixels a side it would show.)
inline Box draw_area_crop(Random& random, int width, int height, const AreaCrop& crop, int input_size) {
    const double least = crop.min_covered * width * height;
    for (int i = 0; i < crop.tries; ++i) {
        const crop_detail::Size size = crop.draw == AreaDraw::tensorflow
                                           ? crop_detail::try_tensorflow(random, width, height, crop)
                                           : crop_detail::try_torchvision(random, width, height, crop);
        if (size.width == 0 || static_cast<double>(size.width) * size.height < least) continue;
        const int x = random.below(width - size.width + 1);
        const int y = random.below(height - size.height + 1);
        return {x, y, size.width, size.height};
    }
    const crop_detail::Size size = crop_detail::fall_back(width, height, crop, input_size);
    return {(width - size.width) / 2, (height - size.height) / 2, size.width, size.height};
}

// The classic augmentation of CIFAR: pads the picture by an eighth of its sides (4 of 32 pixels) and shows a random
// part of the original size, which is a shift by up to the padding. What lies outside the picture is black, as it is
// where torchvision's RandomCrop pads.
struct Shift {
    int x, y;  // how far the picture moves right and down, in pixels
};

inline Shift draw_shift(Random& random, int width, int height) {
    const int across = (width + 4) / 8, down = (height + 4) / 8;
    const int x = random.below(2 * across + 1) - across;
    const int y = random.below(2 * down + 1) - down;
    return {x, y};
}

// A square of `side` pixels, at most the shorter of width and height; every place within the picture is as likely. As
// torchvision's RandomCrop without padding.
inline Box draw_window(Random& random, int width, int height, int side) {
    const int x = random.below(width - side + 1);
    const int y = random.below(height - side + 1);
    return {x, y, side, side};
}

// Copies a view of three channels, moved.
inline void shift_picture(const ImageView& from, const Shift& shift, Picture& to) {
    to.reset(from.width, from.height);
    std::fill_n(to.data(), to.bytes(), std::uint8_t{0});
    const int first_x = std::max(shift.x, 0), last_x = std::min(from.width + shift.x, from.width);
    const int first_y = std::max(shift.y, 0), last_y = std::min(from.height + shift.y, from.height);
    if (last_x <= first_x) return;
    for (int y = first_y; y < last_y; ++y) {
        const std::uint8_t* source = from.row(y - shift.y) + std::ptrdiff_t{first_x - shift.x} * 3;
        std::copy_n(source, std::ptrdiff_t{last_x - first_x} * 3, to.row(y) + std::ptrdiff_t{first_x} * 3);
    }
}

}  // namespace effv2::training::data
