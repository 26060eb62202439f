// Where the pixels of a patch of a map are.
#pragma once

#include <cstddef>

#include "effv2/architecture/descriptor.hpp"

namespace effv2::network {

// A map of pixels, row by row, each so many floats behind the one before.
template <class Float>
struct PixelMap {
    Float* pixels;
    int stride;  // floats from pixel to pixel
    Extent size;

    // The map's pixel of that number, and the one at (y, x).
    Float* at(int pixel) const { return pixels + std::ptrdiff_t{pixel} * stride; }
    Float* at(int y, int x) const { return at(y * size.width + x); }
};

// Pointers to the pixels of the patch whose first one is (y, x), row by row, into every `step`-th entry of `to`; those
// beyond the map's border are `outside`. Not inlined: with sizes that are known, GCC makes 6 to 31 KB of straight code
// around each call, which takes time to compile and saves none to run.
template <class Float>
[[gnu::noinline]] void find_patch(const PixelMap<Float>& map, int y, int x, Extent patch, Float* outside, Float** to,
                                  int step = 1) {
    const Extent size = map.size;
    const bool inside = y >= 0 && y + patch.height <= size.height && x >= 0 && x + patch.width <= size.width;
    for (int i = 0; i < patch.height; ++i) {
        const bool line = y + i >= 0 && y + i < size.height;
        for (int j = 0; j < patch.width; ++j, to += step) {
            const bool pixel = inside || (line && x + j >= 0 && x + j < size.width);
            *to = pixel ? map.at(y + i, x + j) : outside;
        }
    }
}

}  // namespace effv2::network
