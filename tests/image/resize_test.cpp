#include "effv2/image/resize.hpp"

#include <doctest/doctest.h>

#include <string>

#include "image/goldens.hpp"
#include "image/pictures.hpp"

using namespace effv2;

namespace {

// The same result the plain way: whole passes over the whole picture, pixel by pixel.
Image plain_resize(const Image& from, int width, int height, Filter filter) {
    const auto sum = [](const std::uint8_t* at, int step, const image_detail::Axis& axis,
                        const image_detail::Taps& taps) {
        std::int32_t total = 1 << (image_detail::weight_bits - 1);
        for (int t = 0; t < taps.count; ++t)
            total += at[(taps.first + t) * step] * axis.weights[taps.at + static_cast<std::size_t>(t)];
        return static_cast<std::uint8_t>(std::clamp(total >> image_detail::weight_bits, 0, 255));
    };
    const int channels = from.channels == 1 ? 1 : 3;
    const image_detail::Axis across = image_detail::make_axis(from.width, width, 0, width, filter);
    const image_detail::Axis down = image_detail::make_axis(from.height, height, 0, height, filter);
    Image between{width, from.height, channels, {}};
    for (int y = 0; y < from.height; ++y)
        for (const image_detail::Taps& taps : across.taps)
            for (int c = 0; c < channels; ++c)
                between.pixels.push_back(sum(from.view().row(y) + c, from.channels, across, taps));
    Image result{width, height, channels, {}};
    for (const image_detail::Taps& taps : down.taps)
        for (int i = 0; i < width * channels; ++i)
            result.pixels.push_back(sum(between.pixels.data() + i, width * channels, down, taps));
    return result;
}

// A part of a picture.
Image cut(const Image& from, const Region& window) {
    Image result{window.width, window.height, from.channels, {}};
    for (int y = 0; y < window.height; ++y) {
        const std::uint8_t* row = from.view().row(static_cast<int>(window.y) + y) + window.x * from.channels;
        result.pixels.insert(result.pixels.end(), row, row + window.width * from.channels);
    }
    return result;
}

// A stream of small whole numbers.
struct Dice {
    std::uint64_t counter;
    int operator()(int sides) { return static_cast<int>(splitmix64(counter++) % static_cast<std::uint64_t>(sides)); }
};

std::string complaint(std::int64_t width, std::int64_t height, const Region& window) {
    const Image image = make_picture(0, 4, 3, 3);
    const Result<Image> result = resize_window(image.view(), width, height, window, Filter::bilinear);
    if (result) return "";
    CHECK(result.error().code == ErrorCode::argument);
    return result.error().message;
}

}  // namespace

TEST_CASE("resizing gives Pillow's bytes") {
    for (const goldens::Resize& golden : goldens::resizes) {
        CAPTURE(golden.seed);
        const Image image = make_picture(golden.seed, golden.width, golden.height, golden.channels, golden.binary);
        const Result<Image> result = resize(image.view(), golden.out_width, golden.out_height, golden.filter);
        REQUIRE(result);
        CHECK(result->width == golden.out_width);
        CHECK(result->height == golden.out_height);
        CHECK(result->channels == (golden.channels == 1 ? 1 : 3));
        CHECK(hash(result->pixels) == golden.hash);
        const std::uint8_t* middle =
            result->view().row(golden.out_height / 2) + golden.out_width / 2 * result->channels;
        for (int c = 0; c < result->channels; ++c) CHECK(middle[c] == golden.middle[static_cast<std::size_t>(c)]);
    }
}

TEST_CASE("resizing in tiles gives what plain loops give, in any window") {
    Dice dice{1};
    for (int round = 0; round < 60; ++round) {
        const auto side = [&dice] { return 1 + dice(dice(2) == 0 ? 30 : 900); };
        const int width = side();
        const int height = side();
        const int out_width = dice(6) == 0 ? width : side();
        const int out_height = dice(6) == 0 ? height : side();
        const int channels = round % 3 == 0 ? 1 : round % 3 == 1 ? 3 : 4;
        const Filter filter = dice(2) == 0 ? Filter::bilinear : Filter::bicubic;
        CAPTURE(round);
        const Image image = make_picture(static_cast<std::uint64_t>(round), width, height, channels, dice(2) == 0);
        const Image expected = plain_resize(image, out_width, out_height, filter);
        CHECK(resize(image.view(), out_width, out_height, filter)->pixels == expected.pixels);
        const int x = dice(out_width);
        const int y = dice(out_height);
        const Region window{x, y, 1 + dice(out_width - x), 1 + dice(out_height - y)};
        const Result<Image> part = resize_window(image.view(), out_width, out_height, window, filter);
        REQUIRE(part);
        CHECK(part->pixels == cut(expected, window).pixels);
    }
}

TEST_CASE("rows may lie apart, or bottom-up") {
    const Image image = make_picture(3, 12, 9, 3);
    const ImageView all = image.view();
    const ImageView left{all.data, 7, 9, 3, all.row_stride};
    const Image packed = cut(image, {0, 0, 7, 9});
    CHECK(resize(left, 5, 4, Filter::bicubic)->pixels == resize(packed.view(), 5, 4, Filter::bicubic)->pixels);
    Image turned = image;
    turned.pixels.clear();
    for (int y = 9; y-- > 0;) turned.pixels.insert(turned.pixels.end(), all.row(y), all.row(y) + 36);
    const ImageView upwards{all.row(8), 12, 9, 3, -all.row_stride};
    CHECK(resize(upwards, 5, 4, Filter::bilinear)->pixels == resize(turned.view(), 5, 4, Filter::bilinear)->pixels);
}

TEST_CASE("a window of an enormous picture costs what the window costs") {
    const Image wide = make_picture(4, 20000, 3, 3);
    const Result<Image> middle = resize_window(wide.view(), 2'560'000, 384, {1'279'808, 0, 384, 384}, Filter::bicubic);
    REQUIRE(middle);
    // The same pixels from the columns around the middle alone, which keep their places relative to the window.
    const Image around = cut(wide, {9990, 0, 20, 3});
    CHECK(middle->pixels ==
          resize_window(around.view(), 2560, 384, {1'279'808 - 128 * 9990, 0, 384, 384}, Filter::bicubic)->pixels);
    CHECK(
        resize_window(wide.view(), std::int64_t{1} << 40, 1, {(std::int64_t{1} << 40) - 2, 0, 2, 1}, Filter::bilinear));
}

TEST_CASE("impossible sizes and windows are refused") {
    CHECK(complaint(0, 3, {0, 0, 1, 1}) == "a picture cannot be resized to 0x3 pixels");
    CHECK(complaint(3, (std::int64_t{1} << 40) + 1, {0, 0, 1, 1}) ==
          "a picture cannot be resized to 3x1099511627777 pixels");
    CHECK(complaint(8, 8, {4, 5, 4, 4}) ==
          "the window of 4x4 pixels at (4, 5) is not inside of a resized picture of 8x8");
    CHECK(!complaint(8, 8, {-1, 0, 4, 4}).empty());
    CHECK(!complaint(8, 8, {0, 0, 4, 0}).empty());
    CHECK(complaint(1 << 15, 1 << 15, {0, 0, 1 << 15, 1 << 15}) ==
          "a resized picture of 32768x32768 pixels is larger than the limit of 268435456 pixels");
    CHECK(complaint(8, 8, {4, 4, 4, 4}).empty());
    const Result<Image> broken = resize({nullptr, 4, 3, 3, 12}, 8, 8, Filter::bilinear);
    REQUIRE(!broken);
    CHECK(broken.error().code == ErrorCode::image);
}
