// error: effv2: a stage of size 0 ends the list: none may follow it
#include "effv2/training/optimise/progressive_check.hpp"

using namespace effv2::training;

#ifdef SOUND
constexpr ProgressiveSchedule mine{{{.size = 64}, {.size = 96}, {.size = 0}}};
#else
constexpr ProgressiveSchedule mine{{{.size = 64}, {.size = 0}, {.size = 96}}};
#endif

static_assert(is_sound_progressive<mine>);
