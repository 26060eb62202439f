#include "effv2/training/data/mix.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "training/data/helpers.hpp"

using namespace effv2;
using namespace effv2::training::data;

namespace {

constexpr std::uint64_t mix_seed = 11;

// A batch whose floats and labels tell the samples apart.
struct Made {
    int side, classes;
    std::vector<SampleId> samples;
    std::vector<float> pictures, labels;

    Made(std::size_t count, int side_, int classes_) : side(side_), classes(classes_) {
        const std::size_t elements = 3 * static_cast<std::size_t>(side * side);
        for (std::size_t i = 0; i < count; ++i) samples.push_back({2, 100 + 3 * i});
        for (std::size_t i = 0; i < count * elements; ++i)
            pictures.push_back(static_cast<float>(i / elements) + static_cast<float>(i % elements) / 1024.0F);
        labels.resize(count * static_cast<std::size_t>(classes));
        for (std::size_t i = 0; i < count; ++i)
            labels[i * static_cast<std::size_t>(classes) + i % static_cast<std::size_t>(classes)] = 1.0F;
    }
    Batch batch() { return {side, classes, pictures, labels}; }
    std::size_t elements() const { return 3 * static_cast<std::size_t>(side * side); }
    float picture(std::size_t sample, std::size_t element) const { return pictures[sample * elements() + element]; }
    float label(std::size_t sample, std::size_t i) const {
        return labels[sample * static_cast<std::size_t>(classes) + i];
    }
};

Made mixed(Made made, const MixStrengths& strengths, Executor& executor) {
    REQUIRE(mix(executor, mix_seed, made.samples, strengths, made.batch()));
    return made;
}

Made mixed(Made made, const MixStrengths& strengths) {
    SerialExecutor executor;
    return mixed(std::move(made), strengths, executor);
}

// That samples [first, first + count) are mixup of one another.
void check_mixup(const Made& before, const Made& after, std::size_t first, std::size_t count, double alpha) {
    for (std::size_t i = first; i < first + count; ++i) {
        const std::size_t partner = 2 * first + count - 1 - i;
        const auto w = static_cast<float>(draw_mixup(mix_seed, before.samples[i], alpha));
        REQUIRE((w >= 0.5F && w <= 1.0F));
        for (std::size_t at = 0; at < before.elements(); ++at)
            REQUIRE(after.picture(i, at) ==
                    doctest::Approx(w * before.picture(i, at) + (1 - w) * before.picture(partner, at)));
        for (std::size_t at = 0; at < static_cast<std::size_t>(before.classes); ++at)
            REQUIRE(after.label(i, at) ==
                    doctest::Approx(w * before.label(i, at) + (1 - w) * before.label(partner, at)));
    }
}

// That they are CutMix of one another, with these labels.
void check_cutmix(const Made& before, const Made& after, std::size_t first, std::size_t count, double alpha,
                  CutmixLabels kind) {
    const int side = before.side;
    const auto area = [&](std::size_t i) {
        const Box box = draw_cutmix(mix_seed, before.samples[i], alpha, side);
        return static_cast<double>(box.width * box.height) / (side * side);
    };
    double mean = 0.0;
    for (std::size_t i = first; i < first + count; ++i) mean += area(i) / static_cast<double>(count);
    for (std::size_t i = first; i < first + count; ++i) {
        const std::size_t partner = 2 * first + count - 1 - i;
        const Box box = draw_cutmix(mix_seed, before.samples[i], alpha, side);
        for (std::size_t at = 0; at < before.elements(); ++at) {
            const int x = static_cast<int>(at) % side, y = static_cast<int>(at) / side % side;
            const bool within = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
            REQUIRE(after.picture(i, at) == before.picture(within ? partner : i, at));
        }
        // The middle of an odd group is its own partner.
        const double share = kind == CutmixLabels::mean_area ? mean : area(i);
        for (std::size_t at = 0; at < static_cast<std::size_t>(before.classes); ++at)
            REQUIRE(after.label(i, at) ==
                    doctest::Approx((1 - share) * before.label(i, at) + share * before.label(partner, at)));
    }
}

}  // namespace

TEST_CASE("mixup mixes each sample with the one as far from the other end") {
    for (const std::size_t count : {0U, 1U, 2U, 7U, 8U}) {
        const Made before(count, 5, 3);
        check_mixup(before, mixed(before, {.mixup_alpha = 0.7}), 0, count, 0.7);
    }
}

TEST_CASE("CutMix puts a box of its partner into each sample") {
    for (const std::size_t count : {0U, 1U, 2U, 7U, 16U})
        for (const CutmixLabels kind : {CutmixLabels::own_area, CutmixLabels::mean_area}) {
            const Made before(count, 9, 4);
            const Made after = mixed(before, {.cutmix_alpha = 1.0, .labels = kind});
            check_cutmix(before, after, 0, count, 1.0, kind);
        }
}

