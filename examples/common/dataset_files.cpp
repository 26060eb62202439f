// Data sets in a few large files: IDX (MNIST, Fashion-MNIST) and CIFAR's binary versions.
#include <algorithm>
#include <array>
#include <filesystem>

#include "common/dataset_formats.hpp"
#include "effv2/training/data/cifar.hpp"
#include "effv2/training/data/class_names.hpp"
#include "effv2/training/data/idx.hpp"

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using effv2::training::data::Pictures;
namespace data = effv2::training::data;

namespace {

bool is_fashion(const std::string& path) {
    std::error_code failed;
    const std::filesystem::path full = std::filesystem::canonical(path, failed);
    std::string lower = failed ? path : full.filename().string();
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower.find("fashion") != std::string::npos;
}

Names numbers_to(std::size_t count) {
    Names names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
    return names;
}

// The names for labels of an IDX file: as many as it has classes, which is one more than the largest label.
Names name_classes(const std::string& path, std::span<const std::uint8_t> labels) {
    const std::size_t count = labels.empty() ? 1 : std::size_t{1} + *std::max_element(labels.begin(), labels.end());
    const Names fashion = data::fashion_mnist_names();
    return is_fashion(path) && count == fashion.size() ? fashion : numbers_to(count);
}

Error missing(const std::string& path, Part part, const std::string& file) {
    return {ErrorCode::file, path + ": its " + part_name(part) + " part is not whole, for " + file + " is missing"};
}

// The names in one of a folder's text files, or `otherwise` where there is none.
Result<Names> read_names(const std::string& folder, const std::string& file, const Names& otherwise) {
    const Result<std::vector<FolderEntry>> entries = list_folder(folder);
    if (!entries) return entries.error();
    const auto is_file = [&](const FolderEntry& entry) { return entry.name == file; };
    if (std::none_of(entries->begin(), entries->end(), is_file)) return otherwise;
    const std::string path = folder + "/" + file;
    const Result<std::vector<std::uint8_t>> bytes = read_data_file(path);
    if (!bytes) return bytes.error();
    Names names = data::names_from_lines({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    if (names.size() == otherwise.size()) return names;
    return Error{ErrorCode::format, path + ": has " + std::to_string(names.size()) + " names of classes, expected " +
                                        std::to_string(otherwise.size())};
}

// data_batch_1.bin and on, without a gap.
Result<Names> cifar10_files(const std::string& path, Part part) {
    if (part == Part::test) return Names{"test_batch.bin"};
    const Result<std::vector<FolderEntry>> entries = list_folder(path);
    if (!entries) return entries.error();
    constexpr int most = 99;
    const auto name = [](int i) { return "data_batch_" + std::to_string(i) + ".bin"; };
    int count = most;
    while (count > 1 && find_file(*entries, name(count)).empty()) --count;
    Names files;
    for (int i = 1; i <= count; ++i) {
        files.push_back(name(i));
        if (find_file(*entries, files.back()).empty()) return missing(path, part, files.back());
    }
    return files;
}

}  // namespace

std::string find_file(const std::vector<FolderEntry>& entries, const std::string& name) {
    for (const char* const ending : {"", ".gz"})
        for (const FolderEntry& entry : entries)
            if (!entry.is_folder && entry.name == name + ending) return entry.name;
    return {};
}

IdxFiles find_idx(const std::vector<FolderEntry>& entries) {
    IdxFiles files;
    const char* const starts[] = {"train", "t10k"};
    for (std::size_t i = 0; i < 2; ++i)
        for (const char* const dot : {"-", "."}) {
            const std::string start = starts[i];
            if (files.images[i].empty()) files.images[i] = find_file(entries, start + "-images" + dot + "idx3-ubyte");
            if (files.labels[i].empty()) files.labels[i] = find_file(entries, start + "-labels" + dot + "idx1-ubyte");
        }
    return files;
}

bool are_digits(const std::string& path) { return !is_fashion(path); }

Result<Pictures> load_idx(const std::string& path, const IdxFiles& files, Part part, const Names& classes) {
    const std::size_t i = part == Part::train ? 0 : 1;
    const std::string start = part == Part::train ? "train" : "t10k";
    if (files.images[i].empty()) return missing(path, part, start + "-images-idx3-ubyte");
    if (files.labels[i].empty()) return missing(path, part, start + "-labels-idx1-ubyte");
    data::NamedBytes images{path + "/" + files.images[i], {}}, labels{path + "/" + files.labels[i], {}};
    const Result<std::vector<std::uint8_t>> image_bytes = read_data_file(images.name);
    if (!image_bytes) return image_bytes.error();
    const Result<std::vector<std::uint8_t>> label_bytes = read_data_file(labels.name);
    if (!label_bytes) return label_bytes.error();
    images.bytes = *image_bytes, labels.bytes = *label_bytes;
    const auto marks = data::parse_idx_labels(labels.bytes, labels.name);
    if (!marks) return marks.error();
    const Names own = name_classes(path, *marks), fashion = data::fashion_mnist_names();
    if (!classes.empty() && own == fashion && classes != fashion && classes != numbers_to(fashion.size()))
        return Error{ErrorCode::mismatch,
                     path + ": has Fashion-MNIST's classes, but expected were '" + classes.front() + "' and others"};
    Pictures set(path, classes.empty() ? own : classes);
    if (Status added = data::add_idx(set, images, labels); !added) return added.error();
    return set;
}

Cifar find_cifar(const std::vector<FolderEntry>& entries) {
    const auto has = [&](const char* name) { return !find_file(entries, name).empty(); };
    if (has("test_batch.bin") || has("data_batch_1.bin")) return Cifar::ten;
    return has("train.bin") || has("test.bin") ? Cifar::hundred : Cifar::none;
}

Result<Pictures> load_cifar(const std::string& path, Cifar kind, Part part) {
    const bool ten = kind == Cifar::ten;
    const Result<Names> names = read_names(path, ten ? "batches.meta.txt" : "fine_label_names.txt",
                                           ten ? data::cifar10_names() : numbers_to(100));
    if (!names) return names.error();
    Result<Names> files = Names{part == Part::train ? "train.bin" : "test.bin"};
    if (ten) files = cifar10_files(path, part);
    if (!files) return files.error();
    const Result<std::vector<FolderEntry>> entries = list_folder(path);
    if (!entries) return entries.error();
    Pictures set(path, *names);
    for (const std::string& name : *files) {
        const std::string found = find_file(*entries, name);
        if (found.empty()) return missing(path, part, name);
        const std::string file = path + "/" + found;
        const Result<std::vector<std::uint8_t>> bytes = read_data_file(file);
        if (!bytes) return bytes.error();
        Status added = ten ? data::add_cifar10(set, *bytes, file) : data::add_cifar100(set, *bytes, file);
        if (!added) return added.error();
    }
    return set;
}

}  // namespace examples
