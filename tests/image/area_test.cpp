// The part of a picture that a network sees, for every fit.
#include "effv2/image/area.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "image/pictures.hpp"

using namespace effv2;

namespace {

void check_area(int width, int height, const Recipe& recipe, const Area& expected) {
    const Image image = make_picture(1, width, height, 3);
    const Area area = input_area(image.view(), recipe);
    CHECK(area.left == doctest::Approx(expected.left));
    CHECK(area.top == doctest::Approx(expected.top));
    CHECK(area.width == doctest::Approx(expected.width));
    CHECK(area.height == doctest::Approx(expected.height));
}

constexpr Recipe recipe_of(Fit fit, double crop = 1.0) {
    return {64, fit, crop, Filter::bilinear, true, Normalization::signed_byte, {}, {}};
}

}  // namespace

TEST_CASE("every fit has its area") {
    check_area(200, 100, recipe_of(Fit::center), {50, 0, 100, 100});
    check_area(100, 300, recipe_of(Fit::center), {0, 100, 100, 100});
    check_area(256, 128, recipe_of(Fit::center, 0.5), {96, 32, 64, 64});
    check_area(200, 100, recipe_of(Fit::squash), {0, 0, 200, 100});
    check_area(256, 128, recipe_of(Fit::squash, 0.5), {64, 32, 128, 64});
    check_area(64, 64, recipe_of(Fit::none), {0, 0, 64, 64});
    // 64 / 96 of the shorter side, in the middle.
    check_area(200, 120, recipe_of(Fit::padded_crop), {60, 20, 80, 80});
    // A crop share above 1 pads: the area is larger than the picture.
    check_area(32, 32, recipe_of(Fit::center, 2.0), {-16, -16, 64, 64});
}

TEST_CASE("what is outside of the area does not reach the input") {
    const Recipe recipe = recipe_of(Fit::center);
    Image image{200, 100, 1, std::vector<std::uint8_t>(20000, 0)};
    const Area area = input_area(image.view(), recipe);
    const auto inside = [&](int x) { return x >= area.left && x < area.left + area.width; };
    for (int i = 0; i < 20000; ++i)
        if (inside(i % 200)) image.pixels[static_cast<std::size_t>(i)] = 255;
    std::vector<float> input(input_elements(recipe));
    REQUIRE(preprocess(image.view(), recipe, input));
    // The filter's support blurs the edge by a pixel or two of the input.
    for (std::size_t x = 2; x < 62; ++x) CHECK(input[x] == (255.0F - 128.0F) / 128.0F);
}
