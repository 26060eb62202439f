#include "common/training_instances.hpp"

namespace effv2::training {

template class TrainingNetwork<simd::NativeArch>;
template class TrainingRun<simd::NativeArch>;

}  // namespace effv2::training
