// Opens a weight file for an architecture: checks every tensor, settles the scheme, and hands out the floats.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "effv2/architecture/text.hpp"
#include "effv2/weights/identify.hpp"
#include "effv2/weights/matching.hpp"
#include "effv2/weights/safetensors.hpp"
#include "effv2/weights/scheme.hpp"
#include "effv2/weights/source.hpp"

namespace effv2 {

// The tensors of a checked file. Made by open_weights(). Move-only.
class FileSource final : public WeightSource {
public:
    // A tensor that the checked architecture does not have reads as zeros.
    void read(const Tensor& tensor, std::size_t first, std::span<float> into) const override {
        if (const TensorEntry* const entry = find(tensor)) return file_.read(*entry, first, into);
        for (float& value : into) value = 0.0f;
    }
    float epsilon() const override { return scheme_.epsilon; }
    void done(const Tensor& tensor) const override {
        if (const TensorEntry* const entry = find(tensor)) file_.release(*entry);
    }

    const Scheme& scheme() const { return scheme_; }
    const SafeTensors& file() const { return file_; }

private:
    friend Result<FileSource> open_weights(SafeTensors, const Architecture&, const WeightOptions&);

    FileSource(SafeTensors file, const Scheme& scheme, int stage_count)
        : file_(std::move(file)), scheme_(scheme), stage_count_(stage_count) {}

    const TensorEntry* find(const Tensor& tensor) const {
        const TensorName name = tensor_name(scheme_.naming, tensor, stage_count_);
        return file_.find(name.view());
    }

    SafeTensors file_;
    Scheme scheme_;
    int stage_count_;
};

namespace detail {

// Whether the network is the one that a file describes, at any input size.
inline bool is_described(const Architecture& a, const Architecture& described) {
    return same_network(a.with_size(described.input.height, described.input.width), described);
}

}  // namespace detail

// Checks that `file` holds exactly the tensors of `architecture`, each of its shape and of type F32, F16 or BF16; only
// PyTorch's num_batches_tracked may be there besides. The file's scheme must allow the architecture's padding, and a
// file that describes its architecture, or names its variant or its classes, must mean this one.
//
// Fails with ErrorCode::argument for an unsound architecture, else with ErrorCode::mismatch. The message lists each
// missing, misshapen, unreadable or unknown tensor (the first twenty) and says which released variant the file holds or
// comes closest to.
inline Result<FileSource> open_weights(SafeTensors file, const Architecture& architecture,
                                       const WeightOptions& options = {}) {
    if (const Problem problem = find_problem(architecture); problem.flaw != Flaw::none)
        return Error{ErrorCode::argument, explain(problem)};
    const Result<Naming> naming = detect_naming(file);
    if (!naming) return naming.error();
    const detail::Fit fit = detail::compare(file, architecture, *naming);
    if (!fit.exact()) {
        const detail::BestFit best = detail::find_best_fit(file, *naming);
        std::string message = detail::describe(fit, *naming);
        if (best.fit.exact() || best.fit.fitting > fit.fitting)
            message += std::string(best.fit.exact() ? "; the file is " : "; the file comes closest to ") +
                       std::string(best.variant->name) + " with " + std::to_string(best.architecture.classes) +
                       " classes";
        return detail::mismatch(file.name(), message);
    }
    const Result<Description> described = read_description(file);
    if (!described) return described.error();
    if (described->architecture && !detail::is_described(architecture, *described->architecture))
        return detail::mismatch(file.name(),
                                "its tensors would fit, but its metadata describes another architecture: " +
                                    format_architecture(*described->architecture));
    if (Status holds = detail::check_claims(file, variant_name(architecture), *described, architecture.classes); !holds)
        return holds.error();
    if (options.padding && *options.padding != architecture.padding)
        return detail::mismatch(file.name(), std::string(padding_name(*options.padding)) +
                                                 " padding was asked for, but the architecture has " +
                                                 std::string(padding_name(architecture.padding)));
    WeightOptions wanted = options;
    wanted.padding = architecture.padding;
    const std::string_view recorded = file.metadata(metadata_keys::scheme).value_or("");
    const Result<Scheme> scheme = choose_scheme(file.name(), *naming, recorded, wanted);
    if (!scheme) return scheme.error();
    return FileSource(std::move(file), *scheme, architecture.stage_count());
}

}  // namespace effv2
