// What a weight file means but its tensors do not say: how strided convolutions were padded, what batch norm adds to
// the variance, how pictures were prepared. A scheme fixes all of it; a file tells it by its names or its metadata.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "effv2/architecture/descriptor.hpp"
#include "effv2/error.hpp"
#include "effv2/weights/naming.hpp"
#include "effv2/weights/text.hpp"

namespace effv2 {

struct Scheme {
    std::string_view name;  // as written to files; empty where padding or epsilon fit no named scheme
    Naming naming = Naming::timm;
    Padding padding = Padding::same;
    float epsilon = 1e-3f;    // batch norm's
    std::string_view recipe;  // whose preparation of pictures: "timm", "torchvision" or "keras"
    constexpr bool operator==(const Scheme&) const = default;
};

namespace schemes {

// timm's tf_efficientnetv2_*: weights ported from google/automl, with TensorFlow's padding and epsilon.
inline constexpr Scheme timm_tf{"timm_tf", Naming::timm, Padding::same, 1e-3f, "timm"};
// timm's own efficientnetv2_*, trained with PyTorch's padding and epsilon.
inline constexpr Scheme timm{"timm", Naming::timm, Padding::symmetric, 1e-5f, "timm"};
// torchvision's efficientnet_v2_s, _m and _l.
inline constexpr Scheme torchvision{"torchvision", Naming::torchvision, Padding::symmetric, 1e-3f, "torchvision"};
// keras.applications, brought under timm's names by weights/convert_keras.py.
inline constexpr Scheme keras{"keras", Naming::timm, Padding::same, 1e-3f, "keras"};

}  // namespace schemes

inline constexpr Scheme named_schemes[] = {schemes::timm_tf, schemes::timm, schemes::torchvision, schemes::keras};

// The scheme of that name, or nullptr.
constexpr const Scheme* find_scheme(std::string_view name) {
    for (const Scheme& scheme : named_schemes)
        if (scheme.name == name) return &scheme;
    return nullptr;
}

// What a file under these names means where nothing else says it.
constexpr const Scheme& default_scheme(Naming naming) {
    return naming == Naming::torchvision ? schemes::torchvision : schemes::timm_tf;
}

// Metadata keys of this library's files.
namespace metadata_keys {

inline constexpr std::string_view scheme = "effv2.scheme";    // a named scheme
inline constexpr std::string_view variant = "effv2.variant";  // b0, b1, b2, b3, s, m, l or xl
inline constexpr std::string_view tag = "effv2.tag";  // in1k, in21k or in21k_ft_in1k, as timm names training data

// What makes a file describe itself (weights/describe.hpp).
inline constexpr std::string_view architecture = "effv2.architecture";  // as architecture/text.hpp writes it
inline constexpr std::string_view recipe = "effv2.recipe";              // as image/recipe_text.hpp writes it
inline constexpr std::string_view labels = "effv2.labels";              // the classes' names, a line each

}  // namespace metadata_keys

// What a caller knows about a file that the file does not say.
struct WeightOptions {
    // For files without metadata: timm's symmetric models carry the names of its tf_ ones.
    std::optional<Scheme> scheme = {};
    // For identify(); open_weights() goes by the architecture's, which this must then equal.
    std::optional<Padding> padding = {};
    // In place of the scheme's. No file can record it: write_weights() refuses such weights.
    std::optional<float> epsilon = {};
};

constexpr std::string_view padding_name(Padding padding) { return padding == Padding::same ? "SAME" : "symmetric"; }

namespace detail {

inline Error mismatch(const std::string& file, std::string_view what) {
    return {ErrorCode::mismatch, file + ": " + std::string(what)};
}

// The scheme that metadata and caller name between them, or the names' default.
inline Result<Scheme> find_base_scheme(const std::string& file, Naming naming, std::string_view recorded,
                                       const WeightOptions& options) {
    const Scheme* const named = find_scheme(recorded);
    if (!recorded.empty() && named == nullptr)
        return mismatch(file, "its metadata names the scheme " + in_quotes(recorded) +
                                  ", which is none of timm_tf, timm, torchvision, keras");
    if (named != nullptr && options.scheme && *options.scheme != *named)
        return mismatch(file, "its metadata names the scheme " + in_quotes(recorded) + ", but " +
                                  in_quotes(options.scheme->name) + " was asked for");
    Scheme base = default_scheme(naming);
    if (named != nullptr) base = *named;
    if (options.scheme) base = *options.scheme;
    if (base.naming != naming)
        return mismatch(file, "its tensors have " + std::string(naming_name(naming)) + "'s names, but the scheme " +
                                  in_quotes(base.name) + " goes with " + std::string(naming_name(base.naming)) + "'s");
    return base;
}

}  // namespace detail

// Settles a file's scheme. `recorded` is its metadata's effv2.scheme, or empty. Without one, torchvision's names mean
// schemes::torchvision and timm's mean schemes::timm_tf, whose padding alone a caller may then change.
//
// Fails (ErrorCode::mismatch) where names, metadata and options contradict each other: weights trained with one padding
// still run with the other, only worse. Fails (ErrorCode::argument) for an epsilon that is not a positive number.
inline Result<Scheme> choose_scheme(const std::string& file, Naming naming, std::string_view recorded,
                                    const WeightOptions& options = {}) {
    Result<Scheme> base = detail::find_base_scheme(file, naming, recorded, options);
    if (!base) return base;
    Scheme scheme = *base;
    if (options.padding && *options.padding != scheme.padding) {
        const bool open = naming == Naming::timm && recorded.empty() && !options.scheme;
        if (!open)
            return detail::mismatch(file, "the scheme " + detail::in_quotes(scheme.name) + " needs " +
                                              std::string(padding_name(scheme.padding)) + " padding, but " +
                                              std::string(padding_name(*options.padding)) +
                                              " was asked for (an architecture's with_padding() changes it)");
        scheme.padding = *options.padding;
        scheme.name = {};
    }
    if (options.epsilon && *options.epsilon != scheme.epsilon) {
        if (!(*options.epsilon > 0.0f && *options.epsilon <= 1.0f))
            return Error{ErrorCode::argument, file + ": batch norm's epsilon must be above 0 and at most 1"};
        scheme.epsilon = *options.epsilon;
        scheme.name = {};
    }
    return scheme;
}

}  // namespace effv2
