#include "effv2/training/data/split.hpp"

#include <doctest/doctest.h>

#include <set>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;

namespace {

// Pictures of one pixel, whose bytes are their number.
Pictures numbered(const std::vector<int>& labels, int classes) {
    std::vector<std::string> names;
    for (int c = 0; c < classes; ++c) names.push_back("class " + std::to_string(c));
    Pictures set("numbers", names);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const std::uint8_t pixel[3] = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i / 256), 7};
        REQUIRE(set.add({pixel, 1, 1, 3, 3}, labels[i]));
    }
    return set;
}

int number_of(const Pictures& set, std::size_t i) {
    const std::uint8_t* const pixel = set.picture(i).data;
    return pixel[0] + 256 * pixel[1];
}

TEST_CASE("each picture is in one part, in the order of the set, and each class gives its share") {
    std::vector<int> labels;
    for (int i = 0; i < 400; ++i) labels.push_back(i % 10 == 0 ? 0 : 1 + i % 2);  // 40, 160 and 200
    const Pictures set = numbered(labels, 3);
    const Split parts = split(set, 0.1, 5).value();
    CHECK(count_by_class(parts.held_out) == std::vector<std::size_t>{4, 16, 20});
    CHECK(parts.training.size() == 360);
    CHECK(parts.training.name() == "numbers");
    CHECK(parts.held_out.name() == "numbers, held out");
    std::set<int> seen;
    for (const Pictures* const part : {&parts.training, &parts.held_out})
        for (std::size_t i = 0; i < part->size(); ++i) {
            const int number = number_of(*part, i);
            CHECK(seen.insert(number).second);
            CHECK(part->label(i) == labels[static_cast<std::size_t>(number)]);
            if (i > 0) CHECK(number_of(*part, i - 1) < number);
        }
}

TEST_CASE("a seed gives the same parts again, another seed others") {
    const Pictures set = numbered(std::vector<int>(300, 0), 1);
    const auto numbers = [&](std::uint64_t seed) {
        const Split parts = split(set, 0.2, seed).value();
        std::vector<int> found;
        for (std::size_t i = 0; i < parts.held_out.size(); ++i) found.push_back(number_of(parts.held_out, i));
        return found;
    };
    CHECK(numbers(1) == numbers(1));
    CHECK(numbers(1) != numbers(2));
    CHECK(numbers(1).size() == 60);
}

TEST_CASE("at least one is held out, and at least one is left") {
    const Pictures set = numbered({0, 0, 0, 1, 1}, 2);
    const Split few = split(set, 1e-6, 0).value(), most = split(set, 0.999, 0).value();
    CHECK(count_by_class(few.held_out) == std::vector<std::size_t>{1, 1});
    CHECK(count_by_class(most.training) == std::vector<std::size_t>{1, 1});
}

TEST_CASE("what cannot be divided") {
    const Pictures set = numbered({0, 0, 1}, 2);
    const Result<Split> single = split(set, 0.5, 0);
    REQUIRE(!single);
    CHECK(single.error().code == ErrorCode::argument);
    CHECK(single.error().message ==
          "numbers has 1 pictures of class 'class 1', too few to hold any out; expected 2 or more");
    for (const double share : {0.0, 1.0, -0.5, std::nan("")}) {
        const Result<Split> parts = split(numbered({0, 0}, 1), share, 0);
        REQUIRE(!parts);
        CHECK(parts.error().message.find("above 0 and below 1") != std::string::npos);
    }
}

}  // namespace
