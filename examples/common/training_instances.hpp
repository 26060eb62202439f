// The training pass takes a compiler longer still than the forward pass (instances.hpp). It is compiled once, in
// training_instances.cpp.
#pragma once

#include "effv2/training/trainer.hpp"

namespace effv2::training {

extern template class TrainingNetwork<simd::NativeArch>;
extern template class TrainingRun<simd::NativeArch>;

}  // namespace effv2::training
