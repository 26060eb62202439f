#include "effv2/training/optimise/clip.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "effv2/training/optimise/optimiser.hpp"
#include "training/optimise/helpers.hpp"

using namespace effv2;
using namespace effv2::training;
using effv2_test::Arrays;
using effv2_test::ThreadsExecutor;

namespace {

// Norms of the segments of (0.5 * gradient + decay * weight), in double; 0 for frozen ones.
std::vector<double> plain_norms(const Arrays& arrays, double weight_decay) {
    std::vector<double> norms;
    for (const ParameterSegment& segment : arrays.segments) {
        double sum = 0.0;
        for (std::size_t i = segment.first; segment.trainable && i < segment.first + segment.count; ++i) {
            const double decay = segment.decays ? weight_decay : 0.0;
            const double g = 0.5 * double{arrays.gradients[0][i]} + decay * double{arrays.weights[i]};
            sum += g * g;
        }
        norms.push_back(std::sqrt(sum));
    }
    return norms;
}

double norm_of(const std::vector<double>& norms) {
    double sum = 0.0;
    for (const double norm : norms) sum += norm * norm;
    return std::sqrt(sum);
}

Measured measured(const Arrays& arrays, float weight_decay) {
    return {.gradients = arrays.gradients[0], .factor = 0.5f, .weights = arrays.weights, .weight_decay = weight_decay};
}

}  // namespace

TEST_CASE("the norm is that of all trained segments") {
    const Arrays arrays(21, 1);
    SerialExecutor serial;
    for (const float weight_decay : {0.0f, 0.25f}) {
        GradientClip clip(arrays.layout());
        const Result<GradientNorm> norm = clip.measure(measured(arrays, weight_decay), serial);
        REQUIRE(norm.has_value());
        CHECK(norm->is_finite());
        CHECK(norm->norm == doctest::Approx(norm_of(plain_norms(arrays, double{weight_decay}))).epsilon(1e-7));
        CHECK(clip.scale().factor == 0.5f);
        CHECK(clip.scale().clip == 1.0f);
        CHECK(clip.scale().clip_each.empty());
        CHECK(clip.scale().clips_decay == (weight_decay != 0.0f));
        for (const int threads : {2, 5}) {
            ThreadsExecutor executor(threads);
            CHECK(clip.measure(measured(arrays, weight_decay), executor)->norm == norm->norm);
        }
    }
}

TEST_CASE("a global norm is clipped as PyTorch does it") {
    const Arrays arrays(22, 1);
    const double norm = norm_of(plain_norms(arrays, 0.0));
    SerialExecutor serial;
    GradientClip low(arrays.layout(), {ClipKind::global_norm, 3.0});
    REQUIRE(norm > 3.0);
    CHECK(low.measure(measured(arrays, 0.0f), serial)->norm == doctest::Approx(norm).epsilon(1e-7));
    CHECK(double{low.scale().clip} == doctest::Approx(3.0 / (norm + 1e-6)).epsilon(1e-6));
    GradientClip high(arrays.layout(), {ClipKind::global_norm, 1e4});
    REQUIRE(high.measure(measured(arrays, 0.0f), serial).has_value());
    CHECK(high.scale().clip == 1.0f);
}

TEST_CASE("tensors, then all of them, are clipped as google/automl does it") {
    const Arrays arrays(23, 1);
    const double most = 4.0;
    std::vector<double> clipped = plain_norms(arrays, 0.25);
    for (double& norm : clipped) norm = std::min(norm, most);
    const double rest = most / std::max(most, norm_of(clipped));
    REQUIRE(rest < 1.0);
    SerialExecutor serial;
    GradientClip clip(arrays.layout(), {ClipKind::tensors_then_global, most});
    REQUIRE(clip.measure(measured(arrays, 0.25f), serial).has_value());
    const std::vector<double> norms = plain_norms(arrays, 0.25);
    REQUIRE(clip.scale().clip_each.size() == norms.size());
    bool some = false;
    for (std::size_t i = 0; i < norms.size(); ++i) {
        const double own = norms[i] > most ? most / norms[i] : 1.0;
        some |= own < 1.0;
        CHECK(double{clip.scale().clip_of(i)} == doctest::Approx(own * rest).epsilon(1e-6));
    }
    CHECK(some);
    // Moved, it still refers to its own factors.
    const GradientClip moved = std::move(clip);
    CHECK(double{moved.scale().clip_of(5)} == doctest::Approx(most / norms[5] * rest).epsilon(1e-6));
}

