#include "effv2/training/data/augment/cutout.hpp"

#include <doctest/doctest.h>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::at;
using tests::plain;

namespace {

Random cutout_stream(std::uint64_t index) { return Random(6, 0, index, Purpose::cutout); }

int changed(const Picture& picture, int value) {
    int count = 0;
    for (std::size_t i = 0; i < picture.bytes(); ++i) count += picture.data()[i] != value ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("a cutout is a square about any pixel, cut at the border") {
    bool whole = false, corner = false;
    for (std::uint64_t i = 0; i < 3000; ++i) {
        Random first = cutout_stream(i), second = cutout_stream(i);
        const Box box = draw_cutout(first, 20, 12, 4);
        REQUIRE((box.x >= 0 && box.y >= 0 && box.x + box.width <= 20 && box.y + box.height <= 12));
        REQUIRE((box.width >= 4 && box.width <= 8 && box.height >= 4 && box.height <= 8));
        whole = whole || box == Box{7, 2, 8, 8};
        corner = corner || box == Box{0, 0, 4, 4};
        Picture picture = plain(20, 12, black_fill);
        cutout(picture, 4, {9, 9, 9}, second);
        REQUIRE(changed(picture, 0) == 3 * box.width * box.height);
        REQUIRE(at(picture, box.x, box.y, 0) == 9);
        REQUIRE(at(picture, box.x + box.width - 1, box.y + box.height - 1, 2) == 9);
    }
    CHECK(whole);
    CHECK(corner);
}

TEST_CASE("a reach of 0 cuts nothing out, a large one everything") {
    Random random = cutout_stream(0);
    Picture picture = plain(5, 5, black_fill);
    cutout(picture, 0, grey_fill, random);
    CHECK(changed(picture, 0) == 0);
    cutout(picture, 100, grey_fill, random);
    CHECK(changed(picture, 128) == 0);
}

TEST_CASE("erasing happens as often as asked, within areas and aspects, with noise") {
    int erased = 0;
    double area = 0.0;
    const Erasing erasing{.probability = 0.25};
    for (std::uint64_t i = 0; i < 8000; ++i) {
        Random random = cutout_stream(i);
        const Box box = draw_erasing(random, 100, 100, erasing);
        if (box == Box{}) continue;
        ++erased;
        REQUIRE((box.x >= 0 && box.y >= 0 && box.x + box.width <= 100 && box.y + box.height <= 100));
        REQUIRE((box.width * box.height > 150 && box.width * box.height < 3400));
        REQUIRE(box.height < 3.5 * box.width);
        REQUIRE(box.width < 3.6 * box.height);
        area += box.width * box.height;
    }
    CHECK(tests::near(erased, 2000, 0.08));
    CHECK(tests::near(area / erased, 1750, 0.05));  // large flat ones do not fit: a little under
    Random never = cutout_stream(1), always = cutout_stream(1);
    CHECK(draw_erasing(never, 100, 100, {.probability = 0.0}) == Box{});
    Picture picture = plain(100, 100, black_fill);
    erase_randomly(picture, {.probability = 1.0}, always);
    CHECK(changed(picture, 0) > 3 * 150);
    Random tiny = cutout_stream(2);
    CHECK(draw_erasing(tiny, 1, 1, {.probability = 1.0}) == Box{});
}
