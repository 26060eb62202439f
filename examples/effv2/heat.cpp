#include "heat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cli {

namespace {

using Colour = std::array<double, 3>;  // red, green, blue in bytes

// From black over violet, red and orange to pale yellow: the lightness rises evenly, so that more looks like more, in
// print and to colour-blind eyes as well (five colours of matplotlib's inferno).
Colour heat_colour(double heat) {
    constexpr std::array<Colour, 5> stops{{{0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164}}};
    const double at = std::clamp(heat, 0.0, 1.0) * (stops.size() - 1);
    const std::size_t low = std::min(static_cast<std::size_t>(at), stops.size() - 2);
    const double share = at - static_cast<double>(low);
    Colour colour;
    for (std::size_t c = 0; c < 3; ++c) colour[c] = stops[low][c] + share * (stops[low + 1][c] - stops[low][c]);
    return colour;
}

// A place between two of an axis' values: the lower one, and the share of the next.
struct Between {
    std::size_t low;
    double share;
    bool inside;  // of the area
};

// For each pixel of a side of the picture, where it lies on the map's axis of `count` values. Up to half a value from
// the border, the outermost value holds.
std::vector<Between> make_axis(int pixels, double begin, double length, int count) {
    std::vector<Between> axis;
    for (int i = 0; i < pixels; ++i) {
        const double place = (i + 0.5 - begin) / length;
        const double at = std::clamp(place * count - 0.5, 0.0, count - 1.0);
        const std::size_t low =
            std::min(static_cast<std::size_t>(at), static_cast<std::size_t>(std::max(count - 2, 0)));
        axis.push_back({low, at - static_cast<double>(low), place >= 0.0 && place < 1.0});
    }
    return axis;
}

}  // namespace

effv2::Image draw_heat(const effv2::Image& picture, std::span<const float> map, effv2::Extent size,
                       const effv2::Area& area) {
    const auto [lowest, highest] = std::minmax_element(map.begin(), map.end());
    const double floor = *lowest, range = *highest > *lowest ? static_cast<double>(*highest) - floor : 1.0;
    const std::vector<Between> across = make_axis(picture.width, area.left, area.width, size.width);
    const std::vector<Between> down = make_axis(picture.height, area.top, area.height, size.height);
    const auto width = static_cast<std::size_t>(size.width);
    // A map of one row or column has no next one; its share is 0.
    const auto value = [&](std::size_t y, std::size_t x) {
        return (static_cast<double>(map[std::min(y * width + x, map.size() - 1)]) - floor) / range;
    };
    effv2::Image out = picture;
    std::uint8_t* pixel = out.pixels.data();
    for (const Between& y : down)
        for (const Between& x : across) {
            const double upper = value(y.low, x.low) * (1 - x.share) + value(y.low, x.low + 1) * x.share;
            const double lower = value(y.low + 1, x.low) * (1 - x.share) + value(y.low + 1, x.low + 1) * x.share;
            const double heat = x.inside && y.inside ? upper * (1 - y.share) + lower * y.share : 0.0;
            const double grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
            const double opacity = 0.75 * heat;
            const Colour colour = heat_colour(heat);
            for (std::size_t c = 0; c < 3; ++c)
                *pixel++ = static_cast<std::uint8_t>(std::lround(grey * (1 - opacity) + colour[c] * opacity));
        }
    return out;
}

}  // namespace cli
