// The geometry that a convolution's forward pass and the gradient of its input have in common: every pixel of a grid
// gathers a rectangle of source pixels. A strided convolution's input gradient is several of those, one for each
// remainder of the input's place by the stride, since neighbouring input pixels are seen by different taps.
#pragma once

#include "effv2/architecture/blocks.hpp"

namespace effv2::kernels {

// Along one axis: grid point j reads source points j * step + first + (0 ... taps - 1), and is written to place
// j * spread + place of the destination.
struct GatherAxis {
    int points = 0;  // of the grid
    int step = 1, first = 0, taps = 1;
    int spread = 1, place = 0;
    int source = 0;     // length of the source
    int first_tap = 0;  // which tap of the kernel is the first ...
    int tap_step = 1;   // ... and how far the next is from it
    constexpr int tap(int i) const { return first_tap + i * tap_step; }
};

struct Gather {
    GatherAxis y, x;
    constexpr int taps() const { return y.taps * x.taps; }
    constexpr int points() const { return y.points * x.points; }
};

constexpr GatherAxis forward_axis(int kernel, int stride, int in, int out, Pads pads) {
    return {.points = out, .step = stride, .first = -pads.before, .taps = kernel, .source = in};
}

constexpr Gather forward_gather(const Window& w) {
    return {forward_axis(w.kernel, w.stride, w.input.height, w.output.height, w.vertical),
            forward_axis(w.kernel, w.stride, w.input.width, w.output.width, w.horizontal)};
}

// Input places of remainder `place` by the stride are seen by the taps k with (place + before - k) divisible by it,
// from output (place + before - k) / stride + j. Taps run downwards, so that outputs run upwards.
constexpr GatherAxis backward_axis(int kernel, int stride, int in, int out, Pads pads, int place) {
    const int lowest = (place + pads.before) % stride;
    const int taps = lowest < kernel ? (kernel - 1 - lowest) / stride + 1 : 0;
    const int last = lowest + (taps - 1) * stride;
    // Exact: `last` has the remainder of place + before.
    const int first = (place + pads.before - last) / stride;
    return {.points = in > place ? (in - place + stride - 1) / stride : 0,
            .step = 1,
            .first = first,
            .taps = taps,
            .spread = stride,
            .place = place,
            .source = out,
            .first_tap = last,
            .tap_step = -stride};
}

// Of remainder class 0 <= which < stride * stride.
constexpr Gather backward_gather(const Window& w, int which) {
    return {backward_axis(w.kernel, w.stride, w.input.height, w.output.height, w.vertical, which / w.stride),
            backward_axis(w.kernel, w.stride, w.input.width, w.output.width, w.horizontal, which % w.stride)};
}

}  // namespace effv2::kernels
