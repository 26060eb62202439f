#include "train_log.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "log_lines.hpp"
#include "train_folder.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;

Result<TrainLog> TrainLog::open(const std::string& path, const ordered_json& settings, std::uint64_t step) {
    ordered_json first = {{"kind", "settings"}};
    first.update(settings);
    std::string kept = as_text(first) + "\n";
    bool evaluated = false;
    std::uint64_t last = 0;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) && step > 0) {
        const Result<std::vector<LogLine>> lines = read_log(path);
        if (!lines) return lines.error();
        for (const LogLine& line : *lines) {
            if (line.kind == "settings" || line.step > step) continue;
            kept += line.text + "\n";
            if (line.kind == "evaluation") evaluated = true, last = line.step;
        }
    }
    if (Status replaced = replace_file(path, kept); !replaced) return replaced.error();
    std::FILE* const file = std::fopen(path.c_str(), "ab");
    if (file == nullptr) return Error{ErrorCode::file, path + ": cannot be opened: " + std::strerror(errno)};
    TrainLog log(path, file);
    log.evaluated_ = evaluated, log.last_evaluation_ = last;
    return log;
}

Status TrainLog::write(const ordered_json& line) {
    const std::string text = as_text(line) + "\n";
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0)
        return Error{ErrorCode::file, path_ + ": cannot be written: " + std::strerror(errno)};
    if (line.at("kind") == "evaluation") evaluated_ = true, last_evaluation_ = line.at("step").get<std::uint64_t>();
    return std::monostate{};
}

Status TrainLog::store() {
    if (::fsync(fileno(file_.get())) == 0 || errno == EINVAL) return std::monostate{};
    return Error{ErrorCode::file, path_ + ": cannot be stored: " + std::strerror(errno)};
}

}  // namespace cli
