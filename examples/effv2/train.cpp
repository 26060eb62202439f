// effv2 train: weights from pictures.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "classifier.hpp"
#include "command.hpp"
#include "stop.hpp"
#include "train_loop.hpp"
#include "train_measure.hpp"
#include "train_pictures.hpp"

namespace cli {

namespace {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
namespace data = effv2::training::data;

void print_head(const TrainJob& job) {
    const data::Pictures& pictures = job.pictures;
    std::printf("%zu pictures of %d classes", pictures.size(), pictures.classes());
    if (job.test) std::printf(", %zu to test", job.test->size());
    const auto& run = job.settings.run;
    std::printf("; %llu steps of %d pictures\n\n%s\n", static_cast<unsigned long long>(run.steps), run.batch,
                table(run.schedule, run.steps).c_str());
    std::fflush(stdout);
}

// What no parser could have found wrong, before anything is made or read.
Status check_options(const TrainOptions& options) {
    const auto wrong = [](const char* sentence) { return Error{ErrorCode::argument, sentence}; };
    if (options.steps > 0 && options.epochs >= 0.0) return wrong("--steps and --epochs both say how long to train");
    if (options.from.empty() && !options.scheme.empty())
        return wrong("--scheme tells what the weights of --from are, which there are none of");
    if (options.from.empty() && options.freeze > 0)
        return wrong("--freeze leaves blocks as they are, which have learned nothing without --from");
    if (options.from.empty() && options.freeze_norms)
        return wrong("--freeze-norms keeps statistics as they are, which are none without --from");
    return check_places(options);
}

Result<int> run_job(const TrainOptions& options) {
    if (options.output.empty() && !options.measure)
        return Error{ErrorCode::argument, "--output is missing: the folder for weights, checkpoint, log and plots"};
    if (Status sound = check_options(options); !sound) return sound.error();
    const Result<TrainStart> start = choose_start(options);
    if (!start) return start.error();
    std::optional<TrainFolder> folder;
    if (!options.measure) {
        outlive_readers();
        Result<TrainFolder> opened = TrainFolder::open(options.output, options.resume);
        if (!opened) return opened.error();
        folder.emplace(std::move(*opened));
    }
    examples::Cores cores = cores_of(options.threads);
    const Result<examples::TrainingSet> set = load_training(options, *start, cores);
    if (!set) return set.error();
    const Result<TrainSettings> settings = make_settings(options, *start, *set);
    if (!settings) return settings.error();
    if (Status sound = check(settings->run.schedule, settings->run.steps); !sound) return sound.error();
    const Result<std::optional<data::Pictures>> test =
        options.measure ? std::optional<data::Pictures>() : load_test(options, *set, settings->recipe.size, cores);
    if (!test) return test.error();
    if (!options.from.empty() && !start->recipe)
        std::fprintf(stderr,
                     "effv2: %s does not say how pictures are normalised; they are by their own mean and deviation\n",
                     options.from.c_str());
    const TrainJob job{*settings, *start, set->pictures, *test, cores};
    print_head(job);
    if (options.measure) {
        const Status measured = measure(job);
        return measured ? Result<int>(success) : measured.error();
    }
    const Result<Ending> ending = train(job, *folder, describe_settings(options, *start, set->pictures, *settings));
    if (!ending) return ending.error();
    return *ending == Ending::finished ? success : was_stopped;
}

}  // namespace

Action declare_train(Options& options) {
    const auto train = std::make_shared<TrainOptions>();
    add_train_options(options, *train);
    return [train] {
        const Result<int> status = run_job(*train);
        return status ? *status : fail(status.error());
    };
}

}  // namespace cli
