// effv2 search: which architecture learns well for the time and the parameters that it takes.
#include "effv2/search.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "classifier.hpp"
#include "command.hpp"
#include "common/instances.hpp"
#include "common/training_instances.hpp"
#include "progress.hpp"
#include "search_log.hpp"
#include "search_options.hpp"
#include "search_report.hpp"
#include "stop.hpp"
#include "train_folder.hpp"
#include "train_log.hpp"
#include "train_loop.hpp"
#include "train_pictures.hpp"
#include "train_settings.hpp"

namespace cli {

namespace {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;
using namespace effv2::search;
using namespace effv2::training;
using Clock = std::chrono::steady_clock;

// A search, ready to begin.
struct SearchJob {
    const SearchOptions& options;
    SearchSpace space;
    ProposalSettings proposal;
    RewardExponents exponents;
    RunSettings run;
    effv2::Recipe recipe;
    data::Split pictures;
    ordered_json description;  // of all that decides the trials
    effv2::Executor& executor;
};

class SearchLoop {
public:
    SearchLoop(const SearchJob& job, const TrainFolder& folder, std::vector<TriedArchitecture> trials, TrainLog log)
        : job_(job), folder_(folder), trials_(std::move(trials)), log_(std::move(log)) {}

    Result<Ending> go() {
        const auto wanted = static_cast<std::size_t>(job_.options.trials);
        std::string exhausted;
        while (trials_.size() < wanted) {
            const Result<effv2::Architecture> next = propose(job_.space, job_.proposal, results_of(trials_));
            if (!next) {
                exhausted = next.error().message;
                break;
            }
            const Result<std::optional<TriedArchitecture>> tried = try_one(*next);
            if (!tried) return tried.error();
            if (!*tried) {
                std::printf("stopped in trial %zu of %zu; --resume goes on from there\n", trials_.size() + 1, wanted);
                return Ending::stopped;
            }
            if (Status kept = keep(**tried); !kept) return kept.error();
        }
        if (Status written = finish(); !written) return written.error();
        if (!exhausted.empty()) std::fprintf(stderr, "effv2: %s\n", exhausted.c_str());
        return Ending::finished;
    }

private:
    // Nothing where the search is to stop. A candidate that cannot be trained is worth nothing; the backbone, which all
    // others are measured by, must be.
    Result<std::optional<TriedArchitecture>> try_one(const effv2::Architecture& a) {
        const Clock::time_point start = Clock::now();
        TriedArchitecture tried;
        tried.trial.architecture = a;
        tried.parameters = parameters(a), tried.macs = macs(a);
        const Result<bool> measured = measure_worth(tried);
        if (measured && !*measured) return std::optional<TriedArchitecture>();
        if (!measured && trials_.empty()) return measured.error();
        if (!measured) tried.failure = measured.error().message;
        tried.seconds = std::chrono::duration<double>(Clock::now() - start).count();
        return std::optional(tried);
    }

    // Step time, accuracy and reward; false where the search is to stop.
    Result<bool> measure_worth(TriedArchitecture& tried) {
        Trial& trial = tried.trial;
        const effv2::Architecture& backbone = job_.space.backbone;
        const Result<StepTimes> times = compare_steps(trial.architecture, backbone, job_.run, job_.executor);
        if (!times) return times.error();
        tried.step_ms = times->candidate_ms, tried.backbone_ms = times->reference_ms;
        trial.step_time = same_network(trial.architecture, backbone) ? 1.0 : times->ratio;
        const Result<std::optional<Evaluation>> judged = train_and_judge(trial.architecture);
        if (!judged) return judged.error();
        if (!*judged) return false;
        trial.accuracy = (*judged)->top1(), tried.loss = (*judged)->loss;
        trial.reward = reward(job_.exponents, trial.accuracy, trial.step_time, trial.architecture, backbone);
        return true;
    }

    Result<std::optional<Evaluation>> train_and_judge(const effv2::Architecture& a) {
        const RunSettings& run = job_.run;
        const double epoch = static_cast<double>(job_.pictures.training.size()) / run.batch;  // in steps
        Progress progress(run.schedule, run.steps, run.batch, 0);
        auto judged =
            try_out(a, run, job_.recipe, job_.pictures.training, job_.pictures.held_out, job_.executor,
                    [&](const StepReport& report) {
                        const std::uint64_t done = report.step + 1;
                        progress.stepped({done, static_cast<double>(done) / epoch, report.size, report.loss.mean,
                                          static_cast<double>(report.loss.correct) / run.batch});
                        return !stop_wanted();
                    });
        progress.clear();
        return judged;
    }

    Status keep(const TriedArchitecture& tried) {
        trials_.push_back(tried);
        std::printf("trial %zu of %d:  %s%s%s\n", trials_.size(), job_.options.trials,
                    trial_line(tried, trials_.front()).c_str(),
                    tried.failure.empty() ? "" : "  failed: ", tried.failure.c_str());
        std::fflush(stdout);
        if (Status written = log_.write(describe_trial(trials_.size(), tried)); !written) return written;
        if (Status stored = log_.store(); !stored) return stored;
        return write_search_charts(trials_, folder_.plots());
    }

