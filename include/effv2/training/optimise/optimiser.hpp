// One step of an optimiser, over all parameters in one pass through memory: clipping, weight decay, update, and the
// moving average where one is kept. The pass is as fast as memory: each array is read once and written once.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "effv2/kernels/vector.hpp"
#include "effv2/network/buffer.hpp"
#include "effv2/training/optimise/adamw.hpp"
#include "effv2/training/optimise/clip.hpp"
#include "effv2/training/optimise/ema.hpp"
#include "effv2/training/optimise/rmsprop.hpp"
#include "effv2/training/optimise/segments.hpp"
#include "effv2/training/optimise/sgd.hpp"

namespace effv2::training {

using OptimiserSettings = std::variant<RmsProp, Sgd, AdamW>;

// What changes from step to step.
struct StepSettings {
    double learning_rate = 0.0;
    GradientScale scale{};       // GradientClip::scale(), or as it is for gradients that are taken as they are
    std::span<float> average{};  // the parameters' moving average, or empty
    double average_decay = 0.0;  // Ema::at
};

// An array of the optimiser's state, under the name that it has in checkpoints.
struct OptimiserState {
    std::string_view name;
    std::span<float> values;
};

class Optimiser {
public:
    // Fails with ErrorCode::argument where a setting is outside its range, and where memory is short.
    static Result<Optimiser> create(const OptimiserSettings& settings, const ParameterLayout& layout) {
        Optimiser made(settings, layout);
        const Status status = std::visit([&](const auto& s) { return made.prepare(s); }, settings);
        if (!status) return status.error();
        return made;
    }

    // Updates the weights of all segments that are trained, and the average of all segments: statistics that no
    // gradient moves may be among them, and what is frozen is its own average. Padding stays 0.
    //
    // Fails with ErrorCode::argument, before anything is changed, where an array is not as long as the layout or the
    // learning rate is no number.
    template <class Arch = simd::NativeArch>
    Status step(std::span<float> weights, std::span<const float> gradients, const StepSettings& step,
                Executor& executor) {
        if (Status status = check(weights.size(), gradients.size(), step); !status) return status;
        ++steps_;
        std::visit(
            [&]<class Settings>(const Settings& settings) {
                layout_.for_each_piece(executor, [&](const Piece& piece, std::size_t) {
                    update<Arch>(settings, piece, weights.data(), gradients.data(), step);
                });
            },
            settings_);
        return std::monostate{};
    }

    const OptimiserSettings& settings() const { return settings_; }
    const ParameterLayout& layout() const { return layout_; }

    // What is added to gradients as part of the loss, times the weight; 0 for AdamW. For Measured::weight_decay.
    float coupled_weight_decay() const {
        return std::visit(
            []<class Settings>(const Settings& s) {
                return optimise::Traits<Settings>::decoupled ? 0.0f : s.weight_decay;
            },
            settings_);
    }

    // Steps that were made. They and the states are all that a checkpoint needs.
    std::uint64_t steps() const { return steps_; }
    void set_steps(std::uint64_t steps) { steps_ = steps; }
    std::vector<OptimiserState> states() {
        std::vector<OptimiserState> found;
        std::visit(
            [&]<class Settings>(const Settings&) {
                for (std::size_t i = 0; i < optimise::Traits<Settings>::states; ++i)
                    if (!state_[i].empty())
                        found.push_back(
                            {optimise::Traits<Settings>::state[i].name, {state_[i].data(), state_[i].size()}});
            },
            settings_);
        return found;
    }

private:
    Optimiser(const OptimiserSettings& settings, const ParameterLayout& layout)
        : settings_(settings), layout_(layout) {}

    template <class Settings>
    Status prepare(const Settings& settings) {
        using Traits = optimise::Traits<Settings>;
        if (Status status = Traits::check(settings); !status) return status;
        const std::size_t length = layout_.length();
        for (std::size_t i = 0; i < Traits::states && length > 0; ++i) {
            if (!Traits::has_state(settings, static_cast<int>(i))) continue;
            state_[i] = Buffer(length);
            if (state_[i].empty())
                return Error{ErrorCode::argument, std::string(Traits::name) + ": not enough memory for a state of " +
                                                      std::to_string(length) + " floats"};
            std::fill_n(state_[i].data(), length, Traits::state[i].start);
        }
        return std::monostate{};
    }

    Status check(std::size_t weights, std::size_t gradients, const StepSettings& step) const {
        const auto refuse = [](std::string_view what, std::size_t found, std::size_t expected) {
            return Error{ErrorCode::argument, "optimiser: " + std::to_string(found) + " " + std::string(what) +
                                                  ", expected " + std::to_string(expected)};
        };
        if (weights != layout_.length()) return refuse("weights", weights, layout_.length());
        if (gradients != layout_.length()) return refuse("gradients", gradients, layout_.length());
        if (!step.average.empty() && step.average.size() != layout_.length())
            return refuse("floats in the moving average", step.average.size(), layout_.length());
        const std::size_t clips = step.scale.clip_each.size(), segments = layout_.segments().size();
        if (clips != 0 && clips != segments) return refuse("clipping factors", clips, segments);
        if (!std::isfinite(step.learning_rate))
            return Error{ErrorCode::argument, "optimiser: the learning rate is not a finite number"};
        return std::monostate{};
    }

    template <class Arch, class Settings>
    void update(const Settings& settings, const Piece& piece, float* weights, const float* gradients,
                const StepSettings& step) {
        constexpr bool decoupled = optimise::Traits<Settings>::decoupled;
        const ParameterSegment& segment = layout_.segments()[piece.segment];
        const double rate = step.learning_rate * segment.rate;
        const optimise::Rule<Arch, Settings> rule(settings, rate, steps_);
        const float clip = step.scale.clip_of(piece.segment), factor = clip * step.scale.factor;
        const float decay = segment.decays ? settings.weight_decay : 0.0f;
        const float coupled = step.scale.clips_decay ? clip * decay : decay;
        const float shrinking = static_cast<float>(rate * static_cast<double>(decay));
        const float share = static_cast<float>(1.0 - step.average_decay);
        float* const w = weights + piece.first;
        float* const average = step.average.empty() ? nullptr : step.average.data() + piece.first;
        if (!segment.trainable) {
            if (average != nullptr) optimise::update_average<Arch>(average, w, piece.count, share);
            return;
        }
        const float* const g = gradients + piece.first;
        float* const first = state_[0].empty() ? nullptr : state_[0].data() + piece.first;
        float* const second = state_[1].empty() ? nullptr : state_[1].data() + piece.first;
        kernels::for_each_step<Arch>(
            piece.count, [&](auto granules, int i) __attribute__((always_inline)) {
                using Row = simd::Row<Arch, granules>;
                Row weight = Row::load(w + i), gradient = Row::load(g + i) * Row::broadcast(factor);
                if constexpr (decoupled)
                    weight = weight.minus_product(shrinking, weight);
                else
                    gradient = gradient.plus_product(coupled, weight);
                weight = rule(weight, gradient, first == nullptr ? nullptr : first + i,
                              second == nullptr ? nullptr : second + i);
                weight.store(w + i);
                if (average != nullptr)
                    optimise::averaged<Arch, granules>(Row::load(average + i), weight, share).store(average + i);
            });
    }

    OptimiserSettings settings_;
    ParameterLayout layout_;
    std::array<Buffer, 2> state_;
    std::uint64_t steps_ = 0;
};

}  // namespace effv2::training
