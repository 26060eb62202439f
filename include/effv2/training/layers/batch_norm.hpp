// Batch norm over a batch of channels-last maps, with the activation behind it: statistics, normalising, gradients.
// Training uses the batch's statistics, or (frozen) the running ones as constants. Ioffe & Szegedy 2015.
#pragma once

#include <algorithm>
#include <cmath>

#include "effv2/kernels/norm.hpp"
#include "effv2/network/work.hpp"
#include "effv2/training/layers/convolution.hpp"

namespace effv2::training {

// How batch norm behaves, for the whole network.
struct NormSettings {
    float epsilon = 1e-3f;
    float momentum = 0.1f;  // share of the new in the running statistics, as PyTorch counts it (TensorFlow's 0.9)
    bool frozen = false;    // normalise by the running statistics, and leave them alone
    bool adopt = false;     // make the batch's statistics the running ones; gamma and beta follow, so that the norm by
                            // the new statistics does what it did by the old ones
};

// What a layer keeps between the passes: seven values a channel.
struct NormState {
    float *mean, *inverse, *scale, *shift;  // inverse: of the standard deviation; out = in * scale + shift
    float *a, *b, *c;                       // as in kernels::NormApply

    NormState(float* memory, int channels)
        : mean(memory),
          inverse(mean + channels),
          scale(inverse + channels),
          shift(scale + channels),
          a(shift + channels),
          b(a + channels),
          c(b + channels) {}
    static constexpr int values = 7;
};

struct NormParameters {
    float *gamma, *beta, *running_mean, *running_variance;
};

// Pieces of a batch's maps of a few thousand floats. A piece is part of one map, or several small maps.
class Pieces {
public:
    Pieces(int batch, int pixels, int channels) : batch_(batch), pixels_(pixels) {
        constexpr int wanted = 16384;  // floats
        const std::int64_t floats = std::int64_t{pixels} * channels;
        parts_ = static_cast<int>(std::max<std::int64_t>(1, floats / wanted));
        images_ = static_cast<int>(std::clamp<std::int64_t>(wanted / floats, 1, batch));
    }
    int count() const { return parts_ > 1 ? batch_ * parts_ : (batch_ + images_ - 1) / images_; }

