// How channels, weights and scratch are laid out in memory: the constants and rounding rules on which the plan
// (plan.hpp) and the kernels agree.
#pragma once

#include <cstddef>

#include "effv2/architecture/blocks.hpp"

namespace effv2 {

// Channel counts are rounded up to this many floats in memory (every released width is a multiple of it already); the
// padding channels have zero weights, so they carry zeros through the whole network.
inline constexpr int granule = 8;

constexpr int round_to_granule(int channels) { return (channels + granule - 1) / granule * granule; }

// Segments of weights and activations start at multiples of this many floats (64 bytes, a cache line).
inline constexpr std::size_t segment_floats = 16;

constexpr std::size_t round_to_segment(std::size_t floats) {
    return (floats + segment_floats - 1) / segment_floats * segment_floats;
}

// The most output channels that a kernel computes in one panel, on any instruction set.
inline constexpr int max_panel = 48;

// ... and in a full panel, of which two go through Strassen's product together.
inline constexpr int max_full_panel = 32;

// Winograd's F(m x m, 3x3): m x m outputs from (m + 2) x (m + 2) inputs through as many products, where the direct
// algorithm has 9 m m (Lavin & Gray 2016). m is the architecture's winograd_tile. Training takes tiles of six whatever
// that is, since the rounding errors of larger ones would add to its gradients' errors.
inline constexpr int training_tile = 6;
inline constexpr int largest_tile = 7;

constexpr int points_of_tile(int m) { return (m + 2) * (m + 2); }

inline constexpr int training_points = points_of_tile(training_tile);

// For stride 2, along x alone (kernels/strided_winograd.hpp): four lines of m outputs from 9 x (2 m + 1) inputs,
// through m + 1 points and m odd columns along x.
inline constexpr int strided_lines = 4;
inline constexpr int strided_height = 2 * strided_lines + 1;

// Most work of one task: Winograd tiles (as many as the micro-kernel has rows, or twice as many where it has six) and
// their outputs (these, points and products should stay in a second-level cache of 1 MiB), pixels of a direct
// convolution, and pixels of an MBConv's projection.
inline constexpr int max_task_tiles = 12;
inline constexpr int max_tiled_pixels = max_task_tiles * largest_tile * largest_tile;
inline constexpr int max_task_pixels = 128;
inline constexpr int max_projected_pixels = 192;

// How a 3x3 convolution of stride 1 or 2 is cut into tiles.
struct WinogradShape {
    Extent outputs;  // of a tile
    Extent inputs;   // ... which become as many values
    int products;    // values of a tile behind the products
    int matrices;    // (inputs, outputs) each
};

constexpr WinogradShape winograd_shape(int m, int stride) {
    if (stride == 2)  // odd columns share a matrix; one for each tap along y
        return {{strided_lines, m}, {strided_height, 2 * m + 1}, strided_lines * (2 * m + 1), (m + 2) * 3};
    return {{m, m}, {m + 2, m + 2}, points_of_tile(m), points_of_tile(m)};
}

// Floats from one of Winograd's points to the next in values of (points, rows, channels), where rows are tiles or a
// product's inputs: an odd number of cache lines. At a multiple of 4096 bytes, all points would have the same place in
// their pages: transforms alone, on Zen 5, then take two to nine times as long, perhaps since loads wait for stores
// there.
constexpr std::ptrdiff_t point_stride(int rows, int channels) {
    constexpr int line = static_cast<int>(segment_floats);
    return std::ptrdiff_t{(rows * channels + line - 1) / line | 1} * line;
}

// With fewer pixels for each thread than this, a projection is cut by panels, not by pixels.
inline constexpr int min_projected_pixels = 64;

// Strassen's product is of no more pairs of pixels than this at once, which bounds the scratch for sums, as
// max_strassen_depth does.
inline constexpr int max_strassen_pairs = 96;

// Where a batch has more pictures than this, it runs in groups of about so many (pictures_together).
inline constexpr int max_pictures_together = 8;

// Squeeze-excite's first layer is summed up in slabs of so many of its inputs, whatever the number of threads (384, 576
// and 1152 inputs are an even number of them); both go through no more pictures than this at once, whose activations
// lie in a worker's scratch.
inline constexpr int squeeze_slab = 96;
inline constexpr int max_squeezed_pictures = 8;

constexpr int slab_count(int inputs) { return (round_to_granule(inputs) + squeeze_slab - 1) / squeeze_slab; }

// Floats from one pixel to the next in a map of `channels`: rounded to the granule, and kept off multiples of 512
// bytes, where the rows of one kernel tile and the pixels of a weight gradient would fall into a few sets of the
// first-level cache.
constexpr int pixel_stride(int channels) {
    const int floats = round_to_granule(channels);
    return floats % 128 == 0 ? floats + static_cast<int>(segment_floats) : floats;
}

// Floats from the sums that Strassen's product makes of one pair of pixels (four halves of `depth` inputs) to those of
// the next: as from pixel to pixel. A tile of 512 or 1024 inputs that is computed over and over takes twice as long
// otherwise; networks gain 1 % at most times.
constexpr int sums_stride(int depth) { return pixel_stride(2 * depth); }

// Where a packed convolution's panels and bias start, in floats from the start of the weight pack.
struct PackedConv {
    std::size_t weights = 0, bias = 0;
};

// The packed layers of one block; those that it has not stay 0.
struct BlockWeights {
    PackedConv first;      // the k x k of Fused-MBConv, or MBConv's expansion
    PackedConv depthwise;  // (k * k, channels) a panel
    PackedConv reduce;     // squeeze-excite
    PackedConv restore;
    PackedConv project;
};

}  // namespace effv2
