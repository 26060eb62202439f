#include "effv2/training/optimise/learning_rate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace effv2;
using namespace effv2::training;

namespace {

std::string refusal(const LearningRate& rate) {
    const Status status = check(rate);
    return status ? "" : status.error().message;
}

}  // namespace

TEST_CASE("a rate can be a constant of the program") {
    constexpr LearningRate rate{.peak = 0.5, .warmup_steps = 4};
    static_assert(rate.at(0) == 0.0);
    static_assert(rate.at(1) == 0.125);
    static_assert(rate.at(3) == 0.375);
    static_assert(rate.at(4) == 0.5);
    static_assert(rate.at(1'000'000'000) == 0.5);
    static_assert(LearningRate{.peak = 0.25}.at(0) == 0.25);
}

TEST_CASE("a staircase is counted from step 0") {
    constexpr LearningRate rate{
        .peak = 1.0, .shape = LearningRateShape::staircase, .warmup_steps = 5, .factor = 0.5, .interval = 2.5};
    static_assert(rate.at(4) == 0.8);
    static_assert(rate.at(5) == 0.25);  // two stairs down already
    static_assert(rate.at(7) == 0.25);
    static_assert(rate.at(8) == 0.125);  // 8 / 2.5 = 3.2
    static_assert(rate.at(9) == 0.125);
    static_assert(rate.at(10) == 0.0625);
    constexpr LearningRate later{.peak = 1.0,
                                 .shape = LearningRateShape::staircase,
                                 .warmup_steps = 5,
                                 .factor = 0.5,
                                 .interval = 2.5,
                                 .floor = 0.2,
                                 .after_warmup = true};
    static_assert(later.at(5) == 1.0 && later.at(7) == 1.0 && later.at(8) == 0.5 && later.at(10) == 0.25);
    static_assert(later.at(13) == 0.2 && later.at(1000) == 0.2);
}

TEST_CASE("ImageNet's recipe") {
    // 1256144 images in batches of 4096: an epoch is 306.67... steps, the warm-up 1533, a stair 736.02.
    constexpr LearningRate rate = learning_rates::imagenet(1256144.0 / 4096, 4096);
    static_assert(rate.warmup_steps == 1533);
    CHECK(rate.peak == doctest::Approx(0.256).epsilon(1e-12));
    CHECK(rate.at(1532) == doctest::Approx(0.256 * 1532 / 1533).epsilon(1e-12));
    CHECK(rate.at(1533) == doctest::Approx(0.256 * 0.97 * 0.97).epsilon(1e-12));
    CHECK(rate.at(2208) == doctest::Approx(0.256 * 0.97 * 0.97).epsilon(1e-12));
    CHECK(rate.at(2209) == doctest::Approx(0.256 * 0.97 * 0.97 * 0.97).epsilon(1e-12));
    CHECK(rate.at(107'335) == doctest::Approx(0.256 * std::pow(0.97, 145)).epsilon(1e-10));
    CHECK(learning_rates::imagenet(100, 512).peak == doctest::Approx(0.032).epsilon(1e-12));
    const LearningRate tuned = learning_rates::fine_tuning(10.5, 512);
    CHECK(tuned.at(5) == doctest::Approx(0.0005).epsilon(1e-12));
    CHECK(tuned.at(10) == doctest::Approx(0.001).epsilon(1e-12));
    CHECK(tuned.at(5000) == doctest::Approx(0.001).epsilon(1e-12));
    const LearningRate large = learning_rates::imagenet21k(3105, 4096, 186'300);
    CHECK(large.peak == doctest::Approx(0.128).epsilon(1e-12));
    CHECK(large.at(93'150) == doctest::Approx(0.064).epsilon(1e-9));
}

TEST_CASE("a cosine is std::cos, down to its floor") {
    const LearningRate rate{
        .peak = 0.7, .shape = LearningRateShape::cosine, .warmup_steps = 10, .total_steps = 1000, .floor = 0.1};
    for (std::uint64_t step = 10; step < 1000; ++step) {
        const double wave = 0.5 * (1.0 + std::cos(std::acos(-1.0) * static_cast<double>(step) / 1000.0));
        CHECK(rate.at(step) == doctest::Approx(0.1 + 0.6 * wave).epsilon(1e-14));
    }
    CHECK(rate.at(5) == doctest::Approx(0.35).epsilon(1e-14));
    CHECK(rate.at(1000) == 0.1);
    CHECK(rate.at(5000) == 0.1);
    constexpr LearningRate later{
        .peak = 1.0, .shape = LearningRateShape::cosine, .warmup_steps = 20, .total_steps = 120, .after_warmup = true};
    static_assert(later.at(20) > 1.0 - 1e-15);
    CHECK(later.at(70) == doctest::Approx(0.5).epsilon(1e-14));
    CHECK(later.at(45) == doctest::Approx(0.5 + 0.5 * std::sqrt(0.5)).epsilon(1e-14));
    CHECK(later.at(119) > 0.0);
    CHECK(later.at(120) == 0.0);
}

TEST_CASE("rates that cannot be followed are refused") {
    CHECK(refusal(learning_rates::imagenet(306.7, 4096)) == "");
    CHECK(refusal({.peak = -1.0}) == "learning rate: its peak is -1.000000, expected at least 0 and below 1e9");
    CHECK(refusal({.peak = std::nan("")}).find("its peak") != std::string::npos);
    CHECK(refusal({.peak = 0.1, .floor = 0.2}) == "learning rate: its floor is 0.200000, expected 0 to the peak");
    CHECK(refusal({.peak = 0.1, .shape = LearningRateShape::staircase, .factor = 1.5}) ==
          "learning rate: its factor is 1.500000, expected above 0, at most 1");
    CHECK(refusal({.peak = 0.1, .shape = LearningRateShape::staircase, .interval = 0.0}) ==
          "learning rate: its interval is 0.000000, expected more than 0 steps");
    CHECK(refusal({.peak = 0.1, .shape = LearningRateShape::cosine, .warmup_steps = 7, .total_steps = 7}) ==
          "learning rate: its number of steps is 7.000000, expected more than the 7 of the warm-up");
}
