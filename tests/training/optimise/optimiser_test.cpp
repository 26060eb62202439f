#include "effv2/training/optimise/optimiser.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "training/optimise/helpers.hpp"

using namespace effv2;
using namespace effv2::training;
using effv2_test::Arrays;
using effv2_test::same_bits;
using effv2_test::ThreadsExecutor;

namespace {

double rate_of(std::size_t step) { return 0.01 / (1.0 + 0.3 * static_cast<double>(step)); }

// Runs all steps of `arrays`, and returns the optimiser.
Optimiser run(const OptimiserSettings& settings, Arrays& arrays, Executor& executor, bool with_average = true,
              const Clip& kind = {}) {
    Result<Optimiser> made = Optimiser::create(settings, arrays.layout());
    REQUIRE(made.has_value());
    GradientClip clip(made->layout(), kind);
    for (std::size_t i = 0; i < arrays.gradients.size(); ++i) {
        const Result<GradientNorm> norm = clip.measure({.gradients = arrays.gradients[i],
                                                        .factor = 0.5f,
                                                        .weights = arrays.weights,
                                                        .weight_decay = made->coupled_weight_decay()},
                                                       executor);
        REQUIRE(norm.has_value());
        StepSettings step{.learning_rate = rate_of(i), .scale = clip.scale()};
        if (with_average) step.average = arrays.average, step.average_decay = Ema{}.at(made->steps() + 1);
        REQUIRE(made->step(arrays.weights, arrays.gradients[i], step, executor).has_value());
    }
    CHECK(made->steps() == arrays.gradients.size());
    return std::move(*made);
}

// What the settings' definition gives, with gradients halved and no clipping.
template <class Settings>
void check_against_plain(const Settings& settings, std::uint32_t seed) {
    const Arrays before(seed);
    Arrays after = before;
    SerialExecutor serial;
    run(settings, after, serial);
    double largest_weight = 0.0, largest_average = 0.0;
    for (const ParameterSegment& segment : before.segments)
        for (std::size_t i = segment.first; i < segment.first + segment.count; ++i) {
            effv2_test::PlainParameter p{before.weights[i]};
            double average = p.weight;
            for (std::uint64_t t = 1; segment.trainable && t <= before.gradients.size(); ++t) {
                const double decay = segment.decays ? double{settings.weight_decay} : 0.0;
                const double gradient = 0.5 * double{before.gradients[t - 1][i]};
                effv2_test::plain_step(settings, p, gradient, decay, rate_of(t - 1) * segment.rate, t);
                average += (1.0 - Ema{}.at(t)) * (p.weight - average);
            }
            largest_weight = std::max(largest_weight, std::fabs(after.weights[i] - p.weight));
            largest_average = std::max(largest_average, std::fabs(after.average[i] - average));
        }
    CHECK(largest_weight < 2e-6);  // weights are in [-1, 1]: a dozen roundings
    CHECK(largest_average < 2e-6);
    CHECK_FALSE(same_bits(after.weights, before.weights));
}

bool untouched(const Arrays& before, const Arrays& after) {
    for (const ParameterSegment& segment : before.segments)
        if (!segment.trainable &&
            std::memcmp(&before.weights[segment.first], &after.weights[segment.first], 4 * segment.count) != 0)
            return false;
    return true;
}

bool padding_is_zero(const Arrays& arrays, const std::vector<float>& values) {
    for (const ParameterSegment& segment : arrays.segments)
        for (std::size_t i = segment.count - 3; i < segment.count; ++i)
            if (values[segment.first + i] != 0.0f) return false;
    return true;
}

const OptimiserSettings all_settings[] = {RmsProp{},
                                          RmsProp{.momentum = 0.0f, .weight_decay = 0.1f},
                                          Sgd{.weight_decay = 0.1f},
                                          Sgd{.nesterov = true},
                                          Sgd{.momentum = 0.0f},
                                          AdamW{}};

}  // namespace

TEST_CASE("optimisers follow their definitions") {
    check_against_plain(RmsProp{.weight_decay = 0.1f}, 1);
    check_against_plain(RmsProp{.decay = 0.99f, .momentum = 0.0f, .epsilon = 1e-6f, .weight_decay = 0.03f}, 2);
    check_against_plain(Sgd{.weight_decay = 0.1f}, 3);
    check_against_plain(Sgd{.nesterov = true, .weight_decay = 0.1f}, 4);
    check_against_plain(Sgd{.momentum = 0.0f, .weight_decay = 0.1f}, 5);
    check_against_plain(AdamW{.weight_decay = 0.3f}, 6);
}

