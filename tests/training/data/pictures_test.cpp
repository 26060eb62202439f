#include "effv2/training/data/pictures.hpp"

#include <doctest/doctest.h>

#include "effv2/training/data/class_names.hpp"
#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::made_up_set;

TEST_CASE("pictures come back as they were added, grey widened and alpha dropped") {
    Pictures set("a set", {"cat", "dog"});
    const std::vector<std::uint8_t> rgb = {1, 2, 3, 4, 5, 6}, grey = {7, 8, 9}, alpha = {10, 11, 12, 13};
    REQUIRE(set.add({rgb.data(), 2, 1, 3, 6}, 1));
    REQUIRE(set.add({grey.data(), 1, 3, 1, 1}, 0));
    REQUIRE(set.add({alpha.data(), 1, 1, 4, 4}, 1));
    // Rows that lie bottom-up, with a gap.
    const std::vector<std::uint8_t> gaps = {1, 1, 1, 0, 2, 2, 2, 0};
    REQUIRE(set.add({gaps.data() + 4, 1, 2, 3, -4}, 0));
    REQUIRE(set.size() == 4);
    const auto bytes = [&](std::size_t i) {
        const ImageView image = set.picture(i);
        CHECK(image.channels == 3);
        return std::vector<std::uint8_t>(image.data, image.data + 3 * image.width * image.height);
    };
    CHECK(bytes(0) == rgb);
    CHECK(bytes(1) == std::vector<std::uint8_t>{7, 7, 7, 8, 8, 8, 9, 9, 9});
    CHECK(bytes(2) == std::vector<std::uint8_t>{10, 11, 12});
    CHECK(bytes(3) == std::vector<std::uint8_t>{2, 2, 2, 1, 1, 1});
    CHECK(set.picture(1).height == 3);
    CHECK(set.label(0) == 1);
    CHECK(set.label(1) == 0);
    CHECK(count_by_class(set) == std::vector<std::size_t>{2, 2});
}

TEST_CASE("what cannot be added is refused with a sentence, and leaves the set alone") {
    Pictures set("a set", {"cat", "dog"});
    const std::uint8_t pixel[4] = {};
    const auto message = [&](const ImageView& image, int label) { return set.add(image, label).error().message; };
    CHECK(message({pixel, 1, 1, 3, 3}, 2) ==
          "a set, picture 0 has the label 2, and the labels of 2 classes are 0 to 1");
    CHECK(message({pixel, 1, 1, 3, 3}, -1) ==
          "a set, picture 0 has the label -1, and the labels of 2 classes are 0 to 1");
    CHECK(message({pixel, 1, 1, 2, 2}, 0) ==
          "a set, picture 0: a picture has 1 (grey), 3 (RGB) or 4 (RGBA) channels, not 2");
    CHECK(message({nullptr, 1, 1, 3, 3}, 0) == "a set, picture 0: the picture has no pixels: its data pointer is null");
    CHECK(set.size() == 0);
}

TEST_CASE("sets that cannot be trained on are named with the reason") {
    Pictures set("a set", {"cat", "dog", "owl"});
    const std::uint8_t pixel[3] = {};
    CHECK(check_training_set(set).error().message == "a set has no pictures");
    REQUIRE(set.add({pixel, 1, 1, 3, 3}, 0));
    REQUIRE(set.add({pixel, 1, 1, 3, 3}, 2));
    CHECK(check_training_set(set).error().message == "a set has no picture of class 1 ('dog')");
    REQUIRE(set.add({pixel, 1, 1, 3, 3}, 1));
    CHECK(check_training_set(set));
    Pictures single("a set", {"cat"});
    REQUIRE(single.add({pixel, 1, 1, 3, 3}, 0));
    CHECK(check_training_set(single).error().message ==
          "a set has only one class, 'cat'; there is nothing to tell apart");
}

TEST_CASE("an evaluation set has the classes of the training set") {
    const Pictures training = made_up_set(6, 3, 4);
    CHECK(check_evaluation_set(made_up_set(1, 3, 4), training));
    CHECK(check_evaluation_set(Pictures("test", {}), training).error().message == "test has no pictures");
    CHECK(check_evaluation_set(made_up_set(4, 2, 4), training).error().message ==
          "a made-up set has 2 classes, and a made-up set has 3");
    Pictures renamed("test", {"class 0", "class 2", "class 1"});
    const std::uint8_t pixel[3] = {};
    REQUIRE(renamed.add({pixel, 1, 1, 3, 3}, 0));
    CHECK(check_evaluation_set(renamed, training).error().message ==
          "class 1 is 'class 2' in test and 'class 1' in a made-up set");
}

TEST_CASE("mean and deviation are those of all pixels") {
    Pictures set("a set", {"cat", "dog"});
    const std::vector<std::uint8_t> one = {0, 100, 7}, three = {255, 100, 7, 255, 200, 7, 0, 0, 7};
    REQUIRE(set.add({one.data(), 1, 1, 3, 3}, 0));
    REQUIRE(set.add({three.data(), 3, 1, 3, 9}, 1));
    const ChannelStatistics found = measure_channels(set);
    CHECK(found.mean[0] == doctest::Approx(0.5));
    CHECK(found.deviation[0] == doctest::Approx(0.5));
    CHECK(found.mean[1] == doctest::Approx(100.0 / 255));
    CHECK(found.deviation[1] == doctest::Approx(std::sqrt(5000.0) / 255));
    CHECK(found.mean[2] == doctest::Approx(7.0 / 255));
    CHECK(found.deviation[2] == 1.0F);
    CHECK(measure_channels(Pictures("none", {})).mean[0] == 0.0F);
}

TEST_CASE("names come one for each line") {
    CHECK(names_from_lines("apple\nbear\r\n\n\nsweet pepper\n") ==
          std::vector<std::string>{"apple", "bear", "sweet pepper"});
    CHECK(names_from_lines("apple") == std::vector<std::string>{"apple"});
    CHECK(names_from_lines("").empty());
    CHECK(cifar10_names().size() == 10);
    CHECK(fashion_mnist_names()[9] == "Ankle boot");
    CHECK(mnist_names()[9] == "9");
}
