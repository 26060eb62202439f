// error: effv2: Winograd's tiles must have 6 or 7 outputs along each axis
#include "effv2/network/model.hpp"

using namespace effv2;

#ifdef SOUND
constexpr Architecture mine = variants::b0.with_winograd_tile(6);
#else
constexpr Architecture mine = variants::b0.with_winograd_tile(8);
#endif

constexpr auto parameters_of_mine = Model<mine>::parameters;
