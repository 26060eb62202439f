// From a picture of any size to the floats that a network takes: fit, crop and normalise as a recipe says.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/image/pixels.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/image/resize.hpp"
#include "effv2/image/sample.hpp"

namespace effv2 {

namespace image_detail {

// Where one axis of the resized picture is cut, and where the cut lands in the input.
struct Cut {
    std::int64_t begin;  // the first pixel of the resized picture that is kept
    int count;           // how many are kept
    int before;          // black pixels in front of them, where the resized picture is smaller than the input
};

// torchvision's center_crop: pads with the odd pixel behind, else cuts at the middle, rounded half to even.
constexpr Cut cut_middle(std::int64_t resized, int size) {
    if (resized < size) return {0, static_cast<int>(resized), (size - static_cast<int>(resized)) / 2};
    const std::int64_t surplus = resized - size;
    const std::int64_t half_even = surplus / 2 + (surplus % 4 == 3 ? 1 : 0);
    return {half_even, size, 0};
}

// How one picture is turned into one input.
struct Placement {
    ImageView image;  // the picture, or the part of it that is resized
    std::int64_t width;
    std::int64_t height;  // width and height after resizing
    Cut across;
    Cut down;
};

// The part of the picture that automl keeps (_decode_and_center_crop in preprocess_legacy.py). Where that would be
// empty, one pixel.
inline ImageView padded_crop(const ImageView& image, int size) {
    const auto share = static_cast<float>(size / (size + 32.0));
    const int kept = std::max(static_cast<int>(share * static_cast<float>(std::min(image.width, image.height))), 1);
    const int x = (image.width - kept + 1) / 2;
    const int y = (image.height - kept + 1) / 2;
    return {image.row(y) + std::ptrdiff_t{x} * image.channels, kept, kept, image.channels, image.row_stride};
}

// Places a checked picture. int() and the order of the operations are Python's, in torchvision's Resize.
inline Placement make_placement(const ImageView& image, const Recipe& recipe) {
    const auto scaled = static_cast<std::int64_t>(recipe.size / recipe.crop_fraction);
    Placement place{image, recipe.size, recipe.size, {}, {}};
    if (recipe.fit == Fit::padded_crop) place.image = padded_crop(image, recipe.size);
    if (recipe.fit == Fit::squash) place.width = place.height = scaled;
    if (recipe.fit == Fit::center) {
        const int shorter = std::min(image.width, image.height);
        const int longer = std::max(image.width, image.height);
        const auto other = static_cast<std::int64_t>(static_cast<double>(scaled * longer) / shorter);
        place.width = image.width <= image.height ? scaled : other;
        place.height = image.width <= image.height ? other : scaled;
    }
    place.across = cut_middle(place.width, recipe.size);
    place.down = cut_middle(place.height, recipe.size);
    return place;
}

// One channel's value as the network sees it. `value` is in bytes, 0 to 255. Each step rounds to float, as in torch.
inline float normalized(const Recipe& recipe, std::size_t channel, float value) {
    if (recipe.normalization == Normalization::signed_byte) return (value - 128.0F) / 128.0F;
    return (value / 255.0F - recipe.mean[channel]) / recipe.deviation[channel];
}

// normalized() of every byte, for each channel.
using ByteTable = std::array<std::array<float, 256>, 3>;

inline ByteTable make_byte_table(const Recipe& recipe) {
    ByteTable table;
    for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t byte = 0; byte < 256; ++byte) table[c][byte] = normalized(recipe, c, static_cast<float>(byte));
    return table;
}

// Fills `output` where padding will stay: with black, normalised as any pixel.
inline void write_padding(const Placement& place, const ByteTable& table, int size, float* output) {
    if (place.across.count == size && place.down.count == size) return;
    const std::ptrdiff_t plane = std::ptrdiff_t{size} * size;
    for (std::ptrdiff_t c = 0; c < 3; ++c)
        std::fill_n(output + c * plane, plane, table[static_cast<std::size_t>(c)][0]);
}

// Resizes with antialiasing, and writes the result's place in `output`.
inline void write_resized(const Placement& place, const Recipe& recipe, const ByteTable& table, float* output) {
    const Region window{place.across.begin, place.down.begin, place.across.count, place.down.count};
    const Image pixels = resize_part(place.image, place.width, place.height, window, recipe.filter);
    const int step = pixels.channels;
    for (std::ptrdiff_t c = 0; c < 3; ++c)
        for (int y = 0; y < pixels.height; ++y) {
            const std::uint8_t* from = pixels.view().row(y) + (step == 1 ? 0 : c);
            float* to = output + (c * recipe.size + place.down.before + y) * recipe.size + place.across.before;
            for (int x = 0; x < pixels.width; ++x) to[x] = table[static_cast<std::size_t>(c)][from[x * step]];
        }
}

// Resizes without antialiasing, and writes the result's place in `output`.
inline void write_sampled(const Placement& place, const Recipe& recipe, float* output) {
    const auto samples = [&recipe](int in, std::int64_t out, const Cut& cut) {
        return make_samples(in, out, cut.begin, cut.begin + cut.count, recipe.filter);
    };
    const std::vector<Sample> across = samples(place.image.width, place.width, place.across);
    const std::vector<Sample> down = samples(place.image.height, place.height, place.down);
    const std::size_t step = place.image.channels == 1 ? 1 : 3;
    std::vector<float> row(across.size() * step);
    const auto size = static_cast<std::size_t>(recipe.size);
    for (std::size_t y = 0; y < down.size(); ++y) {
        if (recipe.filter == Filter::bilinear) sample_row<2>(place.image, across, down[y], row.data());
        if (recipe.filter == Filter::bicubic) sample_row<4>(place.image, across, down[y], row.data());
        for (std::size_t c = 0; c < 3; ++c) {
            float* to = output + (c * size + static_cast<std::size_t>(place.down.before) + y) * size +
                        static_cast<std::size_t>(place.across.before);
            for (std::size_t x = 0; x < across.size(); ++x)
                to[x] = normalized(recipe, c, row[x * step + (step == 1 ? 0 : c)]);
        }
    }
}

inline Status check_recipe(const Recipe& recipe) {
    const auto wrong = [](std::string message) { return Error{ErrorCode::argument, std::move(message)}; };
    if (recipe.size < 1 || recipe.size > max_input_side)
        return wrong("a preprocessing recipe's size is 1 to " + std::to_string(max_input_side) + " pixels, not " +
                     std::to_string(recipe.size));
    const double scaled = recipe.size / recipe.crop_fraction;
    if (!(scaled >= 1.0 && scaled <= max_image_side))
        return wrong("a preprocessing recipe of size " + std::to_string(recipe.size) + " cannot crop a share of " +
                     std::to_string(recipe.crop_fraction));
    const auto is_positive = [](float value) { return value > 0.0F && std::isfinite(value); };
    const auto normal = [](float value) { return std::isfinite(value); };
    if (recipe.normalization == Normalization::mean_and_deviation &&
        !(std::all_of(recipe.mean.begin(), recipe.mean.end(), normal) &&
          std::all_of(recipe.deviation.begin(), recipe.deviation.end(), is_positive)))
        return wrong("a preprocessing recipe's means are numbers and its deviations are numbers above 0");
    return std::monostate{};
}

}  // namespace image_detail

