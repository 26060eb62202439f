// Which of Winograd's tiles fits the maps of an architecture at its input size: a map is covered by whole tiles, so
// that 56 x 56 pixels are 100 tiles of six pixels a side with 64 products each, or 64 of seven with 81 each.
#pragma once

#include <cstdint>

#include "effv2/architecture/layout.hpp"

namespace effv2 {

// Multiplications of all full 3x3 convolutions of stages between Winograd's transforms, with tiles of m outputs a side.
constexpr std::int64_t winograd_products(const Architecture& a, int m) {
    std::int64_t total = 0;
    for_each_block(a.with_convolutions(Convolutions::fast), [&](const Block& b) {
        if (b.winograd == 0) return;
        const WinogradShape tile = winograd_shape(m, b.window.stride);
        const auto tiles = [](int pixels, int of_tile) { return (pixels + of_tile - 1) / of_tile; };
        const Extent map = b.window.output;
        const int taps = b.window.stride == 2 ? 3 : 1;  // along y
        total += std::int64_t{tiles(map.height, tile.outputs.height)} * tiles(map.width, tile.outputs.width) *
                 tile.products * taps * b.in * (b.expands ? b.expanded : b.out);
    });
    return total;
}

// Seven where that saves a twentieth of six's products or more: its transformed weights are a quarter more, and its
// rounding errors 2.7 times as large. Six for an unsound architecture.
constexpr int fitting_winograd_tile(const Architecture& a) {
    if (find_problem(a).flaw != Flaw::none) return 6;
    const std::int64_t six = winograd_products(a, 6), seven = winograd_products(a, 7);
    return seven < six && seven <= six - (six + 19) / 20 ? 7 : 6;
}

// The same network with the tile that fits it: what scale() and the released variants have. Packed weights depend on
// the tile, so it is chosen before they are packed.
constexpr Architecture with_fitting_tile(const Architecture& a) {
    return a.with_winograd_tile(fitting_winograd_tile(a));
}

}  // namespace effv2
