// One training step of an EfficientNetV2: pictures and soft labels in, the loss and every gradient out.
#pragma once

#include <span>

#include "effv2/architecture/text.hpp"
#include "effv2/training/block.hpp"
#include "effv2/training/layers/loss.hpp"
#include "effv2/training/layers/pool.hpp"

namespace effv2::training {

// What a step does besides arithmetic. Random choices depend on (seed, step, image) alone.
struct PassSettings {
    NormSettings norm;
    LossSettings loss;
    double dropout = 0.0;           // of the classifier's inputs
    double stochastic_depth = 0.0;  // block i of n loses its branch with probability stochastic_depth * i / n
    int first_trained = 0;          // blocks before this one (and, above 0, the stem) get no gradients, and their norms
                                    // are frozen; block_count() leaves the head and the classifier, more only the
                                    // classifier
    bool fixed_stem = false;        // the stem alone gets no gradients
    std::uint64_t seed = 0, step = 0;
};

// The memory and the passes of one architecture at one input size and batch. Parameters and gradients belong to the
// caller (ParameterTable), so that networks of several sizes share them. Nothing is allocated after make().
template <class Arch = simd::NativeArch>
class TrainingNetwork {
public:
    // `size` in pixels, `batch` in images, `threads`: the most that a step's executor will have. Convolutions::fast
    // takes stride-1 3x3 convolutions through Winograd's transforms, forward, back and to their weights: gradients are
    // then off by up to 2e-4 of their norm instead of 4e-5 (docs/performance.md).
    //
    // Fails with ErrorCode::argument for an architecture that is not sound, a batch below 1, or for want of memory.
    static Result<TrainingNetwork> make(const ParameterTable& table, Extent size, int batch, int threads,
                                        Keep keep = Keep::maps, Convolutions convolutions = Convolutions::direct) {
        const Architecture a = table.architecture().with_size(size.height, size.width);
        if (const Problem problem = find_problem(a); problem.flaw != Flaw::none)
            return Error{ErrorCode::argument, explain(problem)};
        if (batch < 1) return Error{ErrorCode::argument, "a training batch needs at least one picture"};
        TrainingNetwork network(table, a, batch, threads, keep, convolutions);
        if (network.arena_.empty() || network.shared_.empty() ||
            (network.workers_.empty() && network.worker_floats() > 0))
            return Error{ErrorCode::argument,
                         "not enough memory for " + std::to_string(network.memory_bytes()) + " bytes of training maps"};
        return network;
    }

    int batch() const { return batch_; }
    Extent input() const { return architecture_.input; }
    std::size_t memory_bytes() const { return (arena_floats() + shared_floats() + worker_floats()) * sizeof(float); }
    int threads() const { return threads_; }

    // `pictures` (batch, 3, height, width) normalised, `targets` (batch, classes) with rows that sum to 1. `values` are
    // all of the table's floats, whose running statistics move; `gradients` its trained floats, overwritten.
    Loss step(Executor& executor, const PassSettings& settings, std::span<const float> pictures,
              std::span<const float> targets, std::span<float> values, std::span<float> gradients);

    // Gives every norm the statistics of these pictures, with a gamma and beta by which the network does what it did by
    // the old ones: what weights need whose norms were folded into their convolutions (identity norms since) before
    // their norms are trained. `pictures` and `values` as in step().
    void adopt_statistics(Executor& executor, NormSettings norm, std::span<const float> pictures,
                          std::span<float> values);

private:
    TrainingNetwork(const ParameterTable& table, const Architecture& a, int batch, int threads, Keep keep,
                    Convolutions convolutions)
        : architecture_(a),
          batch_(batch),
          threads_(threads),
          keep_(keep),
          classifier_(table.classifier()),
          plan_(table, a, batch, keep, convolutions),
          arena_(arena_floats()),
          shared_(shared_floats()),
          workers_(worker_floats()),
          factors_(plan_.blocks.size() * static_cast<std::size_t>(batch)) {}

    std::size_t arena_floats() const { return plan_.arena_floats * static_cast<std::size_t>(batch_); }
    std::size_t shared_floats() const {
        return plan_.state_floats + round_to_segment(plan_.shared.statistics) +
               round_to_segment(plan_.shared.transposed) + round_to_segment(plan_.shared.gradient) +
               round_to_segment(plan_.shared.points);
    }

