// Recipes as text: nothing is lost, what is wrong is refused with its place.
#include "effv2/image/recipe_text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

using namespace effv2;

namespace {

void check_round_trip(const Recipe& recipe) {
    const std::string text = format_recipe(recipe);
    CAPTURE(text);
    const Result<Recipe> parsed = parse_recipe(text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == recipe);
    CHECK(std::memcmp(parsed->mean.data(), recipe.mean.data(), sizeof recipe.mean) == 0);
}

std::string refusal(std::string_view text) {
    const Result<Recipe> parsed = parse_recipe(text);
    if (parsed) return "";
    CHECK(parsed.error().code == ErrorCode::argument);
    return parsed.error().message;
}

}  // namespace

TEST_CASE("a recipe is one line, complete") {
    CHECK(format_recipe(*named_recipe("timm", "b0")) ==
          "size 224; fit center; crop 0.875; filter bicubic; antialias yes; mean 0.485 0.456 0.406; deviation 0.229 "
          "0.224 0.225");
    CHECK(format_recipe(*named_recipe("keras", "s")) ==
          "size 384; fit none; crop 1; filter bilinear; antialias no; normalization signed_byte");
}

TEST_CASE("texts give the same recipe again, to the last bit") {
    for (const NamedRecipe& known : named_recipes) check_round_trip(known.recipe);
    std::mt19937 random(3);
    const auto real = [&] { return std::ldexp(static_cast<float>(random()), -static_cast<int>(random() % 100)); };
    for (int i = 0; i < 2000; ++i) {
        Recipe recipe = *named_recipe("timm", "m");
        recipe.size = 1 + static_cast<int>(random() % 16384);
        recipe.crop_fraction = (1.0 + static_cast<double>(random())) / 4294967296.0;
        for (float& value : recipe.mean) value = random() % 2 == 0 ? real() : -real();
        for (float& value : recipe.deviation) value = real() + 0x1p-149f;
        check_round_trip(recipe);
    }
}

TEST_CASE("order and spaces are free, and defaults can be left out") {
    const Result<Recipe> recipe =
        parse_recipe(" deviation 1 .5 2e-1;mean 0 -1\n0.25 ; filter bilinear; fit squash; size 32 ");
    REQUIRE(recipe.has_value());
    CHECK(*recipe == Recipe{.size = 32,
                            .fit = Fit::squash,
                            .filter = Filter::bilinear,
                            .mean = {0.0F, -1.0F, 0.25F},
                            .deviation = {1.0F, 0.5F, 0.2F}});
}

TEST_CASE("what is no text of a recipe is refused with its place") {
    const auto at = [](int place, std::string_view expected, std::string_view found) {
        return "the recipe's text at character " + std::to_string(place) + ": expected " + std::string(expected) +
               ", found " + std::string(found);
    };
    const std::string start = "size 32; fit none; filter bicubic";
    CHECK(refusal(start + "; normalization signed_byte").empty());
    CHECK(refusal("") == at(1, "size, fit, crop, filter, antialias, mean, deviation or normalization", "the end"));
    CHECK(refusal("size 0") == at(6, "1 to 16384 pixels a side", "'0'"));
    CHECK(refusal("size 16385") == at(6, "1 to 16384 pixels a side", "'16385'"));
    CHECK(refusal("fit stretch") == at(5, "center, squash, padded_crop or none", "'stretch'"));
    CHECK(refusal("filter nearest") == at(8, "bilinear or bicubic", "'nearest'"));
    CHECK(refusal("antialias 1") == at(11, "yes or no", "'1'"));
    CHECK(refusal("crop 0") == at(6, "a share above 0", "'0'"));
    CHECK(refusal("crop nan") == at(6, "a share above 0", "'nan'"));
    CHECK(refusal("crop 1e999") == at(6, "a share above 0", "'1e999'"));
    CHECK(refusal("crop 1.2.3") == at(6, "a share above 0", "'1.2.3'"));
    CHECK(refusal("mean 0.5 0.5") == at(13, "a number", "the end"));
    CHECK(refusal("deviation 0.5 0 0.5") == at(15, "a number above 0", "'0'"));
    CHECK(refusal("normalization none") == at(15, "signed_byte", "'none'"));
    CHECK(refusal("size 32; size 32") == at(10, "every entry only once", "'size'"));
    CHECK(refusal("size 32 fit none") == at(9, "';' or the end", "'fit'"));
    CHECK(refusal("fit none; filter bicubic") == at(25, "an entry size", "the end"));
    CHECK(refusal("size 32; filter bicubic") == at(24, "an entry fit", "the end"));
    CHECK(refusal("size 32; fit none") == at(18, "an entry filter", "the end"));
    CHECK(refusal(start) == at(34, "entries mean and deviation, or normalization signed_byte", "the end"));
    CHECK(refusal(start + "; mean 1 1 1") ==
          at(46, "entries mean and deviation, or normalization signed_byte", "the end"));
    CHECK(refusal(start + "; mean 1 1 1; normalization signed_byte") ==
          at(73, "no mean or deviation with signed_byte", "the end"));
}

TEST_CASE("cut and damaged texts do no harm") {
    const std::string sound = format_recipe(*named_recipe("timm", "b0"));
    for (std::size_t length = 0; length <= sound.size(); ++length) CHECK(refusal(sound.substr(0, length)).size() < 200);
    std::mt19937 random(4);
    for (int i = 0; i < 20000; ++i) {
        std::string text = sound;
        for (std::uint32_t edit = 0; edit < 1 + random() % 3; ++edit)
            text[random() % text.size()] = static_cast<char>(random() % 256);
        const Result<Recipe> parsed = parse_recipe(text);
        if (parsed)
            check_round_trip(*parsed);
        else
            for (const char c : parsed.error().message) CHECK((c >= ' ' && c < 0x7f));
    }
}
