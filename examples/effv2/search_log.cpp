#include "search_log.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "effv2/architecture/text.hpp"
#include "log_lines.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using nlohmann::ordered_json;

namespace {

Result<TriedArchitecture> parse_trial(const std::string& line) try {
    const ordered_json fields = ordered_json::parse(line);
    const Result<effv2::Architecture> a =
        effv2::parse_architecture(fields.at("architecture").get_ref<const std::string&>());
    if (!a) return a.error();
    const auto number = [&](const char* key) { return fields.at(key).get<double>(); };
    return TriedArchitecture{{*a, number("accuracy"), number("step_time"), number("reward")},
                             fields.at("parameters").get<std::int64_t>(),
                             fields.at("macs").get<std::int64_t>(),
                             number("loss"),
                             number("step_ms"),
                             number("backbone_ms"),
                             number("seconds"),
                             fields.value("failure", std::string())};
} catch (const nlohmann::json::exception& error) {
    return Error{ErrorCode::format, error.what()};
}

}  // namespace

ordered_json describe_trial(std::size_t number, const TriedArchitecture& tried) {
    ordered_json line = {{"kind", "trial"},
                         {"step", number},
                         {"architecture", effv2::format_architecture(tried.trial.architecture)},
                         {"accuracy", tried.trial.accuracy},
                         {"loss", tried.loss},
                         {"step_time", tried.trial.step_time},
                         {"step_ms", tried.step_ms},
                         {"backbone_ms", tried.backbone_ms},
                         {"parameters", tried.parameters},
                         {"macs", tried.macs},
                         {"reward", tried.trial.reward},
                         {"seconds", tried.seconds}};
    if (!tried.failure.empty()) line["failure"] = tried.failure;
    return line;
}

Result<std::vector<TriedArchitecture>> read_trials(const std::string& log) {
    std::vector<TriedArchitecture> trials;
    std::error_code ignored;
    if (!std::filesystem::exists(log, ignored)) return trials;
    const Result<std::vector<LogLine>> lines = read_log(log);
    if (!lines) return lines.error();
    for (const LogLine& line : *lines) {
        if (line.kind == "settings") continue;
        const std::string where = log + ": trial " + std::to_string(trials.size() + 1) + ": ";
        if (line.kind != "trial" || line.step != trials.size() + 1)
            return Error{ErrorCode::format,
                         where + "expected its line, found " + line.kind + " " + std::to_string(line.step)};
        Result<TriedArchitecture> trial = parse_trial(line.text);
        if (!trial) return Error{ErrorCode::format, where + trial.error().message};
        trials.push_back(std::move(*trial));
    }
    return trials;
}

std::vector<effv2::search::Trial> results_of(const std::vector<TriedArchitecture>& tried) {
    std::vector<effv2::search::Trial> results;
    results.reserve(tried.size());
    for (const TriedArchitecture& each : tried) results.push_back(each.trial);
    return results;
}

}  // namespace cli
