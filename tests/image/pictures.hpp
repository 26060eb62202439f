// Made-up pictures that scripts/make_image_goldens.py makes too, and the hash that it compares results by.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "effv2/image/pixels.hpp"

namespace effv2 {

// One step of Vigna's splitmix64, at any counter.
constexpr std::uint64_t splitmix64(std::uint64_t counter) {
    std::uint64_t z = (counter + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

// Noise; `binary` noise has nothing but 0 and 255, so that cubics overshoot everywhere.
inline Image make_picture(std::uint64_t seed, int width, int height, int channels, bool binary = false) {
    Image image{width, height, channels, {}};
    image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                        static_cast<std::size_t>(channels));
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const auto byte = static_cast<std::uint8_t>(splitmix64((seed << 32) + i) >> 56);
        image.pixels[i] = !binary ? byte : byte < 128 ? 0 : 255;
    }
    return image;
}

// FNV-1a with 64 bits, one step for each byte.
inline std::uint64_t hash(std::span<const std::uint8_t> bytes) {
    std::uint64_t state = 0xcbf29ce484222325U;
    for (const std::uint8_t byte : bytes) state = (state ^ byte) * 0x100000001b3U;
    return state;
}

// The same, one step for the bits of each float.
inline std::uint64_t hash(std::span<const float> values) {
    std::uint64_t state = 0xcbf29ce484222325U;
    for (const float value : values) state = (state ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3U;
    return state;
}

}  // namespace effv2
