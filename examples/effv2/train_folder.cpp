#include "train_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "effv2/training/optimise/checkpoint.hpp"
#include "effv2/weights/mapped_file.hpp"
#include "effv2/weights/new_file.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;

namespace {

Error failed(const std::string& path, const char* what, int reason) {
    return {ErrorCode::file, path + ": " + what + ": " + std::strerror(reason)};
}

// Where the same pictures and weights lie does not change what becomes of them.
void drop_paths(ordered_json& settings) {
    for (const char* const key : {"pictures", "from"})
        if (settings.contains(key) && settings[key].is_object()) settings[key].erase("path");
}

// A setting, shortened where it is long.
std::string shown(const ordered_json& setting) {
    constexpr std::size_t longest = 200;
    const std::string text = as_text(setting);
    return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

// What both have in this place is objects, or arrays as long as each other: their parts say more.
bool have_parts(const ordered_json& there, const ordered_json& here) {
    return (there.is_object() && here.is_object()) ||
           (there.is_array() && here.is_array() && there.size() == here.size());
}

// The first difference, as "optimiser name is "sgd" there and "adamw" here"; empty where there is none.
std::string find_difference(const ordered_json& there, const ordered_json& here, const std::string& within = "") {
    for (std::size_t i = 0; here.is_array() && i < here.size(); ++i)
        if (there[i] != here[i]) {
            const std::string place = within + std::to_string(i + 1) + " ";
            if (have_parts(there[i], here[i])) return find_difference(there[i], here[i], place);
            return place + "is " + shown(there[i]) + " there and " + shown(here[i]) + " here";
        }
    if (here.is_array()) return {};
    for (const ordered_json* const side : {&here, &there})
        for (const auto& [key, value] : side->items()) {
            const bool both = there.contains(key) && here.contains(key);
            if (both && there[key] == here[key]) continue;
            if (both && have_parts(there[key], here[key]))
                return find_difference(there[key], here[key], within + key + " ");
            const auto text = [&key = key](const ordered_json& of) {
                return of.contains(key) ? shown(of[key]) : std::string("not set");
            };
            return within + key + " is " + text(there) + " there and " + text(here) + " here";
        }
    return {};
}

}  // namespace

std::string as_text(const ordered_json& value, int indent) {
    return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

Status replace_file(const std::string& path, const std::string& text) {
    std::remove((path + ".partial0").c_str());  // of a writer that was killed
    Result<effv2::detail::NewFile> file = effv2::detail::NewFile::create(path);
    if (!file) return file.error();
    if (Status written = file->write(std::as_bytes(std::span(text.data(), text.size()))); !written) return written;
    return file->commit();
}

Status make_folder(const std::string& path) {
    std::error_code reason;
    std::filesystem::create_directories(path, reason);
    if (reason) return Error{ErrorCode::file, path + ": cannot be made a folder: " + reason.message()};
    return std::monostate{};
}

Result<TrainFolder> TrainFolder::open(const std::string& path, bool resume) {
    if (Status made = make_folder(path); !made) return made.error();
    const std::string lock = path + "/lock";
    const int descriptor = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return failed(lock, "cannot be opened", errno);
    TrainFolder folder(path, descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed(lock, "cannot be locked", errno);
        return Error{ErrorCode::file, path + ": another run is under way in this folder"};
    }
    if (!resume && folder.has_run())
        return Error{ErrorCode::argument,
                     path + ": has a run already; --resume goes on with it, another --output begins a new one"};
    return folder;
}

bool TrainFolder::has_run() const {
    std::error_code ignored;
    return std::filesystem::exists(settings(), ignored) || has_checkpoint();
}

TrainFolder::TrainFolder(TrainFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

TrainFolder::~TrainFolder() {
    if (lock_ >= 0) ::close(lock_);
}

bool TrainFolder::has_checkpoint() const {
    std::error_code ignored;
    return std::filesystem::exists(checkpoint(), ignored) ||
           std::filesystem::exists(effv2::training::previous_checkpoint(checkpoint()), ignored);
}

Status TrainFolder::enter(const ordered_json& settings) {
    const std::string& path = this->settings();
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
        if (has_checkpoint())
            return Error{ErrorCode::file, path + ": is missing; it says whose checkpoint it is that lies beside it"};
        return replace_file(path, as_text(settings, 2) + "\n");
    }
    const Result<effv2::MappedFile> file = effv2::MappedFile::open(path);
    if (!file) return file.error();
    const auto* const text = reinterpret_cast<const char*>(file->bytes().data());
    ordered_json there = ordered_json::parse(text, text + file->bytes().size(), nullptr, false);
    if (!there.is_object()) return Error{ErrorCode::format, path + ": is not the settings of a run"};
    ordered_json here = ordered_json::parse(as_text(settings));
    drop_paths(there), drop_paths(here);
    const std::string difference = find_difference(there, here);
    if (difference.empty()) return std::monostate{};
    return Error{ErrorCode::mismatch, path + ": --resume goes on with the same settings only, but " + difference};
}

}  // namespace cli
