// Which part of a picture a network sees: the way back from places in the input to places in the picture.
#pragma once

#include "effv2/image/preprocess.hpp"

namespace effv2 {

// A rectangle in a picture's pixels, from the picture's top left corner on. It reaches beyond the picture where the
// input has padding.
struct Area {
    double left = 0.0, top = 0.0, width = 0.0, height = 0.0;
};

// The part of a picture that preprocess() makes the input of, from the input's top left corner to its bottom right one.
// For a picture and a recipe that preprocess() takes.
inline Area input_area(const ImageView& image, const Recipe& recipe) {
    const image_detail::Placement place = image_detail::make_placement(image, recipe);
    const double across = static_cast<double>(place.image.width) / static_cast<double>(place.width);
    const double down = static_cast<double>(place.image.height) / static_cast<double>(place.height);
    // What is resized lies in the middle of the picture, as padded_crop() puts it.
    const int x = (image.width - place.image.width + 1) / 2, y = (image.height - place.image.height + 1) / 2;
    return {x + static_cast<double>(place.across.begin - place.across.before) * across,
            y + static_cast<double>(place.down.begin - place.down.before) * down, recipe.size * across,
            recipe.size * down};
}

}  // namespace effv2
