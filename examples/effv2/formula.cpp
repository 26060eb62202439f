// effv2 formula: a weight file from nothing, for tests and for trying the tool out.
#include "effv2/weights/formula.hpp"

#include <memory>

#include "apart.hpp"
#include "command.hpp"
#include "common/top.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/weights/describe.hpp"
#include "effv2/weights/write.hpp"

namespace cli {

namespace {

using effv2::ErrorCode;

struct FormulaSettings {
    std::string variant, architecture, labels, naming = "timm", padding, output;
    int classes = 0;
};

// The formula's epsilon goes with two of the named schemes; of other pairs, the file must leave the scheme open.
effv2::Scheme scheme_for(const FormulaSettings& settings, effv2::Padding described) {
    effv2::Scheme scheme = settings.naming == "torchvision" ? effv2::schemes::torchvision : effv2::schemes::timm_tf;
    // A variant's padding is its source's, an architecture says its own.
    effv2::Padding padding = settings.architecture.empty() ? scheme.padding : described;
    if (!settings.padding.empty()) padding = padding_of(settings.padding);
    if (padding == scheme.padding) return scheme;
    scheme.padding = padding;
    scheme.name = {};
    return scheme;
}

// The network that is asked for, with another number of classes where one is given.
effv2::Result<effv2::Architecture> find_architecture(const FormulaSettings& settings) {
    if (settings.architecture.empty()) return architecture_of(settings.variant, 0, settings.classes);
    effv2::Result<effv2::Architecture> a = effv2::parse_architecture(settings.architecture);
    if (a && settings.classes > 0) a = a->with_classes(settings.classes);
    return a;
}

// An architecture of one's own describes itself, with timm's recipe of b0 at its size.
effv2::Result<effv2::Metadata> make_metadata(const FormulaSettings& settings, const effv2::Architecture& a) {
    effv2::Metadata metadata;
    if (settings.architecture.empty()) {
        metadata.emplace(effv2::metadata_keys::variant, settings.variant);
        return metadata;
    }
    std::vector<std::string> labels;
    if (!settings.labels.empty()) {
        effv2::Result<std::vector<std::string>> read = examples::read_labels(settings.labels, a.classes);
        if (!read) return read.error();
        labels = std::move(*read);
    }
    return effv2::describe_model(a, effv2::named_recipe("timm", "b0")->with_size(a.input.height), labels);
}

int run(const FormulaSettings& settings) {
    if (settings.variant.empty() == settings.architecture.empty())
        return wrong_usage("formula needs one of --variant and --architecture");
    if (settings.architecture.empty() && !settings.labels.empty())
        return wrong_usage("--labels go with --architecture");
    const effv2::Result<effv2::Architecture> named = find_architecture(settings);
    if (!named) return fail(named.error());
    const effv2::Scheme scheme = scheme_for(settings, named->padding);
    if (scheme.naming == effv2::Naming::torchvision && scheme.padding == effv2::Padding::same)
        return fail({ErrorCode::mismatch, "weights under torchvision's names have symmetric padding"});
    if (const effv2::Status apart = check_apart({settings.output}, {settings.labels}); !apart)
        return fail(apart.error());

    const effv2::Architecture a = named->with_padding(scheme.padding);
    effv2::Result<effv2::Metadata> metadata = make_metadata(settings, a);
    if (!metadata) return fail(metadata.error());
    const effv2::Status written =
        effv2::write_weights(settings.output, a, effv2::FormulaSource(scheme.epsilon), scheme, std::move(*metadata));
    return written ? success : fail(written.error());
}

}  // namespace

Action declare_formula(Options& options) {
    const auto settings = std::make_shared<FormulaSettings>();
    options.network(settings->variant, settings->architecture);
    options.text({"--labels", "F", "names for an architecture's classes, a text file, a line a class"},
                 settings->labels);
    options.classes(settings->classes);
    options.choice({"--naming", "NAMES", "timm or torchvision: how tensors are called (default: timm)"},
                   settings->naming, {"timm", "torchvision"});
    options.padding(settings->padding);
    options.text({"--output", "F", "the .safetensors file to write", Need::required}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
