// A file's bytes, memory-mapped read-only where the system can, else read into memory.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<sys/mman.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "effv2/error.hpp"

namespace effv2 {

namespace detail {

inline Error file_error(const std::string& path, std::string_view what) {
    return {ErrorCode::file, path + ": " + std::string(what)};
}

// The same with the system's reason for it.
inline Error system_error(const std::string& path, std::string_view what, int reason) {
    return {ErrorCode::file, path + ": " + std::string(what) + ": " + std::strerror(reason)};
}

// A whole file in memory.
inline Result<std::vector<std::byte>> read_file(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) return system_error(path, "cannot be opened", errno);
    std::vector<std::byte> bytes;
    std::size_t size = 0;
    do {
        bytes.resize(size < 65536 ? 65536 : 2 * size);
        const std::size_t count = std::fread(bytes.data() + size, 1, bytes.size() - size, file);
        size += count;
    } while (size == bytes.size());
    const bool failed = std::ferror(file) != 0;
    const int reason = errno;
    std::fclose(file);
    if (failed) return system_error(path, "cannot be read", reason);
    if (size == 0) return file_error(path, "is empty");
    bytes.resize(size);
    bytes.shrink_to_fit();
    return bytes;
}

}  // namespace detail

// Owns the mapping; move-only. The file must keep its length while it is mapped: where another program truncates it,
// the system answers the next access to the missing part with a signal (SIGBUS), which no check here can turn into an
// error. Replace weight files by renaming a new one over them, as write_safetensors does, and open maps stay whole.
class MappedFile {
public:
    // Fails (ErrorCode::file) where the path names nothing, a directory, anything else but a regular file, an empty
    // file, or one that may not be read.
    static Result<MappedFile> open(const std::string& path) {
#if __has_include(<sys/mman.h>)
        // Without O_NONBLOCK a named pipe would wait here for its writer.
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (descriptor < 0) return detail::system_error(path, "cannot be opened", errno);
        Result<MappedFile> file = map(path, descriptor);
        ::close(descriptor);
        return file;
#else
        return read(path);
#endif
    }

    MappedFile(MappedFile&& other) noexcept { swap(other); }
    MappedFile& operator=(MappedFile&& other) noexcept {
        MappedFile(std::move(other)).swap(*this);
        return *this;
    }
    ~MappedFile() {
#if __has_include(<sys/mman.h>)
        if (mapped_ != nullptr) ::munmap(mapped_, size_);
#endif
    }

    std::span<const std::byte> bytes() const {
        return {mapped_ != nullptr ? static_cast<const std::byte*>(mapped_) : buffer_.data(), size_};
    }

    // Lets the system take back the memory of bytes [offset, offset + length), as far as they fill whole pages. They
    // can still be read: they then come from the file again.
    void release(std::size_t offset, std::size_t length) const {
#if __has_include(<sys/mman.h>)
        if (mapped_ == nullptr || offset > size_ || length > size_ - offset) return;
        const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t begin = (offset + page - 1) / page * page;
        // The last page belongs to the file alone.
        const std::size_t end = offset + length == size_ ? size_ : (offset + length) / page * page;
        if (begin < end) ::madvise(static_cast<char*>(mapped_) + begin, end - begin, MADV_DONTNEED);
#else
        static_cast<void>(offset);
        static_cast<void>(length);
#endif
    }

private:
    MappedFile() = default;

    void swap(MappedFile& other) noexcept {
        std::swap(mapped_, other.mapped_);
        std::swap(size_, other.size_);
        buffer_.swap(other.buffer_);
    }

    static Result<MappedFile> read(const std::string& path) {
        Result<std::vector<std::byte>> bytes = detail::read_file(path);
        if (!bytes) return bytes.error();
        MappedFile file;
        file.buffer_ = std::move(*bytes);
        file.size_ = file.buffer_.size();
        return file;
    }

#if __has_include(<sys/mman.h>)
    static Result<MappedFile> map(const std::string& path, int descriptor) {
        struct stat status {};
        if (::fstat(descriptor, &status) != 0) return detail::system_error(path, "cannot be examined", errno);
        if (S_ISDIR(status.st_mode)) return detail::file_error(path, "is a directory, not a file");
        if (!S_ISREG(status.st_mode)) return detail::file_error(path, "is not a regular file");
        if (status.st_size <= 0) return detail::file_error(path, "is empty");
        if (static_cast<std::uintmax_t>(status.st_size) > SIZE_MAX / 2)
            return detail::file_error(path, "is too large for this machine's addresses");
        const std::size_t size = static_cast<std::size_t>(status.st_size);
        void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (start == MAP_FAILED) return read(path);  // some file systems cannot map
        MappedFile file;
        file.mapped_ = start;
        file.size_ = size;
        return file;
    }
#endif

    void* mapped_ = nullptr;
    std::size_t size_ = 0;
    std::vector<std::byte> buffer_;  // in place of a mapping
};

}  // namespace effv2
