#include "classifier.hpp"

#include <utility>

#include "common/instances.hpp"
#include "effv2/image/preprocess.hpp"
#include "load.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;

void add_classifier(Options& options, ClassifierOptions& classifier) {
    options.weights(classifier.weights, Need::required);
    options.expected_variant(classifier.variant);
    options.text({"--labels", "F", "the classes' names, a text file, a line a class (default: those in the weights)"},
                 classifier.labels);
    options.threads(classifier.threads);
    add_recipe(options, classifier.recipe);
}

examples::Cores cores_of(int threads) { return threads > 0 ? examples::Cores(threads) : examples::Cores(); }

Result<Classifier> Classifier::load(const ClassifierOptions& options, effv2::Executor& executor) {
    Result<effv2::LoadedNetwork> loaded = cli::load(options.weights, options.variant);
    if (!loaded) return loaded.error();
    effv2::Identity& identity = loaded->identity;
    const Result<effv2::Recipe> recipe = choose_recipe(options.recipe, identity, options.weights.path);
    if (!recipe) return recipe.error();
    const effv2::Architecture a = identity.architecture.with_size(recipe->size);
    std::vector<std::string> labels = std::move(identity.labels);
    if (!options.labels.empty()) {
        Result<std::vector<std::string>> read = examples::read_labels(options.labels, a.classes);
        if (!read) return read.error();
        labels = std::move(*read);
    }
    Result<effv2::Network> network = effv2::Network::make(a, loaded->weights, executor);
    if (!network) return Error{network.error().code, options.weights.path + ": " + network.error().message};
    return Classifier{*recipe,
                      std::move(labels),
                      std::move(loaded->weights),
                      std::move(*network),
                      std::vector<float>(effv2::input_elements(*recipe)),
                      std::vector<float>(static_cast<std::size_t>(a.classes))};
}

Status Classifier::run(const std::string& image, std::span<float> last_map) {
    if (const Status prepared = prepare(image, recipe, picture); !prepared) return prepared.error();
    effv2::Outputs outputs;
    outputs.logits = logits;
    outputs.last_map = last_map;
    return network.forward(picture, 1, outputs);
}

}  // namespace cli
