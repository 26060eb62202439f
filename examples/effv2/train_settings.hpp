// From the command line, the network and the pictures to all settings of a training run: what was said, and the
// defaults for what was not.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "common/dataset.hpp"
#include "effv2/training/trainer.hpp"
#include "train_options.hpp"
#include "train_start.hpp"

namespace cli {

// All that decides a run's weights, and the evaluations beside it.
struct TrainSettings {
    effv2::Architecture architecture;  // with the pictures' classes, at the size of evaluations
    effv2::training::RunSettings run;
    effv2::Recipe recipe;           // at the size of evaluations
    bool whitens = false;           // the stem's first weights are made from the pictures
    std::uint64_t pictures = 0;     // of an epoch
    int evaluate_every = 0;         // epochs
    double checkpoint_every = 0.0;  // seconds
};

// A run, ready to begin.
struct TrainJob {
    const TrainSettings& settings;
    const TrainStart& start;
    const effv2::training::data::Pictures& pictures;
    const std::optional<effv2::training::data::Pictures>& test;
    effv2::Executor& executor;
};

// The largest size that the network may be given, in pixels a side: known before the pictures are read.
int largest_side(const TrainOptions& options, const TrainStart& start);

// Fails with ErrorCode::argument where options contradict each other.
effv2::Result<TrainSettings> make_settings(const TrainOptions& options, const TrainStart& start,
                                           const examples::TrainingSet& set);

// The first weights: drawn, with or without a whitened stem, or the file's, but for a classifier of other classes.
std::shared_ptr<const effv2::WeightSource> first_weights(const TrainJob& job);

// What decides the run's weights, for the log and for those who want to go on with the run.
nlohmann::ordered_json describe_settings(const TrainOptions& options, const TrainStart& start,
                                         const effv2::training::data::Pictures& pictures,
                                         const TrainSettings& settings);

}  // namespace cli
