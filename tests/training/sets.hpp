// A small set of pictures that a small network can learn to tell apart in seconds: squares of one colour on noise.
#pragma once

#include <string>
#include <vector>

#include "common/instances.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/training/data/pictures.hpp"
#include "kernels/random.hpp"

namespace effv2::tests {

// Classes 0, 1 and 2 are red, green and blue squares somewhere in `side` x `side` pixels.
inline training::data::Pictures coloured_squares(int count, int side, std::uint32_t seed) {
    training::data::Pictures set("squares", {"red", "green", "blue"});
    Random random(seed);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(side * side * 3));
    for (int n = 0; n < count; ++n) {
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.integer(0, 160));
        const int label = n % 3, size = side / 3, x0 = random.integer(0, side - size),
                  y0 = random.integer(0, side - size);
        for (int y = y0; y < y0 + size; ++y)
            for (int x = x0; x < x0 + size; ++x) bytes[static_cast<std::size_t>((y * side + x) * 3 + label)] = 240;
        const Status added = set.add({bytes.data(), side, side, 3, std::ptrdiff_t{side} * 3}, label);
        if (!added) break;
    }
    return set;
}

inline constexpr Recipe squares_recipe{.size = 24,
                                       .fit = Fit::squash,
                                       .filter = Filter::bilinear,
                                       .antialias = false,
                                       .mean = {0.5f, 0.5f, 0.5f},
                                       .deviation = {0.25f, 0.25f, 0.25f}};

}  // namespace effv2::tests
