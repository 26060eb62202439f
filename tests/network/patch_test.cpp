// Where a patch's pixels are found, within a map and across each of its borders.
#include "effv2/network/patch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace effv2;

TEST_CASE("a patch has the map's pixels, and what is beyond the border") {
    constexpr Extent size{5, 7};
    constexpr int stride = 3;
    std::vector<float> pixels(static_cast<std::size_t>(size.pixels() * stride));
    float beyond = 0.0f;
    const network::PixelMap<float> map{pixels.data(), stride, size};
    for (const Extent patch : {Extent{1, 1}, Extent{3, 3}, Extent{2, 4}, Extent{9, 9}}) {
        for (int y = -patch.height; y <= size.height; ++y) {
            for (int x = -patch.width; x <= size.width; ++x) {
                for (const int step : {1, 2}) {
                    CAPTURE(patch.height);
                    CAPTURE(y);
                    CAPTURE(x);
                    CAPTURE(step);
                    std::array<float*, 2 * 81> found{};
                    std::array<float*, 2 * 81> expected{};
                    for (int i = 0; i < patch.pixels(); ++i) {
                        const int row = y + i / patch.width, column = x + i % patch.width;
                        const bool inside = row >= 0 && row < size.height && column >= 0 && column < size.width;
                        expected[static_cast<std::size_t>(i * step)] =
                            inside ? &pixels[static_cast<std::size_t>((row * size.width + column) * stride)] : &beyond;
                    }
                    network::find_patch<float>(map, y, x, patch, &beyond, found.data(), step);
                    CHECK(std::ranges::equal(found, expected));
                }
            }
        }
    }
}