// How many floats preprocess() writes for a recipe: 3 x size x size.
constexpr std::size_t input_elements(const Recipe& recipe) {
    return 3 * static_cast<std::size_t>(recipe.size) * static_cast<std::size_t>(recipe.size);
}

// Writes the picture as the recipe says: 3 x size x size floats, planes red, green, blue, rows from top to bottom (one
// picture of PyTorch's NCHW). With an antialiased recipe, every float equals, to the last bit, what Pillow with timm's
// evaluation transform or torchvision's ImageClassification preset gives for the same pixels; others follow
// TensorFlow's kernels to within rounding. Only the part of the resized picture that is kept is computed.
//
// Fails, without writing, for a picture that check_image refuses, for one of the wrong size where the recipe does not
// resize (Fit::none), for an output of another length than input_elements(recipe), and for a recipe whose size is not
// 1 to max_input_side or whose crop_fraction, means or deviations make no sense.
inline Status preprocess(const ImageView& image, const Recipe& recipe, std::span<float> output) {
    if (const Status checked = check_image(image); !checked) return checked.error();
    if (const Status checked = image_detail::check_recipe(recipe); !checked) return checked.error();
    const auto size = [](int w, int h) { return std::to_string(w) + "x" + std::to_string(h); };
    if (output.size() != input_elements(recipe))
        return Error{ErrorCode::argument, "the input for a picture of " + size(recipe.size, recipe.size) + " takes " +
                                              std::to_string(input_elements(recipe)) + " floats, not " +
                                              std::to_string(output.size())};
    if (recipe.fit == Fit::none && (image.width != recipe.size || image.height != recipe.size))
        return Error{ErrorCode::image, "the recipe takes pictures of " + size(recipe.size, recipe.size) +
                                           " pixels as they are and does not resize, and this one has " +
                                           size(image.width, image.height)};

    const image_detail::Placement place = image_detail::make_placement(image, recipe);
    const image_detail::ByteTable table = image_detail::make_byte_table(recipe);
    image_detail::write_padding(place, table, recipe.size, output.data());
    // Where nothing is resized, every filter gives the pixels themselves, and bytes are the shorter way.
    const bool same = place.width == place.image.width && place.height == place.image.height;
    if (recipe.antialias || same)
        image_detail::write_resized(place, recipe, table, output.data());
    else
        image_detail::write_sampled(place, recipe, output.data());
    return std::monostate{};
}

}  // namespace effv2
