// A stem that is made from the pictures: its directions, what they do to patches, and what stays drawn.
#include "effv2/training/whitened_stem.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "effv2/architecture/variants.hpp"
#include "kernels/random.hpp"
#include "training/sets.hpp"

using namespace effv2;
using namespace effv2::training;

namespace {

// Small pictures, of which every patch counts, with as many kinds of variation as a patch has values: neighbours and
// colours are alike, but for some noise.
data::Pictures smooth_pictures(int count, int side) {
    data::Pictures set("smooth", {"only"});
    tests::Random random(5);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(side * side * 3));
    for (int n = 0; n < count; ++n) {
        const int base = random.integer(60, 180), across = random.integer(-4, 4), down = random.integer(-4, 4);
        for (int i = 0; i < side * side * 3; ++i) {
            const int x = i / 3 % side, y = i / 3 / side, tint = i % 3 * random.integer(0, 9);
            const int value = base + across * (x - side / 2) + down * (y - side / 2) + tint + random.integer(-12, 12);
            bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
        }
        REQUIRE(set.add({bytes.data(), side, side, 3, std::ptrdiff_t{side} * 3}, 0));
    }
    return set;
}

std::vector<float> read_all(const WeightSource& source, const Tensor& t) {
    std::vector<float> all(t.shape.elements());
    source.read(t, 0, all);
    return all;
}

Tensor stem_weights(const Architecture& a) {
    Tensor found;
    for_each_tensor(a, [&](const Tensor& t) {
        if (t.layer == Layer::stem && t.part == Part::weight) found = t;
    });
    return found;
}

constexpr Architecture with_stem(int channels) {
    Architecture a = variants::b0;
    a.stem = channels;
    return a;
}

}  // namespace

TEST_CASE("principal directions are orthogonal, sorted, and give the covariance back") {
    const PatchMatrix covariance = measure_patches(smooth_pictures(40, 12), tests::squares_recipe);
    PatchVector variances;
    const PatchMatrix directions = principal_directions(covariance, variances);
    for (int a = 0; a < patch_values; ++a)
        for (int b = 0; b < patch_values; ++b) {
            double product = 0.0, again = 0.0;
            for (int i = 0; i < patch_values; ++i) {
                product += directions[a][i] * directions[b][i];
                again += directions[i][a] * variances[i] * directions[i][b];
            }
            CHECK(product == doctest::Approx(a == b ? 1.0 : 0.0).epsilon(1e-9));
            CHECK(again == doctest::Approx(covariance[a][b]).epsilon(1e-9));
        }
    for (int i = 1; i < patch_values; ++i) CHECK(variances[i] <= variances[i - 1]);
}

TEST_CASE("a whitened stem's outputs do not vary together, and each has the variance that its direction leaves it") {
    const int side = 12;
    const data::Pictures pictures = smooth_pictures(40, side);
    const Recipe& recipe = tests::squares_recipe;
    const WhitenedStem source(pictures, recipe, 3);
    const std::vector<float> filters = read_all(source, stem_weights(with_stem(56)));
    PatchVector variances;
    principal_directions(measure_patches(pictures, recipe), variances);

    // The even filters' outputs on every patch, by hand.
    std::vector<PatchVector> outputs;
    PatchVector mean;
    for (std::size_t n = 0; n < pictures.size(); ++n)
        for (int y = 0; y + 3 <= side; ++y)
            for (int x = 0; x + 3 <= side; ++x) {
                PatchVector& out = outputs.emplace_back();
                for (int f = 0; f < patch_values; ++f) {
                    for (int v = 0; v < patch_values; ++v) {
                        const std::size_t plane = static_cast<std::size_t>(v / 9);
                        const std::uint8_t byte = pictures.picture(n).row(y + v / 3 % 3)[3 * (x + v % 3) + v / 9];
                        const double in = (byte / 255.0 - static_cast<double>(recipe.mean[plane])) /
                                          static_cast<double>(recipe.deviation[plane]);
                        out[f] += in * static_cast<double>(filters[static_cast<std::size_t>(2 * f * patch_values + v)]);
                    }
                    mean[f] += out[f];
                }
            }
    const double count = static_cast<double>(outputs.size());
    for (int a = 0; a < patch_values; ++a)
        for (int b = 0; b <= a; ++b) {
            double together = 0.0;
            for (const auto& out : outputs) together += (out[a] - mean[a] / count) * (out[b] - mean[b] / count) / count;
            const double expected = a == b ? variances[a] / (variances[a] + 5e-4) : 0.0;
            CHECK(together == doctest::Approx(expected).epsilon(1e-4));
        }
}

TEST_CASE("odd filters are the negatives of even ones; what is no direction is drawn, as all other weights are") {
    const WhitenedStem source(smooth_pictures(10, 12), tests::squares_recipe, 3);
    const InitialValues drawn(3);
    const Architecture a = with_stem(64);
    for_each_tensor(a, [&](const Tensor& t) {
        const std::vector<float> found = read_all(source, t), expected = read_all(drawn, t);
        if (t.layer != Layer::stem || t.part != Part::weight) {
            CHECK(found == expected);
            return;
        }
        for (std::size_t i = 0; i < found.size(); ++i) {
            const std::size_t filter = i / patch_values;
            if (filter >= 2 * patch_values) CHECK(found[i] == expected[i]);
            if (filter < 2 * patch_values && filter % 2 == 1) CHECK(found[i] == -found[i - patch_values]);
        }
        std::vector<float> piece(100);
        source.read(t, 41, piece);
        CHECK(std::equal(piece.begin(), piece.end(), found.begin() + 41));
    });
}

TEST_CASE("pictures without a patch or without variation make a stem of finite numbers") {
    for (const int side : {2, 8}) {
        CAPTURE(side);
        const std::vector<std::uint8_t> grey(static_cast<std::size_t>(side * side * 3), 90);
        data::Pictures set("grey", {"only"});
        REQUIRE(set.add({grey.data(), side, side, 3, std::ptrdiff_t{side} * 3}, 0));
        for (const float value : read_all(WhitenedStem(set, tests::squares_recipe, 3), stem_weights(with_stem(32))))
            CHECK(std::isfinite(value));
    }
}
