#include "effv2/training/data/augment/colour.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::at;
using tests::noise;
using tests::plain;

namespace {

Picture after(Picture picture, const std::function<void(Picture&)>& operation) {
    operation(picture);
    return picture;
}

// The original's blend in single precision, with products rounded before they are added.
int float_blend(int from, int to, double factor) {
    const auto f = static_cast<float>(factor);
    const volatile float scaled = f * static_cast<float>(to - from);
    const float mixed = static_cast<float>(from) + scaled;
    return static_cast<int>(std::min(std::max(mixed, 0.0F), 255.0F));
}

// tf.image.rgb_to_grayscale, in double precision.
int float_grey(int red, int green, int blue) {
    return static_cast<int>((0.2989 * red + 0.587 * green + 0.114 * blue) / 255.0 * 255.5);
}

// That two pictures agree but for bytes one apart, which are at most one in a hundred.
void check_close(const Picture& found, const std::function<int(int, int, int)>& expected) {
    int apart = 0;
    for (int y = 0; y < found.height(); ++y)
        for (int x = 0; x < found.width(); ++x)
            for (int c = 0; c < 3; ++c) {
                const int difference = std::abs(at(found, x, y, c) - expected(x, y, c));
                REQUIRE(difference <= 1);
                apart += difference;
            }
    CHECK(apart <= static_cast<int>(found.bytes() / 100));
}

constexpr double factors[] = {0.0, 0.1, 0.28, 0.5, 1.0, 1.36, 1.9, 3.7};

}  // namespace

TEST_CASE("operations without statistics, by hand") {
    Picture picture(2, 1);
    const std::uint8_t bytes[] = {0, 1, 127, 128, 200, 255};
    std::copy_n(bytes, 6, picture.data());
    const auto values = [&](const std::function<void(Picture&)>& operation) {
        const Picture made = after(picture, operation);
        return std::vector<int>(made.data(), made.data() + 6);
    };
    CHECK(values(invert) == std::vector<int>{255, 254, 128, 127, 55, 0});
    CHECK(values([](Picture& p) { posterize(p, 4); }) == std::vector<int>{0, 0, 112, 128, 192, 240});
    CHECK(values([](Picture& p) { posterize(p, 1); }) == std::vector<int>{0, 0, 0, 128, 128, 128});
    CHECK(values([](Picture& p) { posterize(p, 0); }) == std::vector<int>{0, 0, 0, 0, 0, 0});
    CHECK(values([](Picture& p) { solarize(p, 128); }) == std::vector<int>{0, 1, 127, 127, 55, 0});
    CHECK(values([](Picture& p) { solarize(p, 0); }) == values(invert));
    CHECK(values([](Picture& p) { solarize_add(p, 110); }) == std::vector<int>{110, 111, 237, 128, 200, 255});
    CHECK(values([](Picture& p) { solarize_add(p, 250); }) == std::vector<int>{250, 251, 255, 128, 200, 255});
    // Nothing happens: 8 bits and more, a threshold past 255, an addition of 0.
    const std::vector<int> same(bytes, bytes + 6);
    for (const int bits : {8, 9, 40}) CHECK(values([&](Picture& p) { posterize(p, bits); }) == same);
    for (const int threshold : {256, 384}) CHECK(values([&](Picture& p) { solarize(p, threshold); }) == same);
    CHECK(values([](Picture& p) { solarize_add(p, 0); }) == same);
    CHECK(values([](Picture& p) { brightness(p, 0.5); }) == std::vector<int>{0, 0, 63, 64, 100, 127});
    CHECK(values([](Picture& p) { brightness(p, 1.9); }) == std::vector<int>{0, 1, 241, 243, 255, 255});
}

TEST_CASE("greys are TensorFlow's") {
    int apart = 0;
    for (int red = 0; red < 256; red += 5)
        for (int green = 0; green < 256; green += 3)
            for (int blue = 0; blue < 256; blue += 7) {
                const auto found = colour_detail::grey(static_cast<unsigned>(red), static_cast<unsigned>(green),
                                                       static_cast<unsigned>(blue));
                if (found != float_grey(red, green, blue)) ++apart;
            }
    CHECK(apart == 0);
    for (unsigned v = 0; v < 256; ++v) REQUIRE(colour_detail::grey(v, v, v) == v);
}

