#include "load.hpp"

#include "common/instances.hpp"

namespace cli {

effv2::Result<effv2::LoadedNetwork> load(const std::string& path, const std::string& variant,
                                         const effv2::WeightOptions& options) {
    effv2::Result<effv2::LoadedNetwork> loaded = effv2::load_network(path, options);
    if (loaded && !variant.empty() && loaded->identity.variant != variant)
        return effv2::Error{effv2::ErrorCode::mismatch,
                            path +
                                (loaded->identity.variant.empty()
                                     ? ": holds the weights of an architecture of its own"
                                     : ": holds the weights of variant " + std::string(loaded->identity.variant)) +
                                ", not of " + variant};
    return loaded;
}

}  // namespace cli