    // Calls f(image, first pixel, pixels) for each run of pixels in a piece.
    template <class F>
    void visit(int piece, F f) const {
        if (parts_ > 1) {
            const int part = piece % parts_, first = part_start(pixels_, parts_, part);
            f(piece / parts_, first, part_start(pixels_, parts_, part + 1) - first);
            return;
        }
        for (int i = piece * images_; i < std::min((piece + 1) * images_, batch_); ++i) f(i, 0, pixels_);
    }

private:
    int batch_, pixels_, parts_, images_;
};

namespace detail {

// Channels whose statistics one task finishes.
inline constexpr int norm_slice = 64;

template <class F>
void for_each_slice(Executor& executor, int channels, F f) {
    executor.run((channels + norm_slice - 1) / norm_slice,
                 [&](int slice, int) { f(slice * norm_slice, std::min(norm_slice, channels - slice * norm_slice)); });
}

inline void set_affine(const NormParameters& p, const NormState& s, int c, double mean, double variance,
                       float epsilon) {
    const double inverse = 1.0 / std::sqrt(variance + static_cast<double>(epsilon));
    s.mean[c] = static_cast<float>(mean);
    s.inverse[c] = static_cast<float>(inverse);
    s.scale[c] = static_cast<float>(p.gamma[c] * inverse);
    s.shift[c] = static_cast<float>(p.beta[c] - mean * p.gamma[c] * inverse);
}

// Another mean and variance for a channel whose gamma and beta undo the change.
inline void adopt_statistics(const NormParameters& p, int c, double mean, double variance, float epsilon) {
    const auto deviation = [&](double of) { return std::sqrt(of + static_cast<double>(epsilon)); };
    const double scale = p.gamma[c] / deviation(p.running_variance[c]);
    p.beta[c] = static_cast<float>(p.beta[c] + (mean - p.running_mean[c]) * scale);
    p.gamma[c] = static_cast<float>(scale * deviation(variance));
    p.running_mean[c] = static_cast<float>(mean);
    p.running_variance[c] = static_cast<float>(variance);
}

}  // namespace detail

// The batch's mean and variance from the chunks' moments (chunks, 2, channels) of `pixels` pixels, cut as the
// convolutions cut them; moves the running statistics (unless `update` is false), whose variance is the unbiased one.
inline void finish_statistics(Executor& executor, const NormSettings& settings, int pixels, int channels,
                              const float* moments, const NormParameters& p, const NormState& state, bool update) {
    if (settings.frozen) {
        for (int c = 0; c < channels; ++c)
            detail::set_affine(p, state, c, p.running_mean[c], p.running_variance[c], settings.epsilon);
        return;
    }
    const int chunks = chunk_count(pixels);
    const auto momentum = static_cast<double>(settings.momentum);
    detail::for_each_slice(executor, channels, [&](int first, int count) {
        double mean[detail::norm_slice]{}, deviation[detail::norm_slice]{};
        const auto each = [&](auto f) {
            for (int k = 0; k < chunks; ++k) {
                const double n = part_start(pixels, chunks, k + 1) - part_start(pixels, chunks, k);
                const float* of = moments + std::ptrdiff_t{k} * 2 * channels + first;
                for (int c = 0; c < count; ++c)
                    f(c, n, static_cast<double>(of[c]), static_cast<double>(of[channels + c]));
            }
        };
        each([&](int c, double n, double m, double) { mean[c] += n * m / pixels; });
        each([&](int c, double n, double m, double d) { deviation[c] += d + n * (m - mean[c]) * (m - mean[c]); });
        for (int c = 0; c < count; ++c) {
            const double variance = deviation[c] / pixels, unbiased = deviation[c] / std::max(1, pixels - 1);
            if (settings.adopt) detail::adopt_statistics(p, first + c, mean[c], variance, settings.epsilon);
            detail::set_affine(p, state, first + c, mean[c], variance, settings.epsilon);
            if (!update || settings.adopt) continue;
            float &m = p.running_mean[first + c], &v = p.running_variance[first + c];
            m = static_cast<float>(m + momentum * (mean[c] - m));
            v = static_cast<float>(v + momentum * (unbiased - v));
        }
    });
}

// The gradients of gamma and beta from the pieces' sums (pieces, 2, channels), and what the second half needs.
inline void finish_gradient(Executor& executor, const NormSettings& settings, int pixels, int channels, int pieces,
                            const float* sums, const NormState& s, float* gamma_gradient, float* beta_gradient) {
    detail::for_each_slice(executor, channels, [&](int first, int count) {
        double sum[detail::norm_slice]{}, product[detail::norm_slice]{};
        for (int k = 0; k < pieces; ++k) {
            const float* of = sums + std::ptrdiff_t{k} * 2 * channels + first;
            for (int c = 0; c < count; ++c) sum[c] += of[c], product[c] += of[channels + c];
        }
        for (int i = 0; i < count; ++i) {
            const int c = first + i;
            const double inverse = s.inverse[c], scale = s.scale[c];
            const double gamma = product[i] * inverse;
            gamma_gradient[c] = static_cast<float>(gamma);
            beta_gradient[c] = static_cast<float>(sum[i]);
            s.a[c] = s.scale[c];
            s.b[c] = settings.frozen ? 0.0f : static_cast<float>(-scale * inverse * gamma / pixels);
            s.c[c] = settings.frozen ? 0.0f : static_cast<float>(-scale * sum[i] / pixels);
        }
    });
}

// A layer's map: pixels of one image, channels rounded to the granule.
struct MapLayout {
    int pixels = 0, channels = 0;
    std::ptrdiff_t stride = 0;  // floats from pixel to pixel
    std::ptrdiff_t at(int image, int pixel) const { return (std::ptrdiff_t{image} * pixels + pixel) * stride; }
};

// out = act(norm(in)), or factors[image] * act(norm(in)) + residual; no factors: 1.
template <class Arch>
void norm_forward(Executor& executor, const MapLayout& shape, int batch, const NormState& s, bool silu, const float* in,
                  const float* factors, const float* residual, float* out) {
    const Pieces pieces(batch, shape.pixels, shape.channels);
    executor.run(pieces.count(), [&](int piece, int) {
        pieces.visit(piece, [&](int image, int first, int count) {
            const std::ptrdiff_t at = shape.at(image, first);
            kernels::NormForward n;
            n.in = in + at, n.scale = s.scale, n.shift = s.shift, n.silu = silu;
            n.factor = factors != nullptr ? factors[image] : 1.0f;
            n.residual = residual != nullptr ? residual + at : nullptr;
            n.out = out + at;
            kernels::normalise<Arch>({count, shape.channels, shape.stride}, n);
        });
    });
}

// What the gradient of a layer's output is multiplied with and added to before it enters the norm: stochastic depth's
// factor of each image, or the gate and the pooled gradient of squeeze-excite, (images, shape.stride).
struct NormUpstream {
    const float* gradient = nullptr;
    const float* factors = nullptr;
    const float *gates = nullptr, *plus = nullptr;
};

// in_gradient (may be the upstream gradient's own memory), gamma's and beta's. `sums` has pieces * 2 * channels floats.
template <class Arch>
void norm_backward(Executor& executor, const NormSettings& settings, const MapLayout& shape, int batch,
                   const NormState& s, bool silu, const float* in, const NormUpstream& up, float* sums,
                   float* gamma_gradient, float* beta_gradient, float* in_gradient) {
    const Pieces pieces(batch, shape.pixels, shape.channels);
    executor.run(pieces.count(), [&](int piece, int) {
        float* of = sums + std::ptrdiff_t{piece} * 2 * shape.channels;
        std::fill_n(of, 2 * shape.channels, 0.0f);
        pieces.visit(piece, [&](int image, int first, int count) {
            const std::ptrdiff_t at = shape.at(image, first), row = image * shape.stride;
            kernels::NormGradient n;
            n.in = in + at, n.mean = s.mean, n.scale = s.scale, n.shift = s.shift, n.silu = silu;
            n.gradient = up.gradient + at;
            n.factor = up.factors != nullptr ? up.factors[image] : 1.0f;
            if (up.gates != nullptr) n.gate = up.gates + row, n.plus = up.plus + row;
            n.out = in_gradient + at;
            n.sums = of, n.products = of + shape.channels;
            kernels::norm_gradient<Arch>({count, shape.channels, shape.stride}, n);
        });
    });
    finish_gradient(executor, settings, batch * shape.pixels, shape.channels, pieces.count(), sums, s, gamma_gradient,
                    beta_gradient);
    executor.run(pieces.count(), [&](int piece, int) {
        pieces.visit(piece, [&](int image, int first, int count) {
            const std::ptrdiff_t at = shape.at(image, first);
            kernels::NormApply n;
            n.in = in + at, n.mean = s.mean, n.a = s.a, n.b = s.b, n.c = s.c;
            n.out = in_gradient + at;
            kernels::apply_norm_gradient<Arch>({count, shape.channels, shape.stride}, n);
        });
    });
}

}  // namespace effv2::training
