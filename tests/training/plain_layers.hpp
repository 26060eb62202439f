// Training layers as the textbook has them, in double and forward only: what central differences are taken of.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "effv2/architecture/tensors.hpp"
#include "kernels/random.hpp"

namespace effv2::tests {

using Values = std::vector<double>;

// Maps of a batch: (image, pixel, channel).
struct Maps {
    int images = 0, channels = 0;
    Extent size;
    Values values;

    Maps() = default;
    Maps(int n, int c, Extent s)
        : images(n), channels(c), size(s), values(static_cast<std::size_t>(n * c * s.pixels())) {}
    std::size_t index(int n, int y, int x, int c) const {
        return static_cast<std::size_t>(((n * size.height + y) * size.width + x) * channels + c);
    }
    double padded(int n, int y, int x, int c) const {
        const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
        return inside ? values[index(n, y, x, c)] : 0.0;
    }
};

// Weights (outputs, inputs, k, k), or (channels, 1, k, k) of a depthwise convolution.
inline Maps plain_convolve(const Maps& in, const Window& w, int outputs, bool depthwise, const Values& weights) {
    Maps out(in.images, outputs, w.output);
    const int k = w.kernel, inputs = depthwise ? 1 : in.channels;
    for (int n = 0; n < in.images; ++n)
        for (int y = 0; y < w.output.height; ++y)
            for (int x = 0; x < w.output.width; ++x)
                for (int o = 0; o < outputs; ++o) {
                    double sum = 0.0;
                    const double* weight = weights.data() + static_cast<std::ptrdiff_t>(o) * inputs * k * k;
                    for (int i = 0; i < inputs; ++i)
                        for (int ky = 0; ky < k; ++ky)
                            for (int kx = 0; kx < k; ++kx)
                                sum +=
                                    *weight++ * in.padded(n, y * w.stride + ky - w.vertical.before,
                                                          x * w.stride + kx - w.horizontal.before, depthwise ? o : i);
                    out.values[out.index(n, y, x, o)] = sum;
                }
    return out;
}

struct PlainNorm {
    Values gamma, beta;
    Values mean, variance;  // running ones; empty: the batch's
};

inline Maps plain_norm(const Maps& in, const PlainNorm& norm) {
    Maps out = in;
    const auto channels = static_cast<std::size_t>(in.channels);
    for (std::size_t c = 0; c < channels; ++c) {
        double mean = 0.0, variance = 0.0;
        const double count = static_cast<double>(in.values.size() / channels);
        for (std::size_t i = c; i < in.values.size(); i += channels) mean += in.values[i] / count;
        for (std::size_t i = c; i < in.values.size(); i += channels)
            variance += (in.values[i] - mean) * (in.values[i] - mean) / count;
        if (!norm.mean.empty()) mean = norm.mean[c], variance = norm.variance[c];
        for (std::size_t i = c; i < in.values.size(); i += channels)
            out.values[i] = (in.values[i] - mean) / std::sqrt(variance + 1e-3f) * norm.gamma[c] + norm.beta[c];
    }
    return out;
}

inline double plain_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

inline void plain_silu(Values& values) {
    for (double& value : values) value *= plain_sigmoid(value);
}

// (image, channel): means over the pixels.
inline Maps plain_pool(const Maps& in) {
    Maps out(in.images, in.channels, {1, 1});
    for (int n = 0; n < in.images; ++n)
        for (int y = 0; y < in.size.height; ++y)
            for (int x = 0; x < in.size.width; ++x)
                for (int c = 0; c < in.channels; ++c)
                    out.values[out.index(n, 0, 0, c)] += in.values[in.index(n, y, x, c)] / in.size.pixels();
    return out;
}

inline Maps plain_dense(const Maps& in, const Values& weights, const Values& bias) {
    Maps out =
        plain_convolve(in, make_window({1, 1}, 1, 1, Padding::same), static_cast<int>(bias.size()), false, weights);
    for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] += bias[i % bias.size()];
    return out;
}

inline Maps plain_squeeze(const Maps& in, const Values& reduce, const Values& reduce_bias, const Values& restore,
                          const Values& restore_bias) {
    Maps squeezed = plain_dense(plain_pool(in), reduce, reduce_bias);
    plain_silu(squeezed.values);
    const Maps gate = plain_dense(squeezed, restore, restore_bias);
    Maps out = in;
    for (int n = 0; n < in.images; ++n)
        for (int i = 0; i < in.size.pixels(); ++i)
            for (int c = 0; c < in.channels; ++c)
                out.values[static_cast<std::size_t>((n * in.size.pixels() + i) * in.channels + c)] *=
                    plain_sigmoid(gate.values[gate.index(n, 0, 0, c)]);
    return out;
}

// Mean over the rows of the cross-entropy with targets (rows, classes).
inline double plain_cross_entropy(const Values& logits, const Values& targets, int classes, double smoothing) {
    double loss = 0.0;
    const auto width = static_cast<std::size_t>(classes), rows = logits.size() / width;
    for (std::size_t r = 0; r < rows; ++r) {
        double sum = 0.0;
        for (std::size_t c = 0; c < width; ++c) sum += std::exp(logits[r * width + c]);
        for (std::size_t c = 0; c < width; ++c)
            loss -= (targets[r * width + c] * (1.0 - smoothing) + smoothing / classes) *
                    (logits[r * width + c] - std::log(sum)) / static_cast<double>(rows);
    }
    return loss;
}

inline Values doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

inline double dot(const Values& a, const Values& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

// The largest difference, over some random directions, between the slope of `loss` at `at` by central differences and
// what `gradient` says, relative to the size of the gradient.
inline double slope_error(Random& random, const std::function<double(const Values&)>& loss, const Values& at,
                          const Values& gradient, int directions = 4, double step = 1e-4) {
    double worst = 0.0;
    for (int d = 0; d < directions; ++d) {
        const Values direction = doubles(random.reals(at.size()));
        Values up = at, down = at;
        for (std::size_t i = 0; i < at.size(); ++i) up[i] += step * direction[i], down[i] -= step * direction[i];
        const double slope = (loss(up) - loss(down)) / (2.0 * step), claimed = dot(gradient, direction);
        if (!std::isfinite(claimed)) return std::numeric_limits<double>::infinity();
        worst = std::max(worst, std::abs(slope - claimed) / (std::sqrt(dot(gradient, gradient)) + 1e-12));
    }
    return worst;
}

}  // namespace effv2::tests
