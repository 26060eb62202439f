// Checkpoints: named sections in one file, written so that no full disk, kill or power cut loses the last good one, and
// read so that a damaged one is found out, named, and replaced by the one before it.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

#include "effv2/error.hpp"
#include "effv2/training/optimise/checkpoint_format.hpp"
#include "effv2/weights/mapped_file.hpp"
#include "effv2/weights/new_file.hpp"

namespace effv2::training {

// A checkpoint that was found whole, mapped into memory. Move-only.
class Checkpoint {
public:
    // This file and no other.
    //
    // Fails with ErrorCode::file where it cannot be read, ErrorCode::format where it is cut, damaged or something else,
    // ErrorCode::mismatch where it is sound but of another version or byte order.
    static Result<Checkpoint> open(const std::string& path) {
        Result<MappedFile> file = MappedFile::open(path);
        if (!file) return file.error();
        Result<std::vector<CheckpointSection>> sections = optimise::parse_checkpoint(path, file->bytes());
        if (!sections) return sections.error();
        return Checkpoint(path, std::move(*file), std::move(*sections));
    }

    // The file that was read, which is the previous one where note() says so.
    const std::string& path() const { return path_; }

    // Empty, or a sentence on why the previous checkpoint stands in for the one that was asked for.
    const std::string& note() const { return note_; }

    std::span<const CheckpointSection> sections() const { return sections_; }

    bool has(std::string_view name) const { return lookup(name) != nullptr; }

    // The values of a section, in the mapped file: good as long as the checkpoint.
    //
    // Fail with ErrorCode::mismatch where the section is missing or of another kind.
    Result<std::span<const float>> floats(std::string_view name) const { return values<float>(name); }
    Result<std::span<const std::uint64_t>> numbers(std::string_view name) const { return values<std::uint64_t>(name); }
    Result<std::span<const std::byte>> bytes(std::string_view name) const { return values<std::byte>(name); }

    // Copies a section's values to `to`.
    //
    // Fail with ErrorCode::mismatch, without changing `to`, where the section is missing, of another kind, or has not
    // as many values as `to`.
    Status read(std::string_view name, std::span<float> to) const { return copy(name, to); }
    Status read(std::string_view name, std::span<std::uint64_t> to) const { return copy(name, to); }

    // Whether read() of so many floats would succeed. Fails as it does.
    Status check_floats(std::string_view name, std::size_t count) const {
        const Result<std::span<const float>> found = values<float>(name, count);
        return found ? Status(std::monostate{}) : found.error();
    }

    // The one number of a section. Fails as read does.
    Result<std::uint64_t> number(std::string_view name) const {
        const Result<std::span<const std::uint64_t>> found = values<std::uint64_t>(name, 1);
        if (!found) return found.error();
        return found->front();
    }

private:
    friend Result<Checkpoint> read_checkpoint(const std::string& path);

    Checkpoint(std::string path, MappedFile file, std::vector<CheckpointSection> sections)
        : path_(std::move(path)), file_(std::move(file)), sections_(std::move(sections)) {}

    template <class Value>
    static constexpr SectionKind kind_of = std::is_same_v<Value, float>       ? SectionKind::floats
                                           : std::is_same_v<Value, std::byte> ? SectionKind::bytes
                                                                              : SectionKind::numbers;

    const CheckpointSection* lookup(std::string_view name) const {
        const auto found = std::find_if(sections_.begin(), sections_.end(),
                                        [&](const CheckpointSection& s) { return s.name == name; });
        return found == sections_.end() ? nullptr : &*found;
    }

    Error refuse(std::string_view name, const std::string& why) const {
        return {ErrorCode::mismatch, path_ + ": section " + effv2::detail::in_quotes(name) + " " + why};
    }

    template <class Value>
    Result<std::span<const Value>> values(std::string_view name) const {
        const CheckpointSection* const section = lookup(name);
        if (section == nullptr) return refuse(name, "is missing");
        if (section->kind != kind_of<Value>)
            return refuse(name, "has " + std::string(optimise::kind_name(section->kind)) + ", expected " +
                                    std::string(optimise::kind_name(kind_of<Value>)));
        return std::span(reinterpret_cast<const Value*>(section->data.data()), section->data.size() / sizeof(Value));
    }

    template <class Value>
    Result<std::span<const Value>> values(std::string_view name, std::size_t count) const {
        const Result<std::span<const Value>> found = values<Value>(name);
        if (!found || found->size() == count) return found;
        return refuse(name, "has " + std::to_string(found->size()) + " " +
                                std::string(optimise::kind_name(kind_of<Value>)) + ", expected " +
                                std::to_string(count));
    }

    template <class Value>
    Status copy(std::string_view name, std::span<Value> to) const {
        const Result<std::span<const Value>> from = values<Value>(name, to.size());
        if (!from) return from.error();
        std::copy(from->begin(), from->end(), to.begin());
        return std::monostate{};
    }

