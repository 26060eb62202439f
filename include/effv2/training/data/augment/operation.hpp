// The 16 operations of RandAugment and AutoAugment under one name each, and what a level from 0 to 10 and beyond means
// to each of them (level_to_arg in automl's autoaugment.py).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "effv2/training/data/augment/colour.hpp"
#include "effv2/training/data/augment/cutout.hpp"
#include "effv2/training/data/augment/move.hpp"
#include "effv2/training/data/augment/picture.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

// In the order in which automl's RandAugment lists them.
enum class Operation : std::uint8_t {
    auto_contrast,
    equalize,
    invert,
    rotate,
    posterize,
    solarize,
    colour,
    contrast,
    brightness,
    sharpness,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
    cutout,
    solarize_add,
};

inline constexpr std::size_t operation_count = 16;

// The names that the papers give them.
inline constexpr std::array<std::string_view, operation_count> operation_names = {
    "AutoContrast", "Equalize",  "Invert", "Rotate", "Posterize",  "Solarize",   "Color",  "Contrast",
    "Brightness",   "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY", "Cutout", "SolarizeAdd"};

// What translations and cutout measure in.
enum class Lengths : std::uint8_t {
    // Pixels, whatever the picture's size, as automl: at level 10, a translation by 100 pixels empties any picture
    // of 64.
    pixels,
    // Shares of the picture's sides, such that a picture of 300 pixels, where automl's training of S ends, gets what
    // automl gives it. Smaller pictures lose no more of themselves than large ones do: with pixels, the early and small
    // stages of progressive learning would be the hardest, and the idea is that they are the easiest.
    relative,
};

// The side at which both kinds of Lengths are the same, in pixels.
inline constexpr double reference_side = 300.0;

// The highest level that operations take: whole numbers of 32 bits hold what becomes of it.
inline constexpr double max_level = 100.0;

// The longest translation and reach of a cutout at level 10, in pixels: so that what becomes of it fits an int.
inline constexpr double max_length = 100'000.0;

// What the policies have in common.
struct OperationOptions {
    Lengths lengths = Lengths::relative;
    ContrastTarget contrast = ContrastTarget::pixel_count;
    Fill fill = grey_fill;       // of what is left empty
    double translation = 100.0;  // at level 10, in pixels of a picture of 300; AutoAugment: 250
    double cutout_reach = 40.0;  // at level 10, half a side, in pixels of a picture of 300; AutoAugment: 100
};

// A length in pixels of a picture whose side is so long.
inline double scaled_length(double pixels, int side, Lengths lengths) {
    return lengths == Lengths::pixels ? pixels : pixels * side / reference_side;
}

namespace operation_detail {

// int() in Python: the fraction is cut off. What is a whole number but for the last bits of a product stays one.
inline int whole(double value) { return static_cast<int>(value + 1e-9); }

inline double enhancement(double level) { return level / 10.0 * 1.8 + 0.1; }

inline void blank_out(Picture& picture, double level, const OperationOptions& options, Random& random) {
    const int side = std::min(picture.width(), picture.height());
    const double reach = scaled_length(level / 10.0 * options.cutout_reach, side, options.lengths);
    cutout(picture, whole(reach), options.fill, random);
}

inline Affine motion(Operation operation, double level, int width, int height, const OperationOptions& options,
                     Random& random) {
    const double share = level / 10.0 * random.sign();
    if (operation == Operation::rotate) return rotation(share * 30.0, width, height);
    if (operation == Operation::shear_x) return shear_x(share * 0.3);
    if (operation == Operation::shear_y) return shear_y(share * 0.3);
    if (operation == Operation::translate_x)
        return translation_x(scaled_length(share * options.translation, width, options.lengths));
    return translation_y(scaled_length(share * options.translation, height, options.lengths));
}

}  // namespace operation_detail

// Applies an operation at a level in [0, max_level], which need not be whole; 10 is the scale's end, and beyond it all
// arguments grow on. Draws from `random` the direction of what moves and the place of a cutout. `scratch` is memory
// that is kept from one picture to the next.
//
//   auto_contrast, equalize, invert             do not look at the level
//   rotate                                      3 degrees a level, either way
//   shear_x, shear_y                            0.03 a level, either way
//   translate_x, translate_y                    a tenth of options.translation a level, either way
//   colour, contrast, brightness, sharpness     a factor of 0.1 + 0.18 a level: nothing happens at 5
//   posterize                                   keeps int(0.4 level) bits: higher is weaker, and 0 bits are black
//   solarize                                    from int(25.6 level) up: higher is weaker, nothing happens from 10 on
//   solarize_add                                adds int(11 level)
//   cutout                                      a reach of int(a tenth of options.cutout_reach a level)
inline void apply(Operation operation, double level, const OperationOptions& options, Random& random, Picture& picture,
                  Picture& scratch) {
    using operation_detail::enhancement;
    using operation_detail::whole;
    switch (operation) {
        case Operation::auto_contrast:
            return auto_contrast(picture);
        case Operation::equalize:
            return equalize(picture);
        case Operation::invert:
            return invert(picture);
        case Operation::posterize:
            return posterize(picture, whole(level / 10.0 * 4.0));
        case Operation::solarize:
            return solarize(picture, whole(level / 10.0 * 256.0));
        case Operation::solarize_add:
            return solarize_add(picture, whole(level / 10.0 * 110.0));
        case Operation::colour:
            return colour(picture, enhancement(level));
        case Operation::contrast:
            return contrast(picture, enhancement(level), options.contrast);
        case Operation::brightness:
            return brightness(picture, enhancement(level));
        case Operation::sharpness:
            return sharpness(picture, enhancement(level), scratch);
        case Operation::cutout:
            return operation_detail::blank_out(picture, level, options, random);
        case Operation::rotate:
        case Operation::shear_x:
        case Operation::shear_y:
        case Operation::translate_x:
        case Operation::translate_y:
            break;
    }
    const Affine affine =
        operation_detail::motion(operation, level, picture.width(), picture.height(), options, random);
    transform(picture, affine, options.fill, scratch);
}

}  // namespace effv2::training::data
