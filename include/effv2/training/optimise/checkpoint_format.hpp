// The bytes of a checkpoint: 64-bit words in the byte order of the machine that wrote it.
//
//   header     8 words: magic, version, bytes of the whole file, sections, bytes of the table, 0, 0, 0
//   table      for each section: kind, bytes of its values, place of its values in the file, bytes of its name; the
//   name values     of each section checksum   1 word, over all before it
//
// Names are filled up with zeros to 8 bytes, the table and the values of each section to 64. All versions have magic,
// version, length and checksum in the same places: a file of another version can be told from a damaged one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/training/optimise/checksum.hpp"
#include "effv2/weights/mapped_file.hpp"
#include "effv2/weights/text.hpp"

namespace effv2::training {

enum class SectionKind : std::uint64_t { floats = 1, numbers = 2, bytes = 3 };

// A named run of values. What it is made of must outlive it: nothing is copied.
struct CheckpointSection {
    std::string_view name;
    SectionKind kind;
    std::span<const std::byte> data;

    CheckpointSection(std::string_view n, SectionKind k, std::span<const std::byte> d) : name(n), kind(k), data(d) {}
    CheckpointSection(std::string_view n, std::span<const float> values)
        : CheckpointSection(n, SectionKind::floats, std::as_bytes(values)) {}
    CheckpointSection(std::string_view n, std::span<const std::uint64_t> values)
        : CheckpointSection(n, SectionKind::numbers, std::as_bytes(values)) {}
    CheckpointSection(std::string_view n, std::span<const std::byte> values)
        : CheckpointSection(n, SectionKind::bytes, values) {}
    CheckpointSection(std::string_view n, std::string_view text)
        : CheckpointSection(n, SectionKind::bytes, std::as_bytes(std::span(text.data(), text.size()))) {}
};

// Inner workings.
namespace optimise {

inline constexpr std::uint64_t checkpoint_magic = 0x54504b4332564645;  // "EFV2CKPT" on a little-endian machine
inline constexpr std::uint64_t checkpoint_version = 1;
inline constexpr std::size_t checkpoint_header = 64, checkpoint_entry = 32;  // bytes
static_assert(checkpoint_header == Checksum::block);

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
}

inline std::uint64_t word_at(std::span<const std::byte> bytes, std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

constexpr std::uint64_t other_byte_order(std::uint64_t word) {
    std::uint64_t turned = 0;
    for (int i = 0; i < 8; ++i) turned = turned << 8 | (word >> 8 * i & 0xff);
    return turned;
}

constexpr std::string_view kind_name(SectionKind kind) {
    return kind == SectionKind::floats ? "floats" : kind == SectionKind::numbers ? "64-bit numbers" : "bytes";
}

constexpr std::size_t bytes_each(SectionKind kind) {
    return kind == SectionKind::floats ? sizeof(float) : kind == SectionKind::numbers ? sizeof(std::uint64_t) : 1;
}

// Header and table.
inline std::vector<std::byte> checkpoint_head(std::span<const CheckpointSection> sections) {
    std::size_t table = 0;
    for (const CheckpointSection& section : sections) table += checkpoint_entry + rounded_up(section.name.size(), 8);
    table = rounded_up(table, Checksum::block);
    std::vector<std::byte> head(checkpoint_header + table);
    std::size_t at = checkpoint_header, place = head.size();
    const auto put = [&](std::size_t where, std::uint64_t word) { std::memcpy(head.data() + where, &word, 8); };
    for (const CheckpointSection& section : sections) {
        put(at, static_cast<std::uint64_t>(section.kind));
        put(at + 8, section.data.size());
        put(at + 16, place);
        put(at + 24, section.name.size());
        std::memcpy(head.data() + at + checkpoint_entry, section.name.data(), section.name.size());
        at += checkpoint_entry + rounded_up(section.name.size(), 8);
        place += rounded_up(section.data.size(), Checksum::block);
    }
    const std::array<std::uint64_t, 5> words{checkpoint_magic, checkpoint_version, place + 8, sections.size(), table};
    std::memcpy(head.data(), words.data(), sizeof words);
    return head;
}

// The sections of a table that fits its file.
inline bool read_table(std::span<const std::byte> file, std::vector<CheckpointSection>& sections) {
    const std::uint64_t count = word_at(file, 24), table = word_at(file, 32);
    const std::size_t values_end = file.size() - 8;
    if (table > values_end - checkpoint_header || table % Checksum::block != 0) return false;
    const std::size_t end = checkpoint_header + static_cast<std::size_t>(table);
    std::size_t at = checkpoint_header;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (end - at < checkpoint_entry) return false;
        const SectionKind kind = static_cast<SectionKind>(word_at(file, at));
        const std::uint64_t bytes = word_at(file, at + 8), place = word_at(file, at + 16),
                            name = word_at(file, at + 24);
        at += checkpoint_entry;
        if (name > end - at || rounded_up(static_cast<std::size_t>(name), 8) > end - at) return false;
        if (kind < SectionKind::floats || kind > SectionKind::bytes || bytes % bytes_each(kind) != 0) return false;
        if (place % Checksum::block != 0 || place < end || place > values_end || bytes > values_end - place)
            return false;
        sections.emplace_back(
            std::string_view(reinterpret_cast<const char*>(file.data()) + at, static_cast<std::size_t>(name)), kind,
            file.subspan(static_cast<std::size_t>(place), static_cast<std::size_t>(bytes)));
        at += rounded_up(static_cast<std::size_t>(name), 8);
    }
    return true;
}

// The sections of a checkpoint, which refer to `file`. `path` is for messages.
//
// Fails with ErrorCode::mismatch for a sound file of another version or byte order, with ErrorCode::format for anything
// else that is not a whole, undamaged checkpoint.
inline Result<std::vector<CheckpointSection>> parse_checkpoint(const std::string& path,
                                                               std::span<const std::byte> file) {
    const auto refuse = [&](ErrorCode code, const std::string& why) { return Error{code, path + ": " + why}; };
    const std::string found = std::to_string(file.size());
    if (file.size() < checkpoint_header + 8)
        return refuse(ErrorCode::format, "is no whole checkpoint: it has only " + found + " bytes");
    const std::uint64_t magic = word_at(file, 0), version = word_at(file, 8), length = word_at(file, 16);
    if (magic == other_byte_order(checkpoint_magic))
        return refuse(ErrorCode::mismatch, "is a checkpoint from a machine of the other byte order");
    if (magic != checkpoint_magic)
        return refuse(ErrorCode::format, "is no checkpoint, or damaged: it does not begin as one");
    if (file.size() != length || length % Checksum::block != 8)
        return refuse(ErrorCode::format, std::string(file.size() < length ? "is cut short: " : "is damaged: ") +
                                             "by its header it has " + std::to_string(length) + " bytes, found " +
                                             found);
    Checksum checksum;
    checksum.add(file.first(file.size() - 8));
    if (checksum.value() != word_at(file, file.size() - 8))
        return refuse(ErrorCode::format, "is damaged: its bytes do not have the checksum that it ends with");
    if (version != checkpoint_version)
        return refuse(ErrorCode::mismatch, "is a checkpoint of version " + std::to_string(version) + ", expected " +
                                               std::to_string(checkpoint_version));
    std::vector<CheckpointSection> sections;
    if (!read_table(file, sections))
        return refuse(ErrorCode::format, "has a table of sections that does not fit the file");
    return sections;
}

}  // namespace optimise

}  // namespace effv2::training
