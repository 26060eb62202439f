// Memory for weights and activations: floats at cache-line addresses, allocated once and never grown.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "effv2/architecture/layout.hpp"

namespace effv2 {

// Floats that start at a cache line. Their values are undefined at first.
class Buffer {
public:
    Buffer() = default;

    // `floats` of them; empty() where the memory cannot be had.
    explicit Buffer(std::size_t floats)
        : data_(static_cast<float*>(::operator new(floats * sizeof(float), alignment, std::nothrow))),
          size_(data_ != nullptr ? floats : 0) {}

    float* data() { return data_.get(); }
    const float* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    static constexpr std::align_val_t alignment{segment_floats * sizeof(float)};
    struct Free {
        void operator()(float* data) const { ::operator delete(data, alignment); }
    };
    std::unique_ptr<float, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace effv2
