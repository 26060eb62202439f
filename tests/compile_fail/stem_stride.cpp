// error: effv2: the stem's stride must be 1 or 2
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stem_stride = 1, .stages = {fused(1, 1, 1, 16)}};
#else
constexpr Architecture mine{.stem = 16, .stem_stride = 4, .stages = {fused(1, 1, 1, 16)}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