    std::string path_, note_;
    MappedFile file_;
    std::vector<CheckpointSection> sections_;
};

// Where write_checkpoint keeps the checkpoint before the one at `path`.
inline std::string previous_checkpoint(const std::string& path) { return path + ".previous"; }

// The checkpoint at `path`, or, where that is missing or damaged, the previous one: then note() says so, and why.
//
// Fails as Checkpoint::open does where neither is good, with both reasons; and for a sound file of another version or
// byte order, for which no older one stands in.
inline Result<Checkpoint> read_checkpoint(const std::string& path) {
    Result<Checkpoint> newest = Checkpoint::open(path);
    if (newest || newest.error().code == ErrorCode::mismatch) return newest;
    Result<Checkpoint> previous = Checkpoint::open(previous_checkpoint(path));
    if (!previous) return Error{newest.error().code, newest.error().message + "; " + previous.error().message};
    previous->note_ = newest.error().message + "; " + previous->path() + " is used in its place";
    return previous;
}

// Inner workings.
namespace optimise {

// What a writer is given and its file cannot hold.
inline Status check_sections(const std::string& path, std::span<const CheckpointSection> sections) {
    for (std::size_t i = 0; i < sections.size(); ++i) {
        const std::string_view name = sections[i].name;
        const auto same = [&](const CheckpointSection& other) { return other.name == name; };
        const auto before = sections.first(i);
        if (name.empty() || std::any_of(before.begin(), before.end(), same))
            return Error{ErrorCode::argument, path + ": section " + effv2::detail::in_quotes(name) +
                                                  (name.empty() ? " needs a name" : " is given twice")};
    }
    return std::monostate{};
}

inline Status write_sections(effv2::detail::NewFile& file, std::span<const CheckpointSection> sections) {
    Checksum checksum;
    const auto write = [&](std::span<const std::byte> bytes) -> Status {
        const std::size_t whole = bytes.size() / Checksum::block * Checksum::block;
        if (bytes.empty()) return std::monostate{};
        checksum.add(bytes.first(whole));
        if (Status status = file.write(bytes.first(whole)); !status || whole == bytes.size()) return status;
        std::array<std::byte, Checksum::block> last{};
        std::memcpy(last.data(), bytes.data() + whole, bytes.size() - whole);
        checksum.add(last);
        return file.write(last);
    };
    Status status = write(checkpoint_head(sections));
    for (const CheckpointSection& section : sections)
        if (status) status = write(section.data);
    const std::uint64_t sum = checksum.value();
    return status ? file.write(std::as_bytes(std::span(&sum, 1))) : status;
}

// A second name for the file at `path`, if that is a good checkpoint: it outlives the first one's replacement.
inline bool keep_aside(const std::string& path, const std::string& aside) {
    std::remove(aside.c_str());  // of a writer that was killed
#if __has_include(<unistd.h>)
    return Checkpoint::open(path).has_value() && ::link(path.c_str(), aside.c_str()) == 0;
#else
    return false;
#endif
}

// New names in a folder outlive a power cut only once the folder itself is stored.
inline Status synchronise_folder(const std::string& path) {
#if __has_include(<unistd.h>)
    const std::size_t slash = path.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return effv2::detail::system_error(folder, "cannot be opened", errno);
    const bool stored = ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
    const int reason = errno;
    ::close(descriptor);
    if (!stored) return effv2::detail::system_error(folder, "cannot be stored", reason);
#endif
    return std::monostate{};
}

}  // namespace optimise

// Writes a checkpoint of these sections to `path`, straight from their memory; what was there before, if it was good,
// is then at previous_checkpoint(path). At every moment at least one of the two is whole: the new file is written and
// stored under a name of its own (path + ".partial0") and takes its place in one step; the old one has a second name
// (path + ".aside") meanwhile. Takes room for three checkpoints on the disk. One writer at a time: a second of the same
// path would lose its unfinished file to the first. File systems without hard links keep no previous one.
//
// Fails with ErrorCode::argument for a section without a name or of another's name, and with ErrorCode::file where the
// file cannot be written, a full disk included: what was at `path` is then still there.
inline Status write_checkpoint(const std::string& path, std::span<const CheckpointSection> sections) {
    if (Status sound = optimise::check_sections(path, sections); !sound) return sound;
    std::remove((path + ".partial0").c_str());  // of a writer that was killed
    Result<effv2::detail::NewFile> file = effv2::detail::NewFile::create(path);
    if (!file) return file.error();
    if (Status written = optimise::write_sections(*file, sections); !written) return written;
    const std::string aside = path + ".aside", previous = previous_checkpoint(path);
    const bool kept = optimise::keep_aside(path, aside);
    if (Status done = file->commit(); !done) {
        std::remove(aside.c_str());
        return done;
    }
    if (kept && std::rename(aside.c_str(), previous.c_str()) != 0) {
        const int reason = errno;
        std::remove(aside.c_str());
        return effv2::detail::system_error(previous, "cannot be replaced", reason);
    }
    return optimise::synchronise_folder(path);
}

}  // namespace effv2::training
