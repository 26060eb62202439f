#include "load.hpp"

#include "command.hpp"
#include "common/instances.hpp"

namespace cli {

effv2::WeightOptions weight_options(const std::string& scheme) {
    effv2::WeightOptions options;
    if (!scheme.empty()) options.scheme = *effv2::find_scheme(scheme);
    return options;
}

effv2::Result<effv2::LoadedNetwork> load(const WeightsFile& file, const std::string& variant,
                                         const std::string& padding) {
    effv2::WeightOptions options = weight_options(file.scheme);
    if (!padding.empty()) options.padding = padding_of(padding);
    effv2::Result<effv2::LoadedNetwork> loaded = effv2::load_network(file.path, options);
    if (loaded && !variant.empty() && loaded->identity.variant != variant)
        return effv2::Error{effv2::ErrorCode::mismatch,
                            file.path +
                                (loaded->identity.variant.empty()
                                     ? ": holds the weights of an architecture of its own"
                                     : ": holds the weights of variant " + std::string(loaded->identity.variant)) +
                                ", not of " + variant};
    return loaded;
}

}  // namespace cli
