// How long a training step of one architecture takes beside that of another. Both are measured in turns, so that what
// else the machine does weighs on both alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "effv2/training/trainer.hpp"

namespace effv2::search {

struct StepTimes {
    double candidate_ms = 0.0, reference_ms = 0.0;  // medians
    double ratio = 0.0;                             // median of the turns' ratios
};

// Steps of an architecture with fresh weights on pictures of noise.
template <class Arch = simd::NativeArch>
class StepClock {
public:
    // At the size of the schedule's last stage.
    //
    // Fails with ErrorCode::argument for an unsound architecture, and where the network, its optimiser or its memory
    // cannot be had.
    static Result<StepClock> make(const Architecture& a, const training::RunSettings& settings, int threads) {
        using namespace training;
        if (const Problem problem = find_problem(a); problem.flaw != Flaw::none)
            return Error{ErrorCode::argument, explain(problem)};
        const int stages = settings.schedule.stage_count();
        const int size = stages > 0 ? settings.schedule.stages[stages - 1].size : 0;
        auto table = std::make_unique<ParameterTable>(a);
        const Result<ParameterLayout> layout =
            ParameterLayout::create(make_segments(*table, settings), table->floats());
        if (!layout) return layout.error();
        Result<Optimiser> optimiser = Optimiser::create(settings.optimiser, *layout);
        if (!optimiser) return optimiser.error();
        Result<TrainingNetwork<Arch>> network = TrainingNetwork<Arch>::make(
            *table, {size, size}, settings.batch, threads, settings.keep, settings.convolutions);
        if (!network) return network.error();
        StepClock clock(std::move(table), std::move(*network), std::move(*optimiser),
                        stage_pass(settings, stages - 1, 0));
        if (clock.values_.empty() || clock.gradients_.empty())
            return Error{ErrorCode::argument, "not enough memory for the network's parameters"};
        load_parameters<Arch>(*clock.table_, InitialValues{settings.seed}, clock.values_.data());
        return clock;
    }

    // Milliseconds of a step, forward, backward and of the optimiser: the mean of `steps`.
    Result<double> time(Executor& executor, int steps) {
        using Clock = std::chrono::steady_clock;
        const std::span<float> values(values_.data(), values_.size()), gradients(gradients_.data(), gradients_.size());
        const Clock::time_point start = Clock::now();
        for (int i = 0; i < steps; ++i) {
            Status done = std::monostate{};
            executor.gather([&](Executor& team) {
                network_.step(team, pass_, pictures_, labels_, values, gradients);
                // So small that the weights, and with them the arithmetic, stay what they are.
                done = optimiser_.step<Arch>(values, gradients, {.learning_rate = 1e-9}, team);
            });
            if (!done) return done.error();
        }
        return std::chrono::duration<double, std::milli>(Clock::now() - start).count() / steps;
    }

private:
    StepClock(std::unique_ptr<training::ParameterTable> table, training::TrainingNetwork<Arch> network,
              training::Optimiser optimiser, const training::PassSettings& pass)
        : table_(std::move(table)),
          network_(std::move(network)),
          optimiser_(std::move(optimiser)),
          pass_(pass),
          values_(table_->floats()),
          gradients_(table_->floats()) {
        const auto batch = static_cast<std::size_t>(network_.batch());
        const auto classes = static_cast<std::size_t>(table_->architecture().classes);
        pictures_.resize(batch * 3 * static_cast<std::size_t>(network_.input().pixels()));
        labels_.resize(batch * classes);
        training::data::Random random(0, 0, 0, training::data::Purpose::search);
        for (float& value : pictures_) value = static_cast<float>(random.uniform(-1.7, 1.7));
        for (std::size_t i = 0; i < batch; ++i) labels_[i * classes + i % classes] = 1.0f;
    }

    std::unique_ptr<training::ParameterTable> table_;  // at one address, for those that refer to it
    training::TrainingNetwork<Arch> network_;
    training::Optimiser optimiser_;
    training::PassSettings pass_;
    Buffer values_, gradients_;
    std::vector<float> pictures_, labels_;
};

// Steps of both in turns, `turns` of each, every turn of enough steps that it takes about `turn_ms`. Preparation of
// pictures is left out: augmentation costs all candidates the same.
//
// Fails where StepClock::make() does.
template <class Arch = simd::NativeArch>
Result<StepTimes> compare_steps(const Architecture& candidate, const Architecture& reference,
                                const training::RunSettings& settings, Executor& executor, int turns = 9,
                                double turn_ms = 30.0) {
    Result<StepClock<Arch>> clocks[] = {StepClock<Arch>::make(candidate, settings, executor.threads()),
                                        StepClock<Arch>::make(reference, settings, executor.threads())};
    int steps[2]{};
    for (int i = 0; i < 2; ++i) {
        if (!clocks[i]) return clocks[i].error();
        double once = 0.0;
        for (int k = 0; k < 2; ++k) {  // the first touches the memory
            const Result<double> warm = clocks[i]->time(executor, 1);
            if (!warm) return warm.error();
            once = *warm;
        }
        steps[i] = std::clamp(static_cast<int>(turn_ms / std::max(once, 1e-3)), 1, 1000);
    }
    std::vector<double> times[2], ratios;
    for (int turn = 0; turn < turns; ++turn) {
        for (const int i : {turn % 2, 1 - turn % 2}) {  // who is first, changes
            const Result<double> found = clocks[i]->time(executor, steps[i]);
            if (!found) return found.error();
            times[i].push_back(*found);
        }
        ratios.push_back(times[0].back() / times[1].back());
    }
    const auto median = [](std::vector<double>& of) {
        const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
        std::nth_element(of.begin(), middle, of.end());
        return *middle;
    };
    return StepTimes{median(times[0]), median(times[1]), median(ratios)};
}

}  // namespace effv2::search
