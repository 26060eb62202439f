// A training run: progressive stages over a set of pictures, the optimiser, the moving average, and checkpoints from
// which it goes on as if it had never stopped.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "effv2/training/initial_values.hpp"
#include "effv2/training/optimise/checkpoint.hpp"
#include "effv2/training/run_settings.hpp"
#include "effv2/weights/naming.hpp"

namespace effv2::training {

// What a step did.
struct StepReport {
    std::uint64_t step = 0;  // its number, from 0
    int stage = 0, size = 0;
    data::Position position;  // in the pictures, behind the step
    double learning_rate = 0.0;
    Loss loss;
    double gradient_norm = 0.0;
};

// The run itself, for an architecture and a schedule that are known when the program runs; Trainer is the type for
// those that are known when it is compiled.
template <class Arch = simd::NativeArch>
class TrainingRun {
public:
    // `pictures` must outlive the run; `recipe` says how bytes become floats; `start` has the first weights.
    //
    // Fails with ErrorCode::argument where architecture, settings or pictures are not sound, or memory is short.
    static Result<TrainingRun> make(const Architecture& architecture, const RunSettings& settings,
                                    const data::Pictures& pictures, const Recipe& recipe, const WeightSource& start) {
        if (const Problem problem = find_problem(architecture); problem.flaw != Flaw::none)
            return Error{ErrorCode::argument, explain(problem)};
        if (Status sound = check(settings); !sound) return sound.error();
        if (architecture.classes != pictures.classes())
            return Error{ErrorCode::argument, "the network has " + std::to_string(architecture.classes) +
                                                  " classes, but " + pictures.name() + " has " +
                                                  std::to_string(pictures.classes())};
        Result<data::TrainingBatches> batches = data::TrainingBatches::make(pictures, recipe, settings.seed);
        if (!batches) return batches.error();
        auto table = std::make_unique<ParameterTable>(architecture);
        const Result<ParameterLayout> layout =
            ParameterLayout::create(make_segments(*table, settings), table->floats());
        if (!layout) return layout.error();
        Result<Optimiser> optimiser = Optimiser::create(settings.optimiser, *layout);
        if (!optimiser) return optimiser.error();
        TrainingRun run(std::move(table), settings, std::move(*batches), std::move(*optimiser), *layout);
        run.fingerprint_ = fingerprint(settings, architecture, recipe);
        if (run.values_.empty() || run.gradients_.empty() || (settings.averages && run.average_.empty()))
            return Error{ErrorCode::argument, "not enough memory for the network's parameters"};
        load_parameters<Arch>(*run.table_, start, run.values_.data());
        std::fill_n(run.gradients_.data(), run.gradients_.size(), 0.0f);
        if (settings.averages) std::copy_n(run.values_.data(), run.values_.size(), run.average_.data());
        // The largest stage now rather than after an hour.
        for (int i = settings.schedule.stage_count() - 1; i >= 0; --i)
            if (Status made = run.enter(i, 1); !made) return made.error();
        return run;
    }

    bool finished() const { return step_ >= settings_.steps; }
    std::uint64_t steps_done() const { return step_; }
    const RunSettings& settings() const { return settings_; }
    const ParameterTable& table() const { return *table_; }

    // What evaluation and weight files read: the moving average where there is one, else the weights themselves.
    ParameterSource<Arch> source() const {
        return {*table_, (settings_.averages ? average_ : values_).data(), settings_.norm.epsilon};
    }

    // One batch forward, backward, and into the weights. Allocates where a stage begins.
    //
    // Fails with ErrorCode::argument, with weights and statistics as the step before left them (or as the first adopted
    // them), where a gradient is not finite.
    Result<StepReport> step(Executor& executor);

    // Writes all that resume() needs.
    Status save(const std::string& path) {
        const std::uint64_t numbers[] = {step_,          position_.epoch, position_.offset,          optimiser_.steps(),
                                         settings_.seed, fingerprint_,    batches_.pictures().size()};
        std::vector<CheckpointSection> sections{{"instruction_set", std::string_view(Arch::name())},
                                                {"numbers", std::span<const std::uint64_t>(numbers)},
                                                {"values", std::span<const float>(values_.data(), values_.size())}};
        if (settings_.averages)
            sections.emplace_back("average", std::span<const float>(average_.data(), average_.size()));
        const std::vector<OptimiserState> states = optimiser_.states();
        for (const OptimiserState& state : states)
            sections.emplace_back(state.name, std::span<const float>(state.values));
        return write_checkpoint(path, sections);
    }

