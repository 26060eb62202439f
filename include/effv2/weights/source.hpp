// Where packing takes weights from: a file's tensors, a formula, or whatever else a caller derives from WeightSource.
#pragma once

#include <cstddef>
#include <span>

#include "effv2/architecture/tensors.hpp"

namespace effv2 {

// Hands out the tensors of one architecture as floats. Nothing here can fail: a source is checked before packing starts
// (see open_weights). All members may be called from several threads at once.
class WeightSource {
public:
    virtual ~WeightSource() = default;

    // Writes `into.size()` elements of `tensor` from flat index `first` on. Order and layout are PyTorch's: row-major,
    // convolutions (O, I, kH, kW), depthwise (C, 1, kH, kW), classifier (classes, channels).
    virtual void read(const Tensor& tensor, std::size_t first, std::span<float> into) const = 0;

    // What batch norm adds to the variance before the square root.
    virtual float epsilon() const = 0;

    // Told once a tensor is not needed again, so that a source may let go of its memory. Reading it later still works.
    virtual void done(const Tensor& tensor) const { static_cast<void>(tensor); }

protected:
    WeightSource() = default;
    WeightSource(const WeightSource&) = default;
    WeightSource(WeightSource&&) = default;
    WeightSource& operator=(const WeightSource&) = default;
    WeightSource& operator=(WeightSource&&) = default;
};

}  // namespace effv2
