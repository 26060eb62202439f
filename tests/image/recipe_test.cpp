#include "effv2/image/recipe.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace effv2;

namespace {

// A recipe is a value: it can be looked up, changed, compared and given to a template while compiling.
template <Recipe recipe>
struct Input {
    static constexpr int size = recipe.size;
};

static_assert(Input<*named_recipe("timm", "s")>::size == 384);
static_assert(Input<named_recipe("timm", "s")->with_size(257)>::size == 257);
static_assert(named_recipe("keras", "b0")->with_fit(Fit::squash).fit == Fit::squash);
static_assert(named_recipe("timm", "s")->with_size(384) == *named_recipe("timm.in1k", "s"));
static_assert(*named_recipe("timm", "b2") == *named_recipe("timm.in1k", "b2"));
static_assert(*named_recipe("timm", "b3") == *named_recipe("timm.in21k_ft_in1k", "b3"));
static_assert(*named_recipe("timm", "xl") == *named_recipe("timm.in21k_ft_in1k", "xl"));
static_assert(named_recipe("timm.in1k", "xl") == nullptr);

// int(size / crop_fraction) as Python computes it.
constexpr int resized(std::string_view variant, std::string_view source = "timm") {
    const Recipe& recipe = *named_recipe(source, variant);
    return static_cast<int>(recipe.size / recipe.crop_fraction);
}
static_assert(resized("b0") == 256 && resized("b1") == 272 && resized("b2") == 292 &&
              resized("b3", "timm.in1k") == 331);
static_assert(resized("s") == 384 && resized("m") == 480 && resized("xl") == 512);

std::string complaint(std::string_view source, std::string_view variant) {
    const Result<Recipe> recipe = find_recipe(source, variant);
    if (recipe) return "";
    CHECK(recipe.error().code == ErrorCode::argument);
    return recipe.error().message;
}

}  // namespace

TEST_CASE("recipes are found by source and variant") {
    for (const NamedRecipe& known : named_recipes) {
        const Result<Recipe> found = find_recipe(known.source, known.variant);
        REQUIRE(found);
        CHECK(*found == known.recipe);
    }
    CHECK(find_recipe("torchvision", "s")->filter == Filter::bilinear);
    CHECK(find_recipe("torchvision", "l")->filter == Filter::bicubic);
    CHECK(find_recipe("timm.in21k_ft_in1k", "b3")->fit == Fit::squash);
    CHECK(find_recipe("timm.in21k", "b3")->fit == Fit::center);
    CHECK(find_recipe("keras", "s")->normalization == Normalization::signed_byte);
    CHECK(find_recipe("keras", "b1")->normalization == Normalization::mean_and_deviation);
    CHECK(!find_recipe("automl", "m")->antialias);
}

TEST_CASE("what is not known is refused with what is") {
    CHECK(complaint("tim", "s") ==
          "there is no preprocessing recipe named 'tim', only timm, timm.in1k, timm.in21k, timm.in21k_ft_in1k, "
          "torchvision, keras, automl");
    CHECK(complaint("torchvision", "b0") ==
          "the preprocessing recipe 'torchvision' is not known for variant 'b0', only for s, m, l");
    CHECK(complaint("timm", "x") ==
          "the preprocessing recipe 'timm' is not known for variant 'x', only for b0, b1, b2, b3, s, m, l, xl");
    CHECK(complaint("timm.in1k", "xl") ==
          "the preprocessing recipe 'timm.in1k' is not known for variant 'xl', only for b0, b1, b2, b3, s, m, l");
    CHECK(!complaint("", "").empty());
}
