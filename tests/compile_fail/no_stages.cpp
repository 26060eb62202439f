// error: effv2: an architecture needs at least one stage
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16)}};
#else
constexpr Architecture mine{.stem = 16, .stages = {fused(0, 1, 1, 16)}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
