// Blanking out a part of a picture: cutout (DeVries and Taylor, arXiv 1708.04552) and random erasing (Zhong and others,
// arXiv 1708.04896).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "effv2/training/data/augment/crop.hpp"
#include "effv2/training/data/augment/picture.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

// A square of twice `reach` pixels a side about a pixel that is drawn evenly from the whole picture, cut where it
// leaves the picture; empty where reach is 0.
inline Box draw_cutout(Random& random, int width, int height, int reach) {
    const int center_x = random.below(width), center_y = random.below(height);
    const int left = std::max(center_x - reach, 0), top = std::max(center_y - reach, 0);
    const int right = std::min(center_x + reach, width), bottom = std::min(center_y + reach, height);
    return {left, top, right - left, bottom - top};
}

// Blanks out such a square. `reach` is at least 0, in pixels.
inline void cutout(Picture& picture, int reach, const Fill& fill, Random& random) {
    fill_box(picture, draw_cutout(random, picture.width(), picture.height(), reach), fill);
}

// Random erasing, with the defaults of torchvision's RandomErasing.
struct Erasing {
    double probability = 0.5;                   // that a picture loses something
    double min_area = 0.02, max_area = 0.33;    // shares of the picture's area
    double min_aspect = 0.3, max_aspect = 3.3;  // height / width
};

// The part that is erased, or an empty box. After ten tries that do not fit, none.
inline Box draw_erasing(Random& random, int width, int height, const Erasing& erasing) {
    if (!random.chance(erasing.probability)) return {};
    for (int i = 0; i < 10; ++i) {
        const double area = random.uniform(erasing.min_area, erasing.max_area) * width * height;
        const double aspect = std::exp(random.uniform(std::log(erasing.min_aspect), std::log(erasing.max_aspect)));
        const int h = crop_detail::nearest(std::sqrt(area * aspect));
        const int w = crop_detail::nearest(std::sqrt(area / aspect));
        if (h < 1 || w < 1 || h >= height || w >= width) continue;
        const int y = random.below(height - h + 1), x = random.below(width - w + 1);
        return {x, y, w, h};
    }
    return {};
}

// Erases such a part with noise, each byte drawn evenly, as the paper found best.
inline void erase_randomly(Picture& picture, const Erasing& erasing, Random& random) {
    const Box box = draw_erasing(random, picture.width(), picture.height(), erasing);
    for (int y = box.y; y < box.y + box.height; ++y) {
        std::uint8_t* to = picture.row(y) + 3 * static_cast<std::ptrdiff_t>(box.x);
        for (int i = 0; i < 3 * box.width; ++i) to[i] = static_cast<std::uint8_t>(random.bits() >> 56);
    }
}

}  // namespace effv2::training::data
