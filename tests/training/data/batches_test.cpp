#include "effv2/training/data/batches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;
using tests::made_up_set;

namespace {

constexpr Recipe plain_recipe = {8, Fit::squash, 1.0, Filter::bilinear, false, Normalization::signed_byte, {}, {}};
constexpr Recipe imagenet_recipe = image_detail::imagenet(8, Fit::squash, 1.0, Filter::bilinear);

// Everything at once.
Strengths strong(int size) {
    Strengths strengths;
    strengths.image_size = size;
    strengths.crop = Crop::automl;
    strengths.policy = Policy::rand_augment;
    strengths.magnitude = 6.67;
    strengths.cutout = 0.3;
    strengths.erasing = 0.3;
    strengths.mix = {.mixup_alpha = 0.2, .cutmix_alpha = 0.5};
    return strengths;
}

struct Filled {
    std::vector<float> pictures, labels;
    Position next;

    bool operator==(const Filled&) const = default;
};

Filled fill(TrainingBatches& batches, const Position& position, std::size_t batch, const Strengths& strengths,
            Executor& executor) {
    const auto size = static_cast<std::size_t>(strengths.image_size);
    const auto classes = static_cast<std::size_t>(batches.pictures().classes());
    Filled filled{std::vector<float>(batch * 3 * size * size, std::nanf("")),
                  std::vector<float>(batch * classes, std::nanf("")),
                  {}};
    const auto next = batches.fill(executor, position, batch, strengths, filled.pictures, filled.labels);
    REQUIRE(next);
    filled.next = *next;
    return filled;
}

Filled fill(TrainingBatches& batches, const Position& position, std::size_t batch, const Strengths& strengths) {
    SerialExecutor executor;
    return fill(batches, position, batch, strengths, executor);
}

TrainingBatches make(const Pictures& set, std::uint64_t seed = 1, const Recipe& recipe = plain_recipe) {
    Result<TrainingBatches> made = TrainingBatches::make(set, recipe, seed);
    REQUIRE(made);
    return std::move(*made);
}

}  // namespace

// From a second implementation, in Python's whole numbers.
TEST_CASE("the order of an epoch is that of every machine") {
    std::vector<std::uint32_t> order;
    draw_order(1, 0, 8, order);
    CHECK(order == std::vector<std::uint32_t>{4, 3, 7, 0, 5, 6, 2, 1});
    draw_order(1, 1, 8, order);
    CHECK(order == std::vector<std::uint32_t>{7, 0, 4, 5, 1, 3, 2, 6});
    draw_order(1, 1, 0, order);
    CHECK(order.empty());
}

TEST_CASE("orders are permutations in which every picture comes everywhere") {
    std::vector<std::uint32_t> order;
    std::array<int, 36> seen{};
    for (std::uint64_t epoch = 0; epoch < 6000; ++epoch) {
        draw_order(9, epoch, 6, order);
        REQUIRE(std::set<std::uint32_t>(order.begin(), order.end()).size() == 6);
        for (std::size_t i = 0; i < 6; ++i) ++seen[6 * i + order[i]];
    }
    for (const int count : seen) CHECK(std::abs(count - 1000) < 150);
}

TEST_CASE("positions count samples, and epochs follow one another") {
    CHECK(advance({0, 0}, 3, 10) == Position{0, 3});
    CHECK(advance({2, 8}, 2, 10) == Position{3, 0});
    CHECK(advance({2, 8}, 35, 10) == Position{6, 3});
    const Pictures set = made_up_set(10, 2, 4);
    TrainingBatches batches = make(set);
    std::vector<SampleId> stream;
    Position position;
    for (int i = 0; i < 10; ++i) {
        const auto samples = batches.samples(position, 4);
        REQUIRE(samples);
        stream.insert(stream.end(), samples->begin(), samples->end());
        position = advance(position, 4, 10);
    }
    for (std::size_t epoch = 0; epoch < 4; ++epoch) {
        std::set<std::uint64_t> shown;
        for (std::size_t i = 0; i < 10; ++i) {
            CHECK(stream[10 * epoch + i].epoch == epoch);
            shown.insert(stream[10 * epoch + i].index);
        }
        CHECK(shown.size() == 10);
    }
    // Cut differently, and longer than an epoch, it is the same stream.
    const auto whole = batches.samples({}, 40);
    REQUIRE(whole);
    CHECK(std::equal(whole->begin(), whole->end(), stream.begin()));
}