TEST_CASE("blends equal the original's in single precision but for rounding") {
    const Picture from = noise(40, 40, 1);
    for (const double factor : factors) {
        check_close(after(from, [&](Picture& p) { brightness(p, factor); }),
                    [&](int x, int y, int c) { return float_blend(0, at(from, x, y, c), factor); });
        check_close(after(from, [&](Picture& p) { contrast(p, factor); }),
                    [&](int x, int y, int c) { return float_blend(1600 / 256, at(from, x, y, c), factor); });
        check_close(after(from, [&](Picture& p) { colour(p, factor); }), [&](int x, int y, int c) {
            const int grey = float_grey(at(from, x, y, 0), at(from, x, y, 1), at(from, x, y, 2));
            return float_blend(grey, at(from, x, y, c), factor);
        });
        Picture scratch;
        check_close(after(from, [&](Picture& p) { sharpness(p, factor, scratch); }), [&](int x, int y, int c) {
            if (x == 0 || y == 0 || x == 39 || y == 39) return at(from, x, y, c);
            int sum = 4 * at(from, x, y, c);
            for (int v = y - 1; v <= y + 1; ++v)
                for (int u = x - 1; u <= x + 1; ++u) sum += at(from, u, v, c);
            return float_blend(sum / 13, at(from, x, y, c), factor);
        });
    }
}

TEST_CASE("a factor of 1 changes nothing") {
    const Picture from = noise(20, 15, 2);
    Picture scratch;
    CHECK(after(from, [](Picture& p) { brightness(p, 1.0); }) == from);
    CHECK(after(from, [](Picture& p) { contrast(p, 1.0); }) == from);
    CHECK(after(from, [](Picture& p) { contrast(p, 1.0, ContrastTarget::mean_grey); }) == from);
    CHECK(after(from, [](Picture& p) { colour(p, 1.0); }) == from);
    CHECK(after(from, [&](Picture& p) { sharpness(p, 1.0, scratch); }) == from);
}

TEST_CASE("contrast blends with the number of pixels / 256, as the original does, or with the mean grey") {
    const Fill colour = {200, 200, 200};
    const auto target = [&](int side, ContrastTarget kind) {
        return at(after(plain(side, side, colour), [&](Picture& p) { contrast(p, 0.0, kind); }), 0, 0, 0);
    };
    CHECK(target(64, ContrastTarget::pixel_count) == 16);
    CHECK(target(32, ContrastTarget::pixel_count) == 4);
    CHECK(target(255, ContrastTarget::pixel_count) == 254);
    CHECK(target(300, ContrastTarget::pixel_count) == 255);
    CHECK(target(64, ContrastTarget::mean_grey) == 200);
}

TEST_CASE("greys and flat pictures stay what they are") {
    Picture scratch;
    const Picture grey = plain(9, 9, {77, 77, 77});
    CHECK(after(grey, [](Picture& p) { colour(p, 1.9); }) == grey);
    CHECK(after(grey, auto_contrast) == grey);
    CHECK(after(grey, equalize) == grey);
    for (const double factor : factors) CHECK(after(grey, [&](Picture& p) { sharpness(p, factor, scratch); }) == grey);
    for (const auto& [width, height] : {std::pair{2, 9}, {9, 2}, {1, 1}}) {
        const Picture small = noise(width, height, 3);
        CHECK(after(small, [&](Picture& p) { sharpness(p, 3.0, scratch); }) == small);
    }
}

TEST_CASE("automatic contrast stretches each channel to the ends") {
    Picture picture(3, 1);
    const std::uint8_t bytes[] = {50, 10, 0, 100, 10, 128, 150, 11, 255};
    std::copy_n(bytes, 9, picture.data());
    auto_contrast(picture);
    CHECK(std::vector<int>(picture.data(), picture.data() + 9) ==
          std::vector<int>{0, 0, 0, 127, 0, 128, 255, 255, 255});
}

TEST_CASE("equalisation equals its definition, pixel by pixel") {
    Picture from = noise(64, 48, 4);
    for (std::size_t i = 0; i < from.bytes(); i += 3) from.data()[i] /= 4;  // red: few values, none above 63
    const Picture found = after(from, equalize);
    for (int c = 0; c < 3; ++c) {
        int most = 0;
        for (int i = 0; i < 64 * 48; ++i) most = std::max(most, at(from, i % 64, i / 64, c));
        const auto count = [&](const std::function<bool(int)>& wanted) {
            int n = 0;
            for (int i = 0; i < 64 * 48; ++i) n += wanted(at(from, i % 64, i / 64, c)) ? 1 : 0;
            return n;
        };
        const int step = count([&](int v) { return v != most; }) / 255;
        REQUIRE(step > 0);
        for (int i = 0; i < 64 * 48; i += 17) {
            const int value = at(from, i % 64, i / 64, c);
            const int less = count([&](int v) { return v < value; });
            REQUIRE(at(found, i % 64, i / 64, c) == std::min((less + step / 2) / step, 255));
        }
    }
    // Fewer than 255 pixels beside those of the largest value: nothing happens.
    const Picture small = noise(15, 15, 5);
    CHECK(after(small, equalize) == small);
}
