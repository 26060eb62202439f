// The flat block list of an architecture: channels, map sizes, padding and residual of each block.
#pragma once

#include <array>

#include "effv2/architecture/check.hpp"

namespace effv2 {

// Pixels of zero border before (top, left) and after (bottom, right) along one axis.
struct Pads {
    int before = 0, after = 0;
    constexpr bool operator==(const Pads&) const = default;
};

// Output length of a padded convolution along one axis: ceil(n / stride) under both rules, for odd kernels.
constexpr int strided_size(int n, int stride) { return (n + stride - 1) / stride; }

// TensorFlow's SAME takes the total from the input's length and puts the odd pixel last; symmetric is (k - 1) / 2.
constexpr Pads pads(int n, int kernel, int stride, Padding rule) {
    if (rule == Padding::symmetric) return {(kernel - 1) / 2, (kernel - 1) / 2};
    const int needed = (strided_size(n, stride) - 1) * stride + kernel - n;
    const int total = needed > 0 ? needed : 0;
    return {total / 2, total - total / 2};
}

// Geometry of a convolution over a map: kernel, stride, padding of both axes, sizes before and after.
struct Window {
    int kernel = 1, stride = 1;
    Extent input, output;
    Pads vertical, horizontal;
};

constexpr Window make_window(Extent input, int kernel, int stride, Padding rule) {
    return {kernel,
            stride,
            input,
            {strided_size(input.height, stride), strided_size(input.width, stride)},
            pads(input.height, kernel, stride, rule),
            pads(input.width, kernel, stride, rule)};
}

// One block, with everything that its kernels and its tensors need to know.
struct Block {
    BlockKind kind = BlockKind::fused;
    int stage = 0;         // 0-based
    int index = 0;         // within the stage, 0-based
    int in = 0, out = 0;   // channels
    int expanded = 0;      // channels between expansion and projection
    int squeezed = 0;      // channels of the squeeze-excite's bottleneck, 0 without
    bool expands = false;  // an expanding convolution exists (expansion > 1)
    bool residual = false;
    int winograd = 0;  // the full convolution goes through Winograd's transforms, in tiles of so many outputs a side
    bool strassen_expansion = false;  // MBConv's 1x1 convolutions by Strassen's product
    bool strassen_projection = false;
    Window window;  // of the k x k convolution, full or depthwise

    // A Fused-MBConv of expansion 1 is a single k x k convolution with its activation and no projection.
    constexpr bool is_single_convolution() const { return kind == BlockKind::fused && !expands; }
};

// Strassen's product of longer rows than this goes chunk by chunk, which bounds the scratch for sums. Shorter chunks
// are slower.
inline constexpr int max_strassen_depth = 1024;

// Where Strassen's product takes less time than the definition's: halves of the inputs are whole granules, seven tenths
// of the outputs at least lie in pairs of full panels, and enough pixels outweigh the sums of weights.
constexpr bool suits_strassen(int inputs, int outputs, Extent map) {
    const int paired = outputs / 64 * 64;
    return inputs % 16 == 0 && inputs >= 48 && paired >= 128 && paired * 10 >= outputs * 7 && map.pixels() >= 128;
}

constexpr Window stem_window(const Architecture& a) { return make_window(a.input, 3, a.stem_stride, a.padding); }

// The `index`-th block of a stage, both 0-based, over a map of so many channels and that size.
constexpr Block make_block(const Architecture& a, int stage_index, int index, int channels, Extent map) {
    const Stage& stage = a.stages[stage_index];
    Block block;
    block.kind = stage.kind;
    block.stage = stage_index;
    block.index = index;
    block.in = channels;
    block.out = stage.channels;
    block.expanded = channels * stage.expansion;
    block.expands = stage.expansion > 1;
    if (stage.se_divisor > 0) block.squeezed = channels < stage.se_divisor ? 1 : channels / stage.se_divisor;
    block.window = make_window(map, stage.kernel, index == 0 ? stage.stride : 1, a.padding);
    // Whatever the size of the map, so that weights are packed for the architecture alone.
    if (a.convolutions == Convolutions::fast && stage.kind == BlockKind::fused && stage.kernel == 3)
        block.winograd = a.winograd_tile;
    if (a.convolutions == Convolutions::fast && stage.kind == BlockKind::mbconv) {
        const Extent expanded = block.window.input, projected = block.window.output;
        // Beyond so many pixels, two expanded panels outgrow the second-level cache; beyond so many inputs, the sums
        // of their weights outgrow a worker's scratch (projections go chunk by chunk).
        block.strassen_expansion = block.expands && expanded.pixels() <= 1296 && block.in <= max_strassen_depth &&
                                   suits_strassen(block.in, block.expanded, expanded);
        block.strassen_projection = suits_strassen(block.expanded, block.out, projected);
    }
    block.residual = block.window.stride == 1 && block.in == block.out;
    return block;
}

// Calls visit(block) for each block in order.
template <class Visit>
constexpr void for_each_block(const Architecture& a, Visit visit) {
    int channels = a.stem;
    Extent size = stem_window(a).output;
    for (int s = 0; s < a.stage_count(); ++s) {
        for (int i = 0; i < a.stages[s].repeats; ++i) {
            const Block block = make_block(a, s, i, channels, size);
            visit(block);
            channels = block.out;
            size = block.window.output;
        }
    }
}

// Size of the map that the head sees.
constexpr Extent final_size(const Architecture& a) {
    Extent size = stem_window(a).output;
    for_each_block(a, [&](const Block& block) { size = block.window.output; });
    return size;
}

// Channels of the map that the head sees.
constexpr int final_channels(const Architecture& a) { return a.stages[a.stage_count() - 1].channels; }

// The block list of an architecture known at compile time.
template <Architecture A>
    requires(is_sound<A>)
constexpr auto make_blocks() {
    std::array<Block, static_cast<std::size_t>(A.block_count())> list{};
    std::size_t count = 0;
    for_each_block(A, [&](const Block& block) { list[count++] = block; });
    return list;
}

// The last block whose output has a given total stride (input pixels per map pixel), or -1: where a backbone's feature
// map of that stride is taken (timm's features_only).
constexpr int feature_block(const Architecture& a, int total_stride) {
    int stride = a.stem_stride, index = 0, found = -1;
    for_each_block(a, [&](const Block& block) {
        stride *= block.window.stride;
        if (stride == total_stride) found = index;
        ++index;
    });
    return found;
}

}  // namespace effv2
