#include "train_settings.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "effv2/architecture/variants.hpp"
#include "effv2/training/folded_norms.hpp"
#include "effv2/training/optimise/progressive_presets.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using namespace effv2::training;

namespace {

// What was said, or a default.
int or_else(int said, int otherwise) { return said >= 0 ? said : otherwise; }
double or_else(double said, double otherwise) { return said >= 0.0 ? said : otherwise; }
std::string or_else(const std::string& said, const std::string& otherwise) { return said.empty() ? otherwise : said; }

bool is_base(const std::string& variant) { return variant.starts_with("b"); }
bool is_published(const TrainOptions& options) { return options.preset != "own"; }

// The size that a network is trained for where pictures are large enough.
int full_size(const TrainStart& start) {
    const NamedProgressive* const known = find_progressive(start.variant);
    const effv2::Extent input = start.architecture.input;
    return known != nullptr ? known->paper.largest_size() : std::max(input.height, input.width);
}

// Pixels of the input for one of the last map.
int total_stride(const effv2::Architecture& a) {
    int stride = a.stem_stride;
    for (int i = 0; i < a.stage_count(); ++i) stride *= a.stages[i].stride;
    return stride;
}

// Of the pictures' longer sides.
int median_side(const data::Pictures& pictures) {
    std::vector<int> sides;
    for (std::size_t i = 0; i < pictures.size(); ++i)
        sides.push_back(std::max(pictures.picture(i).width, pictures.picture(i).height));
    if (sides.empty()) return 1;
    const auto middle = sides.begin() + static_cast<std::ptrdiff_t>(sides.size() / 2);
    std::nth_element(sides.begin(), middle, sides.end());
    return *middle;
}

// The size of the last stage: that of the pictures, in eights, but neither beyond what the network is made for nor so
// small that its last map has less than two pixels a side.
int default_size(const TrainStart& start, const data::Pictures& pictures) {
    const int own = (median_side(pictures) + 7) / 8 * 8;
    const int least = std::max(32, 2 * total_stride(start.architecture));
    return std::max(least, std::min(own, full_size(start)));
}

// The ends of a published schedule, with what was said in place of what they have.
struct Ends {
    ProgressiveStage start, end;
};

Ends own_ends(const TrainOptions& options, const TrainStart& start, const data::Pictures& pictures) {
    Ends ends;
    ends.end.size = or_else(options.size, default_size(start, pictures));
    // Two thirds, in fours, but not so small that convolutions see nothing but padding.
    const int least = std::max(16, total_stride(start.architecture));
    ends.start.size =
        or_else(options.start_size, std::min(ends.end.size, std::max(least, ends.end.size * 2 / 3 / 4 * 4)));
    const bool uses_magnitude = options.policy.empty() || options.policy == "randaug";
    ends.end.magnitude = or_else(options.magnitude, uses_magnitude ? 10.0 : 0.0);
    ends.start.magnitude = or_else(options.start_magnitude, ends.end.magnitude / 2);
    ends.end.mixup = or_else(options.mixup, 0.0);
    ends.end.cutmix = or_else(options.cutmix, 0.0);
    ends.end.dropout = or_else(options.dropout, 0.2);
    ends.start.dropout = or_else(options.start_dropout, ends.end.dropout / 2);
    return ends;
}

Ends published_ends(const TrainOptions& options, const TrainStart& start, const ProgressiveSchedule& schedule) {
    Ends ends{is_base(start.variant) ? progressive::base_start : progressive::published_start,
              schedule.stages[schedule.stage_count() - 1]};
    ends.end.size = or_else(options.size, ends.end.size);
    ends.end.magnitude = or_else(options.magnitude, ends.end.magnitude);
    ends.end.mixup = or_else(options.mixup, ends.end.mixup);
    ends.end.cutmix = or_else(options.cutmix, ends.end.cutmix);
    ends.end.dropout = or_else(options.dropout, ends.end.dropout);
    // Nothing shrinks unless it is told to.
    ends.start.size = or_else(options.start_size, std::min(ends.start.size, ends.end.size));
    ends.start.magnitude = or_else(options.start_magnitude, std::min(ends.start.magnitude, ends.end.magnitude));
    ends.start.dropout = or_else(options.start_dropout, std::min(ends.start.dropout, ends.end.dropout));
    return ends;
}

Result<ProgressiveSchedule> choose_schedule(const TrainOptions& options, const TrainStart& start,
                                            const data::Pictures& pictures, std::uint64_t steps) {
    const int most = static_cast<int>(std::min<std::uint64_t>(steps, progressive::published_stages));
    if (!is_published(options)) {
        const Ends ends = own_ends(options, start, pictures);
        return progressive::as_in_paper(ends.start, ends.end, or_else(options.stages, most));
    }
    const NamedProgressive* const known = find_progressive(start.variant);
    if (known == nullptr)
        return Error{ErrorCode::argument, "--preset " + options.preset +
                                              " has schedules for the released variants only; expected --preset own "
                                              "for another architecture"};
    const bool paper = options.preset == "paper";
    const Ends ends = published_ends(options, start, paper ? known->paper : known->automl);
    const int stages = or_else(options.stages, progressive::published_stages);
    return paper ? progressive::as_in_paper(ends.start, ends.end, stages)
                 : progressive::as_in_automl(ends.start, ends.end, stages);
}

data::Strengths choose_strengths(const TrainOptions& options, const TrainStart& start,
                                 const examples::TrainingSet& set) {
    constexpr int small = 64;  // pixels: crops of a tenth of such a picture show nothing any more
    const bool published = is_published(options), base = is_base(start.variant);
    data::Strengths strengths;
    const std::string policy = or_else(options.policy, published && base ? "autoaugment" : "randaug");
    if (policy == "randaug") strengths.policy = data::Policy::rand_augment;
    if (policy == "autoaugment") strengths.policy = data::Policy::auto_augment_v0;
    const char* const by_size = median_side(set.pictures) <= small ? "shift" : "inception";
    const std::string crop = or_else(options.crop, published ? "automl" : by_size);
    if (crop == "shift") strengths.crop = data::Crop::shift;
    if (crop == "window") strengths.crop = data::Crop::window;
    if (crop == "inception") strengths.crop = data::Crop::inception;
    if (crop == "automl") strengths.crop = base ? data::Crop::automl_b : data::Crop::automl;
    strengths.flip = set.mirrors && !options.no_mirror;
    strengths.cutout = or_else(options.cutout, 0.0);
    strengths.erasing = or_else(options.erasing, 0.0);
    return strengths;
}

OptimiserSettings choose_optimiser(const TrainOptions& options) {
    const std::string name = or_else(options.optimiser, is_published(options) ? "rmsprop" : "adamw");
    const auto decay = [&](double otherwise) { return static_cast<float>(or_else(options.weight_decay, otherwise)); };
    if (name == "rmsprop") return RmsProp{.weight_decay = decay(1e-5)};
    if (name == "sgd") return Sgd{.nesterov = true, .weight_decay = decay(5e-4)};
    return AdamW{.weight_decay = decay(0.02)};
}

// The usual peak for a batch, which AdamW takes to grow slower than the batch; a tenth of it for weights that have
// learned already.
double default_rate(const TrainOptions& options, const OptimiserSettings& optimiser, int batch) {
    const double times = batch / 256.0, learned = options.from.empty() ? 1.0 : 0.1;
    if (std::holds_alternative<RmsProp>(optimiser)) return 0.016 * times * learned;
    if (std::holds_alternative<Sgd>(optimiser)) return 0.1 * times * learned;
    return 0.002 * std::sqrt(times) * learned;
}

LearningRate choose_rate(const TrainOptions& options, const OptimiserSettings& optimiser, int batch, double epoch,
                         std::uint64_t steps) {
    const bool published = is_published(options);
    const double run = static_cast<double>(steps) / epoch;  // in epochs
    const double warmup = or_else(options.warmup, published ? 5.0 : run / 20);
    LearningRate rate{.peak = or_else(options.learning_rate, default_rate(options, optimiser, batch)),
                      .warmup_steps = static_cast<std::uint64_t>(warmup * epoch)};
    const std::string shape = or_else(options.schedule, published ? "staircase" : "cosine");
    if (shape == "staircase") {
        // Every 2.4 epochs of 350, as published; a shorter run of one's own goes down as far.
        rate.shape = LearningRateShape::staircase;
        rate.interval = published ? 2.4 * epoch : 2.4 / 350 * static_cast<double>(steps);
    }
    if (shape == "cosine") {
        rate.shape = LearningRateShape::cosine;
        rate.total_steps = steps;
        rate.after_warmup = !published;
    }
    return rate;
}

// How pictures are prepared for these weights: whole and squeezed into a square, as training shows them, with the
// numbers that a file of first weights was trained with, or else the pictures' own.
effv2::Recipe recipe_of_training(const TrainStart& start, const data::Pictures& pictures, int size) {
    effv2::Recipe recipe{.size = size, .fit = effv2::Fit::squash, .filter = effv2::Filter::bilinear};
    if (start.recipe) {
        recipe.normalization = start.recipe->normalization;
        recipe.mean = start.recipe->mean, recipe.deviation = start.recipe->deviation;
    } else {
        const data::ChannelStatistics found = data::measure_channels(pictures);
        recipe.mean = found.mean, recipe.deviation = found.deviation;
    }
    return recipe;
}

int choose_test_size(const TrainOptions& options, const TrainStart& start, const ProgressiveSchedule& schedule) {
    const int last = schedule.stages[schedule.stage_count() - 1].size;
    const effv2::NamedVariant* const known = effv2::find_variant(start.variant);
    return or_else(options.test_size,
                   is_published(options) && known != nullptr ? known->architecture.input.height : last);
}

}  // namespace

