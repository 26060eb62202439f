// Preprocessing recipes: what a set of weights expects of its input. A recipe is a plain value that belongs to the
// weights' source and variant; the wrong one gives plausible but worse answers, so look it up rather than write it
// down.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "effv2/error.hpp"
#include "effv2/image/filter.hpp"

namespace effv2 {

// The largest Recipe::size, in pixels.
inline constexpr int max_input_side = 1 << 14;

// How a picture of any shape becomes a square of Recipe::size pixels.
enum class Fit : std::uint8_t {
    center,       // resize the shorter side to int(size / crop_fraction), cut the middle (torchvision, timm)
    squash,       // resize both sides to int(size / crop_fraction) whatever the aspect, cut the middle (timm, automl)
    padded_crop,  // cut the middle of size / (size + 32) of the shorter side, resize that (automl B0 to B3)
    none,         // take pictures of exactly size x size pixels only (Keras: the caller resizes)
};

// How bytes become floats.
enum class Normalization : std::uint8_t {
    mean_and_deviation,  // (x / 255 - mean) / deviation
    signed_byte,         // (x - 128) / 128, and Keras' x / 128 - 1, which is the same float
};

// All values are in the order red, green, blue.
struct Recipe {
    int size;                    // pixels a side, 1 to max_input_side
    Fit fit;                     // how a picture becomes square
    double crop_fraction = 1.0;  // timm's crop_pct; padded_crop and none do not use it
    Filter filter;               // how it is resized
    bool antialias = true;       // true: Pillow's resize (resize.hpp); false: TensorFlow's (sample.hpp)
    Normalization normalization = Normalization::mean_and_deviation;
    std::array<float, 3> mean = {};       // as a share of 255; signed_byte does not use it
    std::array<float, 3> deviation = {};  // as a share of 255; signed_byte does not use it

