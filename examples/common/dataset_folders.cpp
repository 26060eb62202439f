// Data sets of picture files: a folder for each class.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/dataset_formats.hpp"
#include "common/decode.hpp"
#include "effv2/image/resize.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Image;
using effv2::Result;
using effv2::Status;
using effv2::training::data::Pictures;

namespace {

// A folder's identity, whatever path leads to it.
struct FolderId {
    dev_t device;
    ino_t number;
    bool operator==(const FolderId&) const = default;
};

struct PictureFile {
    std::string path;
    int label;
};

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Files that lie among pictures and are none, by their names.
bool is_passed_over(const std::string& name) {
    std::string lower = name;
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    constexpr std::array<std::string_view, 4> words{"readme", "license", "licence", "copying"};
    constexpr std::array<std::string_view, 4> pictures{".jpg", ".jpeg", ".png", ".webp"};
    constexpr std::array<std::string_view, 8> others{".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".url"};
    const auto begins = [&](std::string_view word) { return lower.starts_with(word); };
    const auto ends = [&](const auto& with) {
        return std::any_of(with.begin(), with.end(), [&](std::string_view end) { return ends_with(lower, end); });
    };
    return lower == "thumbs.db" || lower == "desktop.ini" || ends(others) ||
           (std::any_of(words.begin(), words.end(), begins) && !ends(pictures));
}

Result<FolderId> identify(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return Error{ErrorCode::file, path + ": cannot be examined: " + std::strerror(errno)};
    return FolderId{status.st_dev, status.st_ino};
}

// Collects the picture files below a folder. `above`: the folders that led here.
Status collect(const std::string& path, int label, std::vector<FolderId>& above, std::vector<PictureFile>& files) {
    const Result<FolderId> id = identify(path);
    if (!id) return id.error();
    if (std::find(above.begin(), above.end(), *id) != above.end())
        return Error{ErrorCode::file, path + ": leads back to a folder above it by a symbolic link, without end"};
    const Result<std::vector<FolderEntry>> entries = list_folder(path);
    if (!entries) return entries.error();
    above.push_back(*id);
    for (const FolderEntry& entry : *entries) {
        if (entry.is_folder) {
            if (Status below = collect(entry.path, label, above, files); !below) return below;
        } else if (!is_passed_over(entry.name)) {
            files.push_back({entry.path, label});
        }
    }
    above.pop_back();
    return std::monostate{};
}

// A picture whose shorter side is longer than `side` (and that is not 0), reduced to it.
Result<Image> reduce(Image image, int side) {
    const int shorter = std::min(image.width, image.height);
    if (side == 0 || shorter <= side) return image;
    const auto scaled = [&](int length) { return std::max<std::int64_t>(1, std::int64_t{length} * side / shorter); };
    return effv2::resize(image.view(), static_cast<int>(scaled(image.width)), static_cast<int>(scaled(image.height)),
                         effv2::Filter::bilinear);
}

// The pictures of the files, some at a time side by side; a broken one's place stays empty where it may be skipped.
Result<std::vector<Image>> decode_all(const std::vector<PictureFile>& files, const DatasetOptions& options,
                                      effv2::Executor& executor) {
    constexpr std::size_t group = 256;
    std::vector<Image> images(files.size());
    std::vector<Status> done;
    for (std::size_t first = 0; first < files.size(); first += group) {
        const std::size_t count = std::min(group, files.size() - first);
        done.assign(count, Status(std::monostate{}));
        executor.run(static_cast<int>(count), [&](int task, int) {
            const std::size_t i = static_cast<std::size_t>(task);
            const std::string& path = files[first + i].path;
            try {
                Result<Image> image = decode_file(path);
                if (image) image = reduce(std::move(*image), options.largest_side);
                if (image)
                    images[first + i] = std::move(*image);
                else
                    done[i] = image.error();
            } catch (const std::bad_alloc&) {
                done[i] = Error{ErrorCode::image, path + " does not fit into memory with the pictures before it"};
            }
        });
        for (const Status& one : done) {
            if (one) continue;
            if (options.broken == Broken::stop) return one.error();
            std::fprintf(stderr, "effv2: left out: %s\n", one.error().message.c_str());
        }
    }
    return images;
}

}  // namespace

Result<Pictures> load_folders(const std::string& path, const DatasetOptions& options, effv2::Executor& executor) {
    const Result<std::vector<FolderEntry>> entries = list_folder(path);
    if (!entries) return entries.error();
    Names classes;
    std::vector<PictureFile> files;
    const Result<FolderId> root = identify(path);
    if (!root) return root.error();
    std::vector<FolderId> above{*root};
    for (const FolderEntry& entry : *entries) {
        if (!entry.is_folder) continue;
        const std::size_t before = files.size();
        if (Status found = collect(entry.path, static_cast<int>(classes.size()), above, files); !found)
            return found.error();
        if (files.size() == before)
            return Error{ErrorCode::argument, entry.path + ": is the folder of a class and has no pictures"};
        classes.push_back(entry.name);
    }
    if (classes.empty())
        return Error{ErrorCode::argument,
                     path + ": has no folders; expected one for each class, or the files of MNIST or CIFAR"};

    Result<std::vector<Image>> images = decode_all(files, options, executor);
    if (!images) return images.error();
    std::size_t pixels = 0, count = 0;
    for (const Image& image : *images) {
        pixels += static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
        count += image.width > 0;
    }
    Pictures set(path, std::move(classes));
    set.reserve(count, pixels);
    for (std::size_t i = 0; i < images->size(); ++i) {
        Image image = std::move((*images)[i]);  // and gone before the next
        if (image.width == 0) continue;
        if (Status added = set.add(image.view(), files[i].label); !added) return added.error();
    }
    return set;
}

}  // namespace examples