int largest_side(const TrainOptions& options, const TrainStart& start) {
    return std::max({or_else(options.size, full_size(start)), options.start_size, options.test_size});
}

Result<TrainSettings> make_settings(const TrainOptions& options, const TrainStart& start,
                                    const examples::TrainingSet& set) {
    TrainSettings settings;
    settings.pictures = std::max<std::uint64_t>(1, set.pictures.size());
    RunSettings& run = settings.run;
    run.batch = or_else(options.batch, static_cast<int>(std::min<std::uint64_t>(64, settings.pictures)));
    const double epoch = static_cast<double>(settings.pictures) / run.batch;  // in steps
    const double epochs = or_else(options.epochs, is_published(options) ? 350.0 : 20.0);
    // Presets drop the last part of a batch as google/automl does (epochs * images // batch); by default it counts.
    const double shown = epochs * static_cast<double>(settings.pictures);
    const double steps = is_published(options) ? std::floor(shown / run.batch) : std::ceil(shown / run.batch);
    run.steps = static_cast<std::uint64_t>(options.steps > 0 ? options.steps : std::max(1.0, steps));
    const Result<ProgressiveSchedule> schedule = choose_schedule(options, start, set.pictures, run.steps);
    if (!schedule) return schedule.error();
    run.schedule = *schedule;
    run.optimiser = choose_optimiser(options);
    run.learning_rate = choose_rate(options, run.optimiser, run.batch, epoch, run.steps);
    run.beta_rate = or_else(options.beta_rate, 1.0);
    run.clip.norm = or_else(options.clip, is_published(options) ? 0.0 : 5.0);
    run.clip.kind = run.clip.norm > 0.0 ? ClipKind::global_norm : ClipKind::none;
    run.average.decay = or_else(options.average, is_published(options) ? 0.9999 : 0.999);
    run.averages = run.average.decay > 0.0;
    run.pictures = choose_strengths(options, start, set);
    run.norm = {.epsilon = start.scheme.epsilon, .frozen = options.freeze_norms};
    run.adopt_statistics =
        start.file && !options.freeze_norms && effv2::training::has_folded_norms(start.architecture, *start.file);
    run.loss.smoothing = static_cast<float>(or_else(options.smoothing, 0.1));
    run.stochastic_depth = or_else(options.stochastic_depth, 0.2);
    run.first_trained = or_else(options.freeze, 0);
    run.fixed_stem = options.freeze_stem;
    run.keep = options.keep == "maps" ? Keep::maps : Keep::block_inputs;
    run.convolutions = start.architecture.convolutions;
    run.seed = static_cast<std::uint64_t>(options.seed);
    const ProgressiveStage& last = run.schedule.stages[run.schedule.stage_count() - 1];
    if (options.policy == "randaug" && options.magnitude < 0.0 && last.magnitude <= 0.0)
        return Error{ErrorCode::argument, "--policy randaug needs a --magnitude with --preset " + options.preset +
                                              ", which has none for this variant"};
    if (run.pictures.policy != data::Policy::rand_augment && std::max(options.magnitude, options.start_magnitude) > 0.0)
        return Error{ErrorCode::argument,
                     "--magnitude is RandAugment's, by which these pictures are not varied; expected --policy randaug"};
    const int test_size = choose_test_size(options, start, run.schedule);
    settings.architecture = start.architecture.with_classes(set.pictures.classes()).with_size(test_size);
    settings.recipe = recipe_of_training(start, set.pictures, test_size);
    settings.whitens = options.whiten;
    settings.evaluate_every = options.evaluate_every;
    settings.checkpoint_every = options.checkpoint_every;
    return settings;
}

}  // namespace cli
