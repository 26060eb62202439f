// The header of a safetensors file: what tensors there are, of which type and shape, and where. Checked here in full,
// so that later code may trust every entry.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/weights/dtype.hpp"
#include "effv2/weights/json_reader.hpp"
#include "effv2/weights/text.hpp"

namespace effv2 {

// One tensor of a file. Its bytes are [begin, end) of the data behind the header.
struct TensorEntry {
    std::string name;
    DType dtype = DType::f32;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0, end = 0;
};

using Metadata = std::map<std::string, std::string, std::less<>>;

namespace detail {

struct SafeTensorsHeader {
    std::vector<TensorEntry> entries;  // by name, in byte order
    Metadata metadata;
};

// Reads the header's JSON. Each check answers false with the reason in problem().
class HeaderParser {
public:
    // `origin`: the header's first byte in its file. `data_size`: bytes behind the header.
    HeaderParser(std::string_view json, std::size_t origin, std::uint64_t data_size)
        : json_(json, origin), data_size_(data_size) {}

    bool parse() { return read_header() && sort_entries() && check_layout(); }
    std::string problem() const { return problem_.empty() ? "header, " + json_.problem() : problem_; }
    SafeTensorsHeader& header() { return header_; }

private:
    // More than any library makes (PyTorch: 64); keeps a hostile header from filling memory.
    static constexpr std::size_t max_rank = 64;

    bool refuse(std::string why) {
        problem_ = std::move(why);
        return false;
    }
    bool refuse(const TensorEntry& entry, std::string why) {
        return refuse("tensor " + in_quotes(entry.name) + ": " + std::move(why));
    }

    bool read_header() {
        bool has_metadata = false;
        const bool read = json_.read_object("the header", [&](const std::string& key) {
            if (key != "__metadata__") return read_tensor(key);
            if (has_metadata) return json_.fail("'__metadata__' appears twice");
            has_metadata = true;
            return read_metadata();
        });
        return read && json_.finish();
    }

    bool read_metadata() {
        return json_.read_object("'__metadata__'", [&](const std::string& key) {
            std::string text;
            if (!json_.read_string(text, "a metadata value in quotes")) return false;
            return header_.metadata.emplace(key, std::move(text)).second ||
                   json_.fail("the metadata key " + in_quotes(key) + " appears twice");
        });
    }

    bool read_tensor(const std::string& name) {
        header_.entries.emplace_back();
        TensorEntry& entry = header_.entries.back();
        entry.name = name;
        unsigned seen = 0;  // a bit for each member
        const auto first_time = [&](unsigned bit, const std::string& key) {
            const bool fresh = (seen & bit) == 0;
            seen |= bit;
            return fresh || json_.fail("tensor " + in_quotes(name) + ": " + in_quotes(key) + " appears twice");
        };
        const bool read = json_.read_object("a tensor's description", [&](const std::string& key) {
            if (key == "dtype") return first_time(1, key) && read_dtype(entry);
            if (key == "shape") return first_time(2, key) && read_shape(entry);
            if (key == "data_offsets") return first_time(4, key) && read_offsets(entry);
            return json_.fail("tensor " + in_quotes(name) + ": unknown key " + in_quotes(key) +
                              " (expected dtype, shape, data_offsets)");
        });
        if (!read) return false;
        if (seen != 7) {
            const char* const missing = (seen & 1) == 0 ? "dtype" : (seen & 2) == 0 ? "shape" : "data_offsets";
            return json_.fail("tensor " + in_quotes(name) + " has no " + missing);
        }
        return check_size(entry);
    }

    bool read_dtype(TensorEntry& entry) {
        std::string name;
        if (!json_.read_string(name, "a dtype in quotes")) return false;
        const DTypeInfo* const info = find_dtype(name);
        if (info == nullptr)
            return json_.fail("tensor " + in_quotes(entry.name) + ": unknown dtype " + in_quotes(name));
        entry.dtype = info->dtype;
        return true;
    }

