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

namespace {

effv2::Recipe with_fit(const effv2::Recipe& recipe, const std::string& fit) {
    if (fit.empty()) return recipe;
    return recipe.with_fit(fit == "center" ? effv2::Fit::center : effv2::Fit::squash);
}

}  // namespace

std::string recipe_source(const effv2::Identity& identity) {
    std::string source(identity.scheme.recipe);
    return source != "timm" || identity.tag.empty() ? source : source + "." + identity.tag;
}

Result<effv2::Recipe> choose_recipe(const RecipeOptions& options, std::string_view source, std::string_view variant) {
    const Result<effv2::Recipe> recipe = effv2::find_recipe(options.recipe.empty() ? source : options.recipe, variant);
    if (!recipe) return recipe;
    return with_fit(*recipe, options.fit);
}

Result<effv2::Recipe> choose_recipe(const RecipeOptions& options, const effv2::Identity& identity,
                                    const std::string& file) {
    if (identity.recipe && options.recipe.empty()) return with_fit(*identity.recipe, options.fit);
    if (identity.variant.empty())
        return effv2::Error{effv2::ErrorCode::mismatch,
                            file + (identity.recipe ? ": --recipe names the recipe of a released variant, but these "
                                                      "weights are of another architecture and bring their own recipe"
                                                    : ": its weights are of no released variant, and its metadata does "
                                                      "not say how pictures are prepared (effv2.recipe)")};
    Result<effv2::Recipe> recipe = choose_recipe(options, recipe_source(identity), identity.variant);
    if (!recipe && options.recipe.empty())
        return effv2::Error{recipe.error().code, file + ": by its metadata, " + recipe.error().message};
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
