// effv2 formula: a weight file from nothing, for tests and for trying the tool out.
#include "effv2/weights/formula.hpp"

#include <filesystem>
#include <memory>

#include "command.hpp"
#include "effv2/weights/write.hpp"

namespace cli {

namespace {

using effv2::ErrorCode;

struct Settings {
    std::string variant, naming = "timm", padding, output;
    int classes = 0;
};

// The formula's epsilon goes with two of the named schemes; of other pairs, the file must leave the scheme open.
effv2::Scheme scheme_for(const Settings& settings) {
    effv2::Scheme scheme = settings.naming == "torchvision" ? effv2::schemes::torchvision : effv2::schemes::timm_tf;
    if (settings.padding.empty() || padding_of(settings.padding) == scheme.padding) return scheme;
    scheme.padding = padding_of(settings.padding);
    scheme.name = {};
    return scheme;
}

int run(const Settings& settings) {
    const effv2::Scheme scheme = scheme_for(settings);
    if (scheme.naming == effv2::Naming::torchvision && scheme.padding == effv2::Padding::same)
        return fail({ErrorCode::mismatch, "weights under torchvision's names have symmetric padding"});
    // Files are replaced by renaming a new one over them, which would be the end of a device.
    std::error_code ignored;
    if (std::filesystem::exists(settings.output, ignored) &&
        !std::filesystem::is_regular_file(settings.output, ignored))
        return fail({ErrorCode::file, settings.output + ": is not a regular file"});

    const effv2::Architecture a = architecture_of(settings.variant, 0, settings.classes).with_padding(scheme.padding);
    effv2::Metadata metadata;
    metadata.emplace(effv2::metadata_keys::variant, settings.variant);
    const effv2::Status written =
        effv2::write_weights(settings.output, a, effv2::FormulaSource(scheme.epsilon), scheme, std::move(metadata));
    return written ? success : fail(written.error());
}

}  // namespace

Action declare_formula(Options& options) {
    const auto settings = std::make_shared<Settings>();
    options.variant(settings->variant, Need::required);
    options.classes(settings->classes);
    options.choice({"--naming", "NAMES", "timm or torchvision: how tensors are called (default: timm)"},
                   settings->naming, {"timm", "torchvision"});
    options.padding(settings->padding);
    options.text({"--output", "F", "the .safetensors file to write", Need::required}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