    // The same recipe for another input size, in pixels a side.
    constexpr Recipe with_size(int pixels) const {
        Recipe recipe = *this;
        recipe.size = pixels;
        return recipe;
    }
    // The same recipe with another fit: Keras' recipes take pictures of other sizes with Fit::squash or Fit::center.
    constexpr Recipe with_fit(Fit other) const {
        Recipe recipe = *this;
        recipe.fit = other;
        return recipe;
    }
    constexpr bool operator==(const Recipe&) const = default;
};

// A recipe, and the weights it belongs to.
struct NamedRecipe {
    std::string_view source;   // "timm.in1k", "torchvision", ...
    std::string_view variant;  // "b0" to "b3", "s", "m", "l", "xl"
    Recipe recipe;
};

namespace image_detail {

inline constexpr std::array<float, 3> imagenet_mean = {0.485F, 0.456F, 0.406F};
inline constexpr std::array<float, 3> imagenet_deviation = {0.229F, 0.224F, 0.225F};
inline constexpr std::array<float, 3> half = {0.5F, 0.5F, 0.5F};

// Pictures that are antialiased and normalised by ImageNet's mean and deviation, or by 0.5 and 0.5.
constexpr Recipe imagenet(int size, Fit fit, double crop_fraction, Filter filter) {
    return {
        size, fit, crop_fraction, filter, true, Normalization::mean_and_deviation, imagenet_mean, imagenet_deviation};
}
constexpr Recipe inception(int size, Fit fit, double crop_fraction, Filter filter) {
    return {size, fit, crop_fraction, filter, true, Normalization::mean_and_deviation, half, half};
}
// automl's and Keras' pictures: not antialiased.
constexpr Recipe tensorflow(int size, Fit fit, Filter filter, Normalization normalization) {
    if (normalization == Normalization::signed_byte) return {size, fit, 1.0, filter, false, normalization, {}, {}};
    return {size, fit, 1.0, filter, false, normalization, imagenet_mean, imagenet_deviation};
}

}  // namespace image_detail

// Every recipe that the library knows, grouped by source. Sizes are the test sizes. timm: the default_cfgs of
// timm/models/efficientnet.py, at test_input_size. torchvision: EfficientNet_V2_*_Weights.IMAGENET1K_V1.transforms().
// automl: preprocessing.py, and preprocess_legacy.py for B0 to B3. Keras: the layers built into EfficientNetV2*().
inline constexpr NamedRecipe named_recipes[] = {
    {"timm.in1k", "b0", image_detail::imagenet(224, Fit::center, 0.875, Filter::bicubic)},
    {"timm.in1k", "b1", image_detail::imagenet(240, Fit::center, 0.882, Filter::bicubic)},
    {"timm.in1k", "b2", image_detail::imagenet(260, Fit::center, 0.890, Filter::bicubic)},
    {"timm.in1k", "b3", image_detail::imagenet(300, Fit::center, 0.904, Filter::bicubic)},
    {"timm.in1k", "s", image_detail::inception(384, Fit::center, 1.0, Filter::bicubic)},
    {"timm.in1k", "m", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},
    {"timm.in1k", "l", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},

    {"timm.in21k", "b3", image_detail::inception(300, Fit::center, 0.904, Filter::bicubic)},
    {"timm.in21k", "s", image_detail::inception(384, Fit::center, 1.0, Filter::bicubic)},
    {"timm.in21k", "m", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},
    {"timm.in21k", "l", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},
    {"timm.in21k", "xl", image_detail::inception(512, Fit::squash, 1.0, Filter::bicubic)},

    {"timm.in21k_ft_in1k", "b3", image_detail::inception(300, Fit::squash, 0.9, Filter::bicubic)},
    {"timm.in21k_ft_in1k", "s", image_detail::inception(384, Fit::center, 1.0, Filter::bicubic)},
    {"timm.in21k_ft_in1k", "m", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},
    {"timm.in21k_ft_in1k", "l", image_detail::inception(480, Fit::squash, 1.0, Filter::bicubic)},
    {"timm.in21k_ft_in1k", "xl", image_detail::inception(512, Fit::squash, 1.0, Filter::bicubic)},

    {"torchvision", "s", image_detail::imagenet(384, Fit::center, 1.0, Filter::bilinear)},
    {"torchvision", "m", image_detail::imagenet(480, Fit::center, 1.0, Filter::bilinear)},
    {"torchvision", "l", image_detail::inception(480, Fit::center, 1.0, Filter::bicubic)},

    {"keras", "b0", image_detail::tensorflow(224, Fit::none, Filter::bilinear, Normalization::mean_and_deviation)},
    {"keras", "b1", image_detail::tensorflow(240, Fit::none, Filter::bilinear, Normalization::mean_and_deviation)},
    {"keras", "b2", image_detail::tensorflow(260, Fit::none, Filter::bilinear, Normalization::mean_and_deviation)},
    {"keras", "b3", image_detail::tensorflow(300, Fit::none, Filter::bilinear, Normalization::mean_and_deviation)},
    {"keras", "s", image_detail::tensorflow(384, Fit::none, Filter::bilinear, Normalization::signed_byte)},
    {"keras", "m", image_detail::tensorflow(480, Fit::none, Filter::bilinear, Normalization::signed_byte)},
    {"keras", "l", image_detail::tensorflow(480, Fit::none, Filter::bilinear, Normalization::signed_byte)},

    {"automl", "b0",
     image_detail::tensorflow(224, Fit::padded_crop, Filter::bicubic, Normalization::mean_and_deviation)},
    {"automl", "b1",
     image_detail::tensorflow(240, Fit::padded_crop, Filter::bicubic, Normalization::mean_and_deviation)},
    {"automl", "b2",
     image_detail::tensorflow(260, Fit::padded_crop, Filter::bicubic, Normalization::mean_and_deviation)},
    {"automl", "b3",
     image_detail::tensorflow(300, Fit::padded_crop, Filter::bicubic, Normalization::mean_and_deviation)},
    {"automl", "s", image_detail::tensorflow(384, Fit::squash, Filter::bilinear, Normalization::signed_byte)},
    {"automl", "m", image_detail::tensorflow(480, Fit::squash, Filter::bilinear, Normalization::signed_byte)},
    {"automl", "l", image_detail::tensorflow(480, Fit::squash, Filter::bilinear, Normalization::signed_byte)},
    {"automl", "xl", image_detail::tensorflow(512, Fit::squash, Filter::bilinear, Normalization::signed_byte)},
};

namespace image_detail {

// "timm" alone means the weights that timm itself loads where none are named, the first with that variant in its
// default_cfgs: those fine-tuned from ImageNet-21k, and ImageNet-1k's for B0 to B2, which have no others.
constexpr std::string_view full_source(std::string_view source, std::string_view variant) {
    if (source != "timm") return source;
    return variant == "b0" || variant == "b1" || variant == "b2" ? "timm.in1k" : "timm.in21k_ft_in1k";
}

// Appends to a list with commas.
inline void enumerate(std::string& list, std::string_view item) {
    if (!list.empty()) list += ", ";
    list += item;
}

inline Error unknown_recipe(std::string_view source, std::string_view variant) {
    std::string sources = "timm";
    std::string variants;
    std::string_view previous;
    for (const NamedRecipe& known : named_recipes) {
        if (known.source != previous) enumerate(sources, known.source);
        previous = known.source;
        if (known.source == full_source(source, known.variant)) enumerate(variants, known.variant);
    }
    if (variants.empty())
        return {ErrorCode::argument,
                "there is no preprocessing recipe named '" + std::string(source) + "', only " + sources};
    return {ErrorCode::argument, "the preprocessing recipe '" + std::string(source) + "' is not known for variant '" +
                                     std::string(variant) + "', only for " + variants};
}

}  // namespace image_detail

// The recipe of a source's weights for a variant, or nullptr; for use at compile time. Arguments as for find_recipe.
constexpr const Recipe* named_recipe(std::string_view source, std::string_view variant) {
    source = image_detail::full_source(source, variant);
    for (const NamedRecipe& known : named_recipes)
        if (known.source == source && known.variant == variant) return &known.recipe;
    return nullptr;
}

// The recipe of a source's weights for a variant. `source` is "timm", "timm.in1k", "timm.in21k", "timm.in21k_ft_in1k",
// "torchvision", "keras" or "automl", `variant` is "b0" to "b3", "s", "m", "l" or "xl". Names of another spelling, and
// pairs that were never released, are an error that lists what is known.
inline Result<Recipe> find_recipe(std::string_view source, std::string_view variant) {
    if (const Recipe* recipe = named_recipe(source, variant)) return *recipe;
    return image_detail::unknown_recipe(source, variant);
}

}  // namespace effv2
