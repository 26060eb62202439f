#include "train_loop.hpp"

#include <chrono>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "common/training_instances.hpp"
#include "effv2/weights/describe.hpp"
#include "effv2/weights/write.hpp"
#include "judge.hpp"
#include "plot.hpp"
#include "progress.hpp"
#include "stop.hpp"
#include "train_log.hpp"

namespace cli {

using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;
using namespace effv2::training;

namespace {

using Run = TrainingRun<>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Steps that the log has no line of yet.
struct Interval {
    std::uint64_t steps = 0, correct = 0;
    double loss = 0.0, gradient_norm = 0.0;
    StepReport last;
    Clock::time_point start = Clock::now();

    void add(const StepReport& report) {
        ++steps;
        correct += static_cast<std::uint64_t>(report.loss.correct);
        loss += report.loss.mean;
        gradient_norm += report.gradient_norm;
        last = report;
    }
    double mean_loss() const { return loss / static_cast<double>(steps); }
    double accuracy(int batch) const { return static_cast<double>(correct) / (static_cast<double>(steps) * batch); }
};

class Loop {
public:
    Loop(const TrainJob& job, const TrainFolder& folder, Run run, TrainLog log)
        : job_(job),
          folder_(folder),
          run_(std::move(run)),
          log_(std::move(log)),
          progress_(settings().schedule, settings().steps, settings().batch, run_.steps_done()),
          saved_(Clock::now()) {}

    Result<Ending> go() {
        for (;;) {
            if (stop_wanted()) return stop();
            if (Status done = between_steps(); !done) return done.error();
            if (run_.finished()) break;
            const Result<StepReport> report = run_.step(job_.executor);
            if (!report) {
                progress_.clear();
                return report.error();
            }
            interval_.add(*report);
            progress_.stepped({run_.steps_done(), epoch(), report->size, report->loss.mean,
                               static_cast<double>(report->loss.correct) / settings().batch});
        }
        if (Status answer = check_answers(); !answer) return answer.error();
        if (Status written = write_weights(); !written) return written.error();
        return Ending::finished;
    }

private:
    const RunSettings& settings() const { return job_.settings.run; }

    // Pictures seen, in passes over them.
    double epoch() const {
        return static_cast<double>(run_.steps_done()) * settings().batch / static_cast<double>(job_.settings.pictures);
    }

    bool ends_stage() const {
        for (int i = 0; i < settings().schedule.stage_count(); ++i)
            if (run_.steps_done() == settings().schedule.end_of(i, settings().steps)) return true;
        return false;
    }

    bool wants_evaluation() const {
        const std::uint64_t step = run_.steps_done(), batch = static_cast<std::uint64_t>(settings().batch);
        if (!job_.test || step == 0 || log_.has_evaluation(step)) return false;
        if (run_.finished()) return true;
        const std::uint64_t each = job_.settings.pictures * static_cast<std::uint64_t>(job_.settings.evaluate_every);
        return each > 0 && step * batch / each > (step - 1) * batch / each;
    }

    // What is due after so many steps. An evaluation comes before the checkpoint that says that it was made.
    Status between_steps() {
        const std::uint64_t each_line = std::max<std::uint64_t>(1, settings().steps / 1000);
        const bool stage_end = ends_stage(), evaluates = wants_evaluation();
        const bool saves = seconds_since(saved_) >= job_.settings.checkpoint_every || stage_end;
        if (interval_.steps >= each_line || stage_end || evaluates || saves)
            if (Status logged = log_interval(); !logged) return logged;
        if (evaluates)
            if (Status evaluated = evaluate(); !evaluated) return evaluated;
        if (saves && run_.steps_done() > 0) return save();
        return std::monostate{};
    }

    Status log_interval() {
        if (interval_.steps == 0) return std::monostate{};
        const Interval done = std::exchange(interval_, Interval());
        const ProgressiveStage& stage = settings().schedule.stages[done.last.stage];
        const double pictures = static_cast<double>(done.steps) * settings().batch;
        return log_.write({{"kind", "step"},
                           {"step", run_.steps_done()},
                           {"steps", done.steps},
                           {"epoch", epoch()},
                           {"stage", done.last.stage + 1},
                           {"size", stage.size},
                           {"magnitude", stage.magnitude},
                           {"dropout", stage.dropout},
                           {"learning_rate", done.last.learning_rate},
                           {"loss", done.mean_loss()},
                           {"accuracy", done.accuracy(settings().batch)},
                           {"gradient_norm", done.gradient_norm / static_cast<double>(done.steps)},
                           {"images_per_second", pictures / seconds_since(done.start)}});
    }

