// Training an architecture for a short while, to see how well it does on pictures that it was not shown.
#pragma once

#include <optional>

#include "effv2/training/evaluate.hpp"
#include "effv2/training/trainer.hpp"

namespace effv2::search {

// Trains `a` from fresh weights by `settings`, and judges its average by `held_out`, prepared by `recipe` at the size
// of the architecture's input. After each step, `go_on(const training::StepReport&)` may end it: then there is no
// judgement.
//
// Fails where TrainingRun::make() and step(), pack_weights(), Network::make() and evaluate() do: also where training
// diverges.
template <class Arch = simd::NativeArch, class GoOn>
Result<std::optional<training::Evaluation>> try_out(const Architecture& a, const training::RunSettings& settings,
                                                    const Recipe& recipe, const training::data::Pictures& pictures,
                                                    const training::data::Pictures& held_out, Executor& executor,
                                                    GoOn go_on) {
    using namespace training;
    const InitialValues start(settings.seed);
    Result<TrainingRun<Arch>> run = TrainingRun<Arch>::make(a, settings, pictures, recipe, start);
    if (!run) return run.error();
    while (!run->finished()) {
        const Result<StepReport> report = run->step(executor);
        if (!report) return report.error();
        if (!go_on(*report)) return std::optional<Evaluation>();
    }
    Result<PackedWeights<Arch>> packed = pack_weights<Arch>(a, run->source());
    if (!packed) return packed.error();
    Result<BasicNetwork<Arch>> network = BasicNetwork<Arch>::make(a, std::move(*packed), executor);
    if (!network) return network.error();
    const Result<Evaluation> found = evaluate(*network, held_out, recipe, executor);
    if (!found) return found.error();
    return std::optional(*found);
}

}  // namespace effv2::search
