// Tiles of Winograd's F(m x m, 3x3): (m + 2) x (m + 2) inputs in, as many matrix products in between (products.hpp), m
// x m outputs out. The transforms along each axis are in winograd_points.hpp.
#pragma once

#include "effv2/kernels/products.hpp"
#include "effv2/kernels/vector.hpp"
#include "effv2/kernels/winograd_points.hpp"

namespace effv2::kernels::winograd {

// G g G^T: the 3 x 3 taps of one input and output channel to all points, row by row. In double, at load time.
template <int m>
constexpr void transform_kernel(const float* taps, double (&points)[points_of_tile(m)]) {
    double half[3][m + 2]{};
    for (int y = 0; y < 3; ++y) transform_taps<m>({taps[3 * y], taps[3 * y + 1], taps[3 * y + 2]}, half[y]);
    for (int x = 0; x < m + 2; ++x) {
        double column[m + 2]{};
        transform_taps<m>({half[0][x], half[1][x], half[2][x]}, column);
        for (int y = 0; y < m + 2; ++y) points[y * (m + 2) + x] = column[y];
    }
}

// One tile's pixels, row by row, as channels (those beyond the border are zeros), and where its points go: point i to
// out + i * point_stride.
struct InputTile {
    const float* const* in = nullptr;
    const float* const* next = nullptr;  // pixels of the next tile, which are asked for; or nullptr
    float* out = nullptr;
    std::ptrdiff_t point_stride = 0;
    int ahead = 0;  // so many floats behind each point's place, memory that is new to the caches is asked for; 0: none
};

// Asks for the cache line of `channels` that a step of `width` from c on ends in, unless the step before did.
[[gnu::always_inline]] inline void ask_for_channels(const float* channels, int c, int width) {
    constexpr int line = static_cast<int>(segment_floats);
    if (width == line || c % line == 0) ask_for(channels + c + width - 1, 1);
}
[[gnu::always_inline]] inline void ask_to_write_channels(const float* channels, int c, int width) {
    constexpr int line = static_cast<int>(segment_floats);
    if (width == line || c % line == 0) ask_to_write(channels + c + width - 1, 1);
}

// One of the tile's values at a point.
template <class Row>
[[gnu::always_inline]] inline void store_point(const InputTile& tile, int point, int c, const Row& value) {
    float* to = tile.out + point * tile.point_stride;
    value.store(to + c);
    if (tile.ahead != 0) ask_to_write_channels(to + tile.ahead, c, Row::width);
}

// One tile's inputs to points, each of `channels` floats.
template <class Arch, int m>
void transform_input_tile(const InputTile& tile, int channels) {
    constexpr int side = m + 2;
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[side][side];  // [column][point along y]
            for (int x = 0; x < side; ++x) {
                Row column[side];
                simd::static_for<side>([&](auto y) __attribute__((always_inline)) {
                    column[y] = Row::load(tile.in[y * side + x] + c);
                    if (tile.next != nullptr) ask_for_channels(tile.next[y * side + x], c, Row::width);
                });
                transform_inputs<m>(column);
                simd::static_for<side>([&](auto y) __attribute__((always_inline)) { half[x][y] = column[y]; });
            }
            for (int y = 0; y < side; ++y) {
                Row line[side];
                simd::static_for<side>([&](auto x) __attribute__((always_inline)) { line[x] = half[x][y]; });
                transform_inputs<m>(line);
                simd::static_for<side>([&](auto x) __attribute__((always_inline)) {
                    store_point(tile, y * side + x, c, line[x]);
                });
            }
        });
}

// The products of `count` (at most max_task_tiles) tiles with one panel of `granules` granules, point by point:
//   products[point][tile][channel] = inputs[point][tile] * weights[point], of (depth) and (depth, panel width)
// From point to point it is point_stride in inputs and products, `weight_stride` in weights.
template <class Arch, int m>
void multiply_points(const float* inputs, int count, int depth, int granules, const float* weights,
                     std::ptrdiff_t weight_stride, float* out) {
    Products products;
    products.count = points_of_tile(m);
    products.next_in = point_stride(count, depth);
    products.next_weights = weight_stride;
    products.next_out = point_stride(count, granules * granule);
    products.in = inputs;
    products.depth = depth;
    products.weights = weights;
    products.out = out;
    multiply_rows<Arch>(count, granules, products);
}

// What becomes of a tile's outputs: m x m pixels, row by row; a null pointer drops a pixel beyond the map's edge.
struct OutputTile {
    const float* points = nullptr;  // first point, first channel of the panel
    std::ptrdiff_t point_stride = 0;
    const float* bias = nullptr;
    float* const* out = nullptr;
    float* const* next = nullptr;  // pixels of the next tile, whose place is asked for; or nullptr
    std::ptrdiff_t out_offset = 0;
    const float* const* residual = nullptr;  // pixels as `out`, or nullptr
};

// One pixel's channels from c on, with their residual.
template <class Row>
[[gnu::always_inline]] inline void store_output(const OutputTile& tile, int pixel, int c, Row value) {
    if (tile.next != nullptr && tile.next[pixel] != nullptr)
        ask_to_write_channels(tile.next[pixel] + tile.out_offset, c, Row::width);
    float* to = tile.out[pixel];
    if (to == nullptr) return;
    if (tile.residual != nullptr) value = value + Row::load(tile.residual[pixel] + tile.out_offset + c);
    value.store(to + tile.out_offset + c);
}

// One tile's points to outputs, over a panel of `channels`: with bias, SiLU and then the residual, or (for training)
// the residual alone.
template <class Arch, int m, bool activated = true>
void transform_output_tile(const OutputTile& tile, int channels) {
    constexpr int side = m + 2;
    cover_in_steps<Arch>(
        channels, [&](auto granules, int c) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            Row half[side][m];  // [row of points][output along x]
            for (int y = 0; y < side; ++y) {
                Row line[side];
                simd::static_for<side>([&](auto x) __attribute__((always_inline)) {
                    line[x] = Row::load(tile.points + (y * side + x) * tile.point_stride + c);
                });
                transform_outputs<m>(line);
                simd::static_for<m>([&](auto x) __attribute__((always_inline)) { half[y][x] = line[x]; });
            }
            Row bias;
            if constexpr (activated) bias = Row::load(tile.bias + c);
            for (int x = 0; x < m; ++x) {
                Row column[side];
                simd::static_for<side>([&](auto y) __attribute__((always_inline)) { column[y] = half[y][x]; });
                transform_outputs<m>(column);
                simd::static_for<m / 2>([&](auto pair) __attribute__((always_inline)) {
                    Row &upper = column[2 * pair], &lower = column[2 * pair + 1];
                    if constexpr (activated) {
                        upper = upper + bias, lower = lower + bias;
                        simd::silu(upper, lower);
                    }
                    store_output(tile, 2 * pair * m + x, c, upper);
                    store_output(tile, (2 * pair + 1) * m + x, c, lower);
                });
                if constexpr (m % 2 == 1) {
                    Row last = column[m - 1];
                    if constexpr (activated) last = simd::silu(last + bias);
                    store_output(tile, (m - 1) * m + x, c, last);
                }
            }
        });
}

}  // namespace effv2::kernels::winograd