TEST_CASE("what is clipped is what the optimiser takes") {
    // Plain descent at rate 1, times the segment's own, changes the weights by the clipped gradient itself, with the
    // decay inside or outside.
    for (const bool with_decay : {false, true}) {
        const Arrays before(24, 1);
        std::vector<float> weights = before.weights;
        SerialExecutor serial;
        Optimiser optimiser = *Optimiser::create(Sgd{.momentum = 0.0f, .weight_decay = 0.25f}, before.layout());
        GradientClip clip(optimiser.layout(), {ClipKind::global_norm, 2.0});
        CHECK(optimiser.coupled_weight_decay() == 0.25f);
        const float inside = with_decay ? optimiser.coupled_weight_decay() : 0.0f;
        REQUIRE(clip.measure(measured(before, inside), serial).has_value());
        REQUIRE(optimiser.step(weights, before.gradients[0], {.learning_rate = 1.0, .scale = clip.scale()}, serial)
                    .has_value());
        double sum = 0.0;
        for (const ParameterSegment& segment : before.segments)
            for (std::size_t i = segment.first; i < segment.first + segment.count; ++i) {
                const double change = (double{before.weights[i]} - double{weights[i]}) / segment.rate;
                const double decay = segment.decays && segment.trainable && !with_decay ? 0.25 : 0.0;
                sum += std::pow(change - decay * double{before.weights[i]}, 2);
            }
        CHECK(std::sqrt(sum) == doctest::Approx(2.0).epsilon(1e-4));
    }
    CHECK(Optimiser::create(AdamW{}, Arrays(24, 1).layout())->coupled_weight_decay() == 0.0f);
}

TEST_CASE("a gradient that is not finite is reported with its segment") {
    SerialExecutor serial;
    for (const float poison : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Arrays arrays(25, 1);
        GradientClip clip(arrays.layout(), {ClipKind::tensors_then_global, 1.0});
        arrays.gradients[0][arrays.segments[3].first] = poison;  // frozen
        CHECK(clip.measure(measured(arrays, 0.0f), serial)->is_finite());
        arrays.gradients[0][arrays.segments[5].first + arrays.segments[5].count - 1] = poison;
        arrays.gradients[0][arrays.segments[2].first + 7] = poison;
        const Result<GradientNorm> norm = clip.measure(measured(arrays, 0.0f), serial);
        REQUIRE(norm.has_value());
        CHECK_FALSE(norm->is_finite());
        CHECK(norm->broken == 2);
        CHECK(norm->error("conv_head.weight", 17).message ==
              "step 17: the gradient of conv_head.weight is not finite: the weights are as the step before left them; "
              "a lower learning rate or clipping may help");
    }
    // Squares that a float could not hold are no reason to stop.
    Arrays arrays(26, 1);
    arrays.gradients[0][arrays.segments[2].first] = 1e30f;
    GradientClip clip(arrays.layout());
    const Result<GradientNorm> norm = clip.measure(measured(arrays, 0.0f), serial);
    CHECK(norm->is_finite());
    CHECK(norm->norm == doctest::Approx(0.5e30).epsilon(1e-6));
}

TEST_CASE("arrays of another length are refused") {
    const Arrays arrays(27, 1);
    const std::vector<float> few(16);
    SerialExecutor serial;
    GradientClip clip(arrays.layout());
    const std::string length = std::to_string(arrays.weights.size());
    const Result<GradientNorm> gradients = clip.measure({.gradients = few}, serial);
    REQUIRE_FALSE(gradients.has_value());
    CHECK(gradients.error().message == "clipping: gradients of 16 floats and weights of 0, expected " + length);
    CHECK_FALSE(
        clip.measure({.gradients = arrays.gradients[0], .weights = few, .weight_decay = 1.0f}, serial).has_value());
}

TEST_CASE("a norm that nothing can be clipped to is refused") {
    CHECK(check(Clip{}).has_value());
    CHECK(check(Clip{ClipKind::none, 0.0}).has_value());
    CHECK(check(Clip{ClipKind::global_norm, 0.5}).has_value());
    CHECK_FALSE(check(Clip{ClipKind::global_norm, std::numeric_limits<double>::infinity()}).has_value());
    CHECK(check(Clip{ClipKind::tensors_then_global, 0.0}).error().message ==
          "clipping: the largest norm is 0.000000, expected above 0");
}
