// What network a weight file holds: a released variant, found from its tensors' names and shapes alone, or whatever
// architecture the file's metadata describes, whose tensors it must then have.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/describe.hpp"
#include "effv2/weights/matching.hpp"

namespace effv2 {

struct Identity {
    std::string_view variant;   // b0, b1, b2, b3, s, m, l or xl; empty for an architecture of one's own
    Architecture architecture;  // with the file's classes, the scheme's padding, and the described or released size
    Scheme scheme;
    std::string tag;                       // metadata's effv2.tag, or empty
    std::optional<Recipe> recipe = {};     // how the file says that pictures are prepared
    std::vector<std::string> labels = {};  // what the file calls its classes: as many as there are, or none
};

namespace detail {

// The variant that a file fits best, for the classes that its classifier has.
struct BestFit {
    const NamedVariant* variant = nullptr;
    Architecture architecture;
    Fit fit;
};

inline int class_count(const SafeTensors& file, Naming naming, int otherwise) {
    const Tensor classifier{Layer::classifier, Part::weight, {}, {}};
    const TensorName name = tensor_name(naming, classifier, 0);
    const TensorEntry* const entry = file.find(name.view());
    if (entry == nullptr || entry->shape.size() != 2 || entry->shape[0] < 1 || entry->shape[0] > 1000000)
        return otherwise;
    return static_cast<int>(entry->shape[0]);
}

inline BestFit find_best_fit(const SafeTensors& file, Naming naming) {
    BestFit best;
    // The share of what table and file have in common: neither a smaller nor a larger variant is preferred.
    double best_share = -1.0;
    for (const NamedVariant& variant : named_variants) {
        const Architecture& plain = variant.architecture;
        const Architecture a = plain.with_classes(class_count(file, naming, plain.classes));
        Fit fit = compare(file, a, naming);
        const double share = static_cast<double>(fit.fitting) / static_cast<double>(fit.fitting + fit.differences);
        if (share <= best_share) continue;
        best_share = share;
        best = {&variant, a, std::move(fit)};
    }
    return best;
}

// The architecture and its variant, where the file has it exactly; all else of an Identity is left open.
inline Result<Identity> identify_released(const SafeTensors& file, Naming naming) {
    const BestFit best = find_best_fit(file, naming);
    const std::string variant(best.variant->name);
    if (best.fit.exact()) return Identity{best.variant->name, best.architecture, {}, {}};
    return mismatch(file.name(), "is none of the released variants; closest is " + variant + ", of which " +
                                     std::to_string(best.fit.fitting) + " of " + std::to_string(best.fit.wanted) +
                                     " tensors fit: " + describe(best.fit, naming));
}

inline Result<Identity> identify_described(const SafeTensors& file, Naming naming, const Architecture& a) {
    const Fit fit = compare(file, a, naming);
    if (fit.exact()) return Identity{variant_name(a), as_read(a), {}, {}};
    return mismatch(file.name(), "its tensors are not those of the architecture that its metadata describes: " +
                                     describe(fit, naming));
}

// What a file says of its variant, its labels and its training, against what its tensors are.
inline Status check_claims(const SafeTensors& file, std::string_view variant, const Description& described,
                           int classes) {
    const std::optional<std::string_view> claimed = file.metadata(metadata_keys::variant);
    if (claimed && *claimed != variant)
        return mismatch(
            file.name(),
            "its metadata names the variant " + in_quotes(*claimed) + ", but its tensors are " +
                (variant.empty() ? "of another architecture, which it describes" : "those of " + std::string(variant)));
    if (!described.labels.empty() && described.labels.size() != static_cast<std::size_t>(classes))
        return mismatch(file.name(), "its metadata " + std::string(metadata_keys::labels) + " names " +
                                         std::to_string(described.labels.size()) + " classes, but its classifier has " +
                                         std::to_string(classes));
    const std::string_view tag = file.metadata(metadata_keys::tag).value_or("");
    if (!tag.empty() && tag != "in1k" && tag != "in21k" && tag != "in21k_ft_in1k")
        return mismatch(file.name(), "its metadata " + std::string(metadata_keys::tag) + " is " + in_quotes(tag) +
                                         "; expected in1k, in21k or in21k_ft_in1k");
    return std::monostate{};
}

// The scheme of a described architecture, whose padding is as much a fact as a scheme's.
inline Result<Scheme> described_scheme(const SafeTensors& file, Naming naming, std::string_view recorded,
                                       Padding padding, WeightOptions options) {
    const auto differs = [&](std::string_view other, Padding found) {
        return mismatch(file.name(), "its metadata describes an architecture with " +
                                         std::string(padding_name(padding)) + " padding, but " + std::string(other) +
                                         " " + std::string(padding_name(found)));
    };
    if (options.padding && *options.padding != padding) return differs("asked for was", *options.padding);
    options.padding = padding;
    const Result<Scheme> base = find_base_scheme(file.name(), naming, recorded, options);
    if (!base) return base;
    const bool open = naming == Naming::timm && recorded.empty() && !options.scheme;
    if (base->padding != padding && !open)
        return differs("the scheme " + in_quotes(base->name) + " means", base->padding);
    return choose_scheme(file.name(), naming, recorded, options);
}

}  // namespace detail

// Finds the architecture and all that the file says of it. A file whose metadata describes an architecture must hold
// every tensor of that and no other; one without, those of a released variant. The rest of the metadata must not
// contradict. Fails with ErrorCode::mismatch; where one variant comes close, the message says which and what differs.
inline Result<Identity> identify(const SafeTensors& file, const WeightOptions& options = {}) {
    const Result<Naming> naming = detect_naming(file);
    if (!naming) return naming.error();
    Result<Description> described = read_description(file);
    if (!described) return described.error();
    const std::optional<Architecture>& own = described->architecture;
    Result<Identity> found =
        own ? detail::identify_described(file, *naming, *own) : detail::identify_released(file, *naming);
    if (!found) return found;
    if (Status holds = detail::check_claims(file, found->variant, *described, found->architecture.classes); !holds)
        return holds.error();
    const std::string_view recorded = file.metadata(metadata_keys::scheme).value_or("");
    const Result<Scheme> scheme = own ? detail::described_scheme(file, *naming, recorded, own->padding, options)
                                      : choose_scheme(file.name(), *naming, recorded, options);
    if (!scheme) return scheme.error();
    found->architecture.padding = scheme->padding;
    found->scheme = *scheme;
    found->tag = file.metadata(metadata_keys::tag).value_or("");
    found->recipe = described->recipe;
    found->labels = std::move(described->labels);
    return found;
}

}  // namespace effv2
