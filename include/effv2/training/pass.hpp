// What the layers of one training step share, and the steps that every convolution with a norm takes: forward, and back
// to its weights and its input.
#pragma once

#include "effv2/training/layers/depthwise.hpp"
#include "effv2/training/layers/winograd_gradient.hpp"
#include "effv2/training/plan.hpp"

namespace effv2::training {

struct Pass {
    Executor& executor;
    NormSettings norm;
    int batch;
    const float* values;  // ParameterTable
    float* norms;         // the same memory, where running statistics move, and gamma and beta with adopted ones
    float* gradients;     // ParameterTable's trained part
    float* arena;
    float* states;
    float* scratch_statistics = nullptr;
    float* transposed = nullptr;
    float* scratch_gradient = nullptr;
    float* points = nullptr;          // one layer's weights, transformed
    float* scratch_worker = nullptr;  // of worker 0
    std::size_t worker_stride = 0;    // floats from one worker's scratch to the next

    float* at(MapPlace place) const { return arena + place * static_cast<std::size_t>(batch); }
    NormState state(const NormedLayer& layer) const { return {states + layer.state, layer.shape.out}; }
    NormParameters norm_parameters(const LayerPlace& at) const {
        return {norms + at.gamma, norms + at.beta, norms + at.mean, norms + at.variance};
    }
    Biased<const float> biased(const LayerPlace& at) const { return {values + at.weights, values + at.beta}; }
    Biased<float> biased_gradient(const LayerPlace& at) const { return {gradients + at.weights, gradients + at.beta}; }
};

// A pass of stride 1, directly or by Winograd.
template <class Arch>
void run_convolution(const Pass& pass, const ConvShape& shape, const ConvPass& convolution) {
    if (!shape.winograd) return convolve<Arch>(pass.executor, convolution);
    transform_weights<Arch>(pass.executor, convolution.depth, convolution.channels, convolution.weights, pass.points);
    convolve_winograd<Arch>(pass.executor, convolution, pass.points, pass.scratch_worker, pass.worker_stride);
}

// The convolution, and its norm's statistics; the norm itself is applied by who reads the map. `update` moves the
// running statistics: once a step.
template <class Arch>
void convolve_and_measure(const Pass& pass, const NormedLayer& layer, const float* in, bool update) {
    float* const moments = pass.norm.frozen ? nullptr : pass.scratch_statistics;
    const float* weights = pass.values + layer.at.weights;
    float* raw = pass.at(layer.raw);
    if (layer.shape.depthwise)
        depthwise_forward<Arch>(pass.executor, layer.shape, pass.batch, in, weights, raw, moments);
    else
        run_convolution<Arch>(pass, layer.shape,
                              forward_pass(layer.shape, pass.batch, in, weights, nullptr, raw, moments));
    finish_statistics(pass.executor, pass.norm, pass.batch * layer.map.pixels, layer.shape.out, moments,
                      pass.norm_parameters(layer.at), pass.state(layer), update);
}

template <class Arch>
void forward_layer(const Pass& pass, const NormedLayer& layer, const float* in, bool update,
                   const float* factors = nullptr, const float* residual = nullptr) {
    convolve_and_measure<Arch>(pass, layer, in, update);
    norm_forward<Arch>(pass.executor, layer.map, pass.batch, pass.state(layer), layer.silu, pass.at(layer.raw), factors,
                       residual, pass.at(layer.out));
}

// From the gradient of the layer's output to that of its convolution's output, in `raw_gradient` (which may be the
// upstream gradient's memory), and of its norm and weights. `in` is what the convolution read.
template <class Arch>
void backward_to_weights(const Pass& pass, const NormedLayer& layer, const float* in, const NormUpstream& up,
                         float* raw_gradient) {
    norm_backward<Arch>(pass.executor, pass.norm, layer.map, pass.batch, pass.state(layer), layer.silu,
                        pass.at(layer.raw), up, pass.scratch_statistics, pass.gradients + layer.at.gamma,
                        pass.gradients + layer.at.beta, raw_gradient);
    float* gradient = pass.gradients + layer.at.weights;
    if (layer.shape.depthwise)
        depthwise_weight_gradient<Arch>(pass.executor, layer.shape, pass.batch, in, raw_gradient, pass.scratch_gradient,
                                        gradient);
    else if (layer.shape.winograd)
        WinogradGradient<Arch>(layer.shape, pass.batch, in, raw_gradient, pass.scratch_gradient)
            .run(pass.executor, gradient);
    else
        convolve_weight_gradient<Arch>(pass.executor, layer.shape, pass.batch, in, raw_gradient, pass.scratch_gradient,
                                       gradient);
}

// From the convolution's output to its input (+ residual).
template <class Arch>
void backward_to_input(const Pass& pass, const NormedLayer& layer, const float* raw_gradient, const float* residual,
                       float* in_gradient) {
    const float* weights = pass.values + layer.at.weights;
    if (!layer.shape.depthwise) {
        transpose_weights<Arch>(pass.executor, layer.shape, weights, pass.transposed);
        if (layer.shape.winograd)
            run_convolution<Arch>(
                pass, layer.shape,
                backward_pass(layer.shape, 0, pass.batch, raw_gradient, pass.transposed, residual, in_gradient));
        else
            convolve_backward<Arch>(pass.executor, layer.shape, pass.batch, raw_gradient, pass.transposed, residual,
                                    in_gradient);
        return;
    }
    depthwise_backward<Arch>(pass.executor, layer.shape, pass.batch, raw_gradient, weights, residual, in_gradient);
}

}  // namespace effv2::training
