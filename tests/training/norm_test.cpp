// Batch norm against central differences of its plain twin in double: trained and frozen, odd channels and sizes,
// outputs poisoned first.
#include <doctest/doctest.h>

#include <tuple>

#include "effv2/parallel/tbb.hpp"
#include "effv2/training/layers/batch_norm.hpp"
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

// The moments as the convolutions leave them.
std::vector<float> measure(const std::vector<float>& laid, const MapLayout& map, int images) {
    const int pixels = images * map.pixels, chunks = chunk_count(pixels);
    std::vector<float> moments = tests::poisoned(static_cast<std::size_t>(chunks * 2 * map.channels));
    for (int k = 0; k < chunks; ++k) {
        const int first = part_start(pixels, chunks, k), end = part_start(pixels, chunks, k + 1);
        float* to = moments.data() + std::ptrdiff_t{k} * 2 * map.channels;
        kernels::channel_moments<Arch>(laid.data() + first * map.stride, map.stride, end - first, map.channels, to,
                                       to + map.channels);
    }
    return moments;
}

struct NormCase {
    int images, channels;
    Extent size;
    bool silu, frozen, residual;
};

void check_norm(tests::Random& random, const NormCase& n) {
    CAPTURE(n.silu);
    CAPTURE(n.frozen);
    CAPTURE(n.channels);
    TbbExecutor executor(2);
    const NormSettings settings{.frozen = n.frozen};
    const MapLayout map{n.size.pixels(), round_to_granule(n.channels), pixel_stride(n.channels)};
    Maps input = random_maps(random, n.images, n.channels, n.size);
    for (double& value : input.values) value = value * 0.7 + 3.0;  // far from zero: variances must not cancel
    const Maps upstream = random_maps(random, n.images, n.channels, n.size);
    std::vector<float> x = lay_out(input), g = lay_out(upstream), y = x;
    const auto rounded = static_cast<std::size_t>(map.channels), channels = static_cast<std::size_t>(n.channels);
    const auto vector = [&](double middle) {
        std::vector<float> made(rounded, 0.0f);
        for (std::size_t c = 0; c < channels; ++c) made[c] = static_cast<float>(middle + 0.3 * random.real());
        return made;
    };
    std::vector<float> gamma = vector(1.0), beta = vector(0.0), mean = vector(3.0), variance = vector(0.6);
    std::vector<float> factors(static_cast<std::size_t>(n.images));
    for (float& factor : factors) factor = random.integer(0, 1) == 0 ? 0.0f : 1.25f;
    tests::PlainNorm plain{tests::doubles(gamma), tests::doubles(beta), {}, {}};
    if (n.frozen) plain.mean = tests::doubles(mean), plain.variance = tests::doubles(variance);

    std::vector<float> memory = tests::poisoned(static_cast<std::size_t>(NormState::values) * rounded);
    const NormState state(memory.data(), map.channels);
    const std::vector<float> before_mean = mean;
    finish_statistics(executor, settings, n.images * map.pixels, map.channels, measure(x, map, n.images).data(),
                      {gamma.data(), beta.data(), mean.data(), variance.data()}, state, true);
    CHECK((mean == before_mean) == n.frozen);
    norm_forward<Arch>(executor, map, n.images, state, n.silu, x.data(), n.residual ? factors.data() : nullptr,
                       n.residual ? x.data() : nullptr, y.data());
    const auto forward = [&](const Maps& at, const tests::PlainNorm& with) {
        Maps out = tests::plain_norm(at, with);
        if (n.silu) tests::plain_silu(out.values);
        if (n.residual)  // the residual here is a constant: its gradient is not the norm's business
            for (std::size_t i = 0; i < out.values.size(); ++i)
                out.values[i] = out.values[i] * static_cast<double>(factors[i / (out.values.size() / factors.size())]) +
                                input.values[i];
        return out;
    };
    const Values expected = forward(input, plain).values, made = take_out(y, n.channels);
    double error = 0.0;
    for (std::size_t i = 0; i < made.size(); ++i) error = std::max(error, std::abs(made[i] - expected[i]));
    CHECK(error < 2e-5);

    std::vector<float> sums =
        tests::poisoned(static_cast<std::size_t>(Pieces(n.images, map.pixels, map.channels).count()) * 2 * rounded);
    std::vector<float> dgamma = tests::poisoned(rounded), dbeta = dgamma;
    NormUpstream up;
    up.gradient = g.data(), up.factors = n.residual ? factors.data() : nullptr;
    norm_backward<Arch>(executor, settings, map, n.images, state, n.silu, x.data(), up, sums.data(), dgamma.data(),
                        dbeta.data(), g.data());
    const auto of_input = [&](const Values& at) {
        Maps moved = input;
        moved.values = at;
        return tests::dot(forward(moved, plain).values, upstream.values);
    };
    CHECK(tests::slope_error(random, of_input, input.values, take_out(g, n.channels)) < 5 * slope_tolerance);
    for (const bool of_gamma : {true, false}) {
        const Values& at = of_gamma ? plain.gamma : plain.beta;
        const auto loss = [&](const Values& moved) {
            tests::PlainNorm changed = plain;
            (of_gamma ? changed.gamma : changed.beta) = moved;
            return tests::dot(forward(input, changed).values, upstream.values);
        };
        Values gradient = tests::doubles(of_gamma ? dgamma : dbeta);
        for (std::size_t c = channels; c < rounded; ++c) CHECK(gradient[c] == 0.0);
        CHECK(tests::slope_error(random, loss, Values(at.begin(), at.begin() + n.channels),
                                 Values(gradient.begin(), gradient.begin() + n.channels)) < 5 * slope_tolerance);
    }
}

