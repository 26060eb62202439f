#include "common/dataset.hpp"

#include <algorithm>
#include <filesystem>

#include "common/dataset_formats.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::training::data::Pictures;

namespace {

// What a folder holds.
enum class Kind { folders, split, idx, cifar };

struct Found {
    Kind kind = Kind::folders;
    IdxFiles idx;
    Cifar cifar = Cifar::none;
    std::string train, test;  // of a split; test is empty where there is none
    bool has_test = false;
};

std::string find_folder(const std::vector<FolderEntry>& entries, std::string_view name) {
    for (const FolderEntry& entry : entries)
        if (entry.is_folder && entry.name == name) return entry.path;
    return {};
}

Result<Found> look_into(const std::string& path) {
    const Result<std::vector<FolderEntry>> entries = list_folder(path);
    if (!entries) return entries.error();
    Found found;
    found.idx = find_idx(*entries);
    found.cifar = find_cifar(*entries);
    if (found.idx.any()) {
        found.kind = Kind::idx;
        found.has_test = !found.idx.images[1].empty() || !found.idx.labels[1].empty();
        return found;
    }
    if (found.cifar != Cifar::none) {
        found.kind = Kind::cifar;
        found.has_test = !find_file(*entries, found.cifar == Cifar::ten ? "test_batch.bin" : "test.bin").empty();
        return found;
    }
    // A folder named train may be a class as well: then there are others that are no part of a split.
    const auto is_part = [](const FolderEntry& entry) {
        return !entry.is_folder || entry.name == "train" || entry.name == "test" || entry.name == "val" ||
               entry.name == "validation";
    };
    found.train = find_folder(*entries, "train");
    if (found.train.empty() || !std::all_of(entries->begin(), entries->end(), is_part)) return found;
    found.kind = Kind::split;
    for (const char* const name : {"test", "val", "validation"})
        if (found.test.empty()) found.test = find_folder(*entries, name);
    found.has_test = !found.test.empty();
    if (!found.has_test)
        return Error{ErrorCode::file, path +
                                          ": has a folder train, but neither test nor val beside it; to train "
                                          "without a test part, name " +
                                          found.train};
    return found;
}

Result<Pictures> load_part(const std::string& path, const Found& found, Part part, const Names& classes,
                           const DatasetOptions& options, effv2::Executor& executor) {
    switch (found.kind) {
        case Kind::idx:
            return load_idx(path, found.idx, part, classes);
        case Kind::cifar:
            return load_cifar(path, found.cifar, part);
        case Kind::split:
            return load_folders(part == Part::train ? found.train : found.test, options, executor);
        case Kind::folders:
            break;
    }
    return load_folders(path, options, executor);
}

}  // namespace

bool is_within_classes(const std::string& path, const std::string& data) {
    const Result<Found> found = look_into(data);
    namespace fs = std::filesystem;
    std::error_code failed;
    if (!fs::is_directory(data, failed)) return false;
    if (found && (found->kind == Kind::idx || found->kind == Kind::cifar)) return false;
    const auto full = [&](const std::string& name) { return fs::weakly_canonical(fs::absolute(name, failed), failed); };
    const fs::path inner = full(path), outer = full(data);
    if (failed || outer.empty()) return false;
    const auto [above, below] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
    const auto is_hidden = [](const fs::path& part) { return part.native().starts_with("."); };
    return above == outer.end() && std::none_of(below, inner.end(), is_hidden);
}

Result<TrainingSet> load_training_set(const std::string& path, const DatasetOptions& options,
                                      effv2::Executor& executor) {
    const Result<Found> found = look_into(path);
    if (!found) return found.error();
    Result<Pictures> pictures = load_part(path, *found, Part::train, {}, options, executor);
    if (!pictures) return pictures.error();
    return TrainingSet{std::move(*pictures), found->has_test, !(found->kind == Kind::idx && are_digits(path))};
}

Result<Pictures> load_test_set(const std::string& path, const Names& classes, const DatasetOptions& options,
                               effv2::Executor& executor) {
    const Result<Found> found = look_into(path);
    if (!found) return found.error();
    return load_part(path, *found, Part::test, classes, options, executor);
}

}  // namespace examples
