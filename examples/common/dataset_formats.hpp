// What dataset.cpp and the readers of the three kinds of data sets share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/dataset.hpp"

namespace examples {

using Names = std::vector<std::string>;

// The two parts that sets come in.
enum class Part { train, test };

constexpr const char* part_name(Part part) { return part == Part::train ? "training" : "test"; }

// An entry of a folder.
struct FolderEntry {
    std::string name, path;
    bool is_folder = false;
};

// The entries of a folder but for hidden ones, sorted by name; links are followed. Fails where the folder cannot be
// read, and for an entry that is neither a folder nor a regular file.
effv2::Result<std::vector<FolderEntry>> list_folder(const std::string& path);

// A file, decompressed if it was compressed by gzip; at most 4 GiB.
effv2::Result<std::vector<std::uint8_t>> read_data_file(const std::string& path);

// Folders of picture files.
effv2::Result<effv2::training::data::Pictures> load_folders(const std::string& path, const DatasetOptions& options,
                                                            effv2::Executor& executor);

// The name of a folder's file that is called so, or so with .gz behind it; empty where there is none.
std::string find_file(const std::vector<FolderEntry>& entries, const std::string& name);

// IDX: the name of the file of pictures of each part, empty where there is none.
struct IdxFiles {
    std::string images[2], labels[2];
    bool any() const { return !images[0].empty() || !images[1].empty(); }
};
IdxFiles find_idx(const std::vector<FolderEntry>& entries);
bool are_digits(const std::string& path);

// `classes`: those of the training part; empty where this is the first part to be read.
effv2::Result<effv2::training::data::Pictures> load_idx(const std::string& path, const IdxFiles& files, Part part,
                                                        const Names& classes);

enum class Cifar { none, ten, hundred };
Cifar find_cifar(const std::vector<FolderEntry>& entries);
effv2::Result<effv2::training::data::Pictures> load_cifar(const std::string& path, Cifar kind, Part part);

}  // namespace examples
