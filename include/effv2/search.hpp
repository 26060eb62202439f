// The one door for architecture search: spaces, what to try next, what it is worth. Training is part of it.
#pragma once

#include "effv2/search/proposal.hpp"
#include "effv2/search/step_time.hpp"
#include "effv2/search/try_out.hpp"
#include "effv2/training.hpp"
#include "effv2/training/data/split.hpp"
