// effv2 preprocess: a picture as a network sees it.
#include "effv2/image/preprocess.hpp"

#include <memory>
#include <vector>

#include "apart.hpp"
#include "command.hpp"
#include "common/npy.hpp"
#include "info_file.hpp"
#include "prepare.hpp"

namespace cli {

namespace {

struct PreprocessSettings {
    WeightsFile weights;
    std::string variant, image, output;
    RecipeOptions recipe;
};

effv2::Result<effv2::Recipe> find_recipe(const PreprocessSettings& settings) {
    if (settings.weights.path.empty()) return choose_recipe(settings.recipe, "timm", settings.variant);
    const effv2::Result<FileFacts> facts = read_facts(settings.weights);
    if (!facts) return facts.error();
    return choose_recipe(settings.recipe, facts->identity, settings.weights.path);
}

int run(const PreprocessSettings& settings) {
    if (settings.variant.empty() == settings.weights.path.empty())
        return wrong_usage("preprocess needs one of --variant and --weights");
    if (settings.weights.path.empty() && !settings.weights.scheme.empty())
        return wrong_usage("--scheme goes with --weights");
    if (const effv2::Status apart = check_apart({settings.output}, {settings.image, settings.weights.path}); !apart)
        return fail(apart.error());
    const effv2::Result<effv2::Recipe> recipe = find_recipe(settings);
    if (!recipe) return fail(recipe.error());
    std::vector<float> input(effv2::input_elements(*recipe));
    if (const effv2::Status prepared = prepare(settings.image, *recipe, input); !prepared)
        return fail(prepared.error());
    const auto size = static_cast<std::size_t>(recipe->size);
    effv2::Result<examples::NpyWriter> file = examples::NpyWriter::create(settings.output, {1, 3, size, size});
    if (!file) return fail(file.error());
    effv2::Status written = file->write(input);
    if (written) written = file->finish();
    return written ? success : fail(written.error());
}

}  // namespace

Action declare_preprocess(Options& options) {
    const auto settings = std::make_shared<PreprocessSettings>();
    options.variant(settings->variant, Need::optional);
    options.weights(settings->weights, Need::optional);
    add_recipe(options, settings->recipe);
    options.text({"image", "IMAGE", "the picture: JPEG, PNG or WebP", Need::required}, settings->image);
    options.text({"--output", "X.npy", "the network's input: float32 (1, 3, H, W)", Need::required}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
