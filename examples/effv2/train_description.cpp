// A run's settings as JSON.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "checksums.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/image/recipe_text.hpp"
#include "train_settings.hpp"

namespace cli {

using nlohmann::ordered_json;
using namespace effv2::training;

namespace {

// As short as a float is, which a double of the same value is not.
double neat(float value) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.7g", static_cast<double>(value));
    return std::strtod(digits.data(), nullptr);
}

ordered_json describe(const RmsProp& s) {
    return {{"name", "rmsprop"},
            {"decay", neat(s.decay)},
            {"momentum", neat(s.momentum)},
            {"epsilon", neat(s.epsilon)},
            {"weight_decay", neat(s.weight_decay)}};
}

ordered_json describe(const Sgd& s) {
    return {{"name", "sgd"},
            {"momentum", neat(s.momentum)},
            {"nesterov", s.nesterov},
            {"weight_decay", neat(s.weight_decay)}};
}

ordered_json describe(const AdamW& s) {
    return {{"name", "adamw"},
            {"beta1", neat(s.beta1)},
            {"beta2", neat(s.beta2)},
            {"epsilon", neat(s.epsilon)},
            {"weight_decay", neat(s.weight_decay)}};
}

ordered_json describe(const LearningRate& rate) {
    constexpr const char* shapes[] = {"constant", "staircase", "cosine"};
    ordered_json found = {
        {"peak", rate.peak}, {"shape", shapes[static_cast<int>(rate.shape)]}, {"warmup_steps", rate.warmup_steps}};
    if (rate.shape == LearningRateShape::staircase)
        found.update({{"factor", rate.factor}, {"interval", rate.interval}});
    if (rate.shape == LearningRateShape::cosine) found["after_warmup"] = rate.after_warmup;
    return found;
}

ordered_json describe(const ProgressiveSchedule& schedule) {
    ordered_json stages = ordered_json::array();
    for (int i = 0; i < schedule.stage_count(); ++i) {
        const ProgressiveStage& stage = schedule.stages[i];
        stages.push_back({{"size", stage.size},
                          {"magnitude", stage.magnitude},
                          {"mixup", stage.mixup},
                          {"cutmix", stage.cutmix},
                          {"dropout", stage.dropout}});
    }
    return stages;
}

ordered_json describe(const data::Strengths& strengths) {
    constexpr const char* crops[] = {"none", "automl", "automl_b", "inception", "shift", "window"};
    constexpr const char* policies[] = {"none", "randaug", "autoaugment"};
    return {{"crop", crops[static_cast<int>(strengths.crop)]},
            {"mirror", strengths.flip},
            {"policy", policies[static_cast<int>(strengths.policy)]},
            {"cutout", strengths.cutout},
            {"erasing", strengths.erasing}};
}

}  // namespace

ordered_json describe_settings(const TrainOptions& options, const TrainStart& start, const data::Pictures& pictures,
                               const TrainSettings& settings) {
    const RunSettings& run = settings.run;
    ordered_json text = {{"pictures",
                          {{"path", options.data},
                           {"count", pictures.size()},
                           {"classes", pictures.class_names()},
                           {"checksum", checksum_pictures(pictures)}}}};
    if (!options.from.empty()) text["from"] = {{"path", options.from}, {"checksum", start.checksum}};
    if (!options.scheme.empty()) text["from"]["scheme"] = options.scheme;
    text.update({{"architecture", effv2::format_architecture(settings.architecture)},
                 {"recipe", effv2::format_recipe(settings.recipe)},
                 {"preset", options.preset},
                 {"steps", run.steps},
                 {"batch", run.batch},
                 {"seed", run.seed},
                 {"stages", describe(run.schedule)},
                 {"variation", describe(run.pictures)},
                 {"stochastic_depth", run.stochastic_depth},
                 {"smoothing", neat(run.loss.smoothing)},
                 {"optimiser", std::visit([](const auto& s) { return describe(s); }, run.optimiser)},
                 {"learning_rate", describe(run.learning_rate)},
                 {"beta_rate", run.beta_rate},
                 {"clip", run.clip.norm},
                 {"average", run.average.decay},
                 {"freeze", run.first_trained},
                 {"freeze_norms", run.norm.frozen},
                 {"freeze_stem", run.fixed_stem},
                 {"whiten", settings.whitens},
                 {"adopt_statistics", run.adopt_statistics},
                 {"convolutions", run.convolutions == effv2::Convolutions::fast ? "fast" : "direct"},
                 {"instruction_set", effv2::simd::NativeArch::name()}});
    return text;
}

}  // namespace cli
