#include "info_file.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "common/top.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/image/recipe_text.hpp"
#include "load.hpp"
#include "prepare.hpp"

namespace cli {

namespace {

std::string recipe_text(const effv2::Identity& identity) {
    if (identity.recipe) return effv2::format_recipe(*identity.recipe);
    if (identity.variant.empty()) return "not described";
    return "as " + recipe_source(identity) + " prepares them";
}

// The first labels, fit for a terminal.
std::string labels_text(const std::vector<std::string>& labels) {
    if (labels.empty()) return "not named";
    constexpr std::size_t shown = 10;
    std::string out;
    for (std::size_t i = 0; i < std::min(labels.size(), shown); ++i) out += (i > 0 ? ", " : "") + labels[i];
    if (labels.size() > shown) out += " and " + std::to_string(labels.size() - shown) + " more";
    return examples::printable(std::move(out));
}

}  // namespace

effv2::Result<FileFacts> read_facts(const WeightsFile& weights) {
    const effv2::Result<effv2::SafeTensors> file = effv2::SafeTensors::open(weights.path);
    if (!file) return file.error();
    effv2::Result<effv2::Identity> identity = effv2::identify(*file, weight_options(weights.scheme));
    if (!identity) return identity.error();
    FileFacts facts{weights.path, file->entries().size(), 0, {}, std::move(*identity)};
    std::set<std::string_view> types;
    for (const effv2::TensorEntry& entry : file->entries()) {
        facts.bytes += file->bytes(entry).size();
        types.insert(effv2::dtype_info(entry.dtype).name);
    }
    for (const std::string_view type : types) facts.types.append(facts.types.empty() ? "" : ", ").append(type);
    return facts;
}

void print_facts(const FileFacts& facts) {
    const effv2::Scheme& scheme = facts.identity.scheme;
    const auto print = [](const char* what, const std::string& value) {
        std::printf("%-12s  %s\n", what, value.c_str());
    };
    print("file", facts.path);
    print("tensors", std::to_string(facts.tensors) + " of " + facts.types + ", " + std::to_string(facts.bytes) +
                         " bytes, under " + std::string(naming_name(scheme.naming)) + "'s names");
    std::printf("%-12s  %s, %s padding, epsilon %g\n", "scheme",
                scheme.name.empty() ? "none" : std::string(scheme.name).c_str(),
                std::string(padding_name(scheme.padding)).c_str(), static_cast<double>(scheme.epsilon));
    print("architecture", format_architecture(facts.identity.architecture));
    print("pictures", recipe_text(facts.identity));
    print("classes", labels_text(facts.identity.labels));
    std::printf("\n");
}

nlohmann::ordered_json as_json(const FileFacts& facts) {
    const effv2::Identity& identity = facts.identity;
    nlohmann::ordered_json json = {{"path", facts.path},
                                   {"tensors", facts.tensors},
                                   {"bytes", facts.bytes},
                                   {"types", facts.types},
                                   {"names", naming_name(identity.scheme.naming)},
                                   {"scheme", identity.scheme.name},
                                   {"epsilon", identity.scheme.epsilon},
                                   {"recipe", nullptr},
                                   {"labels", identity.labels}};
    if (identity.recipe)
        json["recipe"] = format_recipe(*identity.recipe);
    else if (!identity.variant.empty())
        json["recipe_source"] = recipe_source(identity);
    return json;
}

}  // namespace cli