    // Takes up a run of the same architecture and settings where save() left it.
    //
    // Fails as Checkpoint::read does, with ErrorCode::mismatch for the checkpoint of another run.
    Status resume(const Checkpoint& checkpoint) {
        const Result<std::span<const std::byte>> set = checkpoint.bytes("instruction_set");
        if (!set) return set.error();
        const std::string_view found(reinterpret_cast<const char*>(set->data()), set->size());
        if (found != Arch::name())  // its panels have another width
            return Error{ErrorCode::mismatch, checkpoint.path() + " was written by a program for " +
                                                  std::string(found) + ", and this one is for " + Arch::name()};
        std::uint64_t numbers[7];
        if (Status read = checkpoint.read("numbers", numbers); !read) return read;
        if (numbers[4] != settings_.seed || numbers[0] > settings_.steps)
            return Error{ErrorCode::mismatch, checkpoint.path() + " is of step " + std::to_string(numbers[0]) +
                                                  " of a run with seed " + std::to_string(numbers[4]) +
                                                  "; this run has " + std::to_string(settings_.steps) +
                                                  " steps and seed " + std::to_string(settings_.seed)};
        if (numbers[6] != batches_.pictures().size())
            return Error{ErrorCode::mismatch, checkpoint.path() + " is of a run on " + std::to_string(numbers[6]) +
                                                  " pictures; this run has " +
                                                  std::to_string(batches_.pictures().size())};
        if (numbers[5] != fingerprint_)
            return Error{ErrorCode::mismatch, checkpoint.path() + " is of a run with other settings"};
        std::vector<OptimiserState> states = optimiser_.states();
        states.push_back({"values", {values_.data(), values_.size()}});
        if (settings_.averages) states.push_back({"average", {average_.data(), average_.size()}});
        // All or nothing.
        for (const OptimiserState& state : states)
            if (Status fits = checkpoint.check_floats(state.name, state.values.size()); !fits) return fits;
        for (const OptimiserState& state : states)
            if (Status read = checkpoint.read(state.name, state.values); !read) return read;
        step_ = numbers[0];
        position_ = {numbers[1], numbers[2]};
        optimiser_.set_steps(numbers[3]);
        return std::monostate{};
    }

private:
    TrainingRun(std::unique_ptr<ParameterTable> table, const RunSettings& settings, data::TrainingBatches batches,
                Optimiser optimiser, const ParameterLayout& layout)
        : table_(std::move(table)),
          settings_(settings),
          batches_(std::move(batches)),
          optimiser_(std::move(optimiser)),
          clip_(layout, settings.clip),
          values_(table_->floats()),
          gradients_(table_->floats()),
          average_(settings.averages ? table_->floats() : 0),
          statistics_(table_->floats() - table_->trained()) {}

