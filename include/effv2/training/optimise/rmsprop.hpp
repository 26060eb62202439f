// RMSProp in TensorFlow's form, with which the published networks were trained (tf.compat.v1.train.RMSPropOptimizer):
// epsilon is inside the square root, the mean square starts at 1, and the learning rate is part of the momentum buffer.
// torch.optim.RMSprop differs in all three.
#pragma once

#include "effv2/simd/row.hpp"
#include "effv2/training/optimise/ranges.hpp"

namespace effv2::training {

// The values of google/automl, efficientnetv2/utils.py and hparams.py.
struct RmsProp {
    float decay = 0.9f;          // of the mean square, a step
    float momentum = 0.9f;       // 0: none, and no memory for it
    float epsilon = 1e-3f;       // added to the mean square
    float weight_decay = 1e-5f;  // coupled: weight_decay * weight is added to the gradient
    constexpr bool operator==(const RmsProp&) const = default;
};

// Inner workings: what the optimiser's pass asks of each kind.
namespace optimise {

template <>
struct Traits<RmsProp> {
    static constexpr std::string_view name = "RMSProp";
    static constexpr bool decoupled = false;
    static constexpr int states = 2;
    static constexpr StateKind state[] = {{"rmsprop.mean_square", 1.0f}, {"rmsprop.momentum", 0.0f}};
    static constexpr bool has_state(const RmsProp& s, int i) { return i == 0 || s.momentum != 0.0f; }
    static Status check(const RmsProp& s) {
        return check_ranges(name, {{"decay", s.decay, 0.0f, below_one},
                                   {"momentum", s.momentum, 0.0f, below_one},
                                   {"epsilon", s.epsilon, smallest, largest},
                                   {"weight decay", s.weight_decay, 0.0f, largest}});
    }
};

template <class Arch>
struct Rule<Arch, RmsProp> {
    RmsProp settings;
    float rate;

    Rule(const RmsProp& s, double learning_rate, std::uint64_t)
        : settings(s), rate(static_cast<float>(learning_rate)) {}

    // The new weights. The mean square of a gradient that stays 0 (padding) is kept off the denormal numbers, with
    // which some processors are very slow.
    template <int granules>
    [[gnu::always_inline]] simd::Row<Arch, granules> operator()(const simd::Row<Arch, granules>& weight,
                                                                const simd::Row<Arch, granules>& gradient,
                                                                float* mean_square, float* momentum) const {
        using Row = simd::Row<Arch, granules>;
        const Row before = Row::load(mean_square);
        const Row square = Row::map(
            [](auto x) __attribute__((always_inline)) { return xsimd::max(x, decltype(x)(1e-30f)); },
            before.plus_product(1.0f - settings.decay, gradient * gradient - before));
        square.store(mean_square);
        const float epsilon = settings.epsilon;
        const Row change = Row::map(
            [epsilon](auto scaled, auto sq)
                __attribute__((always_inline)) { return scaled / xsimd::sqrt(sq + decltype(sq)(epsilon)); },
            gradient * Row::broadcast(rate), square);
        if (momentum == nullptr) return weight - change;
        const Row moved = change.plus_product(settings.momentum, Row::load(momentum));
        moved.store(momentum);
        return weight - moved;
    }
};

}  // namespace optimise

}  // namespace effv2::training
