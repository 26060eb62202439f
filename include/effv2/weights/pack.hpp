// From a source's tensors to the pack that the kernels read: batch norm folded into each convolution, channels rounded
// to the granule, outputs in panels, 3x3 kernels taken to Winograd's points. Done once, at load.
#pragma once

#include <cmath>
#include <vector>

#include "effv2/architecture/plan.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/error.hpp"
#include "effv2/kernels/strided_winograd.hpp"
#include "effv2/network/packed_weights.hpp"
#include "effv2/weights/source.hpp"

namespace effv2 {

namespace detail {

// Reads a layer's tensors and writes its panels.
template <class Arch>
class LayerPacker {
public:
    LayerPacker(const WeightSource& source, float* pack) : source_(source), pack_(pack) {}

    // `winograd`: whether it goes to Winograd's points, in the block's tiles.
    void pack(Layer layer, const Block& block, const Shape& shape, const PackedConv& to, bool winograd) {
        const int outputs = shape.dims[0], inputs = shape.dims[1];
        const int taps = shape.rank == 4 ? shape.dims[2] * shape.dims[3] : 1;
        const bool normed = layer != Layer::se_reduce && layer != Layer::se_expand && layer != Layer::classifier;
        read_affine(layer, block, outputs, normed, pack_ + to.bias);

        const Tensor tensor{layer, Part::weight, shape, block};
        const auto row = static_cast<std::size_t>(inputs) * static_cast<std::size_t>(taps);
        // The stem's three planes are taps of its own (kernels/stem.hpp).
        const Target target = layer == Layer::stem
                                  ? Target{pack_ + to.weights, 27, 1, 1, outputs}
                                  : Target{pack_ + to.weights, taps, inputs,
                                           layer == Layer::depthwise ? 1 : round_to_granule(inputs), outputs};
        constexpr std::size_t chunk = 65536;  // floats read at a time
        const int step = row >= chunk ? 1 : static_cast<int>(chunk / row);
        values_.resize(static_cast<std::size_t>(step) * row);
        for (int first = 0; first < outputs; first += step) {
            const int count = outputs - first < step ? outputs - first : step;
            const std::span<float> values(values_.data(), static_cast<std::size_t>(count) * row);
            source_.read(tensor, static_cast<std::size_t>(first) * row, values);
            for (int o = 0; o < count; ++o) {
                const float* of_output = values.data() + static_cast<std::size_t>(o) * row;
                if (winograd)
                    write_points(target, first + o, of_output, block);
                else
                    write(target, first + o, of_output, target.taps, [](const float* from) { return from; });
            }
        }
        source_.done(tensor);
    }

private:
    // Panels of (taps, depth, panel width); depth is the inputs, rounded where they are channels of a map.
    struct Target {
        float* weights;
        int taps, inputs, depth, outputs;
    };

    // scale_ = gamma / sqrt(variance + epsilon) and bias = beta - mean * scale, or 1 and the layer's own bias.
    void read_affine(Layer layer, const Block& block, int outputs, bool normed, float* bias) {
        const auto count = static_cast<std::size_t>(outputs);
        const auto read = [&](Part part, std::vector<float>& into) {
            const Tensor tensor{layer, part, {1, {outputs}}, block};
            into.resize(count);
            source_.read(tensor, 0, into);
            source_.done(tensor);
        };
        scale_.assign(count, 1.0);
        read(normed ? Part::norm_bias : Part::bias, beta_);
        if (normed) {
            read(Part::norm_weight, gamma_);
            read(Part::norm_mean, mean_);
            read(Part::norm_variance, variance_);
        }
        for (std::size_t i = 0; i < count; ++i) {
            double shift = 0.0;
            if (normed) {
                scale_[i] = gamma_[i] / std::sqrt(static_cast<double>(variance_[i]) + source_.epsilon());
                shift = mean_[i] * scale_[i];
            }
            bias[i] = static_cast<float>(beta_[i] - shift);
        }
    }

