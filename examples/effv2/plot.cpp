// effv2 plot: the charts of a training log.
#include "plot.hpp"

#include <filesystem>
#include <memory>

#include "chart.hpp"
#include "command.hpp"
#include "log_lines.hpp"
#include "train_folder.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;

namespace {

// A value of all lines of a kind, over their steps.
ChartSeries series_of(const std::vector<LogLine>& lines, const char* name, const char* kind, double LogLine::*value,
                      double factor, Marks marks) {
    ChartSeries series{name, {}, marks};
    for (const LogLine& line : lines)
        if (line.kind == kind) series.points.push_back({static_cast<double>(line.step), factor * (line.*value)});
    return series;
}

struct PlotSettings {
    std::string log, output;
};

int run(const PlotSettings& settings) {
    std::string folder = settings.output;
    if (folder.empty()) folder = (std::filesystem::path(settings.log).parent_path() / "plots").string();
    const Status written = write_plots(settings.log, folder);
    return written ? success : fail(written.error());
}

}  // namespace

Status write_plots(const std::string& log, const std::string& folder) {
    const Result<std::vector<LogLine>> lines = read_log(log);
    if (!lines) return lines.error();
    if (lines->empty()) return Error{ErrorCode::format, log + ": has no line of a training log"};
    const auto of = [&](const char* name, const char* kind, double LogLine::*value, double factor, Marks marks) {
        return series_of(*lines, name, kind, value, factor, marks);
    };
    const Chart loss{"Loss",
                     "step",
                     "cross-entropy, nats",
                     {of("training", "step", &LogLine::loss, 1.0, Marks::line),
                      of("test", "evaluation", &LogLine::loss, 1.0, Marks::dots)}};
    const Chart accuracy{"Accuracy",
                         "step",
                         "right at first, %",
                         {of("training", "step", &LogLine::accuracy, 100.0, Marks::line),
                          of("test", "evaluation", &LogLine::top1, 100.0, Marks::dots)}};
    const Chart rate{"Learning rate",
                     "step",
                     "learning rate",
                     {of("learning rate", "step", &LogLine::learning_rate, 1.0, Marks::line)}};
    const Chart size{
        "Image size", "step", "pixels a side", {of("image size", "step", &LogLine::size, 1.0, Marks::steps)}};

    std::error_code reason;
    std::filesystem::create_directories(folder, reason);
    if (reason) return Error{ErrorCode::file, folder + ": cannot be made a folder: " + reason.message()};
    const std::pair<const char*, const Chart*> files[] = {
        {"loss", &loss}, {"accuracy", &accuracy}, {"learning_rate", &rate}, {"image_size", &size}};
    for (const auto& [name, chart] : files)
        if (Status written = replace_file(folder + "/" + name + ".svg", draw(*chart)); !written) return written;
    return std::monostate{};
}

Action declare_plot(Options& options) {
    const auto settings = std::make_shared<PlotSettings>();
    options.text({"log", "LOG", "the log of a training run, log.jsonl", Need::required}, settings->log);
    options.text({"--output", "FOLDER", "where the charts go (default: plots beside the log)"}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
