// From a weight file to packed weights in one call: for a model type, whose tensors the file must have exactly, or for
// whichever released variant the file turns out to hold.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "effv2/weights/identify.hpp"
#include "effv2/weights/load.hpp"
#include "effv2/weights/pack.hpp"

namespace effv2 {

namespace detail {

// Packs for the instruction set that the wanted type names.
template <class Arch>
Result<PackedWeights<Arch>> pack_as(std::type_identity<PackedWeights<Arch>> wanted, const Architecture& a,
                                    const WeightSource& source) {
    static_cast<void>(wanted);
    return pack_weights<Arch>(a, source);
}

}  // namespace detail

// Weights for the model type Net from an open file, which is closed on return. Fails where open_weights() does.
template <class Net>
Result<typename Net::Weights> load_weights(SafeTensors file, const WeightOptions& options = {}) {
    const Result<FileSource> source = open_weights(std::move(file), Net::architecture, options);
    if (!source) return source.error();
    return detail::pack_as(std::type_identity<typename Net::Weights>{}, Net::architecture, *source);
}

// The same from the file of that path. Fails where SafeTensors::open() does, too.
template <class Net>
Result<typename Net::Weights> load_weights(const std::string& path, const WeightOptions& options = {}) {
    Result<SafeTensors> file = SafeTensors::open(path);
    if (!file) return file.error();
    return load_weights<Net>(std::move(*file), options);
}

// What a file turned out to hold: the variant with its classes and padding, and its weights, ready for a Network.
struct LoadedNetwork {
    Identity identity;
    PackedWeights<> weights;
};

// For programs that learn the variant from the file. Fails where SafeTensors::open() and identify() do.
inline Result<LoadedNetwork> load_network(const std::string& path, const WeightOptions& options = {}) {
    Result<SafeTensors> file = SafeTensors::open(path);
    if (!file) return file.error();
    Result<Identity> identity = identify(*file, options);
    if (!identity) return identity.error();
    const Result<FileSource> source = open_weights(std::move(*file), identity->architecture, options);
    if (!source) return source.error();
    Result<PackedWeights<>> weights = pack_weights(identity->architecture, *source);
    if (!weights) return weights.error();
    return LoadedNetwork{std::move(*identity), std::move(*weights)};
}

}  // namespace effv2
