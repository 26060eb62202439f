#include "effv2/training/data/augment/policy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::noise;

namespace {

Random policy_stream(std::uint64_t index) { return Random(7, 0, index, Purpose::policy); }

Picture after(Picture picture, Operation operation, double level, std::uint64_t index = 0,
              const OperationOptions& options = {}) {
    Picture scratch;
    Random random = policy_stream(index);
    apply(operation, level, options, random, picture, scratch);
    return picture;
}

// All that an operation makes of a picture over many streams.
std::vector<Picture> outcomes(const Picture& from, Operation operation, double level,
                              const OperationOptions& options = {}) {
    std::vector<Picture> seen;
    for (std::uint64_t i = 0; i < 64; ++i) {
        Picture made = after(from, operation, level, i, options);
        if (std::find(seen.begin(), seen.end(), made) == seen.end()) seen.push_back(std::move(made));
    }
    return seen;
}

Picture moved_by(Picture picture, const Affine& affine) {
    Picture scratch;
    transform(picture, affine, grey_fill, scratch);
    return picture;
}

// Both directions, and nothing else.
void check_both_ways(const Picture& from, Operation operation, double level, const OperationOptions& options,
                     const Affine& one, const Affine& other) {
    const std::vector<Picture> seen = outcomes(from, operation, level, options);
    REQUIRE(seen.size() == 2);
    CHECK((seen[0] == moved_by(from, one) || seen[0] == moved_by(from, other)));
    CHECK((seen[1] == moved_by(from, one) || seen[1] == moved_by(from, other)));
}

}  // namespace

TEST_CASE("levels mean what they mean in the original") {
    const Picture from = noise(60, 60, 1);
    Picture scratch;
    const auto same = [&](Operation operation, double level, const auto& expected) {
        Picture picture = from;
        expected(picture);
        CHECK(after(from, operation, level) == picture);
    };
    same(Operation::auto_contrast, 9.0, [](Picture& p) { auto_contrast(p); });
    same(Operation::equalize, 0.0, [](Picture& p) { equalize(p); });
    same(Operation::invert, 3.0, [](Picture& p) { invert(p); });
    same(Operation::posterize, 7.4, [](Picture& p) { posterize(p, 2); });
    same(Operation::posterize, 7.5, [](Picture& p) { posterize(p, 3); });
    same(Operation::posterize, 20.0, [](Picture&) {});
    same(Operation::solarize, 6.67, [](Picture& p) { solarize(p, 170); });
    same(Operation::solarize, 10.0, [](Picture&) {});
    same(Operation::solarize, 15.0, [](Picture&) {});
    same(Operation::solarize_add, 8.33, [](Picture& p) { solarize_add(p, 91); });
    same(Operation::colour, 10.0, [](Picture& p) { colour(p, 1.9); });
    same(Operation::contrast, 0.0, [](Picture& p) { contrast(p, 0.1); });
    same(Operation::brightness, 15.0, [](Picture& p) { brightness(p, 2.8); });
    same(Operation::sharpness, 8.0, [&](Picture& p) { sharpness(p, 1.54, scratch); });
    for (const Operation operation :
         {Operation::colour, Operation::contrast, Operation::brightness, Operation::sharpness})
        same(operation, 5.0, [](Picture&) {});
}

TEST_CASE("whole arguments survive fractional levels") {
    CHECK(operation_detail::whole(0.1 * 3.0 * 10.0) == 3);
    CHECK(operation_detail::whole(2.9999) == 2);
    CHECK(operation_detail::whole(0.0) == 0);
}

TEST_CASE("what moves goes both ways") {
    const Picture from = noise(60, 30, 2);
    const OperationOptions relative, pixels{.lengths = Lengths::pixels};
    check_both_ways(from, Operation::rotate, 7.0, relative, rotation(21.0, 60, 30), rotation(-21.0, 60, 30));
    check_both_ways(from, Operation::shear_x, 5.1, relative, shear_x(0.153), shear_x(-0.153));
    check_both_ways(from, Operation::shear_y, 5.1, relative, shear_y(0.153), shear_y(-0.153));
    check_both_ways(from, Operation::translate_x, 1.2, pixels, translation_x(12.0), translation_x(-12.0));
    check_both_ways(from, Operation::translate_y, 0.73, pixels, translation_y(7.3), translation_y(-7.3));
    // 100 pixels of 300 are 20 of 60, and 10 of 30.
    check_both_ways(from, Operation::translate_x, 10.0, relative, translation_x(20.0), translation_x(-20.0));
    check_both_ways(from, Operation::translate_y, 10.0, relative, translation_y(10.0), translation_y(-10.0));
}

TEST_CASE("lengths in pixels and in shares agree at 300 pixels") {
    const Picture from = noise(300, 300, 3);
    const OperationOptions relative{.lengths = Lengths::relative}, pixels{.lengths = Lengths::pixels};
    for (const Operation operation : {Operation::translate_x, Operation::translate_y, Operation::cutout})
        for (const double level : {1.0, 6.67, 10.0})
            CHECK(after(from, operation, level, 4, relative) == after(from, operation, level, 4, pixels));
    // A translation by 100 pixels leaves nothing of a small picture; relative ones leave two thirds.
    const Picture small = noise(32, 32, 3);
    CHECK(after(small, Operation::translate_x, 10.0, 0, pixels) == tests::plain(32, 32, grey_fill));
    CHECK(after(small, Operation::translate_x, 10.0, 0, relative) != tests::plain(32, 32, grey_fill));
}

