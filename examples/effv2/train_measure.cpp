#include "train_measure.hpp"

#include <chrono>
#include <cstdio>

#include "common/training_instances.hpp"

namespace cli {

using effv2::Result;
using effv2::Status;
using namespace effv2::training;

namespace {

using Clock = std::chrono::steady_clock;

// Pictures a second of what `make_batch` does with one batch, after a first one that warms up; `make_batch` may fail.
template <class MakeBatch>
Result<double> rate(int batch, MakeBatch make_batch) {
    constexpr double wanted = 1.5;  // seconds
    if (Status first = make_batch(); !first) return first.error();
    const Clock::time_point start = Clock::now();
    double seconds = 0.0;
    int batches = 0;
    while (seconds < wanted || batches < 2) {
        if (Status made = make_batch(); !made) return made.error();
        ++batches;
        seconds = std::chrono::duration<double>(Clock::now() - start).count();
    }
    return batch * batches / seconds;
}

// The settings of a run that has this stage only.
RunSettings only(const RunSettings& settings, int stage) {
    RunSettings one = settings;
    one.schedule = {};
    one.schedule.stages[0] = settings.schedule.stages[stage];
    one.steps = UINT64_MAX / 4;
    if (one.learning_rate.shape == LearningRateShape::cosine) one.learning_rate.total_steps = one.steps;
    return one;
}

struct Bench {
    const TrainJob& job;

    Result<double> whole_steps(int stage) const {
        const RunSettings run_settings = only(job.settings.run, stage);
        const auto first = first_weights(job);
        auto run =
            TrainingRun<>::make(job.settings.architecture, run_settings, job.pictures, job.settings.recipe, *first);
        if (!run) return run.error();
        return rate(run_settings.batch, [&]() -> Status {
            const Result<StepReport> report = run->step(job.executor);
            return report ? Status(std::monostate{}) : report.error();
        });
    }

    // Preparation of pictures, and the network's passes with the last batch of them.
    Status parts(int stage, double& pictures, double& network) const {
        const RunSettings& run = job.settings.run;
        const ProgressiveStage& values = run.schedule.stages[stage];
        const data::Strengths strengths = stage_strengths(run, stage);
        auto batches = data::TrainingBatches::make(job.pictures, job.settings.recipe, run.seed);
        if (!batches) return batches.error();
        const auto batch = static_cast<std::size_t>(run.batch), side = static_cast<std::size_t>(values.size);
        std::vector<float> inputs(batch * 3 * side * side);
        std::vector<float> labels(batch * static_cast<std::size_t>(job.pictures.classes()));
        data::Position position;
        const Result<double> filled = rate(run.batch, [&]() -> Status {
            const auto next = batches->fill(job.executor, position, batch, strengths, inputs, labels);
            if (!next) return next.error();
            position = *next;
            return std::monostate{};
        });
        if (!filled) return filled.error();
        pictures = *filled;

        const ParameterTable table(job.settings.architecture);
        effv2::Buffer weights(table.floats()), gradients(table.floats());
        auto net = TrainingNetwork<>::make(table, {values.size, values.size}, run.batch, job.executor.threads(),
                                           run.keep, run.convolutions);
        if (!net) return net.error();
        if (weights.empty() || gradients.empty())
            return effv2::Error{effv2::ErrorCode::argument, "not enough memory for the network's parameters"};
        load_parameters(table, *first_weights(job), weights.data());
        const PassSettings pass = stage_pass(run, stage, 0);
        const Result<double> passed = rate(run.batch, [&]() -> Status {
            net->step(job.executor, pass, inputs, labels, {weights.data(), weights.size()},
                      {gradients.data(), gradients.size()});
            return std::monostate{};
        });
        if (!passed) return passed.error();
        network = *passed;
        return std::monostate{};
    }
};

}  // namespace

Status measure(const TrainJob& job) {
    const Bench bench{job};
    const RunSettings& run = job.settings.run;
    std::printf("images/s    size  pictures alone  network alone  whole steps\n");
    for (int stage = 0; stage < run.schedule.stage_count(); ++stage) {
        double pictures = 0.0, network = 0.0;
        if (Status measured = bench.parts(stage, pictures, network); !measured) return measured;
        const Result<double> whole = bench.whole_steps(stage);
        if (!whole) return whole.error();
        std::printf("stage %2d  %6d  %14.1f  %13.1f  %11.1f\n", stage + 1, run.schedule.stages[stage].size, pictures,
                    network, *whole);
        std::fflush(stdout);
    }
    return std::monostate{};
}

}  // namespace cli