    Status evaluate() {
        progress_.pause();
        const Result<Evaluation> found =
            judge(job_.settings.architecture, run_.source(), *job_.test, job_.settings.recipe, job_.executor);
        // Weights that answer with no numbers may yet recover: the run goes on, unless these are its last.
        const bool answered = found.has_value();
        if (!answered && found.error().code != effv2::ErrorCode::format) return found.error();
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        const double top1 = answered ? found->top1() : none, top5 = answered ? found->top5() : none;
        const double loss = answered ? found->loss : none;
        char line[160];
        std::snprintf(line, sizeof line, "step %llu  epoch %.2f  test: top-1 %.2f %%  top-5 %.2f %%  loss %.4f",
                      static_cast<unsigned long long>(run_.steps_done()), epoch(), 100.0 * top1, 100.0 * top5, loss);
        progress_.say(answered ? line : line + (": " + found.error().message));
        Status logged = log_.write({{"kind", "evaluation"},
                                    {"step", run_.steps_done()},
                                    {"epoch", epoch()},
                                    {"pictures", job_.test->size()},
                                    {"loss", loss},
                                    {"top1", top1},
                                    {"top5", top5}});
        if (logged) logged = write_plots(folder_.log(), folder_.plots());
        progress_.resumed();
        interval_.start = Clock::now();
        if (logged && !answered && run_.finished()) return found.error();
        return logged;
    }

    Status save() {
        progress_.pause();
        if (Status stored = log_.store(); !stored) return stored;
        if (Status saved = run_.save(folder_.checkpoint()); !saved) return saved;
        saved_ = Clock::now();
        progress_.resumed();
        interval_.start = Clock::now();
        return std::monostate{};
    }

    Result<Ending> stop() {
        if (Status logged = log_interval(); !logged) return logged.error();
        if (run_.steps_done() > 0)
            if (Status saved = save(); !saved) return saved.error();
        progress_.say("stopped after step " + std::to_string(run_.steps_done()) + " of " +
                      std::to_string(settings().steps) + "; --resume goes on from there");
        return Ending::stopped;
    }

    // Where nothing was evaluated, some pictures tell whether the weights answer with numbers at all.
    Status check_answers() {
        if (job_.test) return std::monostate{};
        data::Pictures some(job_.pictures.name(), job_.pictures.class_names());
        for (std::size_t i = 0; i < std::min<std::size_t>(16, job_.pictures.size()); ++i)
            if (Status added = some.add(job_.pictures.picture(i), job_.pictures.label(i)); !added) return added;
        const auto found = judge(job_.settings.architecture, run_.source(), some, job_.settings.recipe, job_.executor);
        return found ? Status(std::monostate{}) : found.error();
    }

    Status write_weights() {
        const effv2::Architecture& a = job_.settings.architecture;
        std::remove((folder_.weights() + ".partial0").c_str());  // of a process that was killed
        Status done = effv2::write_weights(folder_.weights(), a, run_.source(), job_.start.scheme,
                                           effv2::describe_model(a, job_.settings.recipe, job_.pictures.class_names()));
        if (done) done = write_plots(folder_.log(), folder_.plots());
        if (done) progress_.say("finished: the weights are in " + folder_.weights());
        return done;
    }

    const TrainJob& job_;
    const TrainFolder& folder_;
    Run run_;
    TrainLog log_;
    Progress progress_;
    Interval interval_;
    Clock::time_point saved_;
};

// Takes the run up from the folder's checkpoint, if it has one.
Status take_up(const TrainFolder& folder, Run& run) {
    if (!folder.has_checkpoint()) return std::monostate{};
    const Result<Checkpoint> checkpoint = read_checkpoint(folder.checkpoint());
    if (!checkpoint) return checkpoint.error();
    if (!checkpoint->note().empty()) std::fprintf(stderr, "effv2: %s\n", checkpoint->note().c_str());
    if (Status resumed = run.resume(*checkpoint); !resumed) return resumed;
    std::printf("going on after step %llu of %llu\n", static_cast<unsigned long long>(run.steps_done()),
                static_cast<unsigned long long>(run.settings().steps));
    return std::monostate{};
}

}  // namespace

Result<Ending> train(const TrainJob& job, TrainFolder& folder, const ordered_json& description) {
    const TrainSettings& settings = job.settings;
    const auto first = first_weights(job);
    Result<Run> run = Run::make(settings.architecture, settings.run, job.pictures, settings.recipe, *first);
    if (!run) return run.error();
    if (Status entered = folder.enter(description); !entered) return entered.error();
    if (Status taken = take_up(folder, *run); !taken) return taken.error();
    Result<TrainLog> log = TrainLog::open(folder.log(), description, run->steps_done());
    if (!log) return log.error();
    watch_for_stop();
    return Loop(job, folder, std::move(*run), std::move(*log)).go();
}

}  // namespace cli