TEST_CASE("the first steps by hand") {
    // One granule; weight 1, gradient 2, rate 0.1.
    const ParameterSegment segment{0, 8};
    const ParameterLayout layout = *ParameterLayout::create({&segment, 1}, 8);
    SerialExecutor serial;
    const auto after = [&](const OptimiserSettings& settings, int steps) {
        Optimiser optimiser = *Optimiser::create(settings, layout);
        std::vector<float> weights(8, 1.0f);
        const std::vector<float> gradients(8, 2.0f);
        for (int i = 0; i < steps; ++i)
            REQUIRE(optimiser.step(weights, gradients, {.learning_rate = 0.1}, serial).has_value());
        return static_cast<double>(weights[7]);
    };
    // Mean square 0.9 * 1 + 0.1 * 4 = 1.3, then 1.57.
    const double first = 0.1 * 2 / std::sqrt(1.3 + 0.25), second = 0.9 * first + 0.1 * 2 / std::sqrt(1.57 + 0.25);
    const RmsProp rmsprop{.epsilon = 0.25f, .weight_decay = 0.0f};
    CHECK(after(rmsprop, 1) == doctest::Approx(1.0 - first).epsilon(1e-6));
    CHECK(after(rmsprop, 2) == doctest::Approx(1.0 - first - second).epsilon(1e-6));
    // The buffer is 2, then 3.8; Nesterov steps by 2 + 0.9 * 2 and 2 + 0.9 * 3.8.
    CHECK(after(Sgd{}, 2) == doctest::Approx(1.0 - 0.2 - 0.38).epsilon(1e-6));
    CHECK(after(Sgd{.nesterov = true}, 2) == doctest::Approx(1.0 - 0.38 - 0.542).epsilon(1e-6));
    // Adam's first steps are the rate, whatever the gradient; the weight shrinks by 0.1 * 0.5 before.
    CHECK(after(AdamW{.weight_decay = 0.5f}, 1) == doctest::Approx(0.95 - 0.1).epsilon(1e-6));
    CHECK(after(AdamW{.weight_decay = 0.5f}, 2) == doctest::Approx(0.85 * 0.95 - 0.1).epsilon(1e-6));
}

TEST_CASE("frozen segments, padding and gaps are left alone") {
    for (const OptimiserSettings& settings : all_settings) {
        const Arrays before(7);
        Arrays after = before;
        SerialExecutor serial;
        Optimiser optimiser = run(settings, after, serial);
        CHECK(untouched(before, after));
        CHECK(padding_is_zero(before, after.weights));
        CHECK(padding_is_zero(before, after.average));
        for (std::size_t i = 0; i < 32; ++i) CHECK(std::isnan(after.weights[i]));
    }
}

TEST_CASE("the bits do not depend on the number of threads") {
    for (const OptimiserSettings& settings : all_settings)
        for (const ClipKind kind : {ClipKind::none, ClipKind::global_norm, ClipKind::tensors_then_global}) {
            const Clip clip{kind, 0.7};
            Arrays expected(8, 4);
            SerialExecutor serial;
            run(settings, expected, serial, true, clip);
            for (const int threads : {1, 2, 5}) {
                Arrays found(8, 4);
                ThreadsExecutor executor(threads);
                run(settings, found, executor, true, clip);
                CHECK(same_bits(found.weights, expected.weights));
                CHECK(same_bits(found.average, expected.average));
            }
        }
}

TEST_CASE("the average in the optimiser's pass is the one of update_ema") {
    Arrays fused(9, 5), apart = fused;
    SerialExecutor serial;
    run(RmsProp{}, fused, serial);
    Optimiser optimiser = *Optimiser::create(RmsProp{}, apart.layout());
    for (std::size_t i = 0; i < 5; ++i) {
        const StepSettings step{.learning_rate = rate_of(i), .scale = {.factor = 0.5f}};
        REQUIRE(optimiser.step(apart.weights, apart.gradients[i], step, serial).has_value());
        REQUIRE(update_ema(apart.average, apart.weights, Ema{}.at(i + 1), serial).has_value());
    }
    CHECK(same_bits(fused.weights, apart.weights));
    for (const ParameterSegment& segment : apart.segments)
        CHECK(std::memcmp(&fused.average[segment.first], &apart.average[segment.first], 4 * segment.count) == 0);
}

