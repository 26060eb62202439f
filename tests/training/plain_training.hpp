// A whole network in training mode, forward only, in double: from the values of its tensors to the loss.
#pragma once

#include <map>

#include "training/plain_layers.hpp"

namespace effv2::tests {

class PlainTraining {
public:
    PlainTraining(const Architecture& a, double smoothing, bool frozen)
        : architecture_(a), smoothing_(smoothing), frozen_(frozen) {}

    // What a tensor is called here: its layer, part and block.
    static int key(Layer layer, Part part, const Block& block) {
        return ((static_cast<int>(layer) * 8 + static_cast<int>(part)) * 16 + block.stage) * 64 + block.index;
    }
    static int key(const Tensor& t) { return key(t.layer, t.part, t.block); }

    std::map<int, Values> tensors;

    // `pictures` as maps, targets (image, class).
    double loss(const Maps& pictures, const Values& targets) const {
        Maps map = normed(pictures, Layer::stem, {}, stem_window(architecture_), architecture_.stem, false);
        plain_silu(map.values);
        for_each_block(architecture_, [&](const Block& block) { map = run_block(block, map); });
        Maps head = normed(map, Layer::head, {}, pointwise(map.size), architecture_.head, false);
        plain_silu(head.values);
        const Maps logits = plain_dense(plain_pool(head), at(Layer::classifier, Part::weight, {}),
                                        at(Layer::classifier, Part::bias, {}));
        return plain_cross_entropy(logits.values, targets, architecture_.classes, smoothing_);
    }

private:
    static Window pointwise(Extent size) { return make_window(size, 1, 1, Padding::same); }
    const Values& at(Layer layer, Part part, const Block& block) const { return tensors.at(key(layer, part, block)); }

    Maps normed(const Maps& in, Layer layer, const Block& block, const Window& window, int out, bool depthwise) const {
        PlainNorm norm{at(layer, Part::norm_weight, block), at(layer, Part::norm_bias, block), {}, {}};
        if (frozen_) {
            norm.mean = at(layer, Part::norm_mean, block);
            norm.variance = at(layer, Part::norm_variance, block);
        }
        return plain_norm(plain_convolve(in, window, out, depthwise, at(layer, Part::weight, block)), norm);
    }

    Maps run_block(const Block& b, const Maps& in) const {
        Maps map = in;
        if (b.is_single_convolution()) {
            map = normed(in, Layer::project, b, b.window, b.out, false);
            plain_silu(map.values);
        } else {
            const bool fused = b.kind == BlockKind::fused;
            if (b.expands) {
                map = normed(map, Layer::expand, b, fused ? b.window : pointwise(in.size), b.expanded, false);
                plain_silu(map.values);
            }
            if (!fused) {
                map = normed(map, Layer::depthwise, b, b.window, b.expanded, true);
                plain_silu(map.values);
            }
            if (b.squeezed > 0)
                map = plain_squeeze(map, at(Layer::se_reduce, Part::weight, b), at(Layer::se_reduce, Part::bias, b),
                                    at(Layer::se_expand, Part::weight, b), at(Layer::se_expand, Part::bias, b));
            map = normed(map, Layer::project, b, pointwise(map.size), b.out, false);
        }
        if (b.residual)
            for (std::size_t i = 0; i < map.values.size(); ++i) map.values[i] += in.values[i];
        return map;
    }

    Architecture architecture_;
    double smoothing_;
    bool frozen_;
};

}  // namespace effv2::tests
