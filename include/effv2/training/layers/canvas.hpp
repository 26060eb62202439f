// The maps of a batch laid side by side, as Winograd's tiles cover them: a line of zeros between neighbours serves both
// as their padding, so that tiles run on from map to map instead of ending, half empty, at the edge of each. 16 maps of
// 8 x 8 pixels are 36 tiles of 6 x 6 instead of 64. Where tiles fit maps as they are (24 x 24), each begins anew.
#pragma once

#include <algorithm>
#include <type_traits>

#include "effv2/architecture/layout.hpp"

namespace effv2::training {

class Canvas {
public:
    // `batch` maps of stride-1 3x3 convolutions, whose inputs and outputs have one size.
    Canvas(Extent map, int batch) : map_(map), batch_(batch) {
        for (int columns = 1; columns <= batch; ++columns) {
            const Axis down((batch + columns - 1) / columns, map.height), across(columns, map.width);
            if (columns > 1 && down.tiles * across.tiles >= tiles()) continue;
            down_ = down, across_ = across;
        }
    }

    int tiles() const { return down_.tiles * across_.tiles; }

    // The square of side x side pixels that begins `before` pixels before the tile's outputs, in either direction, side
    // being at most training_tile + 2: the pointer to each in a batch of maps with `stride` floats from pixel to pixel,
    // or `outside`. Not inlined, for the reason of network::find_patch.
    template <class Float>
    [[gnu::noinline]] void find_pixels(int tile, int before, int side, Float* maps, int stride,
                                       std::type_identity_t<Float>* outside, Float** pixels) const {
        Position x[training_tile + 2];
        for (int i = 0; i < side; ++i) x[i] = across_.at(tile % across_.tiles, i - before);
        for (int i = 0; i < side; ++i) {
            const Position y = down_.at(tile / across_.tiles, i - before);
            for (int j = 0; j < side; ++j) {
                const int map = y.map * across_.maps + x[j].map;
                const bool inside = y.inside && x[j].inside && map < batch_;
                const std::ptrdiff_t place =
                    std::ptrdiff_t{map} * map_.pixels() + std::ptrdiff_t{y.place} * map_.width + x[j].place;
                pixels[i * side + j] = inside ? maps + place * stride : outside;
            }
        }
    }

private:
    struct Position {
        int map, place;  // which map along the axis, and where in it
        bool inside;
    };

    struct Axis {
        int maps = 0, length = 0, tiles = 0;
        bool runs_on = false;  // from map to map

        Axis() = default;
        Axis(int count, int map_length) : maps(count), length(map_length) {
            const auto cover = [](int n) { return (n + training_tile - 1) / training_tile; };
            const int alone = maps * cover(length), running = cover(maps * (length + 1) - 1);
            tiles = std::min(alone, running), runs_on = running < alone;
        }

        // `offset` pixels after the tile's first output. Pixel -1 is none of the first map's.
        Position at(int tile, int offset) const {
            if (runs_on) {
                const int pixel = tile * training_tile + offset, map = pixel / (length + 1),
                          place = pixel - map * (length + 1);
                return {map, place, place >= 0 && place < length && map < maps};
            }
            const int of_map = tiles / maps, place = tile % of_map * training_tile + offset;
            return {tile / of_map, place, place >= 0 && place < length};
        }
    };

    Extent map_;
    int batch_;
    Axis down_, across_;
};

}  // namespace effv2::training
