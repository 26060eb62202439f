// error: effv2: a Fused-MBConv stage has no squeeze-excite
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {Stage{BlockKind::mbconv, 1, 3, 1, 4, 16, 4}}};
#else
constexpr Architecture mine{.stem = 16, .stages = {Stage{BlockKind::fused, 1, 3, 1, 4, 16, 4}}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
