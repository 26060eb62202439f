// effv2 classify: pictures in, the likeliest classes out.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "command.hpp"
#include "common/cores.hpp"
#include "common/instances.hpp"
#include "common/top.hpp"
#include "effv2/image/preprocess.hpp"
#include "effv2/network/model.hpp"
#include "load.hpp"
#include "prepare.hpp"

namespace cli {

namespace {

using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;

struct Settings {
    std::string weights, variant, labels;
    RecipeOptions recipe;
    int top = 5, threads = 0;
    bool json = false;
    std::vector<std::string> images;
};

using Labels = std::vector<std::string>;

// The source of the recipe that the weights themselves name.
std::string recipe_source(const effv2::Identity& identity) {
    std::string source(identity.scheme.recipe);
    if (source == "timm" && !identity.tag.empty()) source += "." + identity.tag;
    return source;
}

void print_text(const std::string& image, const std::vector<examples::Guess>& guesses, const Labels& labels) {
    std::printf("%s\n", image.c_str());
    for (const examples::Guess& guess : guesses) examples::print_guess(guess, labels);
}

ordered_json as_json(const std::string& image, const std::vector<examples::Guess>& guesses, const Labels& labels) {
    ordered_json top = ordered_json::array();
    for (const examples::Guess& guess : guesses) {
        ordered_json entry = {{"index", guess.index}};
        if (!labels.empty()) entry["label"] = labels[static_cast<std::size_t>(guess.index)];
        entry["probability"] = guess.probability;
        top.push_back(std::move(entry));
    }
    return {{"image", image}, {"top", std::move(top)}};
}

// The network with room for one picture.
struct Classifier {
    effv2::Recipe recipe;
    effv2::Network network;
    std::vector<float> picture, logits;

    Result<std::vector<examples::Guess>> run(const std::string& image, int count) {
        if (const Status prepared = prepare(image, recipe, picture); !prepared) return prepared.error();
        effv2::Outputs outputs;
        outputs.logits = logits;
        if (const Status ran = network.forward(picture, 1, outputs); !ran) return ran.error();
        return examples::top(logits, count);
    }
};

// All pictures, whatever becomes of each: one that fails is reported and left out.
int classify_all(const Settings& settings, Classifier& classifier, const Labels& labels) {
    int status = success;
    ordered_json all = ordered_json::array();
    for (const std::string& image : settings.images) {
        const Result<std::vector<examples::Guess>> guesses = classifier.run(image, settings.top);
        if (!guesses)
            status = fail(guesses.error());
        else if (settings.json)
            all.push_back(as_json(image, *guesses, labels));
        else
            print_text(image, *guesses, labels);
    }
    // File names and labels need not be UTF-8, but JSON must.
    if (settings.json) std::printf("%s\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    return status;
}

int run(const Settings& settings) {
    Result<effv2::LoadedNetwork> loaded = load(settings.weights, settings.variant);
    if (!loaded) return fail(loaded.error());
    const effv2::Identity& identity = loaded->identity;
    const Result<effv2::Recipe> recipe = choose_recipe(settings.recipe, recipe_source(identity), identity.variant);
    if (!recipe) return fail(recipe.error());
    const effv2::Architecture a = identity.architecture.with_size(recipe->size);

    Labels labels;
    if (!settings.labels.empty()) {
        Result<Labels> read = examples::read_labels(settings.labels, a.classes);
        if (!read) return fail(read.error());
        labels = std::move(*read);
    }
    examples::Cores cores = settings.threads > 0 ? examples::Cores(settings.threads) : examples::Cores();
    Result<effv2::Network> network = effv2::Network::make(a, std::move(loaded->weights), cores);
    if (!network) return fail(network.error());
    Classifier classifier{*recipe, std::move(*network), std::vector<float>(effv2::input_elements(*recipe)),
                          std::vector<float>(static_cast<std::size_t>(a.classes))};
    return classify_all(settings, classifier, labels);
}

}  // namespace

Action declare_classify(Options& options) {
    const auto settings = std::make_shared<Settings>();
    options.weights(settings->weights);
    options.variant(settings->variant, Need::optional);
    options.text({"--labels", "F", "the classes' names, a text file, a line a class"}, settings->labels);
    options.number({"--top", "K", "how many classes to name (default: 5)"}, settings->top, 1, 1000000);
    options.threads(settings->threads);
    add_recipe(options, settings->recipe);
    options.flag("--json", settings->json, "print one JSON array");
    options.texts({"images", "IMAGE...", "pictures: JPEG, PNG or WebP", Need::required}, settings->images);
    return [settings] { return run(*settings); };
}

}  // namespace cli
