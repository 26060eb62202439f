// What a training run is told besides its network, pictures and first weights: whether it makes sense, what of it holds
// for a tensor or a stage, and a number by which a checkpoint knows the run that it belongs to.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "effv2/architecture/text.hpp"
#include "effv2/training/data/batches.hpp"
#include "effv2/training/network.hpp"
#include "effv2/training/optimise/checksum.hpp"
#include "effv2/training/optimise/clip.hpp"
#include "effv2/training/optimise/learning_rate.hpp"
#include "effv2/training/optimise/optimiser.hpp"
#include "effv2/training/optimise/progressive_check.hpp"

namespace effv2::training {

// With the same network, pictures, first weights and instruction set, they give the same weights, bit for bit.
struct RunSettings {
    ProgressiveSchedule schedule;
    std::uint64_t steps = 0;
    int batch = 0;
    OptimiserSettings optimiser = RmsProp{};
    LearningRate learning_rate;
    Clip clip;
    Ema average;
    bool averages = true;      // keep the moving average: evaluation uses it
    data::Strengths pictures;  // what the schedule does not say: crop, mirroring, policy, cutout, erasing
    NormSettings norm;
    bool adopt_statistics = false;  // of the first batch, as in TrainingNetwork: for weights with folded norms
    LossSettings loss;
    double stochastic_depth = 0.2;
    int first_trained = 0;    // as in PassSettings
    bool fixed_stem = false;  // as in PassSettings
    double beta_rate = 1.0;   // of the norms' beta, times the learning rate (Jordan 2024, arXiv:2404.00498, has 64)
    Keep keep = Keep::maps;
    Convolutions convolutions = Convolutions::fast;  // as in TrainingNetwork::make
    std::uint64_t seed = 0;
};

namespace detail {

// What the optimiser may change: nothing in front of the first trained block, no statistics.
inline bool is_trained(const Tensor& t, const Architecture& a, const RunSettings& settings) {
    if (!t.trainable()) return false;
    if (t.layer == Layer::classifier) return true;
    if (t.layer == Layer::head) return settings.first_trained <= a.block_count();
    if (t.layer == Layer::stem) return settings.first_trained == 0 && !settings.fixed_stem;
    int block = t.block.index;
    for (int s = 0; s < t.block.stage; ++s) block += a.stages[s].repeats;
    return block >= settings.first_trained;
}

// All that decides what becomes of the weights, as numbers in a fixed order.
class KeyNumbers {
public:
    template <class... Numbers>
    void take(Numbers... numbers) {
        (numbers_.push_back(static_cast<double>(numbers)), ...);
    }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(numbers_)); }

private:
    std::vector<double> numbers_;
};

inline void take(KeyNumbers& to, const RmsProp& s) { to.take(1, s.decay, s.momentum, s.epsilon, s.weight_decay); }
inline void take(KeyNumbers& to, const Sgd& s) { to.take(2, s.momentum, s.nesterov, s.weight_decay); }
inline void take(KeyNumbers& to, const AdamW& s) { to.take(3, s.beta1, s.beta2, s.epsilon, s.weight_decay); }
inline void take(KeyNumbers& to, const LearningRate& s) {
    to.take(s.peak, static_cast<int>(s.shape), s.warmup_steps, s.factor, s.interval, s.total_steps, s.floor,
            s.after_warmup);
}
inline void take(KeyNumbers& to, const ProgressiveStage& s) {
    to.take(s.size, s.magnitude, s.mixup, s.cutmix, s.dropout, s.share);
}
inline void take(KeyNumbers& to, const data::Strengths& s) {
    const data::OperationOptions& o = s.operations;
    to.take(static_cast<int>(s.crop), s.flip, static_cast<int>(s.policy), s.layers, static_cast<int>(o.lengths),
            static_cast<int>(o.contrast), o.translation, o.cutout_reach, s.cutout, s.erasing,
            static_cast<int>(s.mix.labels));
    for (const auto colour : o.fill) to.take(colour);
}

}  // namespace detail

