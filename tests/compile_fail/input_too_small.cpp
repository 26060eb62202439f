// error: effv2: height and width of the input must be 8 to 8192 pixels
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16)}, .input = {8, 64}};
#else
constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 1, 16)}, .input = {7, 64}};
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
