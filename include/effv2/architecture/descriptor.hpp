// An EfficientNetV2 as a value: stages, stem, head, classes, input size and padding, in one flat constexpr aggregate.
// Everything else (blocks, shapes, cost, tensors, memory) is computed from it, at compile time or at run time alike.
#pragma once

#include <cstdint>

namespace effv2 {

enum class BlockKind : std::uint8_t {
    fused,   // Fused-MBConv: a full k x k convolution expands, a 1x1 projects (Tan & Le 2021, figure 2)
    mbconv,  // MBConv: 1x1 expands, k x k depthwise, squeeze-excite, 1x1 projects
};

// How the border of a strided convolution is laid out. Part of the architecture, since weights only fit the one that
// they were trained with.
enum class Padding : std::uint8_t {
    same,       // TensorFlow's SAME: the odd pixel goes to the bottom and right (google/automl, Keras, timm tf_*)
    symmetric,  // (k - 1) / 2 on every side (torchvision, timm efficientnetv2_*)
};

// How convolutions are computed.
enum class Convolutions : std::uint8_t {
    fast,    // 3x3 by Winograd's method, a fifth of the products for stride 1 and seven tenths for stride 2, and 1x1 of
             // MBConv by Strassen's product where that pays, seven eighths; rounding errors are a few times larger
    direct,  // as defined
};

// Height and width of a picture or feature map, in pixels.
struct Extent {
    int height = 0, width = 0;
    constexpr int pixels() const { return height * width; }
    constexpr bool operator==(const Extent&) const = default;
};

// A run of equal blocks. Only the first has the stride and the change of channels; a block adds its input to its output
// where both have one shape.
struct Stage {
    BlockKind kind = BlockKind::fused;
    int repeats = 0;
    int kernel = 3;
    int stride = 1;
    int expansion = 1;   // expanded channels = expansion * the block's input channels
    int channels = 0;    // the stage's output
    int se_divisor = 0;  // MBConv only: squeezed channels = max(1, input channels / se_divisor); 0: no squeeze-excite
    constexpr bool operator==(const Stage&) const = default;
};

// Stages that an architecture can have; a stage with no repeats ends the list.
inline constexpr int max_stages = 12;

struct Architecture {
    int stem = 0;  // channels of the 3x3 stem
    int stem_stride = 2;
    Stage stages[max_stages]{};
    int head = 1280;  // channels of the 1x1 convolution before pooling
    int classes = 1000;
    Extent input{224, 224};
    Padding padding = Padding::same;
    // The last two are not part of what a network is, but of how its weights are packed.
    Convolutions convolutions = Convolutions::fast;
    int winograd_tile = 6;  // outputs of Winograd's tiles along each axis, 6 or 7 (winograd_tile.hpp)

    constexpr int stage_count() const {
        int count = 0;
        while (count < max_stages && stages[count].repeats > 0) ++count;
        return count;
    }
    constexpr int block_count() const {
        int count = 0;
        for (const Stage& stage : stages) count += stage.repeats > 0 ? stage.repeats : 0;
        return count;
    }

    constexpr bool operator==(const Architecture&) const = default;

    // The same network with one thing changed.
    constexpr Architecture with_classes(int n) const {
        Architecture changed = *this;
        changed.classes = n;
        return changed;
    }
    constexpr Architecture with_size(int height, int width) const {
        Architecture changed = *this;
        changed.input = {height, width};
        return changed;
    }
    constexpr Architecture with_size(int size) const { return with_size(size, size); }
    constexpr Architecture with_padding(Padding rule) const {
        Architecture changed = *this;
        changed.padding = rule;
        return changed;
    }
    constexpr Architecture with_convolutions(Convolutions way) const {
        Architecture changed = *this;
        changed.convolutions = way;
        return changed;
    }
    constexpr Architecture with_winograd_tile(int outputs) const {
        Architecture changed = *this;
        changed.winograd_tile = outputs;
        return changed;
    }
};

// Whether both are one network, however it is computed.
constexpr bool same_network(const Architecture& a, const Architecture& b) {
    return a.with_convolutions(b.convolutions).with_winograd_tile(b.winograd_tile) == b;
}

// Short forms for stage tables: `fused(repeats, stride, expansion, channels)` and the same for `mbconv`, whose
// squeeze-excite has a quarter of the block's input channels, as in every released variant.
constexpr Stage fused(int repeats, int stride, int expansion, int channels, int kernel = 3) {
    return {BlockKind::fused, repeats, kernel, stride, expansion, channels, 0};
}
constexpr Stage mbconv(int repeats, int stride, int expansion, int channels, int kernel = 3, int se_divisor = 4) {
    return {BlockKind::mbconv, repeats, kernel, stride, expansion, channels, se_divisor};
}

}  // namespace effv2
