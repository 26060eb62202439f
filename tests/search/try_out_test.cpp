// Training a candidate, and timing its steps.
#include "effv2/search/try_out.hpp"

#include <doctest/doctest.h>

#include "common/training_instances.hpp"
#include "effv2/parallel/tbb.hpp"
#include "effv2/search/step_time.hpp"
#include "search/networks.hpp"
#include "training/sets.hpp"

using namespace effv2;
using namespace effv2::search;
using effv2::tests::small_backbone;

namespace {

training::RunSettings settings_of(std::uint64_t steps) {
    training::RunSettings settings;
    settings.steps = steps;
    settings.batch = 24;
    settings.schedule.stages[0] = {.size = 24};
    settings.optimiser = training::AdamW{};
    settings.learning_rate = {.peak = 0.01};
    settings.average = {.decay = 0.9};
    settings.stochastic_depth = 0.0;
    return settings;
}

TEST_CASE("a candidate learns, and the same again with other threads") {
    const auto pictures = tests::coloured_squares(96, 24, 1), held_out = tests::coloured_squares(60, 24, 2);
    TbbExecutor two(2);
    SerialExecutor one;
    std::vector<training::Evaluation> found;
    for (Executor* const executor : {static_cast<Executor*>(&two), static_cast<Executor*>(&one)}) {
        std::uint64_t steps = 0;
        auto judged = try_out(small_backbone, settings_of(40), tests::squares_recipe, pictures, held_out, *executor,
                              [&](const training::StepReport& report) { return report.step == steps++; });
        REQUIRE(judged.value());
        CHECK(steps == 40);
        found.push_back(**judged);
    }
    CHECK(found[0].top1() > 0.9);
    CHECK(found[0].pictures == 60);
    CHECK(found[0].loss == found[1].loss);
}

TEST_CASE("a trial that is to end, ends") {
    const auto pictures = tests::coloured_squares(48, 24, 1);
    SerialExecutor executor;
    int steps = 0;
    auto judged = try_out(small_backbone, settings_of(40), tests::squares_recipe, pictures, pictures, executor,
                          [&](const training::StepReport&) { return ++steps < 3; });
    CHECK(!judged.value());
    CHECK(steps == 3);
}

TEST_CASE("training that diverges is an error") {
    const auto pictures = tests::coloured_squares(48, 24, 1);
    SerialExecutor executor;
    training::RunSettings wild = settings_of(40);
    wild.optimiser = training::Sgd{};
    wild.learning_rate.peak = 9e8;
    auto judged = try_out(small_backbone, wild, tests::squares_recipe, pictures, pictures, executor,
                          [](const training::StepReport&) { return true; });
    REQUIRE(!judged);
    INFO(judged.error().message);
    CHECK(judged.error().message.find("not finite") != std::string::npos);
}

TEST_CASE("steps take as long beside themselves, and longer with more to do") {
    SerialExecutor executor;
    const training::RunSettings settings = settings_of(1);
    Architecture deep = small_backbone;
    deep.stages[1].repeats = 20;
    const StepTimes same = compare_steps(small_backbone, small_backbone, settings, executor, 5, 5.0).value();
    const StepTimes slow = compare_steps(deep, small_backbone, settings, executor, 5, 5.0).value();
    CHECK(same.ratio > 0.5);
    CHECK(same.ratio < 2.0);
    CHECK(slow.ratio > 2.5);
    CHECK(slow.candidate_ms > slow.reference_ms);
}

TEST_CASE("steps that cannot be timed") {
    SerialExecutor executor;
    training::RunSettings settings = settings_of(1);
    settings.schedule = {};
    CHECK(!compare_steps(small_backbone, small_backbone, settings, executor));
    settings = settings_of(1);
    CHECK(compare_steps(Architecture{}, small_backbone, settings, executor).error().message ==
          "an architecture needs at least one stage");
    settings.batch = 0;
    CHECK(!compare_steps(small_backbone, small_backbone, settings, executor));
}

}  // namespace
