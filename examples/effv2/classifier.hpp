// A network that names what pictures show, with the recipe and the class names that belong to it: what classify and
// explain have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/cores.hpp"
#include "common/top.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/network/model.hpp"
#include "options.hpp"
#include "prepare.hpp"

namespace cli {

// What the command line says of it.
struct ClassifierOptions {
    WeightsFile weights;
    std::string variant, labels;
    RecipeOptions recipe;
    int threads = 0;
};

void add_classifier(Options& options, ClassifierOptions& classifier);

// The executor of a number of threads, or of all cores for 0.
examples::Cores cores_of(int threads);

// The network with room for one picture.
struct Classifier {
    effv2::Recipe recipe;
    std::vector<std::string> labels;  // one a class, or none
    effv2::PackedWeights<> weights;
    effv2::Network network;
    std::vector<float> picture, logits;

    // Loads the weights. Recipe and labels are those of the options, or else of the file, or else (the recipe) those of
    // the weights' source.
    static effv2::Result<Classifier> load(const ClassifierOptions& options, effv2::Executor& executor);

    // Runs the picture: then `logits` are its, and, where it is not empty, `last_map` is filled (Outputs::last_map).
    effv2::Status run(const std::string& image, std::span<float> last_map = {});

    // The likeliest classes of the picture that was run.
    effv2::Result<std::vector<examples::Guess>> top(int count) const { return examples::top(logits, count); }
};

}  // namespace cli