    bool read_shape(TensorEntry& entry) {
        return json_.read_array("a shape", [&] {
            if (entry.shape.size() == max_rank)
                return json_.fail("tensor " + in_quotes(entry.name) + " has more than 64 dimensions");
            return json_.read_unsigned(entry.shape.emplace_back(), "a dimension");
        });
    }

    bool read_offsets(TensorEntry& entry) {
        std::size_t count = 0;
        const bool read = json_.read_array("data_offsets", [&] {
            std::uint64_t value = 0;
            if (!json_.read_unsigned(value, "a data offset")) return false;
            if (count < 2) (count == 0 ? entry.begin : entry.end) = value;
            return ++count <= 2 ||
                   json_.fail("tensor " + in_quotes(entry.name) + ": data_offsets has more than two numbers");
        });
        if (!read) return false;
        return count == 2 || json_.fail("tensor " + in_quotes(entry.name) + ": data_offsets needs two numbers");
    }

    // The bytes must lie in the data and be as many as shape and type take.
    bool check_size(const TensorEntry& entry) {
        const auto shape = [&] {
            return "shape " + shape_text<std::uint64_t>(entry.shape) + " of " +
                   std::string(dtype_info(entry.dtype).name);
        };
        const auto range = [&] { return "data_offsets " + range_text(entry.begin, entry.end); };
        std::uint64_t bits = static_cast<std::uint64_t>(dtype_info(entry.dtype).bits);
        for (const std::uint64_t n : entry.shape) {
            if (n != 0 && bits > UINT64_MAX / n) return refuse(entry, shape() + " is beyond 64-bit sizes");
            bits *= n;
        }
        if (bits % 8 != 0) return refuse(entry, shape() + " does not fill whole bytes");
        if (entry.begin > entry.end) return refuse(entry, range() + " end before they begin");
        if (entry.end > data_size_)
            return refuse(entry, range() + " reach beyond the data, which has " + std::to_string(data_size_) +
                                     " bytes (is the file truncated?)");
        if (entry.end - entry.begin != bits / 8)
            return refuse(entry, shape() + " takes " + std::to_string(bits / 8) + " bytes, but " + range() + " hold " +
                                     std::to_string(entry.end - entry.begin));
        return true;
    }

    bool sort_entries() {
        std::vector<TensorEntry>& entries = header_.entries;
        std::sort(entries.begin(), entries.end(),
                  [](const TensorEntry& a, const TensorEntry& b) { return a.name < b.name; });
        for (std::size_t i = 1; i < entries.size(); ++i)
            if (entries[i].name == entries[i - 1].name) return refuse(entries[i], "its name appears twice");
        return true;
    }

    // The tensors must cover the data without overlaps and without holes.
    bool check_layout() {
        const std::vector<TensorEntry>& entries = header_.entries;
        std::vector<std::size_t> order(entries.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return entries[a].begin != entries[b].begin ? entries[a].begin < entries[b].begin
                                                        : entries[a].end < entries[b].end;
        });
        std::uint64_t covered = 0;
        const TensorEntry* last = nullptr;
        for (const std::size_t i : order) {
            const TensorEntry& entry = entries[i];
            if (entry.begin < covered)
                return refuse(entry, "data_offsets " + range_text(entry.begin, entry.end) +
                                         " overlap those of tensor " + in_quotes(last->name) + ", " +
                                         range_text(last->begin, last->end));
            if (entry.begin > covered)
                return refuse("bytes " + range_text(covered, entry.begin) + " of the data, before tensor " +
                              in_quotes(entry.name) + ", belong to no tensor");
            covered = entry.end;
            last = &entry;
        }
        if (covered != data_size_)
            return refuse("bytes " + range_text(covered, data_size_) + " at the end of the data belong to no tensor");
        return true;
    }

    JsonReader json_;
    std::uint64_t data_size_;
    SafeTensorsHeader header_;
    std::string problem_;
};

}  // namespace detail

}  // namespace effv2
