#include "log_lines.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "effv2/weights/mapped_file.hpp"

namespace cli {

using nlohmann::json;

effv2::Result<std::vector<LogLine>> read_log(const std::string& path) {
    const effv2::Result<effv2::MappedFile> file = effv2::MappedFile::open(path);
    if (!file) return file.error();
    std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
    std::vector<LogLine> lines;
    // A line without its end is unfinished.
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const json parsed = json::parse(line, nullptr, false);
        if (!parsed.is_object() || !parsed.contains("kind") || !parsed["kind"].is_string()) continue;
        const auto number = [&](const char* key) {
            const auto found = parsed.find(key);
            return found != parsed.end() && found->is_number() ? found->get<double>() : std::nan("");
        };
        LogLine found{parsed["kind"],   0,
                      number("size"),   number("learning_rate"),
                      number("loss"),   number("accuracy"),
                      number("top1"),   number("batch"),
                      number("steps"),  number("images_per_second"),
                      std::string(line)};
        if (const double step = number("step"); step >= 0.0 && step < 1e18)
            found.step = static_cast<std::uint64_t>(step);
        lines.push_back(std::move(found));
    }
    return lines;
}

}  // namespace cli