TEST_CASE("without augmentation, a sample is the picture normalised, with its label") {
    const Pictures set = made_up_set(7, 3, 8);
    TrainingBatches batches = make(set, 4, imagenet_recipe);
    Strengths none;
    none.image_size = 8;
    none.flip = false;
    const Filled filled = fill(batches, {}, 7, none);
    const auto samples = batches.samples({}, 7);
    for (std::size_t i = 0; i < 7; ++i) {
        std::vector<float> expected(3 * 8 * 8);
        const std::size_t index = (*samples)[i].index;
        REQUIRE(preprocess(set.picture(index), imagenet_recipe, expected));
        CHECK(std::equal(expected.begin(), expected.end(), filled.pictures.begin() + static_cast<long>(192 * i)));
        for (std::size_t c = 0; c < 3; ++c)
            CHECK(filled.labels[3 * i + c] == (static_cast<int>(c) == set.label(index) ? 1.0F : 0.0F));
    }
}

// The hash came out the same with GCC and Clang, with and without optimisation, -march=native and fused multiply-adds.
TEST_CASE("the bytes of samples are those of every machine and version") {
    std::uint64_t hash = 0xcbf29ce484222325U;
    SampleScratch scratch;
    for (const Crop crop : {Crop::none, Crop::automl, Crop::automl_b, Crop::inception, Crop::shift})
        for (const Policy policy : {Policy::rand_augment, Policy::auto_augment_v0})
            for (std::uint64_t i = 0; i < 40; ++i) {
                Strengths strengths = strong(24);
                strengths.crop = crop;
                strengths.policy = policy;
                augment(tests::noise(29, 26, i).view(), strengths, 77, {i % 3, i}, scratch);
                for (std::size_t at = 0; at < scratch.picture.bytes(); ++at)
                    hash = (hash ^ scratch.picture.data()[at]) * 0x100000001b3U;
            }
    CHECK(hash == 16225881331062554936U);
}

TEST_CASE("windows are parts of the picture, each as often, and shifts where it has no room") {
    const Picture from = tests::noise(11, 9, 1);
    Strengths strengths;
    strengths.crop = Crop::window;
    strengths.image_size = 7;
    strengths.flip = false;
    SampleScratch scratch;
    std::array<int, 15> seen{};
    for (std::uint64_t i = 0; i < 3000; ++i) {
        augment(from.view(), strengths, 5, {0, i}, scratch);
        int matches = 0;
        for (int place = 0; place < 15; ++place) {
            const int x = place % 5, y = place / 5;
            bool same = true;
            for (int row = 0; row < 7 && same; ++row)
                same = std::equal(scratch.picture.row(row), scratch.picture.row(row) + 21,
                                  from.view().row(y + row) + std::ptrdiff_t{x} * 3);
            if (same) ++seen[static_cast<std::size_t>(place)], ++matches;
        }
        REQUIRE(matches == 1);
    }
    for (const int count : seen) CHECK(std::abs(count - 200) < 70);
    strengths.image_size = 9;
    SampleScratch shifted;
    for (std::uint64_t i = 0; i < 20; ++i) {
        strengths.crop = Crop::window;
        augment(from.view(), strengths, 5, {0, i}, scratch);
        strengths.crop = Crop::shift;
        augment(from.view(), strengths, 5, {0, i}, shifted);
        CHECK(std::equal(scratch.picture.data(), scratch.picture.data() + scratch.picture.bytes(),
                         shifted.picture.data()));
    }
}

TEST_CASE("mirroring happens to about half") {
    const Pictures set = made_up_set(500, 2, 6);
    TrainingBatches batches = make(set, 4, imagenet_recipe);
    Strengths strengths;
    strengths.image_size = 6;
    const Filled mirrored = fill(batches, {}, 500, strengths);
    strengths.flip = false;
    const Filled upright = fill(batches, {}, 500, strengths);
    int differ = 0;
    for (std::size_t i = 0; i < 500; ++i)
        differ += mirrored.pictures[108 * i] != upright.pictures[108 * i] ||
                          mirrored.pictures[108 * i + 5] != upright.pictures[108 * i + 5]
                      ? 1
                      : 0;
    CHECK(std::abs(differ - 250) < 50);
}

