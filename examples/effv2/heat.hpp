// Draws a map of numbers over a picture, as heat.
#pragma once

#include <span>

#include "effv2/architecture/descriptor.hpp"
#include "effv2/image/area.hpp"
#include "effv2/image/pixels.hpp"

namespace cli {

// The picture in grey, with `map`, (height, width) of `size`, as colours over `area` of it: the lowest value leaves the
// grey alone, the highest is a pale yellow. The map is interpolated between the middles of its pixels.
effv2::Image draw_heat(const effv2::Image& picture, std::span<const float> map, effv2::Extent size,
                       const effv2::Area& area);

}  // namespace cli
