// Reads safetensors files: an 8-byte little-endian header length, a JSON header, the tensors' bytes. Strict, as the
// format asks: no overlaps, no holes, no duplicate names, nothing unknown; a file that opens can be trusted in full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/weights/dtype.hpp"
#include "effv2/weights/mapped_file.hpp"
#include "effv2/weights/safetensors_header.hpp"

namespace effv2 {

// An open file. Its tensors stay where they are, in the mapped file or in the caller's memory. Move-only.
class SafeTensors {
public:
    // The longest header that is read, as in the format's own implementation.
    static constexpr std::uint64_t max_header = 100'000'000;

    // Maps the file of that path. Fails with ErrorCode::file where it cannot be read, with ErrorCode::format where it
    // is not a sound safetensors file.
    static Result<SafeTensors> open(const std::string& path) {
        Result<MappedFile> file = MappedFile::open(path);
        if (!file) return file.error();
        Result<SafeTensors> opened = from_bytes(file->bytes(), path);
        if (opened) opened->file_ = std::move(*file);
        return opened;
    }

    // Views a whole file that is already in memory (flash, an object file, a download), without a copy: `bytes` must
    // outlive the result. `name` stands for the file in errors.
    static Result<SafeTensors> from_bytes(std::span<const std::byte> bytes, std::string name = "weights in memory") {
        const auto refuse = [&](std::string_view why) {
            return Error{ErrorCode::format, name + ": " + std::string(why)};
        };
        if (bytes.size() < 8)
            return refuse("has " + std::to_string(bytes.size()) + " bytes, fewer than the 8 of a header length");
        const std::uint64_t length = detail::load_little_endian<std::uint64_t>(bytes.data());
        if (length > max_header || length > bytes.size() - 8) {
            const std::string_view other = other_format(bytes);
            if (!other.empty()) return refuse(other);
            if (length > max_header)
                return refuse("claims a header of " + std::to_string(length) + " bytes, more than the allowed " +
                              std::to_string(max_header));
            return refuse("claims a header of " + std::to_string(length) + " bytes, but only " +
                          std::to_string(bytes.size() - 8) + " follow");
        }
        const std::span<const std::byte> json = bytes.subspan(8, static_cast<std::size_t>(length));
        SafeTensors opened;
        opened.data_ = bytes.subspan(8 + json.size());
        detail::HeaderParser parser({reinterpret_cast<const char*>(json.data()), json.size()}, 8, opened.data_.size());
        if (!parser.parse()) return refuse(parser.problem());
        if (json[0] != std::byte{'{'}) return refuse("its header begins with a space; expected '{'");
        opened.name_ = std::move(name);
        opened.header_ = std::move(parser.header());
        return opened;
    }

    // The path or name that it was opened with.
    const std::string& name() const { return name_; }

    // All tensors, by name in byte order.
    std::span<const TensorEntry> entries() const { return header_.entries; }

    // The tensor of that name, or nullptr.
    const TensorEntry* find(std::string_view name) const {
        const std::vector<TensorEntry>& all = header_.entries;
        const auto at =
            std::lower_bound(all.begin(), all.end(), name,
                             [](const TensorEntry& entry, std::string_view key) { return entry.name < key; });
        return at != all.end() && at->name == name ? &*at : nullptr;
    }

    // The header's free-form texts.
    const Metadata& metadata() const { return header_.metadata; }

    // The text of that metadata key, or nothing.
    std::optional<std::string_view> metadata(std::string_view key) const {
        const auto at = header_.metadata.find(key);
        if (at == header_.metadata.end()) return std::nullopt;
        return at->second;
    }

    // A tensor's bytes, little-endian and row-major, at any alignment.
    std::span<const std::byte> bytes(const TensorEntry& entry) const {
        return data_.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
    }

    // Fills `into` with elements `first` on of an f32, f16 or bf16 tensor. What the tensor does not have becomes 0.
    void read(const TensorEntry& entry, std::size_t first, std::span<float> into) const {
        const std::size_t size = static_cast<std::size_t>(dtype_info(entry.dtype).bits) / 8;
        const std::size_t count = is_weight_dtype(entry.dtype) ? bytes(entry).size() / size : 0;
        const std::size_t held = first < count ? std::min(into.size(), count - first) : 0;
        if (held > 0) read_floats(entry.dtype, bytes(entry).data() + first * size, into.first(held));
        std::fill(into.begin() + static_cast<std::ptrdiff_t>(held), into.end(), 0.0f);
    }

    // Lets the system take back the memory behind a tensor; it can still be read, from the file again.
    void release(const TensorEntry& entry) const {
        if (!file_) return;
        const std::size_t start = static_cast<std::size_t>(data_.data() - file_->bytes().data());
        file_->release(start + static_cast<std::size_t>(entry.begin), bytes(entry).size());
    }

private:
    SafeTensors() = default;

    // What else people hand over as weights, by its first bytes; empty where nothing is recognised.
    static std::string_view other_format(std::span<const std::byte> bytes) {
        const std::string_view start(reinterpret_cast<const char*>(bytes.data()), 8);
        if (start.starts_with("PK\x03\x04") || start.starts_with("\x80\x02"))
            return "is no safetensors file but looks like PyTorch's .pth: convert it with weights/convert_pth.py";
        if (start == "\x89HDF\r\n\x1a\n")
            return "is no safetensors file but HDF5, as Keras writes: convert it with weights/convert_keras.py";
        if (start == "version ") return "is no safetensors file but a Git LFS pointer: fetch the real file";
        return {};
    }

    std::string name_;
    std::optional<MappedFile> file_;
    std::span<const std::byte> data_;
    detail::SafeTensorsHeader header_;
};

}  // namespace effv2