    // Makes the network of a stage, and drops the one before.
    Status enter(int stage, int threads) {
        const int size = settings_.schedule.stages[stage].size;
        network_.reset(), stage_ = -1;
        auto network = TrainingNetwork<Arch>::make(*table_, {size, size}, settings_.batch, threads, settings_.keep,
                                                   settings_.convolutions);
        if (!network) return network.error();
        network_ = std::make_unique<TrainingNetwork<Arch>>(std::move(*network));
        const auto batch = static_cast<std::size_t>(settings_.batch);
        pictures_.resize(batch * 3 * static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
        labels_.resize(batch * static_cast<std::size_t>(table_->architecture().classes));
        stage_ = stage;
        return std::monostate{};
    }

    Result<StepReport> step_together(Executor& team) {
        const auto batch = static_cast<std::size_t>(settings_.batch);
        const Result<data::Position> filled =
            batches_.fill(team, position_, batch, stage_strengths(settings_, stage_), pictures_, labels_);
        if (!filled) return filled.error();
        const PassSettings pass = stage_pass(settings_, stage_, step_);
        const std::span<float> values(values_.data(), values_.size()), gradients(gradients_.data(), gradients_.size());
        StepReport report{step_, stage_, network_->input().width, *filled, settings_.learning_rate.at(step_), {}, 0.0};
        if (step_ == 0 && settings_.adopt_statistics) {
            network_->adopt_statistics(team, settings_.norm, pictures_, values);
            if (settings_.averages) std::copy_n(values_.data(), values_.size(), average_.data());
        }
        const std::span<float> statistics = values.subspan(table_->trained());
        std::copy(statistics.begin(), statistics.end(), statistics_.begin());
        report.loss = network_->step(team, pass, pictures_, labels_, values, gradients);

        const bool clips_decay = settings_.clip.kind == ClipKind::tensors_then_global;
        const Measured measured{gradients, 1.0f,
                                clips_decay ? std::span<const float>(values) : std::span<const float>(),
                                clips_decay ? optimiser_.coupled_weight_decay() : 0.0f};
        const Result<GradientNorm> norm = clip_.measure<Arch>(measured, team);
        if (!norm) return norm.error();
        if (!norm->is_finite()) {
            std::copy(statistics_.begin(), statistics_.end(), statistics.begin());
            const TensorName name = effv2::detail::timm_name(table_->entries()[norm->broken].tensor);
            return norm->error(name.view(), step_);
        }
        report.gradient_norm = norm->norm;
        StepSettings update{report.learning_rate, clip_.scale(), {}, 0.0};
        if (settings_.averages)
            update.average = {average_.data(), average_.size()}, update.average_decay = settings_.average.at(step_ + 1);
        if (Status updated = optimiser_.step<Arch>(values, gradients, update, team); !updated) return updated.error();
        position_ = *filled;
        ++step_;
        return report;
    }

    std::unique_ptr<ParameterTable> table_;  // at one address, for those that refer to it
    RunSettings settings_;
    std::uint64_t fingerprint_ = 0;
    data::TrainingBatches batches_;
    Optimiser optimiser_;
    GradientClip clip_;
    Buffer values_, gradients_, average_;
    std::unique_ptr<TrainingNetwork<Arch>> network_;
    std::vector<float> pictures_, labels_;
    std::vector<float> statistics_;  // before the step
    int stage_ = -1;
    std::uint64_t step_ = 0;
    data::Position position_;
};

// Not in the class, so that programs can have it compiled once, elsewhere (extern template).
template <class Arch>
Result<StepReport> TrainingRun<Arch>::step(Executor& executor) {
    const int stage = settings_.schedule.stage_at(step_, settings_.steps);
    if (stage != stage_ || executor.threads() > network_->threads())
        if (Status entered = enter(stage, executor.threads()); !entered) return entered.error();
    Result<StepReport> report = Error{ErrorCode::argument, ""};
    executor.gather([&](Executor& team) { report = step_together(team); });
    return report;
}

// A run whose architecture and schedule are constants: a flawed one does not compile, and each stage's network and
// arithmetic are known.
template <Architecture A, ProgressiveSchedule P, class Arch = simd::NativeArch>
    requires(is_sound<A>&& is_sound_progressive<P>)
class Trainer : public TrainingRun<Arch> {
public:
    static constexpr int stages = P.stage_count();

    // The network of a stage.
    static constexpr Architecture architecture(int stage) { return A.with_size(P.stages[stage].size); }

    // As TrainingRun::make; the settings' schedule is replaced by the type's.
    static Result<Trainer> make(RunSettings settings, const data::Pictures& pictures, const Recipe& recipe,
                                const WeightSource& start) {
        settings.schedule = P;
        Result<TrainingRun<Arch>> run = TrainingRun<Arch>::make(A, settings, pictures, recipe, start);
        if (!run) return run.error();
        return Trainer(std::move(*run));
    }

private:
    explicit Trainer(TrainingRun<Arch> run) : TrainingRun<Arch>(std::move(run)) {}
};

}  // namespace effv2::training
