// error: effv2: images of a stage must be 8 to 8192 pixels a side
#include "effv2/training/optimise/progressive_check.hpp"

using namespace effv2::training;

#ifdef SOUND
constexpr ProgressiveSchedule mine{{{.size = 96}, {.size = 128}}};
#else
constexpr ProgressiveSchedule mine{{{.size = 4}, {.size = 128}}};
#endif

static_assert(is_sound_progressive<mine>);