TEST_CASE("with both, the first half gets mixup and the second CutMix, each within itself") {
    for (const std::size_t count : {1U, 2U, 3U, 8U, 11U}) {
        const Made before(count, 6, 5);
        const Made after = mixed(before, {.mixup_alpha = 0.4, .cutmix_alpha = 1.0});
        check_mixup(before, after, 0, count / 2, 0.4);
        check_cutmix(before, after, count / 2, count - count / 2, 1.0, CutmixLabels::own_area);
    }
}

TEST_CASE("nothing happens where both are off") {
    const Made before(6, 4, 3);
    CHECK(mixed(before, {}).pictures == before.pictures);
    CHECK(mixed(before, {}).labels == before.labels);
}

TEST_CASE("labels still sum to 1") {
    const Made after = mixed(Made(32, 8, 7), {.mixup_alpha = 0.2, .cutmix_alpha = 0.2});
    for (std::size_t i = 0; i < 32; ++i) {
        float sum = 0.0F;
        for (std::size_t at = 0; at < 7; ++at) sum += after.label(i, at);
        CHECK(sum == doctest::Approx(1.0));
    }
}

TEST_CASE("weights and boxes have their distributions, and differ by sample, epoch and seed") {
    double weight = 0.0, area = 0.0;
    constexpr int draws = 20000;
    for (std::uint64_t i = 0; i < draws; ++i) {
        weight += draw_mixup(mix_seed, {0, i}, 1.0) / draws;
        const Box box = draw_cutmix(mix_seed, {0, i}, 1.0, 64);
        REQUIRE((box.x >= 0 && box.y >= 0 && box.width >= 0 && box.height >= 0));
        REQUIRE((box.x + box.width <= 64 && box.y + box.height <= 64));
        area += box.width * box.height / (64.0 * 64.0) / draws;
    }
    CHECK(tests::near(weight, 0.75, 0.01));
    // A centred square of area a, clipped about an even centre, keeps (s - s^2 / 4)^2 with s = sqrt(a); over an even a,
    // the mean is 1/2 - 1/5 + 1/48 = 0.3208. Sides are cut off to even numbers of 64, which takes a twentieth.
    CHECK(tests::near(area, 0.305, 0.03));
    CHECK(draw_mixup(1, {0, 0}, 1.0) != draw_mixup(2, {0, 0}, 1.0));
    CHECK(draw_mixup(1, {0, 0}, 1.0) != draw_mixup(1, {1, 0}, 1.0));
    CHECK(draw_mixup(1, {0, 0}, 1.0) != draw_mixup(1, {0, 1}, 1.0));
}

TEST_CASE("the number of threads changes nothing") {
    const MixStrengths strengths{.mixup_alpha = 0.3, .cutmix_alpha = 0.8};
    const Made before(21, 12, 6);
    const Made alone = mixed(before, strengths);
    for (const int threads : {2, 5}) {
        tests::ThreadExecutor executor(threads);
        const Made together = mixed(before, strengths, executor);
        CHECK(together.pictures == alone.pictures);
        CHECK(together.labels == alone.labels);
    }
    CHECK(alone.pictures != before.pictures);
}

TEST_CASE("wrong strengths and spans are refused, and change nothing") {
    SerialExecutor executor;
    Made made(4, 3, 2);
    const std::vector<float> before = made.pictures;
    const auto message = [&](const MixStrengths& strengths, const Batch& batch) {
        return mix(executor, mix_seed, made.samples, strengths, batch).error().message;
    };
    CHECK(message({.mixup_alpha = -0.1}, made.batch()) ==
          "the alpha of mixup is 0 (off) or 0.001 to 1000000, not -0.100000");
    CHECK(message({.cutmix_alpha = std::nan("")}, made.batch())
              .starts_with("the alpha of CutMix is 0 (off) or 0.001 to 1000000, not "));
    CHECK(message({.cutmix_alpha = 1e-9}, made.batch()) != "");
    CHECK(message({.mixup_alpha = 1.0}, {4, 2, made.pictures, made.labels}) ==
          "the pictures of a batch of 4 take 192 floats, not 108");
    CHECK(message({.mixup_alpha = 1.0}, {3, 3, made.pictures, made.labels}) ==
          "the labels of a batch of 4 take 12 floats, not 8");
    CHECK(message({.mixup_alpha = 1.0}, {-3, 2, made.pictures, made.labels}) ==
          "the pictures of a batch of 4 take 0 floats, not 108");
    CHECK(made.pictures == before);
}
