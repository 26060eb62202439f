// The log of a training run: a line of JSON for its settings, for each interval of steps, for each evaluation.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "effv2/error.hpp"

namespace cli {

class TrainLog {
public:
    // A log that has the lines of `path` up to step `step`, and `settings` in front. Lines after it are of steps that
    // no checkpoint knows and that will be made again; a last line that was cut short is dropped with them.
    static effv2::Result<TrainLog> open(const std::string& path, const nlohmann::ordered_json& settings,
                                        std::uint64_t step);

    // Whether it has an evaluation of that step.
    bool has_evaluation(std::uint64_t step) const { return evaluated_ && last_evaluation_ == step; }

    // Appends a line. Fails (ErrorCode::file) where it cannot be written.
    effv2::Status write(const nlohmann::ordered_json& line);

    // Sees all lines stored on the disk, before a checkpoint relies on them.
    effv2::Status store();

private:
    TrainLog(std::string path, std::FILE* file) : path_(std::move(path)), file_(file, std::fclose) {}

    std::string path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    bool evaluated_ = false;
    std::uint64_t last_evaluation_ = 0;
};

}  // namespace cli