TEST_CASE("a cutout reaches as far as its level says") {
    const auto area = [](double level, int side, Lengths lengths) {
        int most = 0;
        for (std::uint64_t i = 0; i < 200; ++i) {
            const Picture made =
                after(tests::plain(side, side, black_fill), Operation::cutout, level, i, {.lengths = lengths});
            int grey = 0;
            for (std::size_t at = 0; at < made.bytes(); at += 3) grey += made.data()[at] == 128 ? 1 : 0;
            most = std::max(most, grey);
        }
        return most;
    };
    CHECK(area(2.5, 40, Lengths::pixels) == 400);   // a reach of 10
    CHECK(area(2.9, 60, Lengths::relative) == 16);  // 11.6 * 60 / 300 = 2.32
    CHECK(area(0.1, 60, Lengths::relative) == 0);
}

TEST_CASE("RandAugment draws each operation as often") {
    // Which one was drawn shows in what it makes of a picture of noise.
    const Picture from = noise(40, 40, 5);
    std::array<int, operation_count> counts{};
    for (std::uint64_t i = 0; i < 1600; ++i) {
        Random random = policy_stream(i), twin = policy_stream(i);
        Picture picture = from, scratch;
        rand_augment(picture, 1, 9.0, {}, random, scratch);
        const auto drawn = twin.below(static_cast<std::uint32_t>(operation_count));
        Picture expected = from;
        apply(static_cast<Operation>(drawn), 9.0, {}, twin, expected, scratch);
        REQUIRE(picture == expected);
        ++counts[drawn];
    }
    for (const int count : counts) CHECK(std::abs(count - 100) < 40);
}

TEST_CASE("two layers are one after the other") {
    const Picture from = noise(30, 30, 6);
    int differ = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
        Random both = policy_stream(i), parts = policy_stream(i);
        Picture once = from, twice = from, scratch;
        rand_augment(twice, 2, 6.67, {}, both, scratch);
        rand_augment(once, 1, 6.67, {}, parts, scratch);
        differ += once == twice ? 0 : 1;
        rand_augment(once, 1, 6.67, {}, parts, scratch);
        REQUIRE(once == twice);
    }
    CHECK(differ > 70);
}

TEST_CASE("AutoAugment v0 takes its steps as often as they ask") {
    // The table by sums taken from the original's, one of which weighs each number by its place.
    double probabilities = 0.0, levels = 0.0, weighted = 0.0, place = 0.0;
    std::array<int, operation_count> uses{};
    for (const SubPolicy& sub : auto_augment_v0_table)
        for (const PolicyStep& step : sub) {
            probabilities += step.probability;
            levels += step.level;
            ++uses[static_cast<std::size_t>(step.operation)];
            weighted +=
                ++place * (1000.0 * static_cast<double>(step.operation) + 200.0 * step.probability + step.level);
        }
    CHECK(probabilities == doctest::Approx(29.8));
    CHECK(levels == doctest::Approx(240.0));
    CHECK(std::abs(weighted - 6507979.0) < 0.01);
    CHECK(uses == std::array<int, operation_count>{2, 12, 1, 7, 2, 8, 9, 0, 0, 0, 2, 4, 0, 1, 0, 2});

    // A picture of one grey shows what inverts it: most other steps leave it alone.
    const Picture from = tests::plain(16, 16, {100, 100, 100});
    int inverted = 0;
    constexpr int draws = 20000;
    for (std::uint64_t i = 0; i < draws; ++i) {
        Random random = policy_stream(i);
        Picture picture = from, scratch;
        auto_augment(picture, {}, random, scratch);
        inverted += tests::at(picture, 8, 8, 0) == 155 ? 1 : 0;
    }
    // Invert in 0.4 of its sub-policy's cases, Solarize from 76 up in 0.8, and of two from 51 up one but not both.
    const double expected = (0.4 + 0.8 + (0.4 * 0.4 + 0.6 * 0.6)) / 25.0;
    CHECK(tests::near(static_cast<double>(inverted) / draws, expected, 0.08));
}

TEST_CASE("AutoAugment translates farther than RandAugment") {
    CHECK(auto_augment_options({}).translation == 250.0);
    CHECK(OperationOptions{}.translation == 100.0);
    CHECK(auto_augment_options({.lengths = Lengths::pixels}).lengths == Lengths::pixels);
}

TEST_CASE("every operation at the highest level stays sound, on pictures of any shape") {
    for (const auto& [width, height] : {std::pair{1, 1}, {1, 9}, {9, 1}, {2, 2}, {17, 5}})
        for (std::size_t i = 0; i < operation_count; ++i)
            for (const double level : {0.0, 0.3, 33.3, max_level})
                for (const Lengths lengths : {Lengths::pixels, Lengths::relative}) {
                    const OperationOptions options{
                        .lengths = lengths, .translation = max_length, .cutout_reach = max_length};
                    const Picture made = after(noise(width, height, 8), static_cast<Operation>(i), level, 1, options);
                    REQUIRE(made.width() == width);
                    REQUIRE(made.height() == height);
                }
    CHECK(std::set<std::string_view>(operation_names.begin(), operation_names.end()).size() == operation_count);
    CHECK(operation_names[static_cast<std::size_t>(Operation::solarize_add)] == "SolarizeAdd");
    CHECK(operation_names[static_cast<std::size_t>(Operation::translate_y)] == "TranslateY");
}
