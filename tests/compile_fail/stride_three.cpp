// error: effv2: a stage's stride must be 1 or 2
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 2, 1, 16)}};
#else
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 3, 1, 16)}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
