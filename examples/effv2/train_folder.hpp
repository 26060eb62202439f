// The folder of a training run: which files it has, whose turn it is, and whether a run may go on in it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>

#include "effv2/error.hpp"

namespace cli {

// JSON as text. Paths need not be UTF-8, but JSON must.
std::string as_text(const nlohmann::ordered_json& value, int indent = -1);

// Puts a text in a file's place at once: whoever reads it sees the old text or the new one.
//
// Fails (ErrorCode::file) where it cannot be written.
effv2::Status replace_file(const std::string& path, const std::string& text);

// Makes a folder, and those that it is to lie in, where they are missing. Fails (ErrorCode::file) where it cannot.
effv2::Status make_folder(const std::string& path);

class TrainFolder {
public:
    // Makes the folder where it is missing, and keeps other runs out of it as long as this object lives; the system
    // lets them in again whatever becomes of this process. Fails where that cannot be, and where a run is there that is
    // not to be resumed.
    static effv2::Result<TrainFolder> open(const std::string& path, bool resume);

    TrainFolder(TrainFolder&& other) noexcept;
    TrainFolder& operator=(TrainFolder&&) = delete;
    ~TrainFolder();

    std::string settings() const { return path_ + "/settings.json"; }
    std::string checkpoint() const { return path_ + "/checkpoint"; }
    std::string log() const { return path_ + "/log.jsonl"; }
    std::string weights() const { return path_ + "/weights.safetensors"; }
    std::string plots() const { return path_ + "/plots"; }

    // Whether there is a checkpoint to go on from, be it whole or damaged.
    bool has_checkpoint() const;

    // Begins a run, or goes on with one: fails where one is there with settings that would lead to other weights.
    effv2::Status enter(const nlohmann::ordered_json& settings);

private:
    TrainFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    bool has_run() const;

    std::string path_;
    int lock_;
};

}  // namespace cli
