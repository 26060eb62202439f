// The one door for inference: architectures, models, pictures and weights. oneTBB has a door of its own,
// effv2/parallel/tbb.hpp, so that programs without it need not have it.
#pragma once

#include "effv2/architecture/variants.hpp"
#include "effv2/error.hpp"
#include "effv2/image/preprocess.hpp"
#include "effv2/network/class_map.hpp"
#include "effv2/network/model.hpp"
#include "effv2/parallel/executor.hpp"
#include "effv2/weights/load_weights.hpp"
