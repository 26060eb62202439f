// How fast a training run is, and what its speed is made of.
#pragma once

#include "train_settings.hpp"

namespace cli {

// Prints for each stage how many pictures a second are prepared, go through the network's passes, and through whole
// steps. Fails where a run would.
effv2::Status measure(const TrainJob& job);

}  // namespace cli
