#include "prepare.hpp"

#include <vector>

#include "common/decode.hpp"
#include "effv2/image/preprocess.hpp"

namespace cli {

using effv2::Result;
using effv2::Status;

void add_recipe(Options& options, RecipeOptions& recipe) {
    std::vector<std::string> sources{"timm"};
    for (const effv2::NamedRecipe& known : effv2::named_recipes)
        if (sources.back() != known.source) sources.emplace_back(known.source);
    options.choice({"--recipe", "R", "whose preprocessing (default: that of the weights, else timm's)"}, recipe.recipe,
                   sources);
    options.choice({"--fit", "FIT", "center or squash: how pictures become square, in place of the recipe's way"},
                   recipe.fit, {"center", "squash"});
}

Result<effv2::Recipe> choose_recipe(const RecipeOptions& options, std::string_view source, std::string_view variant) {
    Result<effv2::Recipe> recipe = effv2::find_recipe(options.recipe.empty() ? source : options.recipe, variant);
    if (recipe && !options.fit.empty())
        return recipe->with_fit(options.fit == "center" ? effv2::Fit::center : effv2::Fit::squash);
    return recipe;
}

Status prepare(const std::string& path, const effv2::Recipe& recipe, std::span<float> into) {
    const Result<effv2::Image> image = examples::decode_file(path);
    if (!image) return image.error();
    Status prepared = effv2::preprocess(image->view(), recipe, into);
    if (prepared) return prepared;
    std::string message = path + ": " + prepared.error().message;
    if (recipe.fit == effv2::Fit::none) message += " (--fit center or --fit squash resizes)";
    return effv2::Error{prepared.error().code, std::move(message)};
}

}  // namespace cli
