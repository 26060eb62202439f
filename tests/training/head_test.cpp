// What follows the head's map: pooling with dropout, and the loss, against plain ones.
#include <doctest/doctest.h>

#include "effv2/parallel/tbb.hpp"
#include "effv2/training/layers/loss.hpp"
#include "effv2/training/layers/pool.hpp"
#include "training/laid_out.hpp"

using namespace effv2;
using namespace effv2::training;
using tests::lay_out;
using tests::Maps;
using tests::random_maps;
using tests::slope_tolerance;
using tests::take_out;
using tests::Values;

namespace {

using Arch = simd::NativeArch;

TEST_CASE("cross-entropy with soft labels: loss and gradient") {
    tests::Random random(6);
    for (const int classes : {2, 10, 37}) {
        const int rows = 5, stride = pixel_stride(classes);
        const float smoothing = classes == 10 ? 0.1f : 0.0f;
        std::vector<float> logits = random.reals(static_cast<std::size_t>(rows * stride)),
                           gradient = tests::poisoned(logits.size());
        std::vector<float> targets(static_cast<std::size_t>(rows * classes));
        Values used, soft;
        for (int r = 0; r < rows; ++r) {
            targets[static_cast<std::size_t>(r * classes + r % classes)] = 0.7f;
            targets[static_cast<std::size_t>(r * classes + (r + 1) % classes)] += 0.3f;
            for (int c = 0; c < classes; ++c) {
                float& logit = logits[static_cast<std::size_t>(r * stride + c)];
                logit *= 20.0f;
                used.push_back(logit);
            }
        }
        soft = tests::doubles(targets);
        const Loss loss =
            cross_entropy({smoothing}, rows, classes, stride, logits.data(), targets.data(), gradient.data());
        CHECK(loss.mean ==
              doctest::Approx(tests::plain_cross_entropy(used, soft, classes, static_cast<double>(smoothing))));
        const auto of = [&](const Values& at) {
            return tests::plain_cross_entropy(at, soft, classes, static_cast<double>(smoothing));
        };
        CHECK(tests::slope_error(random, of, used, take_out(gradient, classes)) < slope_tolerance);
    }
}

TEST_CASE("cross-entropy of huge logits is finite, and counts right answers") {
    const std::vector<float> logits{1e30f, 0, 0, 0, 0, 0, 0, 0, 0, -1e30f, 0, 0, 0, 0, 0, 0};
    const std::vector<float> targets{1, 0, 0, 1};
    std::vector<float> gradient(16);
    const Loss loss = cross_entropy({}, 2, 2, 8, logits.data(), targets.data(), gradient.data());
    CHECK(std::isfinite(loss.mean));
    CHECK(loss.correct == 1);
}

TEST_CASE("pooling with dropout: what is dropped, and its gradient") {
    tests::Random random(7);
    TbbExecutor executor(2);
    const int images = 64, channels = 40;
    const Extent size{3, 2};
    const MapLayout map{size.pixels(), channels, pixel_stride(channels)};
    const Maps input = random_maps(random, images, channels, size);
    const std::vector<float> x = lay_out(input);
    const Dropout dropout{0.3, 11, 5};
    std::vector<float> pooled = tests::poisoned(static_cast<std::size_t>(images * map.stride)),
                       dx = tests::poisoned(x.size());
    pool_forward<Arch>(executor, map, images, dropout, x.data(), pooled.data());
    const Maps means = tests::plain_pool(input);
    int dropped = 0;
    for (int i = 0; i < images; ++i)
        for (int c = 0; c < channels; ++c) {
            const double value = pooled[static_cast<std::size_t>(i * map.stride + c)],
                         mean = means.values[means.index(i, 0, 0, c)];
            if (value == 0.0)
                ++dropped;
            else
                CHECK(value == doctest::Approx(mean / 0.7).epsilon(1e-5));
        }
    CHECK(dropped > images * channels * 0.25);
    CHECK(dropped < images * channels * 0.35);
    std::vector<float> gradient(pooled.size(), 1.0f);
    pool_backward<Arch>(executor, map, images, dropout, gradient.data(), dx.data());
    for (int i = 0; i < images; ++i)
        for (int c = 0; c < channels; ++c) {
            const float expected =
                pooled[static_cast<std::size_t>(i * map.stride + c)] == 0.0f ? 0.0f : 1.0f / 0.7f / 6.0f;
            for (int p = 0; p < map.pixels; ++p)
                CHECK(dx[static_cast<std::size_t>(map.at(i, p) + c)] == doctest::Approx(expected));
        }
    // Another step drops other values.
    std::vector<float> other = pooled;
    pool_forward<Arch>(executor, map, images, {0.3, 11, 6}, x.data(), other.data());
    CHECK(other != pooled);
}

}  // namespace
