// What an architecture costs: trainable parameters and multiply-accumulates.
#pragma once

#include <cstdint>

#include "effv2/architecture/tensors.hpp"

namespace effv2 {

// Trainable parameters: convolutions, batch-norm scales and shifts, biases, classifier.
constexpr std::int64_t parameters(const Architecture& a) {
    std::int64_t sum = 0;
    for_each_tensor(a, [&](const Tensor& tensor) {
        if (tensor.trainable()) sum += static_cast<std::int64_t>(tensor.shape.elements());
    });
    return sum;
}

// Multiply-accumulates of one block.
constexpr std::int64_t block_macs(const Block& b) {
    const std::int64_t before = b.window.input.pixels(), after = b.window.output.pixels();
    const std::int64_t taps = std::int64_t{b.window.kernel} * b.window.kernel;
    if (b.kind == BlockKind::fused) {
        const std::int64_t first = after * taps * b.in * (b.expands ? b.expanded : b.out);
        return first + (b.expands ? after * b.expanded * b.out : 0);
    }
    const std::int64_t expand = b.expands ? before * b.in * b.expanded : 0;
    return expand + after * taps * b.expanded + std::int64_t{2} * b.expanded * b.squeezed + after * b.expanded * b.out;
}

// Multiply-accumulates of one picture through convolutions and classifier (a fused multiply-add counts once).
constexpr std::int64_t macs(const Architecture& a) {
    std::int64_t sum = std::int64_t{stem_window(a).output.pixels()} * 27 * a.stem;
    for_each_block(a, [&](const Block& block) { sum += block_macs(block); });
    sum += std::int64_t{final_size(a).pixels()} * final_channels(a) * a.head;
    return sum + std::int64_t{a.head} * a.classes;
}

}  // namespace effv2
