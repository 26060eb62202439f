// What a training run is told besides its network, pictures and first weights: whether it makes sense, what of it holds
// for a tensor or a stage, and a number by which a checkpoint knows the run that it belongs to.
#pragma once

#include <bit>
#include <string>
#include <variant>
#include <vector>

#include "effv2/training/data/batches.hpp"
#include "effv2/training/network.hpp"
#include "effv2/training/optimise/clip.hpp"
#include "effv2/training/optimise/learning_rate.hpp"
#include "effv2/training/optimise/optimiser.hpp"
#include "effv2/training/optimise/progressive_check.hpp"

namespace effv2::training {

// The same settings, pictures and instruction set give the same weights, bit for bit.
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

// Every setting that decides what becomes of the weights, in a fixed order.
inline std::vector<double> key_numbers(const RunSettings& s) {
    const LearningRate& rate = s.learning_rate;
    std::vector<double> keys{static_cast<double>(s.steps),
                             static_cast<double>(s.batch),
                             static_cast<double>(s.seed),
                             static_cast<double>(s.optimiser.index()),
                             rate.peak,
                             rate.at(s.steps / 2),
                             rate.at(s.steps - 1),
                             static_cast<double>(s.clip.kind),
                             s.clip.norm,
                             s.averages ? s.average.decay : -1.0,
                             static_cast<double>(s.pictures.crop),
                             static_cast<double>(s.pictures.flip),
                             static_cast<double>(s.pictures.policy),
                             s.pictures.cutout,
                             s.pictures.erasing,
                             static_cast<double>(s.norm.epsilon),
                             static_cast<double>(s.norm.momentum),
                             static_cast<double>(s.norm.frozen),
                             static_cast<double>(s.adopt_statistics),
                             static_cast<double>(s.loss.smoothing),
                             s.stochastic_depth,
                             static_cast<double>(s.first_trained),
                             static_cast<double>(s.fixed_stem),
                             s.beta_rate,
                             static_cast<double>(s.convolutions)};
    keys.push_back(std::visit([](const auto& of) { return static_cast<double>(of.weight_decay); }, s.optimiser));
    for (int i = 0; i < s.schedule.stage_count(); ++i) {
        const ProgressiveStage& stage = s.schedule.stages[i];
        keys.insert(keys.end(), {static_cast<double>(stage.size), stage.magnitude, stage.mixup, stage.cutmix,
                                 stage.dropout, static_cast<double>(stage.share)});
    }
    return keys;
}

}  // namespace detail

// A number that runs of other settings hardly share (FNV-1a).
inline std::uint64_t fingerprint(const RunSettings& settings) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const double key : detail::key_numbers(settings)) {
        const auto bits = std::bit_cast<std::uint64_t>(key);
        for (int shift = 0; shift < 64; shift += 8) hash = (hash ^ (bits >> shift & 0xff)) * 0x100000001b3;
    }
    return hash;
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
