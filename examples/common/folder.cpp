// Folders and files of data sets: what is in them, and their bytes.
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/dataset_formats.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;

Result<std::vector<FolderEntry>> list_folder(const std::string& path) {
    std::error_code failed;
    std::vector<FolderEntry> entries;
    // The error of an increment ends the loop, as the end does.
    for (std::filesystem::directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
        std::string name = at->path().filename().string();
        if (name.front() == '.') continue;
        std::error_code unknown;
        const std::filesystem::file_status status = at->status(unknown);
        if (status.type() == std::filesystem::file_type::not_found)
            return Error{ErrorCode::file, at->path().string() + ": is a link that leads nowhere"};
        if (unknown) return Error{ErrorCode::file, at->path().string() + ": cannot be examined: " + unknown.message()};
        const bool is_folder = is_directory(status);
        if (!is_folder && !is_regular_file(status))
            return Error{ErrorCode::file, at->path().string() + ": is neither a file nor a folder"};
        entries.push_back({std::move(name), at->path().string(), is_folder});
    }
    if (failed) return Error{ErrorCode::file, path + ": cannot be read as a folder: " + failed.message()};
    std::sort(entries.begin(), entries.end(),
              [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
    return entries;
}

Result<std::vector<std::uint8_t>> read_data_file(const std::string& path) {
    constexpr std::size_t most = std::size_t{4} << 30;
    errno = 0;
    // zlib reads files that are not compressed as they are.
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
    if (!file)
        return Error{ErrorCode::file,
                     path + ": cannot be opened: " + (errno != 0 ? std::strerror(errno) : "no memory")};
    std::vector<std::uint8_t> bytes;
    std::size_t size = 0;
    int count = 1;
    while (count > 0) {
        if (bytes.size() == size) bytes.resize(size < 65536 ? 65536 : 2 * size);
        const std::size_t room = std::min<std::size_t>(bytes.size() - size, std::size_t{1} << 30);
        count = gzread(file.get(), bytes.data() + size, static_cast<unsigned>(room));
        if (count > 0) size += static_cast<std::size_t>(count);
        if (size > most) return Error{ErrorCode::file, path + ": is larger than the limit of 4 GiB"};
        int state = Z_OK;  // of this read: newer versions of zlib have forgotten it after the next one
        const char* const message = gzerror(file.get(), &state);
        if (count < 0 || state != Z_OK) {
            const std::string reason = state == Z_ERRNO       ? std::strerror(errno)
                                       : state == Z_BUF_ERROR ? "it is a gzip file that is cut short"
                                                              : message;
            return Error{ErrorCode::file, path + ": cannot be read: " + reason};
        }
    }
    bytes.resize(size);
    return bytes;
}

}  // namespace examples
