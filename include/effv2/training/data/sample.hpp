// How strongly training pictures are varied, and one picture's way from the set to the floats of a batch: crop, resize,
// mirror, policy, cutout, erasing, normalisation.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "effv2/error.hpp"
#include "effv2/image/preprocess.hpp"
#include "effv2/training/data/augment/crop.hpp"
#include "effv2/training/data/augment/cutout.hpp"
#include "effv2/training/data/augment/policy.hpp"
#include "effv2/training/data/augment/resize.hpp"
#include "effv2/training/data/mix.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

// Which part of a picture a sample shows.
enum class Crop : std::uint8_t {
    none,       // the whole picture
    automl,     // automl_crop: S to XL
    automl_b,   // automl_b_crop: B0 to B3
    inception,  // inception_crop: torchvision
    shift,      // draw_shift(): CIFAR's classic, padding by an eighth
    window,     // draw_window() of image_size at the picture's own scale; of pictures no larger than that, as `shift`
};

enum class Policy : std::uint8_t { none, rand_augment, auto_augment_v0 };

// All that progressive learning may change from one stage to the next. A plain value; by default, pictures are only
// mirrored.
struct Strengths {
    int image_size = 32;           // of the network's input, in pixels a side
    Crop crop = Crop::none;        // what is shown, resized to image_size without antialiasing
    bool flip = true;              // mirrors every other sample, drawn by chance
    Policy policy = Policy::none;  // what is done to bytes then
    double magnitude = 0.0;        // RandAugment's, 0 to 100; 0: no RandAugment. AutoAugment has its own levels
    int layers = 2;                // of RandAugment: operations a sample
    OperationOptions operations;   // what the policies have in common
    double cutout = 0.0;           // the side of a grey square as a share of image_size, 0 to 2; 0: none
    double erasing = 0.0;          // the probability that a part is erased, 0 to 1; 0: never
    MixStrengths mix;              // mixup and CutMix of the whole batch

    // AutoAugment asks for no magnitude, RandAugment without one is off.
    bool uses_policy() const {
        return policy == Policy::auto_augment_v0 || (policy == Policy::rand_augment && magnitude > 0.0);
    }
};

// Whether the strengths are in their ranges, which stand beside them. Fails with ErrorCode::argument and a sentence for
// the first that is not.
inline Status check_strengths(const Strengths& strengths) {
    const auto wrong = [](const std::string& what, const std::string& range, const std::string& found) {
        return Error{ErrorCode::argument, what + " is " + range + ", not " + found};
    };
    const auto within = [](double value, double low, double high) { return value >= low && value <= high; };
    if (strengths.image_size < 1 || strengths.image_size > max_input_side)
        return wrong("the size of training pictures", "1 to " + std::to_string(max_input_side) + " pixels",
                     std::to_string(strengths.image_size));
    if (!within(strengths.magnitude, 0.0, max_level))
        return wrong("RandAugment's magnitude", "0 (off) to 100", std::to_string(strengths.magnitude));
    if (strengths.layers < 1 || strengths.layers > 16)
        return wrong("RandAugment's number of layers", "1 to 16", std::to_string(strengths.layers));
    if (!within(strengths.operations.translation, 0.0, max_length))
        return wrong("the translation at level 10", "0 to 100000 pixels",
                     std::to_string(strengths.operations.translation));
    if (!within(strengths.operations.cutout_reach, 0.0, max_length))
        return wrong("the reach of a cutout at level 10", "0 to 100000 pixels",
                     std::to_string(strengths.operations.cutout_reach));
    if (!within(strengths.cutout, 0.0, 2.0))
        return wrong("the side of a cutout", "0 (off) to 2 sides of the picture", std::to_string(strengths.cutout));
    if (!within(strengths.erasing, 0.0, 1.0))
        return wrong("the probability of erasing", "0 to 1", std::to_string(strengths.erasing));
    return check_mix(strengths.mix);
}

// Memory that one worker keeps from one sample to the next.
struct SampleScratch {
    Picture picture, other;
    ResizeScratch resize;
};

// Crops, resizes and mirrors a view of three channels into scratch.picture. Which draws the sample gets depends on the
// seed and on `id` alone.
inline void show_part(const ImageView& image, const Strengths& strengths, std::uint64_t seed, const SampleId& id,
                      SampleScratch& scratch) {
    Random random(seed, id.epoch, id.index, Purpose::crop);
    const int size = strengths.image_size;
    const bool mirrored = strengths.flip && Random(seed, id.epoch, id.index, Purpose::flip).sign() > 0;
    const auto area = [&](const AreaCrop& crop) {
        return draw_area_crop(random, image.width, image.height, crop, size);
    };
    ImageView from = image;
    Box box{0, 0, image.width, image.height};
    switch (strengths.crop) {
        case Crop::none:
            break;
        case Crop::automl:
            box = area(automl_crop);
            break;
        case Crop::automl_b:
            box = area(automl_b_crop);
            break;
        case Crop::inception:
            box = area(inception_crop);
            break;
        case Crop::window:
            if (size < std::min(image.width, image.height)) {
                box = draw_window(random, image.width, image.height, size);
                break;
            }
            [[fallthrough]];
        case Crop::shift:
            shift_picture(image, draw_shift(random, image.width, image.height), scratch.other);
            from = scratch.other.view();
            break;
    }
    resize_box(from, box, size, size, mirrored, scratch.resize, scratch.picture);
}

// Makes a training sample of a view of three channels, as bytes: scratch.picture is then image_size x image_size. The
// strengths have passed check_strengths().
inline void augment(const ImageView& image, const Strengths& strengths, std::uint64_t seed, const SampleId& id,
                    SampleScratch& scratch) {
    show_part(image, strengths, seed, id, scratch);
    if (strengths.uses_policy()) {
        Random random(seed, id.epoch, id.index, Purpose::policy);
        if (strengths.policy == Policy::rand_augment)
            rand_augment(scratch.picture, strengths.layers, strengths.magnitude, strengths.operations, random,
                         scratch.other);
        else
            auto_augment(scratch.picture, strengths.operations, random, scratch.other);
    }
    if (strengths.cutout > 0.0) {
        Random random(seed, id.epoch, id.index, Purpose::cutout);
        const int reach = static_cast<int>(std::lround(strengths.cutout * strengths.image_size / 2.0));
        cutout(scratch.picture, reach, strengths.operations.fill, random);
    }
    if (strengths.erasing > 0.0) {
        Random random(seed, id.epoch, id.index, Purpose::erasing);
        erase_randomly(scratch.picture, {.probability = strengths.erasing}, random);
    }
}

// How bytes become floats, for each channel: table[channel][byte].
using ByteTable = std::array<std::array<float, 256>, 3>;

// As a recipe normalises: the same floats as preprocess() gives, to the bit.
inline ByteTable make_byte_table(const Recipe& recipe) { return image_detail::make_byte_table(recipe); }

// Writes a picture as three planes of floats, red, green, blue.
inline void write_planes(const Picture& picture, const ByteTable& table, std::span<float> to) {
    const std::size_t plane = picture.bytes() / 3;
    const std::uint8_t* from = picture.data();
    for (std::size_t at = 0; at < plane; ++at, from += 3)
        for (std::size_t c = 0; c < 3; ++c) to[c * plane + at] = table[c][from[c]];
}

}  // namespace effv2::training::data
