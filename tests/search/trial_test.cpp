#include "effv2/search/trial.hpp"

#include <doctest/doctest.h>

#include "search/networks.hpp"

using namespace effv2;
using namespace effv2::search;
using effv2::tests::small_backbone;

namespace {

TEST_CASE("the reward is the paper's") {
    CHECK(reward({}, 0.8, 1.0, small_backbone, small_backbone) == doctest::Approx(0.8));
    // Twice the time costs 4.7 % of the accuracy, as 2^-0.07 says.
    CHECK(reward({}, 0.8, 2.0, small_backbone, small_backbone) == doctest::Approx(0.8 * 0.952638));
    Architecture deep = small_backbone;
    deep.stages[1].repeats = 6;
    const double times = static_cast<double>(parameters(deep)) / static_cast<double>(parameters(small_backbone));
    CHECK(times > 2.0);
    CHECK(reward({}, 0.8, 1.0, deep, small_backbone) == doctest::Approx(0.8 * std::pow(times, -0.05)));
    CHECK(reward({0.0, 0.0}, 0.8, 3.0, deep, small_backbone) == doctest::Approx(0.8));
}

Trial made(double accuracy, double step_time) { return {small_backbone, accuracy, step_time, 0.0}; }

TEST_CASE("the front has those that no other beats, by rising time") {
    const std::vector<Trial> trials{made(0.5, 1.0), made(0.6, 2.0), made(0.55, 2.5), made(0.4, 0.5), made(0.6, 2.2),
                                    made(0.5, 1.2), made(0.7, 9.0), made(0.0, 0.0),  made(0.7, 9.0)};
    CHECK(find_front(trials) == std::vector<std::size_t>{3, 0, 1, 6, 8});  // equal ones do not beat each other
    CHECK(find_front({}).empty());
}

}  // namespace
