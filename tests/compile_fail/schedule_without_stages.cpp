// error: effv2: a progressive schedule needs at least one stage
#include "effv2/training/optimise/progressive_check.hpp"

using namespace effv2::training;

#ifdef SOUND
constexpr ProgressiveSchedule mine{{{.size = 64}}};
#else
constexpr ProgressiveSchedule mine{};
#endif

static_assert(is_sound_progressive<mine>);
