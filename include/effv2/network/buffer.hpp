// Memory for weights and activations: floats at cache-line addresses, allocated once and never grown.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "effv2/architecture/layout.hpp"

namespace effv2 {

// The size of a large page, in bytes: addresses of tens of megabytes that are read once a pass outnumber what a
// processor remembers of small ones. Found on Zen 5.
inline constexpr std::size_t large_page = std::size_t{2} << 20;

// Asks the system for large pages wherever whole ones lie in `bytes` from `data` (at a multiple of large_page) on, so
// that the process has no more memory than with small ones. It may refuse: then all goes on as before.
inline void ask_for_large_pages([[maybe_unused]] void* data, [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
    madvise(data, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
}

// What a buffer's memory comes in: large_page at a time where the system gives that, or as the system likes.
enum class Pages { small, large };

// Floats that start at a cache line. Their values are undefined at first.
class Buffer {
public:
    Buffer() = default;

    // `floats` of them; empty() where the memory cannot be had. A large page is in memory as soon as a byte of it is
    // used: small ones are for what may never be used to its end.
    explicit Buffer(std::size_t floats, Pages pages = Pages::large) {
        const std::size_t bytes = floats * sizeof(float);
        const bool large = pages == Pages::large && bytes >= large_page;
        const std::align_val_t alignment{large ? large_page : segment_floats * sizeof(float)};
        data_ = {static_cast<float*>(::operator new(bytes, alignment, std::nothrow)), Free{alignment}};
        if (data_ == nullptr) return;
        size_ = floats;
        if (large) ask_for_large_pages(data_.get(), bytes);
    }

    // A buffer that was moved from is empty.
    Buffer(Buffer&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    float* data() { return data_.get(); }
    const float* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    struct Free {
        std::align_val_t alignment;
        void operator()(float* data) const { ::operator delete(data, alignment); }
    };
    std::unique_ptr<float, Free> data_;
    std::size_t size_ = 0;
};

}  // namespace effv2