    std::size_t worker_floats() const { return plan_.shared.worker * static_cast<std::size_t>(threads_); }

    Pass make_pass(Executor& team, const PassSettings& settings, float* values, float* gradients) {
        Pass pass{.executor = team,
                  .norm = settings.norm,
                  .batch = batch_,
                  .values = values,
                  .norms = values,
                  .gradients = gradients,
                  .arena = arena_.data(),
                  .states = shared_.data()};
        pass.scratch_statistics = pass.states + plan_.state_floats;
        pass.transposed = pass.scratch_statistics + round_to_segment(plan_.shared.statistics);
        pass.scratch_gradient = pass.transposed + round_to_segment(plan_.shared.transposed);
        pass.points = pass.scratch_gradient + round_to_segment(plan_.shared.gradient);
        pass.scratch_worker = workers_.data(), pass.worker_stride = plan_.shared.worker;
        return pass;
    }

    // Stochastic depth, for each block and image (Huang et al. 2016; depth counted as google/automl does).
    void draw_factors(const PassSettings& settings) {
        const auto blocks = plan_.blocks.size();
        for (std::size_t b = 0; b < blocks; ++b) {
            const double lost = settings.stochastic_depth * static_cast<double>(b) / static_cast<double>(blocks);
            for (std::size_t i = 0; i < static_cast<std::size_t>(batch_); ++i) {
                const std::size_t at = b * static_cast<std::size_t>(batch_) + i;
                data::Random random(settings.seed, settings.step, at, data::Purpose::depth);
                factors_[at] = random.chance(lost) ? 0.0f : static_cast<float>(1.0 / (1.0 - lost));
            }
        }
    }
    const float* factors(std::size_t block) const { return factors_.data() + block * static_cast<std::size_t>(batch_); }

    void forward(const Pass& pass, int first_trained, const Dropout& dropout, const float* pictures) {
        const auto blocks = plan_.blocks.size(), trained = static_cast<std::size_t>(first_trained);
        Pass untrained = pass;
        untrained.norm.frozen = true;
        gather_columns(pass, pictures);
        forward_layer<Arch>(trained > 0 ? untrained : pass, plan_.stem, pass.at(plan_.columns), true);
        for (std::size_t b = 0; b < blocks; ++b)
            forward_block<Arch>(trained > b ? untrained : pass, plan_.blocks[b], factors(b), true);
        forward_layer<Arch>(trained > blocks ? untrained : pass, plan_.head, pass.at(plan_.blocks.back().out), true);
        pool_forward<Arch>(pass.executor, plan_.head.map, batch_, dropout, pass.at(plan_.head.out),
                           pass.at(plan_.pooled));
        const Biased<const float> dense = pass.biased(classifier_);
        convolve_forward<Arch>(pass.executor, plan_.classifier, batch_, pass.at(plan_.pooled), dense.weights,
                               dense.bias, pass.at(plan_.logits), nullptr);
    }

    // The stem's 27 inputs of each pixel, in the order of its weights: plane, row, column.
    void gather_columns(const Pass& pass, const float* pictures) const {
        const Window w = stem_window(architecture_);
        const Extent in = w.input, out = w.output;
        float* const columns = pass.at(plan_.columns);
        pass.executor.run(batch_ * out.height, [&](int line, int) {
            const float* planes = pictures + std::ptrdiff_t{line / out.height} * 3 * in.pixels();
            float* to = columns + std::ptrdiff_t{line} * out.width * TrainingPlan::stem_columns;
            const int top = line % out.height * w.stride - w.vertical.before;
            for (int x = 0; x < out.width; ++x, to += TrainingPlan::stem_columns) {
                const int left = x * w.stride - w.horizontal.before;
                float* next = to;
                for (int plane = 0; plane < 3; ++plane)
                    for (int ky = 0; ky < 3; ++ky)
                        for (int kx = 0; kx < 3; ++kx) {
                            const int iy = top + ky, ix = left + kx;
                            const bool inside = iy >= 0 && iy < in.height && ix >= 0 && ix < in.width;
                            *next++ = inside ? planes[(std::ptrdiff_t{plane} * in.height + iy) * in.width + ix] : 0.0f;
                        }
                std::fill(next, to + TrainingPlan::stem_columns, 0.0f);
            }
        });
    }