    // One output channel's weights, (inputs, taps), as `matrices` of them that to_matrices makes of each input's taps.
    template <class ToMatrices>
    void write(const Target& to, int output, const float* values, int matrices, ToMatrices to_matrices) const {
        const kernels::Panels<Arch> panels(to.outputs);
        const int panel = panels.panel_of(output);
        const int channel = panels.first_channel(panel), width = panels.width(panel) * granule;
        float* at = to.weights + std::ptrdiff_t{matrices} * to.depth * channel + (output - channel);
        const double scale = scale_[static_cast<std::size_t>(output)];
        for (int i = 0; i < to.inputs; ++i, values += to.taps) {
            const auto* from = to_matrices(values);
            for (int t = 0; t < matrices; ++t)
                at[(std::ptrdiff_t{t} * to.depth + i) * width] =
                    static_cast<float>(static_cast<double>(from[t]) * scale);
        }
    }

    // The same at Winograd's points.
    void write_points(const Target& to, int output, const float* values, const Block& block) const {
        kernels::winograd::with_tile(block.winograd, [&](auto m) {
            double points[points_of_tile(m)], strided[(m + 2) * 3];
            const int stride = block.window.stride;
            write(to, output, values, winograd_shape(m, stride).matrices, [&](const float* taps) -> const double* {
                if (stride == 2)
                    kernels::winograd::transform_strided_kernel<m>(taps, strided);
                else
                    kernels::winograd::transform_kernel<m>(taps, points);
                return stride == 2 ? strided : points;
            });
        });
    }

    const WeightSource& source_;
    float* pack_;
    std::vector<float> values_, beta_, gamma_, mean_, variance_;
    std::vector<double> scale_;
};

}  // namespace detail

// Packs every tensor of `a`. The source must have them all (open_weights has checked that).
//
// Fails with ErrorCode::argument for an unsound architecture and for want of memory.
template <class Arch = simd::NativeArch>
Result<PackedWeights<Arch>> pack_weights(const Architecture& a, const WeightSource& source) {
    if (const Problem problem = find_problem(a); problem.flaw != Flaw::none)
        return Error{ErrorCode::argument, explain(problem)};
    PlanSummary plan;
    std::vector<PlannedBlock> blocks;
    make_plan(a, plan, [&](const PlannedBlock& block) { blocks.push_back(block); });
    Buffer pack(plan.weight_floats);
    if (pack.empty())
        return Error{
            ErrorCode::argument,
            "not enough memory for " + std::to_string(plan.weight_floats * sizeof(float)) + " bytes of packed weights"};
    for (std::size_t i = 0; i < pack.size(); ++i) pack.data()[i] = 0.0f;

    detail::LayerPacker<Arch> packer(source, pack.data());
    std::size_t block = 0;
    for_each_tensor(a, [&](const Tensor& tensor) {
        if (tensor.part != Part::weight) return;
        PackedConv to;
        bool winograd = false;
        if (tensor.in_block()) {
            while (blocks[block].shape.stage != tensor.block.stage || blocks[block].shape.index != tensor.block.index)
                ++block;
            const BlockWeights& places = blocks[block].weights;
            const bool is_first = tensor.layer == Layer::expand ||
                                  (tensor.layer == Layer::project && tensor.block.is_single_convolution());
            winograd = is_first && tensor.block.winograd > 0;
            switch (tensor.layer) {
                case Layer::depthwise:
                    to = places.depthwise;
                    break;
                case Layer::se_reduce:
                    to = places.reduce;
                    break;
                case Layer::se_expand:
                    to = places.restore;
                    break;
                default:
                    to = is_first ? places.first : places.project;
            }
        } else {
            to = tensor.layer == Layer::stem ? plan.stem : tensor.layer == Layer::head ? plan.head : plan.classifier;
        }
        packer.pack(tensor.layer, tensor.block, tensor.shape, to, winograd);
    });
    return PackedWeights<Arch>(a, std::move(pack));
}

}  // namespace effv2
