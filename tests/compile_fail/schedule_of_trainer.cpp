// error: effv2: dropout must be at least 0 and below 1
#include "effv2/architecture/variants.hpp"
#include "effv2/training.hpp"

using namespace effv2;
using namespace effv2::training;

#ifdef SOUND
constexpr ProgressiveSchedule mine{{{.size = 64, .dropout = 0.1}, {.size = 96, .dropout = 0.9}}};
#else
constexpr ProgressiveSchedule mine{{{.size = 64, .dropout = 0.1}, {.size = 96, .dropout = 1.0}}};
#endif

constexpr int stages_of_mine = Trainer<variants::b0, mine>::stages;