// A number that a run hardly shares with one of other settings, another network or other normalisation of its pictures.
inline std::uint64_t fingerprint(const RunSettings& s, const Architecture& a, const Recipe& recipe) {
    detail::KeyNumbers keys;
    for (int i = 0; i < s.schedule.stage_count(); ++i) detail::take(keys, s.schedule.stages[i]);
    keys.take(s.steps, s.batch, s.seed, s.averages);
    if (s.averages) keys.take(s.average.decay, s.average.warms_up);
    std::visit([&](const auto& optimiser) { detail::take(keys, optimiser); }, s.optimiser);
    detail::take(keys, s.learning_rate);
    keys.take(static_cast<int>(s.clip.kind), s.clip.norm);
    detail::take(keys, s.pictures);
    keys.take(s.norm.epsilon, s.norm.momentum, s.norm.frozen, s.norm.adopt, s.adopt_statistics, s.loss.smoothing,
              s.stochastic_depth, s.first_trained, s.fixed_stem, s.beta_rate, static_cast<int>(s.convolutions));
    // Stages have sizes of their own, and pictures are cut as the settings say.
    keys.take(static_cast<int>(recipe.normalization));
    for (std::size_t c = 0; c < 3; ++c) keys.take(recipe.mean[c], recipe.deviation[c]);
    const std::string network = format_architecture(a.with_size(8));
    Checksum sum;
    sum.add_padded(keys.bytes());
    sum.add_padded(std::as_bytes(std::span(network)));
    return sum.value();
}

// The tensors of a run, as the optimiser sees them.
inline std::vector<ParameterSegment> make_segments(const ParameterTable& table, const RunSettings& settings) {
    std::vector<ParameterSegment> segments;
    for (const ParameterEntry& entry : table.entries())
        segments.push_back({entry.at, entry.floats, entry.tensor.part == Part::weight,
                            detail::is_trained(entry.tensor, table.architecture(), settings),
                            entry.tensor.part == Part::norm_bias ? settings.beta_rate : 1.0});
    return segments;
}

// How pictures are varied in a stage.
inline data::Strengths stage_strengths(const RunSettings& settings, int stage) {
    const ProgressiveStage& of = settings.schedule.stages[stage];
    data::Strengths strengths = settings.pictures;
    strengths.image_size = of.size;
    strengths.magnitude = of.magnitude;
    strengths.mix.mixup_alpha = of.mixup;
    strengths.mix.cutmix_alpha = of.cutmix;
    return strengths;
}

// What the network does in a step of a stage.
inline PassSettings stage_pass(const RunSettings& settings, int stage, std::uint64_t step) {
    PassSettings pass;
    pass.norm = settings.norm, pass.loss = settings.loss;
    pass.dropout = settings.schedule.stages[stage].dropout, pass.stochastic_depth = settings.stochastic_depth;
    pass.first_trained = settings.first_trained, pass.fixed_stem = settings.fixed_stem;
    pass.seed = settings.seed, pass.step = step;
    return pass;
}

// Whether a run can go by these settings. Fails with ErrorCode::argument and a sentence for the first that is out of
// its range. The optimiser, the rate of beta and the batch are for those to check that are made with them.
inline Status check(const RunSettings& s) {
    if (Status sound = check(s.schedule, s.steps); !sound) return sound;
    if (Status sound = check(s.learning_rate); !sound) return sound;
    if (Status sound = check(s.clip); !sound) return sound;
    if (Status sound = check(s.average); s.averages && !sound) return sound;
    for (int i = 0; i < s.schedule.stage_count(); ++i)
        if (Status sound = data::check_strengths(stage_strengths(s, i)); !sound)
            return Error{sound.error().code, "stage " + std::to_string(i + 1) + ": " + sound.error().message};
    const auto wrong = [](const std::string& what, const std::string& range, double found) {
        return Error{ErrorCode::argument, what + " is " + range + ", not " + std::to_string(found)};
    };
    const auto is_share = [](double value) { return value >= 0.0 && value < 1.0; };
    const auto epsilon = static_cast<double>(s.norm.epsilon), momentum = static_cast<double>(s.norm.momentum);
    const auto smoothing = static_cast<double>(s.loss.smoothing);
    if (!is_share(smoothing)) return wrong("label smoothing", "at least 0 and below 1", smoothing);
    if (!is_share(s.stochastic_depth)) return wrong("stochastic depth", "at least 0 and below 1", s.stochastic_depth);
    if (!(momentum >= 0.0 && momentum <= 1.0)) return wrong("batch norm's momentum", "0 to 1", momentum);
    if (!(epsilon > 0.0 && epsilon <= 1.0)) return wrong("batch norm's epsilon", "above 0 and at most 1", epsilon);
    if (s.first_trained < 0) return wrong("the first trained block", "0 or more", s.first_trained);
    return std::monostate{};
}

}  // namespace effv2::training
