#include "effv2/training/optimise/ema.hpp"

#include <doctest/doctest.h>

#include "training/optimise/helpers.hpp"

using namespace effv2;
using namespace effv2::training;

TEST_CASE("the decay grows from a tenth to its last value") {
    static_assert(Ema{}.at(0) == 0.1);
    static_assert(Ema{}.at(1) == 2.0 / 11.0);
    static_assert(Ema{}.at(90) == 0.91);
    static_assert(Ema{}.at(1'000'000) == 0.9999);
    static_assert(Ema{.decay = 0.5}.at(8) == 0.5);
    static_assert(Ema{.decay = 0.9996, .warms_up = false}.at(0) == 0.9996);
    // (1 + t) / (10 + t) reaches 0.9999 at t = 89990.
    static_assert(Ema{}.at(89'989) < 0.9999 && Ema{}.at(89'990) == 0.9999);
}

TEST_CASE("averages of any length follow their definition, on any number of threads") {
    for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 23u, 24u, 16384u, 16385u, 50'003u}) {
        tests::Random random(static_cast<std::uint32_t>(n));
        const std::vector<float> start = random.reals(n), values = random.reals(n);
        std::vector<float> expected = start;
        SerialExecutor serial;
        for (std::uint64_t t = 1; t < 4; ++t) REQUIRE(update_ema(expected, values, Ema{}.at(t), serial).has_value());
        double worst = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            double average = start[i];
            for (std::uint64_t t = 1; t < 4; ++t) {
                const double decay = (1.0 + static_cast<double>(t)) / (10.0 + static_cast<double>(t));
                average = decay * average + (1.0 - decay) * double{values[i]};
            }
            worst = std::max(worst, std::fabs(average - double{expected[i]}));
        }
        CHECK(worst < 3e-7);
        for (const int threads : {2, 5}) {
            std::vector<float> found = start;
            effv2_test::ThreadsExecutor executor(threads);
            for (std::uint64_t t = 1; t < 4; ++t) REQUIRE(update_ema(found, values, Ema{}.at(t), executor).has_value());
            CHECK(effv2_test::same_bits(found, expected));
        }
    }
}

TEST_CASE("an average of another length is refused") {
    std::vector<float> average(8);
    const std::vector<float> values(9);
    SerialExecutor serial;
    const Status status = update_ema(average, values, 0.5, serial);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message == "the moving average has 8 floats, expected 9");
}

TEST_CASE("a decay that is no share is refused") {
    CHECK(check(Ema{}).has_value());
    CHECK(check(Ema{.decay = 0.0}).has_value());
    CHECK_FALSE(check(Ema{.decay = std::nan("")}).has_value());
    CHECK(check(Ema{.decay = 1.5}).error().message == "moving average: its decay is 1.500000, expected 0 to 1");
}
