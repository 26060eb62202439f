// effv2 formula: a weight file from nothing, for tests and for trying the tool out.
#include "effv2/weights/formula.hpp"

#include <filesystem>
#include <memory>

#include "command.hpp"
#include "effv2/weights/write.hpp"

namespace cli {

namespace {

using effv2::Error;
using effv2::ErrorCode;

struct Options {
    std::string variant, naming = "timm", padding, output;
    int classes = 0;
};

// The formula's epsilon goes with two of the named schemes; of other pairs, the file must leave the scheme open.
effv2::Scheme scheme_for(const Options& options) {
    effv2::Scheme scheme = options.naming == "torchvision" ? effv2::schemes::torchvision : effv2::schemes::timm_tf;
    if (options.padding.empty() || padding_of(options.padding) == scheme.padding) return scheme;
    scheme.padding = padding_of(options.padding);
    scheme.name = {};
    return scheme;
}

int run(const Options& options) {
    const effv2::Scheme scheme = scheme_for(options);
    if (scheme.naming == effv2::Naming::torchvision && scheme.padding == effv2::Padding::same)
        return fail({ErrorCode::mismatch, "weights under torchvision's names have symmetric padding"});
    // Files are replaced by renaming a new one over them, which would be the end of a device.
    std::error_code ignored;
    if (std::filesystem::exists(options.output, ignored) && !std::filesystem::is_regular_file(options.output, ignored))
        return fail({ErrorCode::file, options.output + ": is not a regular file"});

    effv2::Architecture a = architecture_of(options.variant).with_padding(scheme.padding);
    if (options.classes > 0) a = a.with_classes(options.classes);
    effv2::Metadata metadata;
    metadata.emplace(effv2::metadata_keys::variant, options.variant);
    const effv2::Status written = effv2::write_weights(options.output, a, effv2::FormulaSource(scheme.epsilon), scheme,
                                                       std::move(metadata));
    return written ? success : fail(written.error());
}

}  // namespace

Action declare_formula(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    add_variant(app, options->variant)->required();
    add_classes(app, options->classes);
    app.add_option("--naming", options->naming, "timm or torchvision: how tensors are called (timm)")
        ->check(CLI::IsMember({"timm", "torchvision"}))
        ->option_text("NAMES");
    add_padding(app, options->padding);
    app.add_option("--output", options->output, "the .safetensors file to write")->required()->option_text("F");
    return [options] { return run(*options); };
}

}  // namespace cli
