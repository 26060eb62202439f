#include "effv2/training/data/random.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <set>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;

namespace {

struct Moments {
    double mean, variance;
};

Moments measure(int draws, const std::function<double()>& draw) {
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < draws; ++i) {
        const double value = draw();
        sum += value;
        squares += value * value;
    }
    const double mean = sum / draws;
    return {mean, squares / draws - mean * mean};
}

}  // namespace

// The numbers come from a second implementation, in Python's whole numbers.
TEST_CASE("the bits are those of every machine and version") {
    Random zero(0, 0, 0, Purpose::order);
    CHECK(zero.bits() == 0xecb8d7140c9169b7U);
    CHECK(zero.bits() == 0xd3306220480a1c44U);
    CHECK(zero.bits() == 0x68d1c9410befa54eU);
    Random other(42, 7, 12345, Purpose::policy);
    CHECK(other.bits() == 0x52c60e331a222dbfU);
    Random tens(0, 0, 0, Purpose::order);
    CHECK(tens.below(10) == 9);
    CHECK(tens.below(10) == 8);
    CHECK(tens.below(10) == 4);
    CHECK(Random(0, 0, 0, Purpose::order).uniform() == 8328916049695277.0 * 0x1p-53);
    static_assert(Random(0, 0, 0, Purpose::order).bits() == 0xecb8d7140c9169b7U);
}

TEST_CASE("seed, epoch, index and purpose each make another stream") {
    std::set<std::uint64_t> first;
    std::size_t streams = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
        for (std::uint64_t epoch = 0; epoch < 8; ++epoch)
            for (std::uint64_t index = 0; index < 32; ++index)
                for (const Purpose purpose : {Purpose::order, Purpose::crop, Purpose::flip, Purpose::mix}) {
                    first.insert(Random(seed, epoch, index, purpose).bits());
                    ++streams;
                }
    CHECK(first.size() == streams);
}

TEST_CASE("below() is even, stays below, and takes the edges") {
    Random random(1, 0, 0, Purpose::crop);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70000; ++i) ++counts[random.below(7U)];
    for (const int count : counts) CHECK(std::abs(count - 10000) < 400);  // 4 deviations are 370
    CHECK(random.below(1U) == 0);
    CHECK(random.below(0U) == 0);
    CHECK(random.below(0) == 0);
    CHECK(random.below(-3) == 0);
    std::uint32_t most = 0;
    for (int i = 0; i < 1000; ++i) most = std::max(most, random.below(0xffffffffU));
    CHECK(most > 0xf0000000U);
}

TEST_CASE("uniform(), sign() and chance() have their means") {
    Random random(2, 0, 0, Purpose::crop);
    const Moments even = measure(100000, [&] { return random.uniform(); });
    CHECK(tests::near(even.mean, 0.5, 0.01));
    CHECK(tests::near(even.variance, 1.0 / 12.0, 0.02));
    CHECK(std::abs(measure(100000, [&] { return static_cast<double>(random.sign()); }).mean) < 0.015);
    CHECK(tests::near(measure(100000, [&] { return random.chance(0.2) ? 1.0 : 0.0; }).mean, 0.2, 0.03));
    CHECK(measure(1000, [&] { return random.chance(0.0) ? 1.0 : 0.0; }).mean == 0.0);
    CHECK(measure(1000, [&] { return random.chance(1.0) ? 1.0 : 0.0; }).mean == 1.0);
}

TEST_CASE("normal(), gamma() and beta() have their means and variances") {
    Random random(3, 0, 0, Purpose::mix);
    const Moments normal = measure(200000, [&] { return random.normal(); });
    CHECK(std::abs(normal.mean) < 0.01);
    CHECK(tests::near(normal.variance, 1.0, 0.02));
    for (const double shape : {0.3, 1.0, 4.5}) {
        const Moments gamma = measure(200000, [&] { return random.gamma(shape); });
        CHECK(tests::near(gamma.mean, shape, 0.02));
        CHECK(tests::near(gamma.variance, shape, 0.05));
    }
    for (const double a : {0.001, 0.05, 0.2, 0.5, 1.0, 8.0, 1e6}) {
        const Moments beta = measure(100000, [&] { return random.beta(a); });
        CHECK(std::abs(beta.mean - 0.5) < 0.01);
        CHECK(tests::near(beta.variance, 1.0 / (8.0 * a + 4.0), 0.03));
    }
}

TEST_CASE("small alphas draw from the ends, and stay within [0, 1] and on the grid") {
    Random random(4, 0, 0, Purpose::mix);
    int ends = 0;
    for (int i = 0; i < 10000; ++i) {
        const double weight = random.beta(0.05);
        REQUIRE((weight >= 0.0 && weight <= 1.0));
        REQUIRE(weight * 0x1p24 == std::floor(weight * 0x1p24));
        if (weight < 0.01 || weight > 0.99) ++ends;
    }
    CHECK(ends > 7000);  // 1 - I(0.99) + I(0.01) of Beta(0.05, 0.05) is about 0.79
    CHECK(ends < 9000);
}
