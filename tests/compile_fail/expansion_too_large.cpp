// error: effv2: a stage's expansion must be 1 to 8
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {mbconv(1, 1, 6, 16)}};
#else
constexpr Architecture mine{.stem = 16, .stages = {mbconv(1, 1, 9, 16)}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
