// The weights of one architecture, folded and packed for the kernels of one instruction set (weights/pack.hpp makes
// them). A cheap handle: copies share the memory, which is never written again.
#pragma once

#include <memory>

#include "effv2/network/buffer.hpp"
#include "effv2/simd/row.hpp"

namespace effv2 {

template <class Arch = simd::NativeArch>
class PackedWeights {
public:
    // `data` holds the pack of `architecture` (plan.hpp: weight_floats).
    PackedWeights(const Architecture& architecture, Buffer data)
        : architecture_(architecture), data_(std::make_shared<const Buffer>(std::move(data))) {}

    // What they were packed for. Weights fit every input size of an architecture.
    const Architecture& architecture() const { return architecture_; }
    // nullptr for weights that were moved from.
    const float* data() const { return data_ ? data_->data() : nullptr; }
    std::size_t bytes() const { return data_ ? data_->size() * sizeof(float) : 0; }

private:
    Architecture architecture_;
    std::shared_ptr<const Buffer> data_;
};

}  // namespace effv2