TEST_CASE("statistics in frozen segments are averaged") {
    const ParameterSegment segment{0, 16, false, false};
    const ParameterLayout layout = *ParameterLayout::create({&segment, 1}, 16);
    Optimiser optimiser = *Optimiser::create(Sgd{}, layout);
    std::vector<float> weights(16, 3.0f), average(16, 1.0f);
    const std::vector<float> gradients(16, 1.0f);
    SerialExecutor serial;
    const StepSettings step{.learning_rate = 0.1, .average = average, .average_decay = 0.75};
    REQUIRE(optimiser.step(weights, gradients, step, serial).has_value());
    CHECK(weights == std::vector<float>(16, 3.0f));
    CHECK(average == std::vector<float>(16, 1.5f));
}

TEST_CASE("a run goes on from its state as if it had not stopped") {
    for (const OptimiserSettings& settings : all_settings) {
        Arrays whole(10, 8), first(10, 8), second(10, 8);
        SerialExecutor serial;
        run(settings, whole, serial, false);
        first.gradients.resize(3);
        Optimiser stopped = run(settings, first, serial, false);
        Optimiser resumed = *Optimiser::create(settings, first.layout());
        const std::vector<OptimiserState> from = stopped.states(), to = resumed.states();
        REQUIRE(from.size() == to.size());
        for (std::size_t i = 0; i < from.size(); ++i) {
            CHECK(from[i].name == to[i].name);
            std::copy(from[i].values.begin(), from[i].values.end(), to[i].values.begin());
        }
        resumed.set_steps(stopped.steps());
        second.weights = first.weights;
        for (std::size_t i = 3; i < 8; ++i) {
            const StepSettings step{.learning_rate = rate_of(i), .scale = {.factor = 0.5f}};
            REQUIRE(resumed.step(second.weights, second.gradients[i], step, serial).has_value());
        }
        CHECK(same_bits(second.weights, whole.weights));
    }
}

TEST_CASE("states are named, and there are no more than are needed") {
    const Arrays arrays(11, 1);
    const auto names = [&](const OptimiserSettings& settings) {
        std::string all;
        for (const OptimiserState& state : Optimiser::create(settings, arrays.layout())->states()) {
            CHECK(state.values.size() == arrays.weights.size());
            all.append(state.name).append(" ");
        }
        return all;
    };
    CHECK(names(RmsProp{}) == "rmsprop.mean_square rmsprop.momentum ");
    CHECK(names(RmsProp{.momentum = 0.0f}) == "rmsprop.mean_square ");
    CHECK(names(Sgd{}) == "sgd.momentum ");
    CHECK(names(Sgd{.momentum = 0.0f}) == "");
    CHECK(names(AdamW{}) == "adamw.mean adamw.mean_square ");
}

TEST_CASE("the mean square of padding never becomes denormal") {
    const ParameterSegment segment{0, 8};
    Optimiser optimiser = *Optimiser::create(RmsProp{}, *ParameterLayout::create({&segment, 1}, 8));
    std::vector<float> weights(8, 0.0f);
    const std::vector<float> gradients(8, 0.0f);
    SerialExecutor serial;
    for (int i = 0; i < 1200; ++i)
        REQUIRE(optimiser.step(weights, gradients, {.learning_rate = 1.0}, serial).has_value());
    CHECK(std::fpclassify(optimiser.states()[0].values[0]) == FP_NORMAL);
    CHECK(weights == gradients);
}

