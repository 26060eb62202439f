// What a weight file says of itself, so that it needs nothing beside it: its architecture, how pictures are prepared
// for it and what its classes are called, as texts in its metadata.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/architecture/text.hpp"
#include "effv2/image/recipe_text.hpp"
#include "effv2/weights/safetensors.hpp"
#include "effv2/weights/scheme.hpp"

namespace effv2 {

// For write_weights(): the metadata of a model whose pictures `recipe` prepares and whose classes have those names, in
// the order of its logits; none leave them out. Line feeds in names, which end a name in the file, become spaces.
inline Metadata describe_model(const Architecture& architecture, const Recipe& recipe,
                               std::span<const std::string> labels = {}) {
    Metadata metadata;
    // How convolutions are computed is the reader's choice.
    constexpr Architecture plain;
    metadata.emplace(metadata_keys::architecture,
                     format_architecture(
                         architecture.with_convolutions(plain.convolutions).with_winograd_tile(plain.winograd_tile)));
    metadata.emplace(metadata_keys::recipe, format_recipe(recipe));
    std::string lines;
    for (const std::string& label : labels) {
        lines += label;
        std::replace(lines.end() - static_cast<std::ptrdiff_t>(label.size()), lines.end(), '\n', ' ');
        lines += '\n';
    }
    if (!labels.empty()) metadata.emplace(metadata_keys::labels, std::move(lines));
    return metadata;
}

// What a file says of itself; it need not say any of it.
struct Description {
    std::optional<Architecture> architecture;
    std::optional<Recipe> recipe;
    std::vector<std::string> labels;
};

namespace detail {

inline std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t length = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, length));
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    return lines;
}

// Reads one text of the metadata, where it is there, into `into`.
template <class T, class Parse>
Status read_described(const SafeTensors& file, std::string_view key, Parse parse, std::optional<T>& into) {
    const std::optional<std::string_view> text = file.metadata(key);
    if (!text) return std::monostate{};
    Result<T> parsed = parse(*text);
    if (!parsed)
        return mismatch(file.name(), "its metadata " + std::string(key) + " is wrong: " + parsed.error().message);
    into = std::move(*parsed);
    return std::monostate{};
}

}  // namespace detail

// Reads a file's metadata. Fails (ErrorCode::mismatch) for a text that is no architecture or no recipe. Whether the
// tensors are those of the architecture, and the labels as many as its classes, is for identify() to say.
inline Result<Description> read_description(const SafeTensors& file) {
    Description found;
    Status status = detail::read_described(file, metadata_keys::architecture, parse_architecture, found.architecture);
    if (status) status = detail::read_described(file, metadata_keys::recipe, parse_recipe, found.recipe);
    if (!status) return status.error();
    found.labels = detail::split_lines(file.metadata(metadata_keys::labels).value_or(""));
    return found;
}

}  // namespace effv2
