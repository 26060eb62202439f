// error: effv2: a stage needs 1 to 1000 blocks
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr int blocks = 3;
#else
constexpr int blocks = 2000000000;
#endif
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16), fused(blocks, 1, 1, 16)}};

constexpr auto parameters_of_mine = Model<mine>::parameters;
