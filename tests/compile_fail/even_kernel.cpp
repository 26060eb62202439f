// error: effv2: a stage's kernel must be 3, 5 or 7
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16), fused(1, 2, 4, 32, 5)}};
#else
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16), fused(1, 2, 4, 32, 4)}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
