// effv2 preprocess: a picture as a network sees it.
#include <memory>
#include <vector>

#include "../common/npy.hpp"
#include "command.hpp"
#include "prepare.hpp"

namespace cli {

namespace {

struct Options {
    std::string variant, image, output;
    RecipeOptions recipe;
};

int run(const Options& options) {
    const effv2::Result<effv2::Recipe> recipe = choose_recipe(options.recipe, "timm", options.variant);
    if (!recipe) return fail(recipe.error());
    std::vector<float> input(effv2::input_elements(*recipe));
    if (const effv2::Status prepared = prepare(options.image, *recipe, input); !prepared)
        return fail(prepared.error());
    const auto size = static_cast<std::size_t>(recipe->size);
    effv2::Result<examples::NpyWriter> file = examples::NpyWriter::create(options.output, {1, 3, size, size});
    if (!file) return fail(file.error());
    effv2::Status written = file->write(input);
    if (written) written = file->finish();
    return written ? success : fail(written.error());
}

}  // namespace

Action declare_preprocess(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    add_variant(app, options->variant)->required();
    add_recipe(app, options->recipe);
    app.add_option("image", options->image, "the picture: JPEG, PNG or WebP")->required()->option_text("IMAGE");
    app.add_option("--output", options->output, "the network's input: float32 (1, 3, H, W)")
        ->required()
        ->option_text("X.npy");
    return [options] { return run(*options); };
}

}  // namespace cli
