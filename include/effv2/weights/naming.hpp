// How weight files spell the tensors of the table: timm's names (tf_efficientnetv2_*, efficientnetv2_*) and
// torchvision's (efficientnet_v2_*). Keras' files come under timm's names, through weights/convert_keras.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "effv2/architecture/tensors.hpp"

namespace effv2 {

enum class Naming : std::uint8_t { timm, torchvision };

constexpr std::string_view naming_name(Naming naming) { return naming == Naming::timm ? "timm" : "torchvision"; }

// A tensor's name as a value: fixed memory, usable at compile time. Compares equal to any string of the same text.
class TensorName {
public:
    static constexpr std::size_t capacity = 63;  // the longest possible name has 45 characters

    constexpr std::string_view view() const& { return {text_, size_}; }
    std::string_view view() const&& = delete;  // would dangle
    constexpr std::size_t size() const { return size_; }
    constexpr bool operator==(std::string_view other) const { return view() == other; }
    constexpr bool operator==(const TensorName& other) const { return view() == other.view(); }

    constexpr TensorName& add(std::string_view text) {
        for (const char c : text)
            if (size_ < capacity) text_[size_++] = c;
        return *this;
    }
    constexpr TensorName& add(int number) {
        char digits[10]{};
        int count = 0;
        for (int rest = number; rest > 0 || count == 0; rest /= 10)
            digits[count++] = static_cast<char>('0' + rest % 10);
        while (count > 0) add(std::string_view(&digits[--count], 1));
        return *this;
    }

private:
    char text_[capacity + 1]{};
    std::uint8_t size_ = 0;
};

namespace detail {

constexpr bool is_norm(Part part) { return part != Part::weight && part != Part::bias; }

// The last word of a name, equal in both schemes.
constexpr std::string_view part_name(Part part) {
    switch (part) {
        case Part::weight:
        case Part::norm_weight:
            return ".weight";
        case Part::bias:
        case Part::norm_bias:
            return ".bias";
        case Part::norm_mean:
            return ".running_mean";
        case Part::norm_variance:
            return ".running_var";
    }
    return "";
}

// timm's word for a convolution of a block.
constexpr std::string_view timm_convolution(Layer layer, const Block& block) {
    const bool fused = block.kind == BlockKind::fused;
    switch (layer) {
        case Layer::expand:
            return fused ? "conv_exp" : "conv_pw";
        case Layer::depthwise:
            return "conv_dw";
        case Layer::se_reduce:
            return "se.conv_reduce";
        case Layer::se_expand:
            return "se.conv_expand";
        case Layer::project:
            return block.is_single_convolution() ? "conv" : "conv_pwl";
        default:
            return "";
    }
}

// timm's word for the batch norm behind a convolution of a block. In an MBConv they are always bn1, bn2, bn3, counted
// as if the expansion were there.
constexpr std::string_view timm_norm(Layer layer, const Block& block) {
    if (layer == Layer::expand || block.is_single_convolution()) return "bn1";
    if (block.kind == BlockKind::fused || layer == Layer::depthwise) return "bn2";
    return "bn3";
}

constexpr TensorName timm_name(const Tensor& tensor) {
    const bool norm = is_norm(tensor.part);
    TensorName name;
    if (tensor.layer == Layer::stem) {
        name.add(norm ? "bn1" : "conv_stem");
    } else if (tensor.layer == Layer::head) {
        name.add(norm ? "bn2" : "conv_head");
    } else if (tensor.layer == Layer::classifier) {
        name.add("classifier");
    } else {
        name.add("blocks.").add(tensor.block.stage).add(".").add(tensor.block.index).add(".");
        name.add(norm ? timm_norm(tensor.layer, tensor.block) : timm_convolution(tensor.layer, tensor.block));
    }
    return name.add(part_name(tensor.part));
}

// torchvision numbers a block's layers by position, so whatever the block lacks shifts all that follows.
constexpr int torchvision_position(Layer layer, const Block& block) {
    const int expand = block.expands ? 1 : 0;
    if (block.kind == BlockKind::fused) return layer == Layer::expand ? 0 : expand;
    const int squeeze = block.squeezed > 0 ? 1 : 0;
    switch (layer) {
        case Layer::depthwise:
            return expand;
        case Layer::se_reduce:
        case Layer::se_expand:
            return expand + 1;
        case Layer::project:
            return expand + 1 + squeeze;
        default:
            return 0;
    }
}

constexpr TensorName torchvision_name(const Tensor& tensor, int stage_count) {
    TensorName name;
    if (tensor.layer == Layer::classifier) return name.add("classifier.1").add(part_name(tensor.part));
    name.add("features.");
    if (tensor.layer == Layer::stem) {
        name.add("0.");
    } else if (tensor.layer == Layer::head) {
        name.add(stage_count + 1).add(".");
    } else {
        name.add(tensor.block.stage + 1).add(".").add(tensor.block.index).add(".block.");
        name.add(torchvision_position(tensor.layer, tensor.block)).add(".");
    }
    if (tensor.layer == Layer::se_reduce || tensor.layer == Layer::se_expand)
        name.add(tensor.layer == Layer::se_reduce ? "fc1" : "fc2");
    else
        name.add(is_norm(tensor.part) ? "1" : "0");
    return name.add(part_name(tensor.part));
}

}  // namespace detail

// The tensor's name in a scheme. `stage_count` is the architecture's: torchvision numbers the head after the last
// stage.
//
// An MBConv of expansion 1, which no released variant has, lacks its expanding convolution here. timm would keep a
// conv_pw there; this library calls the rest conv_dw, bn2, se, conv_pwl, bn3, as if only conv_pw and bn1 were left out.
// torchvision's positions close the gap: depthwise 0, squeeze-excite 1, projection 2.
constexpr TensorName tensor_name(Naming naming, const Tensor& tensor, int stage_count) {
    return naming == Naming::timm ? detail::timm_name(tensor) : detail::torchvision_name(tensor, stage_count);
}

}  // namespace effv2
