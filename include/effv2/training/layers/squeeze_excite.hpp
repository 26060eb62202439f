// Squeeze-excite over a batch: each image's channel means go through two small dense layers, whose sigmoid gates the
// map. Hu, Shen & Sun 2018; sizes as in EfficientNetV2.
#pragma once

#include "effv2/training/layers/batch_norm.hpp"
#include "effv2/training/layers/weight_gradient.hpp"

namespace effv2::training {

// The two dense layers, as 1x1 convolutions of one pixel.
struct SqueezeShape {
    MapLayout map;  // that is gated
    ConvShape reduce, restore;

    SqueezeShape() = default;
    SqueezeShape(int pixels, int channels, int squeezed)
        : map{pixels, round_to_granule(channels), pixel_stride(channels)},
          reduce(make_window({1, 1}, 1, 1, Padding::same), channels, squeezed),
          restore(make_window({1, 1}, 1, 1, Padding::same), squeezed, channels) {}

    // Floats of SqueezeState for each image.
    std::size_t state_floats() const { return static_cast<std::size_t>(4 * reduce.in_stride + 3 * reduce.out_stride); }
};

// Rows of one value a channel for each image, kept between the passes (the last three are scratch of the backward one).
struct SqueezeState {
    float *mean, *gate, *gate_gradient, *mean_gradient;  // of the map's channels
    float *before, *squeezed, *squeezed_gradient;        // before and behind the first layer's SiLU

    SqueezeState(float* memory, const SqueezeShape& shape, int batch) {
        float** const wide[] = {&mean, &gate, &gate_gradient, &mean_gradient};
        float** const narrow[] = {&before, &squeezed, &squeezed_gradient};
        for (float** row : wide) *row = memory, memory += std::ptrdiff_t{batch} * shape.reduce.in_stride;
        for (float** row : narrow) *row = memory, memory += std::ptrdiff_t{batch} * shape.reduce.out_stride;
    }
};

// A dense layer's or convolution's weights and bias, or their gradients.
template <class Float>
struct Biased {
    Float *weights = nullptr, *bias = nullptr;
};

// out = gate * silu(norm(in)); the gate's parts are left in the state.
template <class Arch>
void squeeze_forward(Executor& executor, const SqueezeShape& shape, int batch, const NormState& norm, const float* in,
                     Biased<const float> reduce, Biased<const float> restore, const SqueezeState& state, float* out) {
    const MapLayout& map = shape.map;
    executor.run(batch, [&](int image, int) {
        float* mean = state.mean + image * map.stride;
        std::fill_n(mean, map.channels, 0.0f);
        kernels::NormForward n;
        n.in = in + map.at(image, 0), n.scale = norm.scale, n.shift = norm.shift, n.silu = true;
        n.out = out + map.at(image, 0), n.sums = mean;
        kernels::normalise<Arch>({map.pixels, map.channels, map.stride}, n);
        kernels::multiply<Arch>(mean, 1.0f / static_cast<float>(map.pixels), map.channels);
    });
    convolve_forward<Arch>(executor, shape.reduce, batch, state.mean, reduce.weights, reduce.bias, state.before,
                           nullptr);
    for (int i = 0; i < batch; ++i) {
        float* squeezed = state.squeezed + std::ptrdiff_t{i} * shape.reduce.out_stride;
        std::copy_n(state.before + std::ptrdiff_t{i} * shape.reduce.out_stride, shape.reduce.out, squeezed);
        kernels::apply_silu<Arch>(squeezed, shape.reduce.out);
    }
    convolve_forward<Arch>(executor, shape.restore, batch, state.squeezed, restore.weights, restore.bias, state.gate,
                           nullptr);
    executor.run(batch, [&](int image, int) {
        float* gate = state.gate + image * map.stride;
        kernels::apply_sigmoid<Arch>(gate, map.channels);
        for (int p = 0; p < map.pixels; ++p) kernels::multiply<Arch>(out + map.at(image, p), gate, map.channels);
    });
}

namespace detail {

// gradient[c] = sum over images of rows[image][c]
template <class Arch>
void sum_rows(const float* rows, int images, std::ptrdiff_t stride, int channels, float* gradient) {
    std::copy_n(rows, channels, gradient);
    for (int i = 1; i < images; ++i) kernels::accumulate<Arch>(gradient, rows + i * stride, channels);
}

}  // namespace detail

// The gradients of both dense layers; what the map's gradient needs (NormUpstream's gates and plus) is left in the
// state's gate and mean_gradient. `out_gradient` is of the gated map; the transposed weights are transpose_weights'.
template <class Arch>
void squeeze_backward(Executor& executor, const SqueezeShape& shape, int batch, const NormState& norm, const float* in,
                      const float* out_gradient, const float* reduce_transposed, const float* restore_transposed,
                      const SqueezeState& state, float* scratch, Biased<float> reduce, Biased<float> restore) {
    const MapLayout& map = shape.map;
    executor.run(batch, [&](int image, int) {
        float* gradient = state.gate_gradient + image * map.stride;
        const float* gate = state.gate + image * map.stride;
        std::fill_n(gradient, map.channels, 0.0f);
        kernels::add_gate_gradient<Arch>(
            {map.pixels, map.channels, map.stride},
            {in + map.at(image, 0), norm.scale, norm.shift, out_gradient + map.at(image, 0), gradient});
        for (int c = 0; c < map.channels; ++c) gradient[c] *= gate[c] * (1.0f - gate[c]);
    });
    convolve_weight_gradient<Arch>(executor, shape.restore, batch, state.squeezed, state.gate_gradient, scratch,
                                   restore.weights);
    detail::sum_rows<Arch>(state.gate_gradient, batch, map.stride, map.channels, restore.bias);
    convolve_backward<Arch>(executor, shape.restore, batch, state.gate_gradient, restore_transposed, nullptr,
                            state.squeezed_gradient);
    const std::ptrdiff_t narrow = shape.reduce.out_stride;
    for (int i = 0; i < batch; ++i)
        kernels::multiply_by_silu_gradient<Arch>(state.squeezed_gradient + i * narrow, state.before + i * narrow,
                                                 shape.reduce.out);
    convolve_weight_gradient<Arch>(executor, shape.reduce, batch, state.mean, state.squeezed_gradient, scratch,
                                   reduce.weights);
    detail::sum_rows<Arch>(state.squeezed_gradient, batch, narrow, shape.reduce.out, reduce.bias);
    convolve_backward<Arch>(executor, shape.reduce, batch, state.squeezed_gradient, reduce_transposed, nullptr,
                            state.mean_gradient);
    for (int i = 0; i < batch; ++i)
        kernels::multiply<Arch>(state.mean_gradient + i * map.stride, 1.0f / static_cast<float>(map.pixels),
                                map.channels);
}

}  // namespace effv2::training
