#include "common/instances.hpp"

namespace effv2 {

template void forward<simd::NativeArch>(Plan plan, const float* weights, float* workspace, Executor& executor,
                                        const float* pictures, int batch, const Outputs& outputs, Observer* observer);

template Result<PackedWeights<simd::NativeArch>> pack_weights<simd::NativeArch>(const Architecture& a,
                                                                                const WeightSource& source);

template Status class_map<simd::NativeArch>(const Architecture& a, const PackedWeights<simd::NativeArch>& packed,
                                            std::span<const float> last_map, int index, std::span<float> map);

}  // namespace effv2
