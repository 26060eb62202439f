// libFuzzer target: hostile weight files through everything that reads them. Build and run it with clang:
//
//     clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/safetensors_fuzzer.cpp -o
//     fuzzer mkdir -p seeds && printf '\1\4{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' > seeds/header
//     printf '\1\0{"__metadata__":{"effv2.scheme":"ke\\u0079\\ud83d\\ude00"}}' > seeds/metadata
//     ./fuzzer -max_total_time=300 -max_len=4096 -len_control=0 seeds
//
// The first byte of an input chooses what the rest is: a whole file; a header, whose length and data are added; or
// edits to a sound file, so that mutations start deep inside.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/load.hpp"
#include "effv2/weights/write.hpp"

namespace {

using namespace effv2;

// A network small enough that its whole file is a fuzzer's food.
constexpr Architecture tiny{
    .stem = 1,
    .stages = {fused(1, 1, 1, 1), fused(1, 2, 2, 1), mbconv(2, 1, 1, 1), mbconv(1, 2, 2, 2, 3, 0)},
    .head = 2,
    .classes = 2,
    .input = {32, 32}};

void require(bool condition) {
    if (!condition) __builtin_trap();
}

// Messages are for people's screens: of bounded length and without control characters.
void check_message(const Error& error) {
    require(!error.message.empty() && error.message.size() < 16384);
    for (const char c : error.message) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void read_all(const WeightSource& source, const Architecture& a) {
    for_each_tensor(a, [&](const Tensor& tensor) {
        std::vector<float> values(tensor.shape.elements());
        source.read(tensor, 0, values);
        source.done(tensor);
    });
}

void open_all(std::span<const std::byte> bytes, const Architecture& a, const WeightOptions& options) {
    Result<SafeTensors> file = SafeTensors::from_bytes(bytes, "fuzz");
    require(file.has_value());
    const Result<FileSource> source = open_weights(std::move(*file), a, options);
    if (source)
        read_all(*source, a);
    else
        check_message(source.error());
}

void try_file(std::span<const std::byte> bytes, bool thorough) {
    const Result<SafeTensors> file = SafeTensors::from_bytes(bytes, "fuzz");
    if (!file) return check_message(file.error());
    std::uint64_t covered = 0;
    for (const TensorEntry& entry : file->entries()) {
        require(file->find(entry.name) == &entry);
        covered += file->bytes(entry).size();
        std::vector<float> values(file->bytes(entry).size() / 2 + 1);
        file->read(entry, 0, values);
        file->read(entry, entry.begin, std::span(values).first(1));
        file->release(entry);
    }
    require(covered <= bytes.size());
    for (const auto& [key, text] : file->metadata()) {
        std::string json;
        require(file->metadata(key) == text && detail::append_json(json, key) && detail::append_json(json, text));
    }
    if (thorough) {
        const Result<Identity> identity = identify(*file);
        if (!identity) check_message(identity.error());
        open_all(bytes, variants::b0, {});
    }
    open_all(bytes, tiny, {});
    open_all(bytes, tiny.with_padding(Padding::symmetric), {.scheme = schemes::timm, .epsilon = 1e-4f});
}

std::string with_length(std::string_view json) {
    std::string start;
    for (int shift = 0; shift < 64; shift += 8) start += static_cast<char>(std::uint64_t{json.size()} >> shift);
    return start.append(json);
}

// The tiny network's file, under either naming.
const std::string& sound_file(bool torchvision) {
    const auto make = [](const Scheme& scheme) {
        const std::vector<std::string> labels{"one", "two"};
        const Architecture a = tiny.with_padding(scheme.padding);
        Metadata metadata = describe_model(a, *named_recipe("timm", "b0"), labels);
        metadata.emplace(metadata_keys::scheme, scheme.name);
        std::string bytes = *detail::weights_header("", a, scheme, metadata);
        std::size_t elements = 0;
        for_each_tensor(tiny, [&](const Tensor& tensor) { elements += tensor.shape.elements(); });
        return bytes.append(4 * elements, '\0');
    };
    static const std::string files[] = {make(schemes::timm_tf), make(schemes::torchvision)};
    return files[torchvision ? 1 : 0];
}

// Edits of three bytes each: two of position, one of what to put there.
std::string edited_file(std::span<const std::uint8_t> edits) {
    std::string bytes = sound_file(!edits.empty() && edits[0] % 2 == 1);
    for (std::size_t i = 1; i + 2 < edits.size(); i += 3) {
        const std::size_t at = static_cast<std::size_t>(edits[i] * 256 + edits[i + 1]) % bytes.size();
        bytes[at] = static_cast<char>(edits[i + 2]);
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::span<const std::uint8_t> rest(data + 2, size - 2);
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    std::string bytes(text);
    if (data[0] % 3 == 1) bytes = with_length(text).append(data[1], '\x3c');
    if (data[0] % 3 == 2) bytes = edited_file(rest);
    // An allocation of exactly its size lets the sanitizer see the first byte beyond.
    const std::vector<std::byte> exact(std::as_bytes(std::span(bytes)).begin(), std::as_bytes(std::span(bytes)).end());
    try_file(exact, data[0] % 3 != 2 || data[1] % 8 == 0);
    return 0;
}