TEST_CASE("the number of threads changes nothing") {
    const Pictures set = made_up_set(50, 5, 24, true);
    for (const Crop crop : {Crop::none, Crop::automl, Crop::automl_b, Crop::inception, Crop::shift, Crop::window})
        for (const Policy policy : {Policy::none, Policy::rand_augment, Policy::auto_augment_v0}) {
            Strengths strengths = strong(20);
            strengths.crop = crop;
            strengths.policy = policy;
            TrainingBatches alone = make(set);
            const Filled expected = fill(alone, {3, 40}, 32, strengths);
            CHECK(std::none_of(expected.pictures.begin(), expected.pictures.end(),
                               [](float v) { return std::isnan(v); }));
            CHECK(expected.next == Position{4, 22});
            for (const int threads : {2, 3}) {
                tests::ThreadExecutor executor(threads);
                TrainingBatches together = make(set);
                CHECK(fill(together, {3, 40}, 32, strengths, executor) == expected);
                // And neither does what was made before, at another size.
                fill(together, {0, 0}, 3, strong(31), executor);
                CHECK(fill(together, {3, 40}, 32, strengths, executor) == expected);
            }
        }
}

TEST_CASE("a stored position goes on as if nothing had happened") {
    const Pictures set = made_up_set(23, 3, 16);
    TrainingBatches through = make(set, 8);
    Position position;
    for (int step = 0; step < 5; ++step) position = fill(through, position, 9, strong(16)).next;
    TrainingBatches restored = make(set, 8);
    CHECK(position == Position{1, 22});
    CHECK(fill(restored, position, 9, strong(16)) == fill(through, position, 9, strong(16)));
}

TEST_CASE("without mixing, a sample does not depend on the batch around it") {
    const Pictures set = made_up_set(12, 3, 16);
    TrainingBatches batches = make(set);
    Strengths strengths = strong(16);
    strengths.mix = {};
    const Filled whole = fill(batches, {}, 12, strengths);
    for (std::size_t i = 0; i < 12; ++i) {
        const Filled single = fill(batches, {0, i}, 1, strengths);
        CHECK(std::equal(single.pictures.begin(), single.pictures.end(),
                         whole.pictures.begin() + static_cast<long>(768 * i)));
    }
}

TEST_CASE("seeds and epochs make other samples, and a step more leaves the crop as it was") {
    const Pictures set = made_up_set(2, 2, 32);
    TrainingBatches one = make(set, 1), two = make(set, 2);
    CHECK(fill(one, {0, 0}, 2, strong(16)).pictures != fill(two, {0, 0}, 2, strong(16)).pictures);
    CHECK(fill(one, {0, 0}, 2, strong(16)).pictures != fill(one, {1, 0}, 2, strong(16)).pictures);
    // Cutout draws from a stream of its own: where it cuts nothing, the pixels are those without it.
    Strengths strengths = strong(16);
    strengths.mix = {};
    strengths.erasing = 0.0;
    const Filled cut = fill(one, {0, 0}, 1, strengths);
    strengths.cutout = 0.0;
    const Filled whole = fill(one, {0, 0}, 1, strengths);
    int differ = 0;
    for (std::size_t i = 0; i < whole.pictures.size(); ++i) differ += whole.pictures[i] != cut.pictures[i] ? 1 : 0;
    CHECK(differ > 0);
    CHECK(differ <= 3 * 4 * 4);  // a reach of 0.3 * 16 / 2, rounded: 2
}

TEST_CASE("RandAugment without a magnitude is off") {
    const Pictures set = made_up_set(8, 2, 16);
    TrainingBatches batches = make(set);
    Strengths strengths;
    strengths.image_size = 16;
    const Filled none = fill(batches, {}, 8, strengths);
    strengths.policy = Policy::rand_augment;
    CHECK(fill(batches, {}, 8, strengths) == none);
    strengths.magnitude = 0.5;
    CHECK(fill(batches, {}, 8, strengths).pictures != none.pictures);
}

