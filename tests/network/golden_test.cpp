// Whole networks against PyTorch: every variant at its evaluation size under both paddings, batches, other class counts
// and odd sizes. The goldens were computed in float64.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "effv2/parallel/tbb.hpp"
#include "network/goldens.hpp"
#include "network/helpers.hpp"

using namespace effv2;

namespace {

// The distance of the golden's samples, relative to the norm of as many average elements.
double sampled_error(const std::vector<float>& values, double norm, std::span<const float> samples) {
    double difference = 0.0, whole = 0.0;
    const std::size_t last = values.size() - 1, steps = samples.size() - 1;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double d = static_cast<double>(values[i * last / steps]) - samples[i];
        difference += d * d;
    }
    for (const float value : values) whole += static_cast<double>(value) * value;
    const double mean_square = norm * norm / static_cast<double>(values.size());
    const double norm_error = std::abs(std::sqrt(whole) - norm) / norm;
    return std::max(std::sqrt(difference / (mean_square * static_cast<double>(samples.size()))), norm_error);
}

void check_top_five(const tests::Run& run, const tests::Golden& golden) {
    const auto classes = static_cast<std::size_t>(golden.classes);
    for (std::size_t image = 0; image < static_cast<std::size_t>(golden.batch); ++image) {
        const float* logits = run.logits.data() + image * classes;
        std::vector<int> order(classes);
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + 5, order.end(),
                          [&](int a, int b) { return logits[a] > logits[b]; });
        for (std::size_t k = 0; k < 5; ++k) CHECK(order[k] == golden.top[image * 5 + k]);
    }
}

TEST_CASE("direct convolutions are closer still") {
    for (const tests::Golden& golden : tests::goldens) {
        const std::string_view name(golden.variant);
        if ((name != "b0" && name != "s") || golden.height != golden.width || golden.height > 224) continue;
        const Architecture a = find_variant(name)
                                   ->architecture.with_size(golden.height, golden.width)
                                   .with_classes(golden.classes)
                                   .with_padding(golden.padding)
                                   .with_convolutions(Convolutions::direct);
        const tests::Run run = tests::run_formula(a, golden.batch);
        CHECK(sampled_error(run.logits, golden.logits_norm, golden.logits) < 2e-6);
    }
}

TEST_CASE("every variant agrees with PyTorch") {
    TbbExecutor executor;
    // A build with sanitizers sets a limit: there the large ones would take minutes and show nothing new.
    const char* limit = std::getenv("EFFV2_TEST_GIGAMACS");
    const double most = limit != nullptr ? std::strtod(limit, nullptr) * 1e9 : 1e30;
    int checked = 0;
    for (const tests::Golden& golden : tests::goldens) {
        const Architecture a = find_variant(golden.variant)
                                   ->architecture.with_size(golden.height, golden.width)
                                   .with_classes(golden.classes)
                                   .with_padding(golden.padding);
        if (static_cast<double>(macs(a)) * golden.batch > most) continue;
        ++checked;
        CAPTURE(std::string_view(golden.variant));
        CAPTURE(golden.padding == Padding::same);
        CAPTURE(golden.height);
        const tests::Run run = tests::run_formula(a, golden.batch, executor);
        REQUIRE_FALSE(run.logits.empty());
        CHECK(sampled_error(run.logits, golden.logits_norm, golden.logits) < 1e-5);
        CHECK(sampled_error(run.features, golden.features_norm, golden.features) < 1e-5);
        check_top_five(run, golden);
    }
    CHECK(checked > 0);
}

}  // namespace
