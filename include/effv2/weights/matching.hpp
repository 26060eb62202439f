// Compares a weight file with an architecture's tensor table, tensor by tensor, and puts what differs into words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/architecture/tensors.hpp"
#include "effv2/weights/naming.hpp"
#include "effv2/weights/safetensors.hpp"
#include "effv2/weights/scheme.hpp"
#include "effv2/weights/text.hpp"

namespace effv2 {

namespace detail {

// How many differences a message lists before it only counts them.
inline constexpr std::size_t listed_differences = 20;

// The outcome of a comparison.
struct Fit {
    std::size_t wanted = 0;                // tensors of the table
    std::size_t fitting = 0;               // of these, in the file with the right shape and a readable type
    std::size_t differences = 0;           // missing, misshapen, unreadable and extra tensors
    std::vector<std::string> listed = {};  // the first of them, in words
    bool exact() const { return differences == 0; }

    void add(std::string difference) {
        if (differences++ < listed_differences) listed.push_back(std::move(difference));
    }
};

inline bool same_shape(const Shape& expected, const std::vector<std::uint64_t>& found) {
    if (found.size() != static_cast<std::size_t>(expected.rank)) return false;
    for (std::size_t i = 0; i < found.size(); ++i)
        if (found[i] != static_cast<std::uint64_t>(expected.dims[i])) return false;
    return true;
}

// Training's counter of batches, which PyTorch stores with every batch norm: the only extra tensor that may be there.
inline bool is_ignorable(std::string_view name) { return name.ends_with(".num_batches_tracked"); }

inline Fit compare(const SafeTensors& file, const Architecture& a, Naming naming) {
    Fit fit;
    std::vector<bool> known(file.entries().size(), false);
    for_each_tensor(a, [&](const Tensor& tensor) {
        ++fit.wanted;
        const TensorName name = tensor_name(naming, tensor, a.stage_count());
        const TensorEntry* const entry = file.find(name.view());
        if (entry == nullptr)
            return fit.add(std::string(name.view()) + " is missing, expected " + shape_text(tensor.shape));
        known[static_cast<std::size_t>(entry - file.entries().data())] = true;
        if (!same_shape(tensor.shape, entry->shape))
            return fit.add(std::string(name.view()) + " has shape " + shape_text<std::uint64_t>(entry->shape) +
                           ", expected " + shape_text(tensor.shape));
        if (!is_weight_dtype(entry->dtype))
            return fit.add(std::string(name.view()) + " is of type " + std::string(dtype_info(entry->dtype).name) +
                           ", expected F32, F16 or BF16");
        ++fit.fitting;
    });
    for (std::size_t i = 0; i < known.size(); ++i) {
        const TensorEntry& entry = file.entries()[i];
        if (!known[i] && !is_ignorable(entry.name))
            fit.add(in_quotes(entry.name) + " " + shape_text<std::uint64_t>(entry.shape) + " is not known");
    }
    return fit;
}

// "3 tensors do not fit (timm's names): a is missing, expected [1]; b ...; and 1 more".
inline std::string describe(const Fit& fit, Naming naming) {
    std::string out = std::to_string(fit.differences) + (fit.differences == 1 ? " tensor does" : " tensors do") +
                      " not fit (" + std::string(naming_name(naming)) + "'s names): ";
    for (std::size_t i = 0; i < fit.listed.size(); ++i) out.append(i > 0 ? "; " : "").append(fit.listed[i]);
    if (fit.differences > fit.listed.size())
        out += "; and " + std::to_string(fit.differences - fit.listed.size()) + " more";
    return out;
}

}  // namespace detail

// Whose names a file's tensors have, by the stem's. Fails (ErrorCode::mismatch) where neither is there.
inline Result<Naming> detect_naming(const SafeTensors& file) {
    if (file.find("conv_stem.weight") != nullptr) return Naming::timm;
    if (file.find("features.0.0.weight") != nullptr) return Naming::torchvision;
    std::string names;
    for (const TensorEntry& entry : file.entries().first(std::min<std::size_t>(file.entries().size(), 3)))
        names.append(names.empty() ? ", only " : ", ").append(detail::in_quotes(entry.name));
    if (file.entries().size() > 3) names += " and " + std::to_string(file.entries().size() - 3) + " more";
    return detail::mismatch(file.name(),
                            "is no EfficientNetV2 under timm's or torchvision's names: it has neither "
                            "conv_stem.weight nor features.0.0.weight" +
                                names);
}

}  // namespace effv2
