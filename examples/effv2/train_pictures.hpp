// The pictures of a training run or a search: where they are, and what makes them unfit.
#pragma once

#include <optional>

#include "common/dataset.hpp"
#include "train_options.hpp"
#include "train_start.hpp"

namespace cli {

// Fails where there is nothing at --data, and where --output would be one of its classes.
effv2::Status check_places(const TrainOptions& options);

// The pictures to train on, of at least two classes, whose names can stand in weights and log.
effv2::Result<examples::TrainingSet> load_training(const TrainOptions& options, const TrainStart& start,
                                                   effv2::Executor& executor);

// The pictures to evaluate on, reduced as effv2 eval would reduce them; none where there are none.
effv2::Result<std::optional<effv2::training::data::Pictures>> load_test(const TrainOptions& options,
                                                                        const examples::TrainingSet& set, int size,
                                                                        effv2::Executor& executor);

}  // namespace cli
