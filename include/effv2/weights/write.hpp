// Writes safetensors files that this library and every other reader of the format take: given tensors, or all tensors
// of an architecture from a weight source, one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "effv2/architecture/text.hpp"
#include "effv2/error.hpp"
#include "effv2/weights/naming.hpp"
#include "effv2/weights/new_file.hpp"
#include "effv2/weights/safetensors.hpp"
#include "effv2/weights/scheme.hpp"
#include "effv2/weights/source.hpp"

namespace effv2 {

// A tensor to be written, as F32: its values in row-major order, as many as the shape has elements.
struct NamedTensor {
    std::string_view name;
    std::span<const std::uint64_t> shape;
    std::span<const float> values;
};

namespace detail {

// Appends `text` as a JSON string; false where it is not UTF-8.
inline bool append_json(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto is_plain = [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
    out += '"';
    while (!text.empty()) {
        const char c = text[0];
        std::size_t length =
            static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
        if (length == 0) length = static_cast<std::size_t>(utf8_length(text));
        if (length == 0) return false;
        if (c == '"' || c == '\\')
            out.append("\\").append(1, c);
        else if (static_cast<unsigned char>(c) < 0x20)
            out.append("\\u00").append(1, digits[static_cast<std::size_t>(c >> 4)]).append(1, digits[c & 15]);
        else
            out.append(text.substr(0, length));
        text.remove_prefix(length);
    }
    out += '"';
    return true;
}

// Puts a header together, tensor after tensor in the order of their data.
class HeaderWriter {
public:
    explicit HeaderWriter(std::string file) : file_(std::move(file)) {}

    // All of these fail with ErrorCode::argument.
    Status add(const Metadata& metadata) {
        if (metadata.empty()) return std::monostate{};
        text_ += "\"__metadata__\":{";
        for (const auto& [key, value] : metadata) {
            if (text_.back() != '{') text_ += ',';
            if (!append_json(text_, key) || !append_json((text_ += ':'), value))
                return refuse("metadata " + in_quotes(key) + " is not valid UTF-8");
        }
        text_ += '}';
        return std::monostate{};
    }

    Status add(std::string_view name, std::span<const std::uint64_t> shape, std::size_t elements) {
        std::uint64_t needed = 1;
        for (const std::uint64_t n : shape) {
            if (n != 0 && needed > UINT64_MAX / n) return refuse(name, "its shape is beyond 64-bit sizes");
            needed *= n;
        }
        if (needed != elements)
            return refuse(name, "shape " + shape_text(shape) + " has " + std::to_string(needed) + " elements, but " +
                                    std::to_string(elements) + " values were given");
        if (name == "__metadata__") return refuse(name, "the format keeps this name for itself");
        if (!text_.empty()) text_ += ',';
        if (!append_json(text_, name)) return refuse(name, "its name is not valid UTF-8");
        names_.emplace_back(name);
        text_ += ":{\"dtype\":\"F32\",\"shape\":" + list_text(shape);
        text_ += ",\"data_offsets\":" + range_text(offset_, offset_ + 4 * needed) + '}';
        offset_ += 4 * needed;
        return std::monostate{};
    }

    // The file's first bytes: length and header, padded so that the data begins at a multiple of 8.
    Result<std::string> finish() {
        std::sort(names_.begin(), names_.end());
        const auto twice = std::adjacent_find(names_.begin(), names_.end());
        if (twice != names_.end()) return refuse(*twice, "its name is given twice").error();
        std::string json = "{" + text_ + "}";
        json.append((8 - json.size() % 8) % 8, ' ');
        if (json.size() > SafeTensors::max_header)
            return refuse("the header would have " + std::to_string(json.size()) + " bytes, more than readers allow")
                .error();
        std::string start;
        for (int shift = 0; shift < 64; shift += 8) start += static_cast<char>(std::uint64_t{json.size()} >> shift);
        return start + json;
    }

private:
    Status refuse(std::string_view why) const { return Error{ErrorCode::argument, file_ + ": " + std::string(why)}; }
    Status refuse(std::string_view tensor, std::string_view why) const {
        return refuse("tensor " + in_quotes(tensor) + ": " + std::string(why));
    }

    std::string file_, text_;
    std::vector<std::string> names_;
    std::uint64_t offset_ = 0;
};

// Writes floats in the format's byte order.
inline Status write_floats(NewFile& file, std::span<const float> values) {
    if constexpr (std::endian::native == std::endian::little) {
        return file.write(std::as_bytes(values));
    } else {
        std::vector<std::byte> swapped(values.size_bytes());
        const std::span<const std::byte> bytes = std::as_bytes(values);
        for (std::size_t i = 0; i < bytes.size(); ++i) swapped[i] = bytes[i ^ 3];
        return file.write(swapped);
    }
}

inline Status write_text(NewFile& file, std::string_view text) {
    return file.write(std::as_bytes(std::span(text.data(), text.size())));
}

// Length and header of a file with all of an architecture's tensors.
inline Result<std::string> weights_header(const std::string& path, const Architecture& a, const Scheme& scheme,
                                          const Metadata& metadata) {
    HeaderWriter header(path);
    Status status = header.add(metadata);
    for_each_tensor(a, [&](const Tensor& tensor) {
        if (!status) return;
        std::array<std::uint64_t, 4> dims{};
        const std::size_t rank = static_cast<std::size_t>(tensor.shape.rank);
        for (std::size_t i = 0; i < rank; ++i) dims[i] = static_cast<std::uint64_t>(tensor.shape.dims[i]);
        const TensorName name = tensor_name(scheme.naming, tensor, a.stage_count());
        status = header.add(name.view(), std::span(dims).first(rank), tensor.shape.elements());
    });
    if (!status) return status.error();
    return header.finish();
}

// One tensor from its source, in pieces of a fixed size.
inline Status write_tensor(NewFile& file, const WeightSource& source, const Tensor& tensor, std::span<float> buffer) {
    const std::size_t elements = tensor.shape.elements();
    for (std::size_t first = 0; first < elements;) {
        const std::span<float> piece = buffer.first(std::min(buffer.size(), elements - first));
        source.read(tensor, first, piece);
        if (Status written = write_floats(file, piece); !written) return written;
        first += piece.size();
    }
    source.done(tensor);
    return std::monostate{};
}

}  // namespace detail

// Writes the tensors in the given order, and the metadata. The file appears under its name only once it is complete; a
// failure leaves an older file of that name as it was.
//
// Fails with ErrorCode::argument for a name that is given twice or is not UTF-8 and for values that do not fill their
// shape, with ErrorCode::file where the file cannot be written, a full disk included.
inline Status write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                                const Metadata& metadata = {}) {
    detail::HeaderWriter header(path);
    if (Status added = header.add(metadata); !added) return added;
    for (const NamedTensor& tensor : tensors)
        if (Status added = header.add(tensor.name, tensor.shape, tensor.values.size()); !added) return added;
    const Result<std::string> start = header.finish();
    if (!start) return start.error();
    Result<detail::NewFile> file = detail::NewFile::create(path);
    if (!file) return file.error();
    if (Status written = detail::write_text(*file, *start); !written) return written;
    for (const NamedTensor& tensor : tensors)
        if (Status written = detail::write_floats(*file, tensor.values); !written) return written;
    return file->commit();
}

// Writes all weights of an architecture under the scheme's names, with the scheme's name as metadata effv2.scheme
// besides `metadata` (metadata_keys has the other keys that this library reads). Takes 256 KiB of memory, whatever the
// network.
//
// Fails as write_safetensors does, and with ErrorCode::argument where architecture or source contradict the scheme's
// padding or epsilon, which readers of the file would then get wrong.
inline Status write_weights(const std::string& path, const Architecture& architecture, const WeightSource& source,
                            const Scheme& scheme, Metadata metadata = {}) {
    const auto refuse = [&](std::string_view why) {
        return Error{ErrorCode::argument, path + ": " + std::string(why)};
    };
    if (const Problem problem = find_problem(architecture); problem.flaw != Flaw::none) return refuse(explain(problem));
    if (scheme.padding != architecture.padding)
        return refuse("the scheme " + detail::in_quotes(scheme.name) + " means " +
                      std::string(padding_name(scheme.padding)) + " padding, but the architecture has " +
                      std::string(padding_name(architecture.padding)));
    if (scheme.epsilon != source.epsilon())
        return refuse("the scheme " + detail::in_quotes(scheme.name) + " means a batch-norm epsilon of " +
                      std::to_string(scheme.epsilon) + ", but the weights have " + std::to_string(source.epsilon()));
    if (!scheme.name.empty()) metadata.insert_or_assign(std::string(metadata_keys::scheme), std::string(scheme.name));
    const auto recorded = metadata.find(std::string(metadata_keys::scheme));
    const Scheme* const named = recorded == metadata.end() ? nullptr : find_scheme(recorded->second);
    if (named == nullptr && recorded != metadata.end())
        return refuse("the scheme " + detail::in_quotes(recorded->second) + " is none that a reader knows");
    if (named != nullptr && (named->naming != scheme.naming || named->padding != scheme.padding))
        return refuse("the scheme " + detail::in_quotes(named->name) +
                      " that its metadata names has other names or another padding than the weights");
    const Scheme& read = named != nullptr ? *named : default_scheme(scheme.naming);
    if (read.epsilon != scheme.epsilon)
        return refuse("a file cannot record a batch-norm epsilon of " + std::to_string(scheme.epsilon) +
                      ": a reader would take that of the scheme " + detail::in_quotes(read.name) + ", " +
                      std::to_string(read.epsilon));

    const Result<std::string> start = detail::weights_header(path, architecture, scheme, metadata);
    if (!start) return start.error();
    Result<detail::NewFile> file = detail::NewFile::create(path);
    if (!file) return file.error();
    Status status = detail::write_text(*file, *start);
    constexpr std::size_t buffer_size = 65536;
    const std::unique_ptr<float[]> buffer(new float[buffer_size]);
    for_each_tensor(architecture, [&](const Tensor& tensor) {
        if (status) status = detail::write_tensor(*file, source, tensor, {buffer.get(), buffer_size});
    });
    return status ? file->commit() : status;
}

}  // namespace effv2
