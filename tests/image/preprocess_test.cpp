#include "effv2/image/preprocess.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "image/goldens.hpp"
#include "image/pictures.hpp"

using namespace effv2;

namespace {

std::vector<float> preprocessed(const Image& image, const Recipe& recipe) {
    std::vector<float> output(input_elements(recipe), std::nanf(""));
    REQUIRE(preprocess(image.view(), recipe, output));
    return output;
}

Image source(std::uint64_t seed) {
    const auto [width, height, channels] = goldens::sources[seed];
    return make_picture(seed, width, height, channels);
}

std::string complaint(const ImageView& image, const Recipe& recipe, std::size_t floats) {
    std::vector<float> output(floats);
    const Status status = preprocess(image, recipe, output);
    return status ? "" : status.error().message;
}

constexpr Recipe small{8, Fit::center, 1.0, Filter::bicubic, true, Normalization::signed_byte, {}, {}};

}  // namespace

TEST_CASE("antialiased recipes give the floats of timm's and torchvision's transforms") {
    for (const goldens::Preprocessed& golden : goldens::preprocessed) {
        CAPTURE(golden.source);
        CAPTURE(golden.variant);
        const Result<Recipe> recipe = find_recipe(golden.source, golden.variant);
        REQUIRE(recipe);
        const auto size = static_cast<std::size_t>(recipe->size);
        for (std::uint64_t seed = 0; seed < goldens::sources.size(); ++seed) {
            const std::vector<float> output = preprocessed(source(seed), *recipe);
            CHECK(hash(output) == golden.hashes[seed]);
            if (seed + 1 < goldens::sources.size()) continue;
            for (std::size_t c = 0; c < 3; ++c)
                CHECK(output[(c * size + size / 2) * size + size / 2] ==
                      doctest::Approx(golden.middle[c]).epsilon(1e-6));
        }
    }
}

TEST_CASE("automl's recipes give TensorFlow's values") {
    for (const goldens::Automl& golden : goldens::automl) {
        CAPTURE(golden.variant);
        const std::vector<float> output = preprocessed(source(golden.seed), *named_recipe("automl", golden.variant));
        for (std::size_t k = 0; k < golden.values.size(); ++k)
            CHECK(std::abs(output[k * output.size() / golden.values.size() + 7 * k] - golden.values[k]) < 2e-6);
    }
}

TEST_CASE("Keras' recipes take pictures as they are") {
    const Image image = make_picture(5, 384, 384, 3);
    const std::vector<float> output = preprocessed(image, *named_recipe("keras", "s"));
    for (std::size_t i = 0; i < 384 * 384; i += 97)
        for (std::size_t c = 0; c < 3; ++c)
            CHECK(output[c * 384 * 384 + i] == static_cast<float>(image.pixels[i * 3 + c]) / 128.0F - 1.0F);
    const Image smaller = make_picture(5, 224, 224, 1);
    const std::vector<float> grey = preprocessed(smaller, *named_recipe("keras", "b0"));
    CHECK(grey[5] == doctest::Approx((smaller.pixels[5] / 255.0 - 0.485) / 0.229));
    CHECK(grey[2 * 224 * 224 + 5] == doctest::Approx((smaller.pixels[5] / 255.0 - 0.406) / 0.225));
    const Recipe recipe = *named_recipe("keras", "m");
    CHECK(complaint(image.view(), recipe, input_elements(recipe)) ==
          "the recipe takes pictures of 480x480 pixels as they are and does not resize, and this one has 384x384");
    CHECK(preprocessed(image, recipe.with_fit(Fit::squash)).size() == input_elements(recipe));
}

TEST_CASE("the middle is cut as torchvision cuts it, with black around what is too small") {
    CHECK(image_detail::cut_middle(10, 8).begin == 1);
    CHECK(image_detail::cut_middle(9, 8).begin == 0);   // 0.5 rounds to 0,
    CHECK(image_detail::cut_middle(11, 8).begin == 2);  // 1.5 to 2,
    CHECK(image_detail::cut_middle(13, 8).begin == 2);  // 2.5 to 2
    CHECK(image_detail::cut_middle(5, 8).before == 1);
    CHECK(image_detail::cut_middle(5, 8).count == 5);

    // Four pixels of white in eight: a crop that takes twice as much as there is.
    Recipe recipe = small;
    recipe.crop_fraction = 2.0;
    const std::vector<float> output = preprocessed({3, 3, 1, std::vector<std::uint8_t>(9, 255)}, recipe);
    for (std::size_t y = 0; y < 8; ++y)
        for (std::size_t x = 0; x < 8; ++x) {
            const bool inside = x >= 2 && x < 6 && y >= 2 && y < 6;
            CHECK(output[64 + y * 8 + x] == (inside ? 127.0F / 128.0F : -1.0F));
        }
}

TEST_CASE("degenerate pictures work with every recipe that resizes") {
    for (const auto& [width, height] : {std::pair{1, 1}, std::pair{20000, 3}, std::pair{3, 20000}, std::pair{1, 2}}) {
        const Image image = make_picture(6, width, height, 3);
        for (const NamedRecipe& known : named_recipes) {
            if (known.recipe.fit == Fit::none) continue;
            CAPTURE(known.source);
            CAPTURE(known.variant);
            const std::vector<float> output = preprocessed(image, known.recipe.with_size(96));
            CHECK(std::abs(output.front()) < 4.0F);
            CHECK(std::abs(output.back()) < 4.0F);
        }
    }
    const std::vector<float> dot = preprocessed({1, 1, 3, {10, 20, 30}}, *named_recipe("timm", "m"));
    CHECK(dot.front() == (10.0F / 255.0F - 0.5F) / 0.5F);
    CHECK(dot.back() == (30.0F / 255.0F - 0.5F) / 0.5F);
}

TEST_CASE("what cannot be preprocessed is refused") {
    const Image image = make_picture(7, 20, 10, 3);
    CHECK(complaint(image.view(), small, 192).empty());
    CHECK(complaint(image.view(), small, 191) == "the input for a picture of 8x8 takes 192 floats, not 191");
    CHECK(complaint({nullptr, 20, 10, 3, 60}, small, 192) == "the picture has no pixels: its data pointer is null");
    CHECK(complaint(image.view(), small.with_size(0), 0) ==
          "a preprocessing recipe's size is 1 to 16384 pixels, not 0");
    Recipe recipe = small;
    recipe.crop_fraction = 0.0;
    CHECK(complaint(image.view(), recipe, 192) == "a preprocessing recipe of size 8 cannot crop a share of 0.000000");
    recipe.crop_fraction = std::nan("");
    CHECK(!complaint(image.view(), recipe, 192).empty());
    const std::string numbers = "a preprocessing recipe's means are numbers and its deviations are numbers above 0";
    for (const float deviation : {0.0F, -1.0F, std::nanf("")}) {
        recipe = named_recipe("timm", "s")->with_size(8);
        recipe.deviation[1] = deviation;
        CHECK(complaint(image.view(), recipe, 192) == numbers);
    }
    recipe = named_recipe("timm", "s")->with_size(8);
    recipe.mean[2] = std::nanf("");
    CHECK(complaint(image.view(), recipe, 192) == numbers);
}