TEST_CASE("batch norm takes over a batch's statistics and does what it did by the old ones") {
    tests::Random random(5);
    TbbExecutor executor(2);
    for (int trial = 0; trial < 8; ++trial) {
        const int images = random.integer(1, 5), channels = random.integer(1, 150);
        const Extent size{random.integer(1, 9), random.integer(2, 9)};
        const MapLayout map{size.pixels(), round_to_granule(channels), pixel_stride(channels)};
        const std::vector<float> x = lay_out(random_maps(random, images, channels, size));
        const auto rounded = static_cast<std::size_t>(map.channels);
        std::vector<float> parameters[4];  // gamma, beta, mean, variance
        for (std::vector<float>& of : parameters) {
            of.assign(rounded, 0.0f);
            for (int c = 0; c < channels; ++c)
                of[static_cast<std::size_t>(c)] = static_cast<float>(random.real() + 1.5);
        }
        const std::vector<float> moments = measure(x, map, images);
        std::vector<float> memory(static_cast<std::size_t>(NormState::values) * rounded);
        const NormState state(memory.data(), map.channels);
        const auto normalised = [&](const NormSettings& settings) {
            finish_statistics(executor, settings, images * map.pixels, map.channels, moments.data(),
                              {parameters[0].data(), parameters[1].data(), parameters[2].data(), parameters[3].data()},
                              state, true);
            std::vector<float> out = tests::poisoned(x.size());
            norm_forward<Arch>(executor, map, images, state, false, x.data(), nullptr, nullptr, out.data());
            return take_out(out, channels);
        };
        const Values before = normalised({.frozen = true}), during = normalised({.adopt = true});
        for (int c = 0; c < channels; ++c) {
            const auto at = static_cast<std::size_t>(c);
            CHECK(parameters[2][at] == doctest::Approx(static_cast<double>(state.mean[c])));
            CHECK(parameters[3][at] + 1e-3 ==
                  doctest::Approx(std::pow(static_cast<double>(state.inverse[c]), -2.0)).epsilon(1e-4));
        }
        const Values after = normalised({.frozen = true}), trained = normalised({});
        for (std::size_t i = 0; i < before.size(); ++i) {
            CHECK(during[i] == doctest::Approx(before[i]).epsilon(1e-4));
            CHECK(after[i] == doctest::Approx(before[i]).epsilon(1e-4));
            CHECK(trained[i] == doctest::Approx(before[i]).epsilon(1e-4));
        }
    }
}

TEST_CASE("batch norm: trained and frozen, with and without SiLU, on one piece and on many") {
    tests::Random random(4);
    for (const bool silu : {true, false})
        for (const bool frozen : {true, false})
            for (const bool residual : {true, false}) {
                check_norm(
                    random,
                    {random.integer(2, 5), random.integer(1, 70), {random.integer(1, 7), 5}, silu, frozen, residual});
                check_norm(random, {3, 130, {17, 19}, silu, frozen, residual});
            }
}

TEST_CASE("running statistics move as PyTorch's do") {
    // Two values, 1 and 5: mean 3, unbiased variance 8.
    SerialExecutor executor;
    std::vector<float> gamma(8, 1.0f), beta(8, 0.0f), mean(8, 1.0f), variance(8, 2.0f), memory(56);
    std::vector<float> moments{3, 3, 3, 3, 3, 3, 3, 3, 8, 8, 8, 8, 8, 8, 8, 8};
    finish_statistics(executor, {.momentum = 0.25f}, 2, 8, moments.data(),
                      {gamma.data(), beta.data(), mean.data(), variance.data()}, NormState(memory.data(), 8), true);
    CHECK(mean[5] == doctest::Approx(1.5f));
    CHECK(variance[5] == doctest::Approx(3.5f));
}

TEST_CASE("pieces of maps, from the smallest to those that no int can count") {
    for (const auto& [batch, pixels, channels] : {std::tuple{3, 8192 * 8192, 64}, {7, 5, 8}, {2, 1, 1}}) {
        const Pieces pieces(batch, pixels, channels);
        REQUIRE(pieces.count() > 0);
        std::int64_t seen = 0;
        int last = -1;
        bool ordered = true;
        for (int i = 0; i < pieces.count(); ++i)
            pieces.visit(i, [&](int image, int first, int count) {
                ordered = ordered && image >= last && first >= 0;
                last = image, seen += count;
            });
        CHECK(ordered);
        CHECK(seen == std::int64_t{batch} * pixels);
    }
}

}  // namespace
