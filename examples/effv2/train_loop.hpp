// The steps of a training run, with its log, evaluations and checkpoints.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "train_folder.hpp"
#include "train_settings.hpp"

namespace cli {

enum class Ending {
    finished,  // the weights are written
    stopped,   // a signal came; the checkpoint is written
};

// Begins the run, or takes it up where the folder's checkpoint left it, and makes its steps.
//
// However often and wherever a run is killed and taken up again, its weights are the same in the end: all that decides
// them is in the checkpoint or the settings. The log, too, has each step once; `description` is its first line.
effv2::Result<Ending> train(const TrainJob& job, TrainFolder& folder, const nlohmann::ordered_json& description);

}  // namespace cli
