// A whole network as the paper draws it, one plain layer after the other (kernels/plain.hpp), batch norm not folded:
// the oracle for any architecture, not only the released ones.
#pragma once

#include <array>
#include <vector>

#include "effv2/architecture/tensors.hpp"
#include "effv2/kernels/plain.hpp"
#include "effv2/weights/source.hpp"

namespace effv2::tests {

class PlainNetwork {
public:
    PlainNetwork(const Architecture& a, const WeightSource& source) : architecture_(a), source_(source) {}

    struct Result {
        std::vector<float> logits, features;
        std::vector<kernels::plain::Map> blocks;  // the output of each block
    };

    Result run(const kernels::plain::Map& picture) const {
        namespace plain = kernels::plain;
        Result result;
        plain::Map map = normed(picture, Layer::stem, {}, stem_window(architecture_), architecture_.stem);
        plain::apply_silu(map);
        for_each_block(architecture_, [&](const Block& block) {
            map = run_block(block, map);
            result.blocks.push_back(map);
        });
        plain::Map head = normed(map, Layer::head, {}, pointwise(map.size), architecture_.head);
        plain::apply_silu(head);
        result.features = plain::pool(head);
        result.logits =
            plain::dense(result.features,
                         read(Layer::classifier, Part::weight, {}, {2, {architecture_.classes, architecture_.head}}),
                         read(Layer::classifier, Part::bias, {}, {1, {architecture_.classes}}));
        return result;
    }

    // What each pixel adds to the logit of class `index` (but for the mean), from the output of the last block.
    std::vector<float> class_map(const kernels::plain::Map& last, int index) const {
        kernels::plain::Map head = normed(last, Layer::head, {}, pointwise(last.size), architecture_.head);
        kernels::plain::apply_silu(head);
        const std::vector<float> weights =
            read(Layer::classifier, Part::weight, {}, {2, {architecture_.classes, architecture_.head}});
        const auto pixels = static_cast<std::size_t>(head.size.pixels()),
                   channels = static_cast<std::size_t>(architecture_.head);
        std::vector<float> map(pixels);
        for (std::size_t i = 0; i < pixels; ++i) {
            double sum = 0.0;
            for (std::size_t c = 0; c < channels; ++c)
                sum += static_cast<double>(weights[static_cast<std::size_t>(index) * channels + c]) *
                       static_cast<double>(head.values[c * pixels + i]);
            map[i] = static_cast<float>(sum);
        }
        return map;
    }

private:
    static Window pointwise(Extent size) { return make_window(size, 1, 1, Padding::symmetric); }

    std::vector<float> read(Layer layer, Part part, const Block& block, const Shape& shape) const {
        std::vector<float> values(shape.elements());
        source_.read(Tensor{layer, part, shape, block}, 0, values);
        return values;
    }

    // A convolution and its batch norm.
    kernels::plain::Map normed(const kernels::plain::Map& in, Layer layer, const Block& block, const Window& window,
                               int outputs) const {
        const bool depthwise = layer == Layer::depthwise;
        const Shape shape{4, {outputs, depthwise ? 1 : in.channels, window.kernel, window.kernel}};
        const std::vector<float> weights = read(layer, Part::weight, block, shape);
        kernels::plain::Map out = depthwise ? kernels::plain::convolve_depthwise(in, window, weights)
                                            : kernels::plain::convolve(in, window, outputs, weights);
        const Shape channels{1, {outputs}};
        const auto gamma = read(layer, Part::norm_weight, block, channels);
        const auto beta = read(layer, Part::norm_bias, block, channels);
        const auto mean = read(layer, Part::norm_mean, block, channels);
        const auto variance = read(layer, Part::norm_variance, block, channels);
        for (std::size_t c = 0; c < gamma.size(); ++c) {
            const double scale = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + source_.epsilon());
            const auto pixels = static_cast<std::size_t>(out.size.pixels());
            for (std::size_t i = c * pixels; i < (c + 1) * pixels; ++i)
                out.values[i] = static_cast<float>((out.values[i] - mean[c]) * scale + beta[c]);
        }
        return out;
    }

    void squeeze_excite(const Block& b, kernels::plain::Map& map) const {
        std::vector<float> hidden = kernels::plain::dense(
            kernels::plain::pool(map), read(Layer::se_reduce, Part::weight, b, {4, {b.squeezed, b.expanded, 1, 1}}),
            read(Layer::se_reduce, Part::bias, b, {1, {b.squeezed}}));
        for (float& value : hidden) value = kernels::plain::silu(value);
        const std::vector<float> scale =
            kernels::plain::dense(hidden, read(Layer::se_expand, Part::weight, b, {4, {b.expanded, b.squeezed, 1, 1}}),
                                  read(Layer::se_expand, Part::bias, b, {1, {b.expanded}}));
        const auto pixels = static_cast<std::size_t>(map.size.pixels());
        for (std::size_t i = 0; i < map.values.size(); ++i) map.values[i] *= kernels::plain::sigmoid(scale[i / pixels]);
    }

    kernels::plain::Map run_block(const Block& b, const kernels::plain::Map& in) const {
        namespace plain = kernels::plain;
        plain::Map map = in;
        if (b.kind == BlockKind::fused) {
            map = normed(map, b.expands ? Layer::expand : Layer::project, b, b.window, b.expands ? b.expanded : b.out);
            plain::apply_silu(map);
            if (b.expands) map = normed(map, Layer::project, b, pointwise(map.size), b.out);
        } else {
            if (b.expands) {
                map = normed(map, Layer::expand, b, pointwise(map.size), b.expanded);
                plain::apply_silu(map);
            }
            map = normed(map, Layer::depthwise, b, b.window, b.expanded);
            plain::apply_silu(map);
            if (b.squeezed > 0) squeeze_excite(b, map);
            map = normed(map, Layer::project, b, pointwise(map.size), b.out);
        }
        for (std::size_t i = 0; b.residual && i < map.values.size(); ++i) map.values[i] += in.values[i];
        return map;
    }

    Architecture architecture_;
    const WeightSource& source_;
};

}  // namespace effv2::tests
