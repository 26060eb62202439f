// An MBConv block at work: its layers, its maps, and the sizes that its phases share.
#pragma once

#include "effv2/network/work.hpp"

namespace effv2::network {

struct MbconvJob {
    const Work* work;
    const PlannedBlock* planned;
    const PlanSummary* plan;
    const Block* block;
    Packed expansion, depthwise, reduce, restore, projection;
    int in_stride, middle_stride, out_stride;

    MbconvJob(const Work& on, const PlannedBlock& of, const PlanSummary& in)
        : work(&on),
          planned(&of),
          plan(&in),
          block(&of.shape),
          expansion(on, of.weights.first, block->in, block->expanded),
          depthwise(on, of.weights.depthwise, 1, block->expanded),
          reduce(on, of.weights.reduce, block->expanded, block->squeezed),
          restore(on, of.weights.restore, block->squeezed, block->expanded),
          projection(on, of.weights.project, block->expanded, block->out),
          in_stride(pixel_stride(block->in)),
          middle_stride(pixel_stride(block->expanded)),
          out_stride(pixel_stride(block->out)) {}

    const float* in(int image) const { return work->at(planned->input, image); }
    float* middle(int image) const { return work->at(planned->middle, image); }
    float* out(int image) const { return work->at(planned->output, image); }
    float* squeezed(int image) const { return work->at(plan->squeezed, image); }
    float* scale(int image) const { return work->at(plan->scale, image); }
    int pixels() const { return block->window.output.pixels(); }
    bool squeezes() const { return block->squeezed > 0; }

    // Asks for what the depthwise of some channels will need once they are expanded, and the next panel's expansion.
    // Inlined by force as ask_for is, and for its reason.
    [[gnu::always_inline]] void ask_beside_expansion(int channel, int floats) const {
        const int taps = block->window.kernel * block->window.kernel;
        kernels::ask_for(depthwise.weights + std::ptrdiff_t{taps} * channel, taps * floats);
        depthwise.ask_for_bias(channel, floats);
        expansion.ask_for_bias(channel + floats, floats);
    }
};

}  // namespace effv2::network
