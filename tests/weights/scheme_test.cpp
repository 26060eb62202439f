#include "effv2/weights/scheme.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace effv2;

namespace {

Scheme choose(Naming naming, std::string_view recorded = "", const WeightOptions& options = {}) {
    const auto scheme = choose_scheme("w", naming, recorded, options);
    REQUIRE(scheme.has_value());
    return *scheme;
}

std::string refusal(Naming naming, std::string_view recorded, const WeightOptions& options = {},
                    ErrorCode code = ErrorCode::mismatch) {
    const auto scheme = choose_scheme("w", naming, recorded, options);
    REQUIRE_FALSE(scheme.has_value());
    CHECK(scheme.error().code == code);
    return scheme.error().message;
}

}  // namespace

TEST_CASE("the four schemes are found by name") {
    CHECK(find_scheme("timm_tf") == &named_schemes[0]);
    CHECK(*find_scheme("timm") == schemes::timm);
    CHECK(*find_scheme("torchvision") == schemes::torchvision);
    CHECK(*find_scheme("keras") == schemes::keras);
    CHECK(find_scheme("automl") == nullptr);
    CHECK(find_scheme("") == nullptr);
    static_assert(schemes::timm_tf.padding == Padding::same && schemes::timm_tf.epsilon == 1e-3f);
    static_assert(schemes::timm.padding == Padding::symmetric && schemes::timm.epsilon == 1e-5f);
    static_assert(schemes::torchvision.padding == Padding::symmetric && schemes::torchvision.epsilon == 1e-3f);
    static_assert(schemes::keras.padding == Padding::same && schemes::keras.recipe == "keras");
}

TEST_CASE("names decide where metadata is silent") {
    CHECK(choose(Naming::timm) == schemes::timm_tf);
    CHECK(choose(Naming::torchvision) == schemes::torchvision);
}

TEST_CASE("metadata or the caller decides between schemes of equal names") {
    CHECK(choose(Naming::timm, "timm") == schemes::timm);
    CHECK(choose(Naming::timm, "keras") == schemes::keras);
    CHECK(choose(Naming::timm, "", {.scheme = schemes::timm}) == schemes::timm);
    CHECK(choose(Naming::timm, "timm", {.scheme = schemes::timm}) == schemes::timm);
    CHECK(choose(Naming::timm, "timm", {.padding = Padding::symmetric}) == schemes::timm);
}

TEST_CASE("a caller may ask for symmetric padding or an epsilon of bare timm names") {
    const Scheme symmetric = choose(Naming::timm, "", {.padding = Padding::symmetric});
    CHECK(symmetric.padding == Padding::symmetric);
    CHECK(symmetric.epsilon == 1e-3f);
    CHECK(symmetric.recipe == "timm");
    CHECK(symmetric.name.empty());
    const Scheme exact = choose(Naming::timm, "", {.epsilon = 1e-4f});
    CHECK(exact.epsilon == 1e-4f);
    CHECK(exact.padding == Padding::same);
    CHECK(choose(Naming::timm, "", {.padding = Padding::same, .epsilon = 1e-3f}) == schemes::timm_tf);
}

TEST_CASE("contradictions are refused") {
    CHECK(
        refusal(Naming::torchvision, "", {.padding = Padding::same}) ==
        "w: the scheme 'torchvision' needs symmetric padding, but SAME was asked for (an architecture's with_padding() "
        "changes it)");
    CHECK(refusal(Naming::timm, "timm_tf", {.padding = Padding::symmetric}) ==
          "w: the scheme 'timm_tf' needs SAME padding, but symmetric was asked for (an architecture's with_padding() "
          "changes it)");
    CHECK(refusal(Naming::timm, "", {.scheme = schemes::timm, .padding = Padding::same}) ==
          "w: the scheme 'timm' needs symmetric padding, but SAME was asked for (an architecture's with_padding() "
          "changes "
          "it)");
    CHECK(refusal(Naming::timm, "keras", {.scheme = schemes::timm}) ==
          "w: its metadata names the scheme 'keras', but 'timm' was asked for");
    CHECK(refusal(Naming::timm, "torchvision") ==
          "w: its tensors have timm's names, but the scheme 'torchvision' goes with torchvision's");
    CHECK(refusal(Naming::torchvision, "", {.scheme = schemes::keras}) ==
          "w: its tensors have torchvision's names, but the scheme 'keras' goes with timm's");
    CHECK(refusal(Naming::timm, "jax") ==
          "w: its metadata names the scheme 'jax', which is none of timm_tf, timm, torchvision, keras");
    for (const float epsilon : {0.0f, -1.0f, 2.0f, __builtin_nanf("")})
        CHECK(refusal(Naming::timm, "", {.epsilon = epsilon}, ErrorCode::argument) ==
              "w: batch norm's epsilon must be above 0 and at most 1");
}
