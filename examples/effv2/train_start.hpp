// What a training run starts from: an architecture, and its first weights, drawn by chance or read from a file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "effv2/architecture/descriptor.hpp"
#include "effv2/error.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/weights/scheme.hpp"
#include "effv2/weights/source.hpp"
#include "train_options.hpp"

namespace cli {

struct TrainStart {
    std::string variant;                              // empty for an architecture of one's own
    effv2::Architecture architecture;                 // with the file's classes, if there is a file
    effv2::Scheme scheme;                             // of the file, and of those that the run writes
    std::optional<effv2::Recipe> recipe;              // of the file
    std::shared_ptr<const effv2::WeightSource> file;  // nullptr: weights are drawn
    std::string checksum;                             // of the file
};

// Fails where --variant, --architecture and --from contradict each other, and where the file is not sound.
effv2::Result<TrainStart> choose_start(const TrainOptions& options);

}  // namespace cli
