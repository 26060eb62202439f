// The one door for training: runs over sets of pictures, their schedules and evaluation. Inference needs none of it.
#pragma once

#include "effv2/training/data/cifar.hpp"
#include "effv2/training/data/class_names.hpp"
#include "effv2/training/data/idx.hpp"
#include "effv2/training/evaluate.hpp"
#include "effv2/training/folded_norms.hpp"
#include "effv2/training/optimise/progressive_presets.hpp"
#include "effv2/training/trainer.hpp"
#include "effv2/training/whitened_stem.hpp"
