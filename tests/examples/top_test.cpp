#include "common/top.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

using examples::Guess;

namespace {

effv2::Result<std::vector<std::string>> labels_of(const std::string& text, int classes) {
    const std::string path = (std::filesystem::temp_directory_path() / "effv2_top_test.txt").string();
    std::ofstream(path, std::ios::binary) << text;
    effv2::Result<std::vector<std::string>> labels = examples::read_labels(path, classes);
    std::filesystem::remove(path);
    return labels;
}

}  // namespace

TEST_CASE("the likeliest classes come first, of equal ones the first") {
    const std::array<float, 5> logits{0.0F, 2.0F, 1.0F, 2.0F, -1.0F};
    const effv2::Result<std::vector<Guess>> guesses = examples::top(logits, 3);
    REQUIRE(guesses.has_value());
    REQUIRE(guesses->size() == 3);
    const double sum = 1.0 + 2.0 * std::exp(2.0) + std::exp(1.0) + std::exp(-1.0);
    CHECK((*guesses)[0].index == 1);
    CHECK((*guesses)[0].probability == doctest::Approx(std::exp(2.0) / sum));
    CHECK((*guesses)[1].index == 3);
    CHECK((*guesses)[2].index == 2);
    CHECK((*guesses)[2].probability == doctest::Approx(std::exp(1.0) / sum));
}

TEST_CASE("there are no more guesses than classes, and large logits do not overflow") {
    const std::array<float, 2> logits{3e38F, -3e38F};
    const effv2::Result<std::vector<Guess>> guesses = examples::top(logits, 5);
    REQUIRE(guesses.has_value());
    REQUIRE(guesses->size() == 2);
    CHECK((*guesses)[0].probability == 1.0);
    CHECK((*guesses)[1].probability == 0.0);
}

TEST_CASE("outputs that are not numbers are an error") {
    const std::array<float, 2> broken{1.0F, std::numeric_limits<float>::quiet_NaN()};
    CHECK_FALSE(examples::top(broken, 1).has_value());
    const std::array<float, 2> endless{1.0F, std::numeric_limits<float>::infinity()};
    CHECK_FALSE(examples::top(endless, 1).has_value());
}

TEST_CASE("labels are the lines of a file, whatever ends them") {
    using Lines = std::vector<std::string>;
    CHECK(labels_of("tench\ngreat white shark\n", 2).value() == Lines{"tench", "great white shark"});
    CHECK(labels_of("a\r\nb", 2).value() == Lines{"a", "b"});
    CHECK(labels_of("a\n\nb\n", 3).value() == Lines{"a", "", "b"});
}

TEST_CASE("a label file of another length is an error that counts both") {
    CHECK(labels_of("a\nb\n", 3)
              .error()
              .message.ends_with("has 2 lines, but the weights have 3 classes (a line a class is needed)"));
    CHECK(labels_of("a\nb\nc\nd\ne\n", 3).error().message.find("has more lines, but the weights have 3 classes") !=
          std::string::npos);
    CHECK_FALSE(labels_of("", 1).has_value());
    CHECK_FALSE(labels_of(std::string(100000, 'x'), 1).has_value());
    CHECK_FALSE(examples::read_labels("/no/such/labels.txt", 1).has_value());
    CHECK_FALSE(examples::read_labels("/", 1).has_value());
}