    Status finish() {
        const std::string best = effv2::format_architecture(best_of(trials_).trial.architecture);
        const std::string path = job_.options.train.output + "/architecture.txt";
        if (Status written = replace_file(path, best + "\n"); !written) return written;
        if (Status drawn = write_search_charts(trials_, folder_.plots()); !drawn) return drawn;
        std::printf("\n%s\n%s has the first of them for effv2 train --architecture:\n%s\n",
                    search_table(trials_).c_str(), path.c_str(), best.c_str());
        return std::monostate{};
    }

    const SearchJob& job_;
    const TrainFolder& folder_;
    std::vector<TriedArchitecture> trials_;
    TrainLog log_;
};

ordered_json describe_search(const SearchOptions& options, const TrainStart& start, const data::Pictures& pictures,
                             const TrainSettings& settings) {
    ordered_json text = describe_settings(options.train, start, pictures, settings);
    text["held_out"] = options.held_out;
    text["space"] = {{"kinds", options.kinds},
                     {"kernels", options.kernels},
                     {"expansions", options.expansions},
                     {"layers", options.layers},
                     {"most_parameters", options.most_parameters},
                     {"most_macs", options.most_macs}};
    text["sampler"] = {
        {"name", options.sampler}, {"population", options.population}, {"tournament", options.tournament}};
    text["step_power"] = options.step_power;
    text["parameter_power"] = options.parameter_power;
    return text;
}

Result<SearchJob> prepare_search(const SearchOptions& options, const TrainStart& start, effv2::Executor& executor) {
    Result<examples::TrainingSet> set = load_training(options.train, start, executor);
    if (!set) return set.error();
    Result<data::Split> parts =
        data::split(set->pictures, options.held_out, static_cast<std::uint64_t>(options.train.seed));
    if (!parts) return parts.error();
    const data::Pictures whole = std::exchange(set->pictures, std::move(parts->training));
    const Result<TrainSettings> settings = make_settings(options.train, start, *set);
    if (!settings) return settings.error();
    if (Status sound = check(settings->run); !sound) return sound.error();
    const Result<SearchSpace> space = choose_space(options, settings->architecture);
    if (!space) return space.error();
    return SearchJob{options,
                     *space,
                     choose_proposal(options),
                     {options.step_power, options.parameter_power},
                     settings->run,
                     settings->recipe,
                     {std::move(set->pictures), std::move(parts->held_out)},
                     describe_search(options, start, whole, *settings),
                     executor};
}

void print_search_head(const SearchJob& job) {
    const std::uint64_t all = candidate_count(job.space);
    std::printf(
        "%s%llu architecture%s; %zu pictures to train on, %zu to judge by; %llu steps of %d pictures each\n\n%s\n",
        all == UINT64_MAX ? "more than " : "", static_cast<unsigned long long>(all), all == 1 ? "" : "s",
        job.pictures.training.size(), job.pictures.held_out.size(), static_cast<unsigned long long>(job.run.steps),
        job.run.batch, table(job.run.schedule, job.run.steps).c_str());
    std::fflush(stdout);
}

Result<int> run_search(const SearchOptions& options) {
    if (Status sound = check_places(options.train); !sound) return sound.error();
    const Result<TrainStart> start = choose_start(options.train);
    if (!start) return start.error();
    // Before anything is made or read.
    if (const Result<SearchSpace> sound = choose_space(options, start->architecture); !sound) return sound.error();
    outlive_readers();
    Result<TrainFolder> folder = TrainFolder::open(options.train.output, options.train.resume);
    if (!folder) return folder.error();
    examples::Cores cores = cores_of(options.train.threads);
    const Result<SearchJob> job = prepare_search(options, *start, cores);
    if (!job) return job.error();
    if (Status entered = folder->enter(job->description); !entered) return entered.error();
    Result<std::vector<TriedArchitecture>> trials = read_trials(folder->log());
    if (!trials) return trials.error();
    Result<TrainLog> log = TrainLog::open(folder->log(), job->description, UINT64_MAX);
    if (!log) return log.error();
    print_search_head(*job);
    if (!trials->empty()) std::printf("going on after trial %zu of %d\n", trials->size(), options.trials);
    watch_for_stop();
    const Result<Ending> ending = SearchLoop(*job, *folder, std::move(*trials), std::move(*log)).go();
    if (!ending) return ending.error();
    return *ending == Ending::finished ? success : was_stopped;
}

}  // namespace

Action declare_search(Options& options) {
    const auto search = std::make_shared<SearchOptions>();
    add_search_options(options, *search);
    return [search] {
        const Result<int> status = run_search(*search);
        return status ? *status : fail(status.error());
    };
}

}  // namespace cli
