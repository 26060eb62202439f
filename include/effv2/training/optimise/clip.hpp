// The norm of the gradients, and how much they are scaled down where it is too large. One pass that only reads: the
// optimiser multiplies by what it finds. A gradient that is not a number shows here, before any weight is changed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "effv2/simd/row.hpp"
#include "effv2/training/optimise/segments.hpp"

namespace effv2::training {

enum class ClipKind : std::uint8_t {
    none,                 // measured only
    global_norm,          // of all gradients together (torch.nn.utils.clip_grad_norm_)
    tensors_then_global,  // each tensor's, then that of all of what is left (google/automl efficientnetv2/main.py)
};

struct Clip {
    ClipKind kind = ClipKind::none;
    double norm = 1.0;  // the largest that is let through
    constexpr bool operator==(const Clip&) const = default;
};

// Fails with ErrorCode::argument where the norm is no positive number.
inline Status check(const Clip& clip) {
    if (clip.kind == ClipKind::none || (clip.norm > 0.0 && std::isfinite(clip.norm))) return std::monostate{};
    return Error{ErrorCode::argument,
                 "clipping: the largest norm is " + std::to_string(clip.norm) + ", expected above 0"};
}

// What the optimiser takes for the gradient of a segment: clip * (factor * gradient + weight decay * weight) where the
// clipping covers the decay, else clip * factor * gradient + weight decay * weight.
struct GradientScale {
    float factor = 1.0f;                 // one over the number of batches whose gradients were summed up, say
    float clip = 1.0f;                   // of every segment
    std::span<const float> clip_each{};  // one for each segment, in place of `clip`; must outlive the step
    bool clips_decay = false;

    float clip_of(std::size_t segment) const { return clip_each.empty() ? clip : clip_each[segment]; }
};

// Euclidean norm before clipping, over the segments that are trained.
struct GradientNorm {
    static constexpr std::size_t none = SIZE_MAX;
    double norm = 0.0;
    std::size_t broken = none;  // the first segment with an infinity or NaN; `norm` is then no number to work with

    bool is_finite() const { return broken == none; }

    // A sentence for a run that stops; `tensor` is the name of the segment `broken`.
    Error error(std::string_view tensor, std::uint64_t step) const {
        return {ErrorCode::argument, "step " + std::to_string(step) + ": the gradient of " + std::string(tensor) +
                                         " is not finite: the weights are as the step before left them; a lower "
                                         "learning rate or clipping may help"};
    }
};

// What is measured. With weights and weight decay, it is the gradient of the loss with its L2 term, which is what
// google/automl clips; without, the gradient of the loss alone, as in PyTorch.
struct Measured {
    std::span<const float> gradients;
    float factor = 1.0f;
    std::span<const float> weights{};
    float weight_decay = 0.0f;
};

// Inner workings.
namespace optimise {

// The sum of (factor * gradient + decay * weight)^2, weights read only where decay is not 0. Eight running sums in
// double, whatever the instruction set: the square of a float is exact there, so the bits are the same on all.
// `Arch` keeps apart what units for different instruction sets compile.
template <class Arch>
double sum_of_squares(const float* gradients, const float* weights, int count, float factor, float decay) {
    constexpr int width = 8;
    std::array<double, width> sums{};
    const auto add = [&](const auto& value) __attribute__((always_inline)) {
        for (int i = 0; i < count; i += width)
            for (int k = 0; k < width; ++k) {
                const double x = value(i + k);
                sums[static_cast<std::size_t>(k)] += x * x;
            }
    };
    if (decay == 0.0f)
        add([&](int i) __attribute__((always_inline)) { return static_cast<double>(factor * gradients[i]); });
    else
        add([&](int i) __attribute__((always_inline)) {
            return static_cast<double>(std::fma(decay, weights[i], factor * gradients[i]));
        });
    double sum = 0.0;
    for (const double part : sums) sum += part;
    return sum;
}

}  // namespace optimise

// Measures gradients of one layout, step after step, without allocating.
class GradientClip {
public:
    explicit GradientClip(const ParameterLayout& layout, const Clip& clip = {})
        : clip_(clip), layout_(layout), sums_(layout.pieces().size()), clip_each_(layout.segments().size()) {}

    // Fails with ErrorCode::argument where an array is not as long as the layout. A norm that is not finite is no
    // failure here, but a value that the caller must look at.
    template <class Arch = simd::NativeArch>
    Result<GradientNorm> measure(const Measured& m, Executor& executor) {
        const bool with_decay = m.weight_decay != 0.0f && !m.weights.empty();
        if (m.gradients.size() != layout_.length() || (with_decay && m.weights.size() != layout_.length()))
            return Error{ErrorCode::argument, "clipping: gradients of " + std::to_string(m.gradients.size()) +
                                                  " floats and weights of " + std::to_string(m.weights.size()) +
                                                  ", expected " + std::to_string(layout_.length())};
        layout_.for_each_piece(executor, [&](const Piece& piece, std::size_t index) {
            const ParameterSegment& segment = layout_.segments()[piece.segment];
            const float decay = with_decay && segment.decays ? m.weight_decay : 0.0f;
            const float* const weights = decay != 0.0f ? m.weights.data() + piece.first : nullptr;
            sums_[index] = !segment.trainable ? 0.0
                                              : optimise::sum_of_squares<Arch>(m.gradients.data() + piece.first,
                                                                               weights, piece.count, m.factor, decay);
        });
        scale_ = {.factor = m.factor, .clips_decay = with_decay};
        return judge();
    }

    // For the optimiser: of the last measure, and good until the next or until this object goes.
    GradientScale scale() const {
        GradientScale scale = scale_;
        if (clip_.kind == ClipKind::tensors_then_global) scale.clip_each = clip_each_;
        return scale;
    }

private:
    // Adds up the pieces in their order, and sets the scale.
    GradientNorm judge() {
        GradientNorm result;
        double all = 0.0, all_clipped = 0.0;
        std::size_t piece = 0;
        for (std::size_t s = 0; s < clip_each_.size(); ++s) {
            double sum = 0.0;
            for (; piece < sums_.size() && layout_.pieces()[piece].segment == s; ++piece) sum += sums_[piece];
            if (!std::isfinite(sum) && result.is_finite()) result.broken = s;
            const double norm = std::sqrt(sum), clipped = std::min(norm, clip_.norm);
            clip_each_[s] = norm > clip_.norm ? static_cast<float>(clip_.norm / norm) : 1.0f;
            all += sum;
            all_clipped += clipped * clipped;
        }
        result.norm = std::sqrt(all);
        if (clip_.kind == ClipKind::global_norm) {
            constexpr double torch_epsilon = 1e-6;
            scale_.clip = static_cast<float>(std::min(1.0, clip_.norm / (result.norm + torch_epsilon)));
        } else if (clip_.kind == ClipKind::tensors_then_global) {
            const float rest = static_cast<float>(clip_.norm / std::max(clip_.norm, std::sqrt(all_clipped)));
            for (float& factor : clip_each_) factor *= rest;
        }
        return result;
    }

    Clip clip_;
    ParameterLayout layout_;
    std::vector<double> sums_;  // of each piece
    std::vector<float> clip_each_;
    GradientScale scale_;  // but for clip_each
};

}  // namespace effv2::training
