#include "effv2/training/data/augment/move.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::at;
using tests::noise;

namespace {

Picture moved(Picture picture, const Affine& affine) {
    Picture scratch;
    transform(picture, affine, grey_fill, scratch);
    return picture;
}

// In double precision, pixel by pixel.
Picture plainly_moved(const Picture& from, const Affine& a) {
    Picture to(from.width(), from.height());
    for (int y = 0; y < from.height(); ++y)
        for (int x = 0; x < from.width(); ++x)
            for (int c = 0; c < 3; ++c) {
                const double source_x = std::round(a.xx * x + a.xy * y + a.x0);
                const double source_y = std::round(a.yx * x + a.yy * y + a.y0);
                const bool inside =
                    source_x >= 0 && source_y >= 0 && source_x < from.width() && source_y < from.height();
                to.row(y)[3 * x + c] = static_cast<std::uint8_t>(
                    inside ? at(from, static_cast<int>(source_x), static_cast<int>(source_y), c) : 128);
            }
    return to;
}

}  // namespace

TEST_CASE("moving equals rounding in double precision") {
    const Picture from = noise(41, 33, 1);
    // Not by 30 degrees, whose sine of a half makes halves of a pixel that fall either way.
    for (const double degrees : {0.0, 3.0, -17.25, 31.0, 90.0, -45.0, 179.0})
        CHECK(moved(from, rotation(degrees, 41, 33)) == plainly_moved(from, rotation(degrees, 41, 33)));
    // Nor by 0.3, for the same reason.
    for (const double level : {0.25, -0.125, 0.3 + 1e-5, -0.61803}) {
        CHECK(moved(from, shear_x(level)) == plainly_moved(from, shear_x(level)));
        CHECK(moved(from, shear_y(level)) == plainly_moved(from, shear_y(level)));
    }
    for (const double pixels : {0.0, 1.0, -7.0, 0.5, -0.5, 2.5, -3.5, 40.6, 41.0, -1e6}) {
        CHECK(moved(from, translation_x(pixels)) == plainly_moved(from, translation_x(pixels)));
        CHECK(moved(from, translation_y(pixels)) == plainly_moved(from, translation_y(pixels)));
    }
}

TEST_CASE("nothing moves at 0, and everything leaves the picture in the end") {
    const Picture from = noise(16, 9, 2);
    CHECK(moved(from, rotation(0.0, 16, 9)) == from);
    CHECK(moved(from, shear_x(0.0)) == from);
    CHECK(moved(from, translation_y(0.0)) == from);
    CHECK(moved(from, translation_x(16.0)) == tests::plain(16, 9, grey_fill));
    CHECK(moved(from, translation_y(-9.0)) == tests::plain(16, 9, grey_fill));
}

TEST_CASE("directions are the original's") {
    const Picture from = noise(8, 8, 3);
    const Picture left = moved(from, translation_x(2.0)), up = moved(from, translation_y(3.0));
    CHECK(at(left, 0, 5, 1) == at(from, 2, 5, 1));
    CHECK(at(left, 7, 5, 1) == 128);
    CHECK(at(up, 4, 0, 2) == at(from, 4, 3, 2));
    CHECK(at(up, 4, 7, 2) == 128);
    // A shear along x leaves the first row, and moves the fifth by two pixels.
    const Picture sheared = moved(from, shear_x(0.5));
    CHECK(at(sheared, 3, 0, 0) == at(from, 3, 0, 0));
    CHECK(at(sheared, 3, 4, 0) == at(from, 5, 4, 0));
    const Picture down = moved(from, shear_y(-0.5));
    CHECK(at(down, 4, 5, 0) == at(from, 4, 3, 0));
}

TEST_CASE("a quarter turn is exact: the right edge becomes the top") {
    const Picture from = noise(7, 7, 4);
    const Picture turned = moved(from, rotation(90.0, 7, 7));
    for (int y = 0; y < 7; ++y)
        for (int x = 0; x < 7; ++x) REQUIRE(at(turned, x, y, 0) == at(from, 6 - y, x, 0));
    CHECK(moved(turned, rotation(-90.0, 7, 7)) == from);
}
