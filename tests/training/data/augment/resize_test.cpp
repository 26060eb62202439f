#include "effv2/training/data/augment/resize.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "effv2/image/sample.hpp"
#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::at;
using tests::noise;

namespace {

Picture resized(const Picture& from, const Box& box, int width, int height, bool mirrored = false) {
    ResizeScratch scratch;
    Picture to;
    resize_box(from.view(), box, width, height, mirrored, scratch, to);
    return to;
}

Picture resized(const Picture& from, int width, int height) {
    return resized(from, {0, 0, from.width(), from.height()}, width, height);
}

}  // namespace

TEST_CASE("a resize by hand: two pixels become four") {
    Picture from(2, 1);
    const std::uint8_t bytes[] = {0, 100, 255, 200, 101, 255};
    std::copy_n(bytes, 6, from.data());
    const Picture to = resized(from, 4, 1);
    // Places -0.25, 0.25, 0.75 and 1.25.
    const int red[] = {0, 50, 150, 200}, green[] = {100, 100, 101, 101};
    for (int x = 0; x < 4; ++x) {
        CHECK(at(to, x, 0, 0) == red[x]);
        CHECK(at(to, x, 0, 1) == green[x]);
        CHECK(at(to, x, 0, 2) == 255);
    }
}

TEST_CASE("a resize equals the library's TensorFlow-like samples, rounded") {
    const Picture from = noise(37, 29, 1);
    ResizeScratch scratch;
    for (const auto& [width, height] : {std::pair{64, 64}, {16, 8}, {37, 100}, {5, 29}, {1, 1}}) {
        Picture to;
        resize_box(from.view(), {0, 0, 37, 29}, width, height, false, scratch, to);
        const auto across = image_detail::make_samples(37, width, 0, width, Filter::bilinear);
        const auto down = image_detail::make_samples(29, height, 0, height, Filter::bilinear);
        std::vector<float> row(3 * across.size());
        for (int y = 0; y < height; ++y) {
            image_detail::sample_row<2>(from.view(), across, down[static_cast<std::size_t>(y)], row.data());
            for (std::size_t i = 0; i < row.size(); ++i)
                REQUIRE(std::abs(static_cast<float>(to.row(y)[i]) - row[i]) < 0.5F + 0.2F);  // weights of 11 bits
        }
    }
}

TEST_CASE("a picture of the same size stays as it is, and one colour stays one colour") {
    const Picture from = noise(31, 17, 2);
    CHECK(resized(from, 31, 17) == from);
    CHECK(resized(tests::plain(13, 11, {1, 128, 255}), 64, 48) == tests::plain(64, 48, {1, 128, 255}));
}

TEST_CASE("the resize of a box looks at nothing outside") {
    const Picture from = noise(20, 20, 3);
    const Box box{4, 7, 9, 6};
    Picture part(9, 6);
    for (int y = 0; y < 6; ++y) std::copy_n(from.row(y + 7) + 3 * 4, 27, part.row(y));
    CHECK(resized(from, box, 9, 6) == part);
    CHECK(resized(from, box, 24, 30) == resized(part, 24, 30));
    CHECK(resized(from, box, 3, 2) == resized(part, 3, 2));
}

TEST_CASE("mirroring is mirroring") {
    for (const int width : {1, 2, 7, 8}) {
        const Picture from = noise(width, 5, 4);
        Picture mirrored = from;
        mirror(mirrored);
        for (int y = 0; y < 5; ++y)
            for (int x = 0; x < width; ++x)
                for (int c = 0; c < 3; ++c) REQUIRE(at(mirrored, x, y, c) == at(from, width - 1 - x, y, c));
        mirror(mirrored);
        CHECK(mirrored == from);
    }
    const Picture from = noise(23, 19, 5);
    Picture expected = resized(from, {2, 3, 20, 15}, 32, 32);
    mirror(expected);
    CHECK(resized(from, {2, 3, 20, 15}, 32, 32, true) == expected);
}

TEST_CASE("scratch from another picture changes nothing") {
    ResizeScratch scratch;
    Picture to;
    for (const int side : {64, 8, 33}) {
        const Picture from = noise(side, side, 6);
        resize_box(from.view(), {0, 0, side, side}, 40, 24, false, scratch, to);
        CHECK(to == resized(from, 40, 24));
    }
}