TEST_CASE("wrong strengths are refused with the range") {
    const auto message = [](auto change) {
        Strengths strengths;
        change(strengths);
        const Status checked = check_strengths(strengths);
        return checked ? "" : checked.error().message;
    };
    CHECK(message([](Strengths&) {}) == "");
    CHECK(message([](Strengths& s) { s.image_size = 0; }) ==
          "the size of training pictures is 1 to 16384 pixels, not 0");
    CHECK(message([](Strengths& s) { s.image_size = 20000; }) ==
          "the size of training pictures is 1 to 16384 pixels, not 20000");
    CHECK(message([](Strengths& s) { s.magnitude = 100.5; }) ==
          "RandAugment's magnitude is 0 (off) to 100, not 100.500000");
    CHECK(message([](Strengths& s) { s.magnitude = std::nan(""); }) != "");
    CHECK(message([](Strengths& s) { s.layers = 0; }) == "RandAugment's number of layers is 1 to 16, not 0");
    CHECK(message([](Strengths& s) { s.cutout = -0.5; }) ==
          "the side of a cutout is 0 (off) to 2 sides of the picture, not -0.500000");
    CHECK(message([](Strengths& s) { s.erasing = 1.5; }) == "the probability of erasing is 0 to 1, not 1.500000");
    CHECK(message([](Strengths& s) { s.operations.translation = -1.0; }) ==
          "the translation at level 10 is 0 to 100000 pixels, not -1.000000");
    CHECK(message([](Strengths& s) { s.operations.cutout_reach = 1e6; }) ==
          "the reach of a cutout at level 10 is 0 to 100000 pixels, not 1000000.000000");
    CHECK(message([](Strengths& s) { s.mix.cutmix_alpha = -1.0; }) ==
          "the alpha of CutMix is 0 (off) or 0.001 to 1000000, not -1.000000");
}

TEST_CASE("wrong sets, recipes, positions and spans are refused, and nothing is written") {
    const Pictures set = made_up_set(4, 2, 8);
    CHECK(TrainingBatches::make(made_up_set(1, 2, 8), plain_recipe, 0).error().message ==
          "a made-up set has no picture of class 1 ('class 1')");
    Recipe flat = imagenet_recipe;
    flat.deviation[1] = 0.0F;
    CHECK(TrainingBatches::make(set, flat, 0).error().message ==
          "a recipe's deviations are greater than 0, not 0.000000");
    TrainingBatches batches = make(set);
    SerialExecutor executor;
    Strengths strengths;
    strengths.image_size = 8;
    std::vector<float> pictures(2 * 192, 5.0F), labels(4, 5.0F);
    const auto message = [&](const Position& position, std::size_t batch) {
        const auto filled = batches.fill(executor, position, batch, strengths, pictures, labels);
        return filled ? "" : filled.error().message;
    };
    CHECK(message({0, 4}, 2) == "an epoch of a made-up set has the offsets 0 to 3, not 4");
    CHECK(message({0, 0}, 0) == "a batch has 1 to 1048576 samples, not 0");
    CHECK(message({0, 0}, 3) == "the pictures of a batch of 3 take 576 floats, not 384");
    labels.push_back(5.0F);
    CHECK(message({0, 0}, 2) == "the labels of a batch of 2 take 4 floats, not 5");
    strengths.magnitude = -1.0;
    CHECK(message({0, 0}, 2) == "RandAugment's magnitude is 0 (off) to 100, not -1.000000");
    CHECK(std::all_of(pictures.begin(), pictures.end(), [](float v) { return v == 5.0F; }));
    CHECK(std::all_of(labels.begin(), labels.end(), [](float v) { return v == 5.0F; }));
}

TEST_CASE("evaluation takes pictures in order, as the recipe says, whatever the threads") {
    const Pictures set = made_up_set(9, 3, 12, true);
    for (const int threads : {1, 2}) {
        tests::ThreadExecutor executor(threads);
        std::vector<float> found(4 * 192), expected(192);
        REQUIRE(fill_evaluation(executor, set, 5, 4, imagenet_recipe, found));
        for (std::size_t i = 0; i < 4; ++i) {
            REQUIRE(preprocess(set.picture(5 + i), imagenet_recipe, expected));
            CHECK(std::equal(expected.begin(), expected.end(), found.begin() + static_cast<long>(192 * i)));
        }
    }
    SerialExecutor executor;
    std::vector<float> two(2 * 192);
    const auto message = [&](std::size_t first, std::size_t count, const Recipe& recipe) {
        const Status filled = fill_evaluation(executor, set, first, count, recipe, two);
        return filled ? "" : filled.error().message;
    };
    CHECK(message(8, 2, plain_recipe) == "a made-up set has 9 pictures; there are no 2 from 8 on");
    CHECK(message(10, 0, plain_recipe) == "a made-up set has 9 pictures; there are no 0 from 10 on");
    CHECK(message(0, 3, plain_recipe) == "the pictures of a batch of 3 take 576 floats, not 384");
    CHECK(message(0, 2, plain_recipe.with_size(0)) == "a preprocessing recipe's size is 1 to 16384 pixels, not 0");
    CHECK(message(2, 2, plain_recipe.with_fit(Fit::none)) ==
          "a made-up set, picture 2: the recipe takes pictures of 8x8 pixels as they are and does not resize, and this "
          "one has 16x14");
}
