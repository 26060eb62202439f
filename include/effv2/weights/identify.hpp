// Which of the released variants a weight file holds, found from its tensors' names and shapes alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/matching.hpp"

namespace effv2 {

struct Identity {
    std::string_view variant;   // b0, b1, b2, b3, s, m, l or xl
    Architecture architecture;  // the variant's, with the file's classes and the scheme's padding
    Scheme scheme;
    std::string tag;  // metadata's effv2.tag, or empty
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

}  // namespace detail

// Names the variant. Needs every tensor of it and no other; metadata is only asked for the scheme and the tag, and must
// not contradict. Fails with ErrorCode::mismatch; where one variant comes close, the message says which and what
// differs.
inline Result<Identity> identify(const SafeTensors& file, const WeightOptions& options = {}) {
    const Result<Naming> naming = detect_naming(file);
    if (!naming) return naming.error();
    detail::BestFit best = detail::find_best_fit(file, *naming);
    const std::string variant(best.variant->name);
    if (!best.fit.exact())
        return detail::mismatch(file.name(), "is none of the released variants; closest is " + variant + ", of which " +
                                                 std::to_string(best.fit.fitting) + " of " +
                                                 std::to_string(best.fit.wanted) +
                                                 " tensors fit: " + detail::describe(best.fit, *naming));
    const std::optional<std::string_view> claimed = file.metadata(metadata_keys::variant);
    if (claimed && *claimed != variant)
        return detail::mismatch(file.name(), "its metadata names the variant " + detail::in_quotes(*claimed) +
                                                 ", but its tensors are those of " + variant);
    const std::string_view recorded = file.metadata(metadata_keys::scheme).value_or("");
    const Result<Scheme> scheme = choose_scheme(file.name(), *naming, recorded, options);
    if (!scheme) return scheme.error();
    return Identity{best.variant->name, best.architecture.with_padding(scheme->padding), *scheme,
                    std::string(file.metadata(metadata_keys::tag).value_or(""))};
}

}  // namespace effv2
