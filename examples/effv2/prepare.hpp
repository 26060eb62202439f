// From a picture file to a network's input, as classify and preprocess do it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "effv2/error.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/weights/identify.hpp"
#include "options.hpp"

namespace cli {

// What the command line says of preprocessing; empty where it says nothing.
struct RecipeOptions {
    std::string recipe, fit;
};

void add_recipe(Options& options, RecipeOptions& recipe);

// Whose recipe goes with weights that bring none, as --recipe would name it: "timm", "timm.in21k", "keras".
std::string recipe_source(const effv2::Identity& identity);

// The recipe that was asked for, or else `source`'s.
effv2::Result<effv2::Recipe> choose_recipe(const RecipeOptions& options, std::string_view source,
                                           std::string_view variant);

// The recipe that was asked for, or else the one that the weights of `file` describe, or else that of their source.
effv2::Result<effv2::Recipe> choose_recipe(const RecipeOptions& options, const effv2::Identity& identity,
                                           const std::string& file);

// Decodes the file and fills `into`, input_elements(recipe) floats.
effv2::Status prepare(const std::string& path, const effv2::Recipe& recipe, std::span<float> into);

}  // namespace cli
