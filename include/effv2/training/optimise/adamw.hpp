// Adam with decoupled weight decay (Loshchilov & Hutter 2019), as torch.optim.AdamW defines it: bias correction on,
// epsilon outside the square root, weights shrunk by learning rate * weight decay before the update.
#pragma once

#include <cmath>

#include "effv2/simd/row.hpp"
#include "effv2/training/optimise/ranges.hpp"

namespace effv2::training {

struct AdamW {
    float beta1 = 0.9f;    // of the mean gradient, a step
    float beta2 = 0.999f;  // of the mean squared gradient, a step
    float epsilon = 1e-8f;
    float weight_decay = 1e-2f;  // decoupled
    constexpr bool operator==(const AdamW&) const = default;
};

// Inner workings: what the optimiser's pass asks of each kind.
namespace optimise {

template <>
struct Traits<AdamW> {
    static constexpr std::string_view name = "AdamW";
    static constexpr bool decoupled = true;
    static constexpr int states = 2;
    static constexpr StateKind state[] = {{"adamw.mean", 0.0f}, {"adamw.mean_square", 0.0f}};
    static constexpr bool has_state(const AdamW&, int) { return true; }
    static Status check(const AdamW& s) {
        return check_ranges(name, {{"beta1", s.beta1, 0.0f, below_one},
                                   {"beta2", s.beta2, 0.0f, below_one},
                                   {"epsilon", s.epsilon, smallest, largest},
                                   {"weight decay", s.weight_decay, 0.0f, largest}});
    }
};

template <class Arch>
struct Rule<Arch, AdamW> {
    AdamW settings;
    float rate, root;  // both with their bias corrections

    // `step` counts from 1.
    Rule(const AdamW& s, double learning_rate, std::uint64_t step)
        : settings(s),
          rate(static_cast<float>(learning_rate / correction(s.beta1, step))),
          root(static_cast<float>(1.0 / std::sqrt(correction(s.beta2, step)))) {}

    // The new weights.
    template <int granules>
    [[gnu::always_inline]] simd::Row<Arch, granules> operator()(const simd::Row<Arch, granules>& weight,
                                                                const simd::Row<Arch, granules>& gradient, float* mean,
                                                                float* mean_square) const {
        using Row = simd::Row<Arch, granules>;
        const Row mean_before = Row::load(mean), square_before = Row::load(mean_square);
        const Row first = mean_before.plus_product(1.0f - settings.beta1, gradient - mean_before);
        const Row second = square_before.plus_product(1.0f - settings.beta2, gradient * gradient - square_before);
        first.store(mean);
        second.store(mean_square);
        const float scale = root, epsilon = settings.epsilon;
        const Row quotient = Row::map(
            [ scale, epsilon ](auto m, auto sq) __attribute__((always_inline)) {
                using Register = decltype(m);
                return m / xsimd::fma(xsimd::sqrt(sq), Register(scale), Register(epsilon));
            },
            first, second);
        return weight.minus_product(rate, quotient);
    }

private:
    static double correction(float beta, std::uint64_t step) {
        return 1.0 - std::pow(static_cast<double>(beta), static_cast<double>(step));
    }
};

}  // namespace optimise

}  // namespace effv2::training
