#include "command.hpp"

#include <cstdio>
#include <vector>

#include "../common/instances.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;

CLI::Option* add_variant(CLI::App& app, std::string& variant) {
    std::vector<std::string> names;
    for (const effv2::NamedVariant& known : effv2::named_variants) names.emplace_back(known.name);
    return app.add_option("--variant", variant, "b0, b1, b2, b3, s, m, l or xl")
        ->check(CLI::IsMember(names))
        ->option_text("V");
}

CLI::Option* add_threads(CLI::App& app, int& threads) {
    return app.add_option("--threads", threads, "threads to use (all cores that the process may use)")
        ->check(CLI::Range(1, 1024))
        ->option_text("N");
}

CLI::Option* add_size(CLI::App& app, int& size) {
    return app.add_option("--size", size, "height and width of the input (the variant's own)")
        ->check(CLI::Range(32, 8192))
        ->option_text("N");
}

CLI::Option* add_classes(CLI::App& app, int& classes) {
    return app.add_option("--classes", classes, "number of classes (1000)")
        ->check(CLI::Range(1, 1000000))
        ->option_text("N");
}

CLI::Option* add_padding(CLI::App& app, std::string& padding) {
    return app.add_option("--padding", padding, "same or symmetric")
        ->check(CLI::IsMember({"same", "symmetric"}))
        ->option_text("P");
}

int fail(const Error& error) {
    std::fprintf(stderr, "effv2: %s\n", error.message.c_str());
    return bad_input;
}

const effv2::Architecture& architecture_of(const std::string& variant) {
    return effv2::find_variant(variant)->architecture;
}

effv2::Padding padding_of(const std::string& name) {
    return name == "same" ? effv2::Padding::same : effv2::Padding::symmetric;
}

effv2::Result<effv2::LoadedNetwork> load(const std::string& path, const std::string& variant,
                                         const effv2::WeightOptions& options) {
    effv2::Result<effv2::LoadedNetwork> loaded = effv2::load_network(path, options);
    if (loaded && !variant.empty() && loaded->identity.variant != variant)
        return Error{ErrorCode::mismatch, path + ": holds the weights of variant " +
                                              std::string(loaded->identity.variant) + ", not of " + variant};
    return loaded;
}

}  // namespace cli