    void backward(const Pass& pass, const PassSettings& settings, const Dropout& dropout) {
        backward_classifier(pass);
        const int blocks = static_cast<int>(plan_.blocks.size());
        if (settings.first_trained > blocks) return;
        float* const expanded[2] = {pass.at(plan_.expanded_gradient[0]), pass.at(plan_.expanded_gradient[1])};
        float* gradient = pass.at(plan_.map_gradient[0]);
        float* other = pass.at(plan_.map_gradient[1]);
        pool_backward<Arch>(pass.executor, plan_.head.map, batch_, dropout, pass.at(plan_.pooled_gradient),
                            expanded[0]);
        backward_to_weights<Arch>(pass, plan_.head, pass.at(plan_.blocks.back().out), {.gradient = expanded[0]},
                                  expanded[0]);
        if (settings.first_trained == blocks) return;
        backward_to_input<Arch>(pass, plan_.head, expanded[0], nullptr, gradient);
        const bool trains_stem = settings.first_trained == 0 && !settings.fixed_stem;
        for (int i = blocks - 1; i >= settings.first_trained; --i) {
            const auto b = static_cast<std::size_t>(i);
            if (keep_ == Keep::block_inputs) forward_block<Arch>(pass, plan_.blocks[b], factors(b), false);
            const bool last = i == settings.first_trained && !trains_stem;
            backward_block<Arch>(pass, plan_.blocks[b], factors(b), gradient, pass.at(plan_.branch_gradient), expanded,
                                 last ? nullptr : other);
            std::swap(gradient, other);
        }
        if (trains_stem)
            backward_to_weights<Arch>(pass, plan_.stem, pass.at(plan_.columns), {.gradient = gradient}, gradient);
    }

    void backward_classifier(const Pass& pass) {
        const ConvShape& shape = plan_.classifier;
        const float* gradient = pass.at(plan_.logit_gradient);
        const Biased<float> to = pass.biased_gradient(classifier_);
        convolve_weight_gradient<Arch>(pass.executor, shape, batch_, pass.at(plan_.pooled), gradient,
                                       pass.scratch_gradient, to.weights);
        detail::sum_rows<Arch>(gradient, batch_, shape.out_stride, shape.out, to.bias);
        transpose_weights<Arch>(pass.executor, shape, pass.values + classifier_.weights, pass.transposed);
        convolve_backward<Arch>(pass.executor, shape, batch_, gradient, pass.transposed, nullptr,
                                pass.at(plan_.pooled_gradient));
    }

    Architecture architecture_;
    int batch_, threads_;
    Keep keep_;
    LayerPlace classifier_;
    TrainingPlan plan_;
    Buffer arena_, shared_, workers_;
    std::vector<float> factors_;
};

// Not in the class, so that programs can have it compiled once, elsewhere (extern template).
template <class Arch>
Loss TrainingNetwork<Arch>::step(Executor& executor, const PassSettings& settings, std::span<const float> pictures,
                                 std::span<const float> targets, std::span<float> values, std::span<float> gradients) {
    Loss loss;
    executor.gather([&](Executor& team) {
        const Pass pass = make_pass(team, settings, values.data(), gradients.data());
        draw_factors(settings);
        const Dropout dropout{settings.dropout, settings.seed, settings.step};
        forward(pass, settings.first_trained, dropout, pictures.data());
        loss = cross_entropy(settings.loss, batch_, architecture_.classes, plan_.classifier.out_stride,
                             pass.at(plan_.logits), targets.data(), pass.at(plan_.logit_gradient));
        backward(pass, settings, dropout);
    });
    return loss;
}

template <class Arch>
void TrainingNetwork<Arch>::adopt_statistics(Executor& executor, NormSettings norm, std::span<const float> pictures,
                                             std::span<float> values) {
    PassSettings settings;
    settings.norm = norm;
    settings.norm.frozen = false, settings.norm.adopt = true;
    executor.gather([&](Executor& team) {
        draw_factors(settings);
        forward(make_pass(team, settings, values.data(), nullptr), 0, {}, pictures.data());
    });
}

}  // namespace effv2::training
