// Writing a file so that nothing is lost when it goes wrong: bytes go to a temporary name beside the target, which
// takes the target's place only when all of them are safely stored.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <variant>

#if __has_include(<unistd.h>)
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "effv2/error.hpp"
#include "effv2/weights/mapped_file.hpp"

namespace effv2::detail {

// What becomes of a link that has the target's name: it gives way to the new file, so that what it led to stays as it
// was, or what it leads to is written, as it comes.
enum class Links { replaced, followed };

// A file being written. Dropped without commit(), it leaves nothing behind. Devices and pipes, and all that has a name
// in /dev or /proc, are written to as they are: a file in their place would be their end.
class NewFile {
public:
    // Fails (ErrorCode::file) for a folder, and where the target's folder does not take new files.
    static Result<NewFile> create(const std::string& path, Links links = Links::replaced) {
        if (is_folder(path)) return file_error(path, "is a folder");
        if (const char* const mode = mode_in_place(path, links)) {
            std::FILE* const file = std::fopen(path.c_str(), mode);
            if (file == nullptr) return system_error(path, "cannot be created", errno);
            return NewFile(path, {}, file);
        }
        constexpr int attempts = 100;  // names that other writers, or crashed ones, may have taken
        for (int i = 0; i < attempts; ++i) {
            std::string temporary = path + ".partial" + std::to_string(i);
            std::FILE* const file = std::fopen(temporary.c_str(), "wbx");
            if (file != nullptr) return NewFile(path, std::move(temporary), file);
            if (errno != EEXIST) return system_error(path, "cannot be created", errno);
        }
        return file_error(path, "cannot be created: too many unfinished files (.partial0 and on) lie beside it");
    }

    NewFile(NewFile&& other) noexcept
        : path_(std::move(other.path_)),
          temporary_(std::move(other.temporary_)),
          file_(std::exchange(other.file_, nullptr)) {}
    NewFile& operator=(NewFile&&) = delete;
    ~NewFile() {
        if (file_ != nullptr) discard();
    }

    // Appends bytes. Fails (ErrorCode::file) where the disk is full or broken.
    Status write(std::span<const std::byte> bytes) {
        if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return std::monostate{};
        return system_error(path_, "cannot be written", errno);
    }

    // Stores what was written and gives the file its name, in place of any older one.
    Status commit() {
        if (std::fflush(file_) != 0 || !synchronise()) {
            const int reason = errno;
            discard();
            return system_error(path_, "cannot be written", reason);
        }
        const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
        if (closed && (temporary_.empty() || std::rename(temporary_.c_str(), path_.c_str()) == 0))
            return std::monostate{};
        const int reason = errno;
        if (!temporary_.empty()) std::remove(temporary_.c_str());
        return system_error(path_, closed ? "cannot be replaced" : "cannot be written", reason);
    }

private:
    NewFile(std::string path, std::string temporary, std::FILE* file)
        : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

    // Some file systems notice a full disk only when the data leaves the cache.
    bool synchronise() {
#if __has_include(<unistd.h>)
        return ::fsync(::fileno(file_)) == 0 || errno == EINVAL || errno == ENOTSUP;
#else
        return true;
#endif
    }

    void discard() {
        std::fclose(std::exchange(file_, nullptr));
        if (!temporary_.empty()) std::remove(temporary_.c_str());
    }

    static bool is_folder([[maybe_unused]] const std::string& path) {
#if __has_include(<unistd.h>)
        struct stat found {};
        return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
#else
        return false;
#endif
    }

    // How a target is opened that is written to as it is; nullptr for others.
    static const char* mode_in_place([[maybe_unused]] const std::string& path, [[maybe_unused]] Links links) {
#if __has_include(<unistd.h>)
        // /dev/stdout may be a file, which its shell has cut, or not.
        if (path.starts_with("/dev/") || path.starts_with("/proc/")) return "ab";
        struct stat found {};
        if (::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) return "ab";
        if (links == Links::followed && ::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) return "wb";
#endif
        return nullptr;
    }

    std::string path_, temporary_;  // no temporary name where the target is written to as it is
    std::FILE* file_;
};

}  // namespace effv2::detail
