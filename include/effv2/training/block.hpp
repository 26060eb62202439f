// A block of either kind, forward and backward.
#pragma once

#include "effv2/training/pass.hpp"

namespace effv2::training {

// Stochastic depth's factor of each image, where the block has a residual: 0, or 1 / survival. nullptr: none.
template <class Arch>
void forward_block(const Pass& pass, const TrainedBlock& b, const float* factors, bool update) {
    const float* in = pass.at(b.in);
    const float* residual = b.block.residual ? in : nullptr;
    const float* next = in;
    if (b.has_first()) {
        forward_layer<Arch>(pass, b.first, next, update);
        next = pass.at(b.first.out);
    }
    if (b.has_squeeze()) {
        convolve_and_measure<Arch>(pass, b.depthwise, next, update);
        squeeze_forward<Arch>(pass.executor, b.squeeze, pass.batch, pass.state(b.depthwise), pass.at(b.depthwise.raw),
                              pass.biased(b.places.reduce), pass.biased(b.places.restore),
                              SqueezeState(pass.at(b.squeeze_state), b.squeeze, pass.batch), pass.at(b.depthwise.out));
        next = pass.at(b.depthwise.out);
    } else if (b.has_depthwise()) {
        forward_layer<Arch>(pass, b.depthwise, next, update);
        next = pass.at(b.depthwise.out);
    }
    forward_layer<Arch>(pass, b.project, next, update, residual != nullptr ? factors : nullptr, residual);
}

namespace detail {

// Through the gates and the depthwise convolution's norm: what multiplies and adds to the gradient on its way.
template <class Arch>
NormUpstream backward_squeeze(const Pass& pass, const TrainedBlock& b, const float* gradient) {
    NormUpstream up;
    up.gradient = gradient;
    if (!b.has_squeeze()) return up;
    const SqueezeState state(pass.at(b.squeeze_state), b.squeeze, pass.batch);
    float* const reduce = pass.transposed;
    float* const restore = reduce + round_to_segment(b.squeeze.reduce.weights());
    transpose_weights<Arch>(pass.executor, b.squeeze.reduce, pass.values + b.places.reduce.weights, reduce);
    transpose_weights<Arch>(pass.executor, b.squeeze.restore, pass.values + b.places.restore.weights, restore);
    squeeze_backward<Arch>(pass.executor, b.squeeze, pass.batch, pass.state(b.depthwise), pass.at(b.depthwise.raw),
                           gradient, reduce, restore, state, pass.scratch_gradient,
                           pass.biased_gradient(b.places.reduce), pass.biased_gradient(b.places.restore));
    up.gates = state.gate, up.plus = state.mean_gradient;
    return up;
}

}  // namespace detail

// Gradients of the block's weights and, unless `in_gradient` is nullptr, of its input. `branch` has room for a map of
// the block's output, `expanded` for two between expansion and projection.
template <class Arch>
void backward_block(const Pass& pass, const TrainedBlock& b, const float* factors, const float* out_gradient,
                    float* branch, float* const expanded[2], float* in_gradient) {
    const float* residual = b.block.residual ? out_gradient : nullptr;
    const float* in = pass.at(b.in);
    const NormedLayer* const before_project = b.has_depthwise() ? &b.depthwise : b.has_first() ? &b.first : nullptr;
    NormUpstream up;
    up.gradient = out_gradient, up.factors = residual != nullptr ? factors : nullptr;
    backward_to_weights<Arch>(pass, b.project, before_project != nullptr ? pass.at(before_project->out) : in, up,
                              branch);
    if (before_project == nullptr) {
        if (in_gradient != nullptr) backward_to_input<Arch>(pass, b.project, branch, residual, in_gradient);
        return;
    }
    backward_to_input<Arch>(pass, b.project, branch, nullptr, expanded[0]);
    float* gradient = expanded[0];
    if (b.has_depthwise()) {
        const NormUpstream gated = detail::backward_squeeze<Arch>(pass, b, gradient);
        backward_to_weights<Arch>(pass, b.depthwise, b.has_first() ? pass.at(b.first.out) : in, gated, gradient);
        if (!b.has_first()) {
            if (in_gradient != nullptr) backward_to_input<Arch>(pass, b.depthwise, gradient, residual, in_gradient);
            return;
        }
        backward_to_input<Arch>(pass, b.depthwise, gradient, nullptr, expanded[1]);
        gradient = expanded[1];
    }
    backward_to_weights<Arch>(pass, b.first, in, {.gradient = gradient}, gradient);
    if (in_gradient != nullptr) backward_to_input<Arch>(pass, b.first, gradient, residual, in_gradient);
}

}  // namespace effv2::training
