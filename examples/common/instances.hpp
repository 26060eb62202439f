// The forward pass and the packing of weights take a compiler longer than everything else in these programs. Here they
// are declared to exist once for all of them, in instances.cpp. A program of one file needs none of this.
#pragma once

#include "effv2/network/class_map.hpp"
#include "effv2/network/engine.hpp"
#include "effv2/weights/pack.hpp"

namespace effv2 {

extern template void forward<simd::NativeArch>(Plan plan, const float* weights, float* workspace, Executor& executor,
                                               const float* pictures, int batch, const Outputs& outputs,
                                               Observer* observer);

extern template Result<PackedWeights<simd::NativeArch>> pack_weights<simd::NativeArch>(const Architecture& a,
                                                                                       const WeightSource& source);

extern template Status class_map<simd::NativeArch>(const Architecture& a, const PackedWeights<simd::NativeArch>& packed,
                                                   std::span<const float> last_map, int index, std::span<float> map);

}  // namespace effv2