TEST_CASE("settings outside their ranges are refused") {
    const ParameterLayout layout = *ParameterLayout::create({}, 0);
    const auto refusal = [&](const OptimiserSettings& settings) {
        const Result<Optimiser> made = Optimiser::create(settings, layout);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code == ErrorCode::argument);
        return made.error().message;
    };
    CHECK(refusal(RmsProp{.decay = 1.0f}) == "RMSProp: decay is 1.000000, expected at least 0 and below 1");
    CHECK(refusal(RmsProp{.momentum = -0.5f}) == "RMSProp: momentum is -0.500000, expected at least 0 and below 1");
    CHECK(refusal(RmsProp{.epsilon = 0.0f}) == "RMSProp: epsilon is 0.000000, expected above 0");
    CHECK(refusal(Sgd{.momentum = 0.0f, .nesterov = true}) ==
          "SGD: momentum is 0.000000, expected above 0 and below 1");
    CHECK(refusal(Sgd{.weight_decay = -1.0f}) == "SGD: weight decay is -1.000000, expected at least 0");
    CHECK(refusal(AdamW{.beta2 = 2.0f}) == "AdamW: beta2 is 2.000000, expected at least 0 and below 1");
    CHECK(refusal(AdamW{.beta1 = std::numeric_limits<float>::quiet_NaN()}).find("expected") != std::string::npos);
    CHECK(Optimiser::create(Sgd{}, layout).has_value());
}

TEST_CASE("a step with the wrong arrays changes nothing") {
    const ParameterSegment segment{0, 16};
    Optimiser optimiser = *Optimiser::create(RmsProp{}, *ParameterLayout::create({&segment, 1}, 16));
    std::vector<float> weights(16, 1.0f), few(8, 1.0f);
    const std::vector<float> gradients(16, 1.0f);
    SerialExecutor serial;
    const auto refusal = [&](std::span<float> w, std::span<const float> g, const StepSettings& step) {
        const Status status = optimiser.step(w, g, step, serial);
        REQUIRE_FALSE(status.has_value());
        return status.error().message;
    };
    CHECK(refusal(few, gradients, {}) == "optimiser: 8 weights, expected 16");
    CHECK(refusal(weights, few, {}) == "optimiser: 8 gradients, expected 16");
    CHECK(refusal(weights, gradients, {.average = few}) == "optimiser: 8 floats in the moving average, expected 16");
    CHECK(refusal(weights, gradients, {.scale = {.clip_each = few}}) == "optimiser: 8 clipping factors, expected 1");
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(refusal(weights, gradients, {.learning_rate = infinity}) ==
          "optimiser: the learning rate is not a finite number");
    CHECK(optimiser.steps() == 0);
    CHECK(weights == std::vector<float>(16, 1.0f));
}

TEST_CASE("segments that do not fit an array are refused") {
    const auto refusal = [](std::vector<ParameterSegment> segments, std::size_t length) {
        const auto made = ParameterLayout::create(segments, length);
        REQUIRE_FALSE(made.has_value());
        return made.error().message;
    };
    CHECK(refusal({{0, 16}, {8, 8}}, 64) == "parameter segment 1 begins at 8, expected a multiple of 16");
    CHECK(refusal({{0, 12}}, 64) == "parameter segment 0 has a length of 12, expected a multiple of 8 above 0");
    CHECK(refusal({{0, 0}}, 64) == "parameter segment 0 has a length of 0, expected a multiple of 8 above 0");
    CHECK(refusal({{0, 24}, {16, 8}}, 64) == "parameter segment 1 begins at 16, expected at least 24");
    CHECK(refusal({{0, 16}, {48, 24}}, 64) == "parameter segment 1 ends at 72, expected at most 64");
    CHECK(refusal({{80, 8}}, 64) == "parameter segment 0 ends at 88, expected at most 64");
}

TEST_CASE("pieces cover every segment once, in order") {
    const Arrays arrays(12, 1);
    const ParameterLayout layout = arrays.layout();
    std::size_t segment = 0, at = arrays.segments[0].first;
    for (const Piece& piece : layout.pieces()) {
        if (piece.segment != segment) {
            CHECK(at == arrays.segments[segment].first + arrays.segments[segment].count);
            at = arrays.segments[++segment].first;
        }
        CHECK(piece.segment == segment);
        CHECK(piece.first == at);
        CHECK(piece.count <= static_cast<int>(ParameterLayout::piece_floats));
        at += static_cast<std::size_t>(piece.count);
    }
    CHECK(segment + 1 == arrays.segments.size());
    std::vector<std::atomic<int>> visits(layout.pieces().size());
    ThreadsExecutor executor(3);
    layout.for_each_piece(executor, [&](const Piece& piece, std::size_t i) {
        if (&piece == &layout.pieces()[i]) ++visits[i];
    });
    for (const auto& count : visits) CHECK(count == 1);
}
