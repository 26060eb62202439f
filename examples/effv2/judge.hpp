// Evaluation of weights that are not packed yet.
#pragma once

#include "effv2/training/evaluate.hpp"
#include "effv2/weights/source.hpp"

namespace cli {

// Fails where evaluate() does, and for want of memory.
effv2::Result<effv2::training::Evaluation> judge(const effv2::Architecture& architecture,
                                                 const effv2::WeightSource& weights,
                                                 const effv2::training::data::Pictures& pictures,
                                                 const effv2::Recipe& recipe, effv2::Executor& executor);

}  // namespace cli
