// Weight files for the tests: safetensors bytes put together by hand, folders that vanish, whole networks without data.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "effv2/weights/safetensors.hpp"
#include "effv2/weights/write.hpp"

namespace effv2_test {

// A small network with all that the released ones lack: 5x5 kernels, an MBConv of expansion 1, one without
// squeeze-excite, ten classes.
inline constexpr effv2::Architecture odd_network{
    .stem = 8,
    .stages = {effv2::fused(2, 1, 1, 8), effv2::fused(1, 2, 4, 12, 5), effv2::mbconv(2, 2, 1, 16, 5),
               effv2::mbconv(2, 1, 6, 16, 3, 0)},
    .head = 32,
    .classes = 10,
    .input = {32, 32}};

// Length, header and `data_size` zero bytes.
inline std::string safetensors_bytes(std::string_view json, std::size_t data_size = 0) {
    std::string bytes;
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(std::uint64_t{json.size()} >> shift);
    return bytes.append(json).append(data_size, '\0');
}

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// The sentence with which a file is refused, or "" where it opens.
inline std::string refusal(const std::string& bytes) {
    const auto opened = effv2::SafeTensors::from_bytes(as_bytes(bytes), "w.safetensors");
    return opened ? "" : opened.error().message;
}

// The same for a header with that JSON.
inline std::string header_refusal(std::string_view json, std::size_t data_size = 0) {
    return refusal(safetensors_bytes(json, data_size));
}

// A folder for one test, removed with all that is in it.
class TemporaryFolder {
public:
    TemporaryFolder() {
        if (mkdtemp(path_.data()) == nullptr) path_.clear();
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
    // mkdtemp writes the folder's own letters in place of six Xs at the end.
    std::string path_ = (std::filesystem::temp_directory_path() / "effv2-test-").string() + std::string(6, 'X');
};

inline void write_file(const std::string& path, std::string_view bytes) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
}

inline std::string file_text(const std::string& path) {
    const auto bytes = effv2::detail::read_file(path);
    return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
}

// One tensor more, less or different in a file.
struct Change {
    std::string_view name;   // the tensor that is changed, or added where the network has none of that name
    std::string_view dtype;  // empty: it is left out
    std::vector<std::uint64_t> shape;
};

// A file with all tensors of a network but without values: zeros that take no room on the disk.
inline void write_hollow_file(const std::string& path, const effv2::Architecture& a, effv2::Naming naming,
                              std::string_view metadata = "", std::span<const Change> changes = {}) {
    std::string json = "{" + (metadata.empty() ? "" : "\"__metadata__\":{" + std::string(metadata) + "}");
    std::uint64_t offset = 0;
    std::vector<bool> used(changes.size(), false);
    const auto add = [&](std::string_view name, std::string_view dtype, const std::vector<std::uint64_t>& shape) {
        std::uint64_t size = static_cast<std::uint64_t>(effv2::find_dtype(dtype)->bits) / 8;
        for (const std::uint64_t n : shape) size *= n;
        json.append(json.size() > 1 && json.back() == '}' ? "," : "")
            .append("\"")
            .append(name)
            .append("\":{\"dtype\":\"")
            .append(dtype);
        json += "\",\"shape\":" + effv2::detail::shape_text<std::uint64_t>(shape);
        json += ",\"data_offsets\":" + effv2::detail::range_text(offset, offset + size) + "}";
        offset += size;
    };
    effv2::for_each_tensor(a, [&](const effv2::Tensor& tensor) {
        const effv2::TensorName name = effv2::tensor_name(naming, tensor, a.stage_count());
        for (std::size_t i = 0; i < changes.size(); ++i) {
            if (name.view() != changes[i].name) continue;
            used[i] = true;
            if (!changes[i].dtype.empty()) add(name.view(), changes[i].dtype, changes[i].shape);
            return;
        }
        add(name.view(), "F32", {tensor.shape.dims, tensor.shape.dims + tensor.shape.rank});
    });
    for (std::size_t i = 0; i < changes.size(); ++i)
        if (!used[i]) add(changes[i].name, changes[i].dtype, changes[i].shape);
    const std::string start = safetensors_bytes(json + "}");
    write_file(path, start);
    if (truncate(path.c_str(), static_cast<off_t>(start.size() + offset)) != 0) std::perror(path.c_str());
}

}  // namespace effv2_test
