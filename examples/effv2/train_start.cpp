#include "train_start.hpp"

#include <utility>

#include "checksums.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/weights/identify.hpp"
#include "effv2/weights/load.hpp"
#include "load.hpp"
#include "prepare.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;

namespace {

Result<TrainStart> start_from(const std::string& path, const effv2::WeightOptions& given) {
    Result<effv2::SafeTensors> file = effv2::SafeTensors::open(path);
    if (!file) return file.error();
    const Result<effv2::Identity> identity = effv2::identify(*file, given);
    if (!identity) return identity.error();
    TrainStart start{std::string(identity->variant), identity->architecture, identity->scheme, {}, nullptr, {}};
    const Result<effv2::Recipe> recipe = choose_recipe({}, *identity, path);
    if (recipe) start.recipe = *recipe;
    const Result<std::string> checksum = checksum_file(path);
    if (!checksum) return checksum.error();
    start.checksum = *checksum;
    Result<effv2::FileSource> source = effv2::open_weights(std::move(*file), identity->architecture, given);
    if (!source) return source.error();
    start.file = std::make_shared<effv2::FileSource>(std::move(*source));
    return start;
}

Error contradiction(const TrainOptions& options, const std::string& option) {
    return {ErrorCode::mismatch, options.from + ": holds another network than " + option + " names"};
}

}  // namespace

Result<TrainStart> choose_start(const TrainOptions& options) {
    if (!options.from.empty() && options.whiten)
        return Error{ErrorCode::argument, "--whiten is for a stem that is drawn, but --from has one that has learned"};
    if (!options.variant.empty() && !options.architecture.empty())
        return Error{ErrorCode::argument, "--variant and --architecture both name the network; expected one of them"};
    Result<effv2::Architecture> wanted =
        effv2::find_variant(options.variant.empty() ? "b0" : options.variant)->architecture;
    if (!options.architecture.empty()) wanted = effv2::parse_architecture(options.architecture);
    if (!wanted) return wanted.error();
    if (options.from.empty()) {
        TrainStart start{options.variant, *wanted, effv2::schemes::timm_tf, {}, nullptr, {}};
        if (options.architecture.empty() && options.variant.empty()) start.variant = "b0";
        if (wanted->padding == effv2::Padding::symmetric) {
            start.scheme.padding = effv2::Padding::symmetric;
            start.scheme.name = {};
        }
        return start;
    }
    Result<TrainStart> start = start_from(options.from, weight_options(options.scheme));
    if (!start) return start;
    if (!options.variant.empty() && options.variant != start->variant) return contradiction(options, "--variant");
    const effv2::Architecture& found = start->architecture;
    const bool same =
        same_network(wanted->with_classes(found.classes).with_size(found.input.height, found.input.width), found);
    if (!options.architecture.empty() && !same) return contradiction(options, "--architecture");
    start->architecture.convolutions = wanted->convolutions;
    return start;
}

}  // namespace cli
