// effv2 eval: how well weights do on labelled pictures.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "classifier.hpp"
#include "command.hpp"
#include "common/dataset.hpp"
#include "common/instances.hpp"
#include "effv2/training/evaluate.hpp"
#include "load.hpp"
#include "prepare.hpp"
#include "train_folder.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using effv2::training::Evaluation;
using effv2::training::data::Pictures;
using nlohmann::ordered_json;
using Names = std::vector<std::string>;

namespace {

struct EvalSettings {
    WeightsFile weights;
    std::string variant, data, broken = "stop";
    RecipeOptions recipe;
    int size = 0, reduce = -1, threads = 0;
    bool json = false;
};

// What the classes are called: by the weights, else by numbers.
Names class_names(const effv2::Identity& identity) {
    if (!identity.labels.empty()) return identity.labels;
    Names names;
    for (int i = 0; i < identity.architecture.classes; ++i) names.push_back(std::to_string(i));
    return names;
}

Result<Pictures> load_pictures(const EvalSettings& settings, const effv2::Identity& identity, int size,
                               effv2::Executor& executor) {
    const examples::DatasetOptions how{settings.broken == "stop" ? examples::Broken::stop : examples::Broken::skip,
                                       settings.reduce >= 0 ? settings.reduce : 2 * size};
    const Names names = class_names(identity);
    Result<Pictures> pictures = examples::load_test_set(settings.data, names, how, executor);
    if (!pictures) return pictures;
    // Weights that do not name their classes leave the order of those of the pictures to be trusted.
    Pictures reference(settings.weights.path, identity.labels.empty() ? pictures->class_names() : names);
    if (pictures->classes() != identity.architecture.classes)
        return Error{ErrorCode::mismatch, settings.data + ": has " + std::to_string(pictures->classes()) +
                                              " classes, but " + settings.weights.path + " has " +
                                              std::to_string(identity.architecture.classes)};
    if (Status fits = check_evaluation_set(*pictures, reference); !fits) return fits.error();
    return pictures;
}

std::size_t row_sum(const Evaluation& found, std::size_t row) {
    const auto width = static_cast<std::size_t>(found.classes);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += found.confusion[row * width + i];
    return sum;
}

double percent(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print_classes(const Evaluation& found, const Names& names) {
    const auto width = static_cast<std::size_t>(found.classes);
    std::printf("\nright    pictures  class\n");
    for (std::size_t i = 0; i < width; ++i) {
        const std::size_t all = row_sum(found, i);
        std::printf("%6.2f %%  %8zu  %s\n", percent(found.confusion[i * width + i], all), all, names[i].c_str());
    }
}

// A row for each true class, a column for each answer.
void print_matrix(const Evaluation& found, const Names& names) {
    const auto width = static_cast<std::size_t>(found.classes);
    std::printf("\n%5s", "");
    for (std::size_t i = 0; i < width; ++i) std::printf(" %6zu", i);
    std::printf("  answers\n");
    for (std::size_t row = 0; row < width; ++row) {
        std::printf("%5zu", row);
        for (std::size_t i = 0; i < width; ++i) std::printf(" %6u", found.confusion[row * width + i]);
        std::printf("  %s\n", names[row].c_str());
    }
}

// The pairs of many classes that are taken for each other most often.
void print_confusions(const Evaluation& found, const Names& names) {
    struct Pair {
        std::size_t of, as;
        std::uint32_t count;
    };
    const auto width = static_cast<std::size_t>(found.classes);
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < found.confusion.size(); ++i)
        if (i / width != i % width && found.confusion[i] > 0)
            pairs.push_back({i / width, i % width, found.confusion[i]});
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.count > b.count; });
    constexpr std::size_t most = 20;
    if (pairs.size() > most) pairs.resize(most);
    std::printf("\ntaken for something else most often (--json has the whole matrix)\n");
    for (const Pair& pair : pairs)
        std::printf("%8u  %s for %s\n", pair.count, names[pair.of].c_str(), names[pair.as].c_str());
}

void print_text(const Evaluation& found, const Names& names) {
    constexpr int most_columns = 20;
    std::printf("%zu pictures\ntop-1  %6.2f %%\ntop-5  %6.2f %%\nloss   %.4f\n", found.pictures, 100.0 * found.top1(),
                100.0 * found.top5(), found.loss);
    print_classes(found, names);
    if (found.classes <= most_columns)
        print_matrix(found, names);
    else
        print_confusions(found, names);
}

void print_json(const Evaluation& found, const Names& names) {
    const auto width = static_cast<std::size_t>(found.classes);
    ordered_json classes = ordered_json::array(), matrix = ordered_json::array();
    for (std::size_t row = 0; row < width; ++row) {
        const auto* const begin = found.confusion.data() + row * width;
        matrix.push_back(std::vector<std::uint32_t>(begin, begin + width));
        classes.push_back({{"name", names[row]}, {"pictures", row_sum(found, row)}, {"right", begin[row]}});
    }
    const ordered_json all = {{"pictures", found.pictures}, {"top1", found.top1()}, {"top5", found.top5()},
                              {"loss", found.loss},         {"classes", classes},   {"confusion", matrix}};
    std::printf("%s\n", as_text(all).c_str());
}

int run(const EvalSettings& settings) {
    Result<effv2::LoadedNetwork> loaded = load(settings.weights, settings.variant);
    if (!loaded) return fail(loaded.error());
    Result<effv2::Recipe> recipe = choose_recipe(settings.recipe, loaded->identity, settings.weights.path);
    if (!recipe) return fail(recipe.error());
    if (settings.size > 0) recipe->size = settings.size;
    examples::Cores cores = cores_of(settings.threads);
    const Result<Pictures> pictures = load_pictures(settings, loaded->identity, recipe->size, cores);
    if (!pictures) return fail(pictures.error());
    const effv2::Architecture a = loaded->identity.architecture.with_size(recipe->size);
    Result<effv2::Network> network = effv2::Network::make(a, std::move(loaded->weights), cores);
    if (!network) return fail(network.error());
    const Result<Evaluation> found =
        effv2::training::evaluate(*network, *pictures, *recipe, cores, effv2::training::Confusion::counted);
    if (!found) return fail(found.error());
    if (settings.json)
        print_json(*found, pictures->class_names());
    else
        print_text(*found, pictures->class_names());
    return success;
}

}  // namespace

Action declare_eval(Options& options) {
    const auto settings = std::make_shared<EvalSettings>();
    options.weights(settings->weights, Need::required);
    options.expected_variant(settings->variant);
    options.text(
        {"--data", "PATH", "labelled pictures, as train takes them; of two parts the test part", Need::required},
        settings->data);
    options.choice({"--broken", "WHAT", "stop or skip: files that are no pictures (default: stop)"}, settings->broken,
                   {"stop", "skip"});
    options.number({"--reduce", "N",
                    "reduce pictures whose shorter side is longer than N pixels as they are read; 0: none (default: "
                    "twice the input's size)"},
                   settings->reduce, 0, 1 << 24);
    options.number({"--size", "N", "pixels a side of the input (default: the weights')"}, settings->size, 8, 8192);
    add_recipe(options, settings->recipe);
    options.threads(settings->threads);
    options.flag("--json", settings->json, "print one JSON object");
    return [settings] { return run(*settings); };
}

}  // namespace cli
