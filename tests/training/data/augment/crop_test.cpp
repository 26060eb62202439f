#include "effv2/training/data/augment/crop.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::at;

namespace {

Random crop_stream(std::uint64_t index) { return Random(5, 0, index, Purpose::crop); }

bool inside(const Box& box, int width, int height) {
    return box.x >= 0 && box.y >= 0 && box.width >= 1 && box.height >= 1 && box.x + box.width <= width &&
           box.y + box.height <= height;
}

}  // namespace

TEST_CASE("area crops stay inside and within their areas and aspects") {
    for (const AreaCrop& crop : {automl_crop, automl_b_crop, inception_crop})
        for (const auto& [width, height] : {std::pair{640, 480}, {333, 500}, {224, 224}}) {
            const double whole = static_cast<double>(width) * height;
            for (std::uint64_t i = 0; i < 3000; ++i) {
                Random random = crop_stream(i);
                const Box box = draw_area_crop(random, width, height, crop, 224);
                REQUIRE(inside(box, width, height));
                if (box.width == width && box.height == height) continue;
                const double area = static_cast<double>(box.width) * box.height / whole;
                REQUIRE(area > std::max(crop.min_area, crop.min_covered) * 0.97);
                const double aspect = static_cast<double>(box.width) / box.height;
                REQUIRE(aspect > crop.min_aspect * 0.97);
                REQUIRE(aspect < crop.max_aspect * 1.03);
            }
        }
}

TEST_CASE("tiny pictures have crops of a pixel at least") {
    for (const AreaCrop& crop : {automl_crop, automl_b_crop, inception_crop})
        for (int width = 1; width < 8; ++width)
            for (int height = 1; height < 8; ++height)
                for (std::uint64_t i = 0; i < 50; ++i) {
                    Random random = crop_stream(i);
                    REQUIRE(inside(draw_area_crop(random, width, height, crop, 8), width, height));
                }
}

TEST_CASE("torchvision's draw is even in area, TensorFlow's in height") {
    // Aspects of 1 on a large square leave one number to draw.
    AreaCrop crop{AreaDraw::torchvision, 0.25, 0.81, 1.0, 1.0, 10, 0.0, CropFallback::whole};
    double area = 0.0, side = 0.0, x = 0.0;
    constexpr int draws = 20000, large = 1000;
    for (int i = 0; i < draws; ++i) {
        Random random = crop_stream(static_cast<std::uint64_t>(i));
        const Box box = draw_area_crop(random, large, large, crop, 224);
        area += box.width * box.height / (1e6 * draws);
        x += static_cast<double>(box.x) / (large - box.width) / draws;
    }
    CHECK(tests::near(area, (0.25 + 0.81) / 2, 0.01));
    CHECK(tests::near(x, 0.5, 0.02));
    crop.draw = AreaDraw::tensorflow;
    int odd = 0;
    for (int i = 0; i < draws; ++i) {
        Random random = crop_stream(static_cast<std::uint64_t>(i));
        const Box box = draw_area_crop(random, large, large, crop, 224);
        side += box.height / (1e3 * draws);
        odd += box.height % 2;
    }
    CHECK(tests::near(side, (0.5 + 0.9) / 2, 0.01));
    CHECK(tests::near(odd, draws / 2.0, 0.05));
}

TEST_CASE("torchvision's draw is even in the logarithm of the aspect") {
    double logarithm = 0.0, squares = 0.0;
    constexpr int draws = 20000;
    const AreaCrop crop{AreaDraw::torchvision, 0.1, 0.1, 0.5, 2.0, 10, 0.0, CropFallback::whole};
    for (int i = 0; i < draws; ++i) {
        Random random = crop_stream(static_cast<std::uint64_t>(i));
        const Box box = draw_area_crop(random, 2000, 2000, crop, 224);
        const double drawn = std::log2(static_cast<double>(box.width) / box.height);
        logarithm += drawn / draws;
        squares += drawn * drawn / draws;
    }
    CHECK(std::abs(logarithm) < 0.02);
    CHECK(tests::near(squares, 1.0 / 3.0, 0.03));
}

TEST_CASE("crops reach all places of a small picture, the last row and column too") {
    std::array<int, 5> seen{};
    const AreaCrop crop{AreaDraw::tensorflow, 0.76, 0.77, 1.0, 1.0, 10, 0.0, CropFallback::whole};
    for (std::uint64_t i = 0; i < 5000; ++i) {
        Random random = crop_stream(i);
        const Box box = draw_area_crop(random, 32, 32, crop, 32);
        REQUIRE(box.width == 28);
        ++seen[static_cast<std::size_t>(box.x)];
    }
    for (const int count : seen) CHECK(std::abs(count - 1000) < 130);
}

TEST_CASE("where no try fits, what remains is the middle or the whole") {
    Random random = crop_stream(0);
    const auto lost = [&](CropFallback fallback, int width, int height) {
        const AreaCrop crop{AreaDraw::torchvision, 1.0, 1.0, 3.0 / 4.0, 4.0 / 3.0, 10, 0.0, fallback};
        return draw_area_crop(random, width, height, crop, 224);
    };
    CHECK(lost(CropFallback::whole, 1000, 10) == Box{0, 0, 1000, 10});
    CHECK(lost(CropFallback::bounded_aspect, 1000, 10) == Box{493, 0, 13, 10});
    CHECK(lost(CropFallback::bounded_aspect, 10, 1000) == Box{0, 493, 10, 13});
    // int(224 / 256 * 100) = 87.
    CHECK(lost(CropFallback::padded_center, 1000, 100) == Box{456, 6, 87, 87});
    CHECK(lost(CropFallback::padded_center, 1, 1) == Box{0, 0, 1, 1});
}

TEST_CASE("tries that cover too little are lost") {
    AreaCrop crop{AreaDraw::torchvision, 0.05, 0.08, 1.0, 1.0, 10, 0.1, CropFallback::whole};
    Random random = crop_stream(0);
    CHECK(draw_area_crop(random, 500, 500, crop, 224) == Box{0, 0, 500, 500});
    crop.min_covered = 0.0;
    CHECK(draw_area_crop(random, 500, 500, crop, 224).width < 150);
}

TEST_CASE("the classic shift is even over 81 places for 32 pixels, and pads with black") {
    std::array<int, 81> seen{};
    for (std::uint64_t i = 0; i < 81000; ++i) {
        Random random = crop_stream(i);
        const Shift shift = draw_shift(random, 32, 32);
        REQUIRE(std::abs(shift.x) <= 4);
        REQUIRE(std::abs(shift.y) <= 4);
        ++seen[static_cast<std::size_t>(9 * (shift.y + 4) + shift.x + 4)];
    }
    for (const int count : seen) CHECK(std::abs(count - 1000) < 150);
    const Picture from = tests::noise(9, 7, 1);
    for (const auto& [x, y] : {std::pair{0, 0}, {2, -1}, {-3, 4}, {9, 0}, {20, 20}, {0, -7}}) {
        Picture to;
        shift_picture(from.view(), {x, y}, to);
        for (int row = 0; row < 7; ++row)
            for (int column = 0; column < 9; ++column)
                for (int c = 0; c < 3; ++c) {
                    const bool within = column - x >= 0 && column - x < 9 && row - y >= 0 && row - y < 7;
                    REQUIRE(at(to, column, row, c) == (within ? at(from, column - x, row - y, c) : 0));
                }
    }
}
