// Stochastic gradient descent with momentum, plain or Nesterov's, as torch.optim.SGD defines it (dampening 0): the
// learning rate is not part of the momentum buffer.
#pragma once

#include "effv2/simd/row.hpp"
#include "effv2/training/optimise/ranges.hpp"

namespace effv2::training {

struct Sgd {
    float momentum = 0.9f;  // 0: none, and no memory for it
    bool nesterov = false;
    float weight_decay = 0.0f;  // coupled: weight_decay * weight is added to the gradient
    constexpr bool operator==(const Sgd&) const = default;
};

// Inner workings: what the optimiser's pass asks of each kind.
namespace optimise {

template <>
struct Traits<Sgd> {
    static constexpr std::string_view name = "SGD";
    static constexpr bool decoupled = false;
    static constexpr int states = 1;
    static constexpr StateKind state[] = {{"sgd.momentum", 0.0f}};
    static constexpr bool has_state(const Sgd& s, int) { return s.momentum != 0.0f; }
    static Status check(const Sgd& s) {
        return check_ranges(name, {{"momentum", s.momentum, s.nesterov ? smallest : 0.0f, below_one},
                                   {"weight decay", s.weight_decay, 0.0f, largest}});
    }
};

template <class Arch>
struct Rule<Arch, Sgd> {
    Sgd settings;
    float rate;

    Rule(const Sgd& s, double learning_rate, std::uint64_t) : settings(s), rate(static_cast<float>(learning_rate)) {}

    // The new weights.
    template <int granules>
    [[gnu::always_inline]] simd::Row<Arch, granules> operator()(const simd::Row<Arch, granules>& weight,
                                                                const simd::Row<Arch, granules>& gradient,
                                                                float* momentum, float*) const {
        using Row = simd::Row<Arch, granules>;
        if (momentum == nullptr) return weight.minus_product(rate, gradient);
        const Row moved = gradient.plus_product(settings.momentum, Row::load(momentum));
        moved.store(momentum);
        return weight.minus_product(rate, settings.nesterov ? gradient.plus_product(settings.momentum, moved) : moved);
    }
};

}  // namespace optimise

}  // namespace effv2::training
