// effv2 plot: the charts of a training log, or one that compares several.
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

Result<std::vector<LogLine>> read_lines(const std::string& log) {
    Result<std::vector<LogLine>> lines = read_log(log);
    if (lines && lines->empty()) return Error{ErrorCode::format, log + ": has no line of a training log"};
    return lines;
}

// Accuracy of the evaluations over the minutes that the steps before them took.
ChartSeries over_time(const std::string& name, const std::vector<LogLine>& lines) {
    ChartSeries series{name, {}, Marks::dots};
    double batch = 0.0, minutes = 0.0;
    for (const LogLine& line : lines) {
        if (line.kind == "settings") batch = line.batch;
        if (line.kind == "step") minutes += line.steps * batch / line.images_per_second / 60.0;
        if (line.kind == "evaluation") series.points.push_back({minutes, 100.0 * line.top1});
    }
    return series;
}

// One chart of several runs, which are called as their folders.
Status write_comparison(const std::vector<std::string>& logs, const std::string& folder) {
    Chart chart{"Accuracy on the test part", "minutes of training", "right at first, %", {}, false};
    for (const std::string& log : logs) {
        const Result<std::vector<LogLine>> lines = read_lines(log);
        if (!lines) return lines.error();
        const std::string name = std::filesystem::absolute(log).parent_path().filename().string();
        chart.series.push_back(over_time(name, *lines));
    }
    if (Status made = make_folder(folder); !made) return made;
    return replace_file(folder + "/comparison.svg", draw(chart));
}

struct PlotSettings {
    std::vector<std::string> logs;
    std::string output;
};

int run(const PlotSettings& settings) {
    const bool single = settings.logs.size() == 1;
    std::string folder = settings.output;
    if (folder.empty()) {
        if (!single) return wrong_usage("several logs need --output, where their chart goes");
        folder = (std::filesystem::path(settings.logs.front()).parent_path() / "plots").string();
    }
    const Status written =
        single ? write_plots(settings.logs.front(), folder) : write_comparison(settings.logs, folder);
    return written ? success : fail(written.error());
}

}  // namespace

Status write_plots(const std::string& log, const std::string& folder) {
    const Result<std::vector<LogLine>> lines = read_lines(log);
    if (!lines) return lines.error();
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

    if (Status made = make_folder(folder); !made) return made;
    const std::pair<const char*, const Chart*> files[] = {
        {"loss", &loss}, {"accuracy", &accuracy}, {"learning_rate", &rate}, {"image_size", &size}};
    for (const auto& [name, chart] : files)
        if (Status written = replace_file(folder + "/" + name + ".svg", draw(*chart)); !written) return written;
    return std::monostate{};
}

Action declare_plot(Options& options) {
    const auto settings = std::make_shared<PlotSettings>();
    options.texts(
        {"logs", "LOG...", "the log of a training run, log.jsonl; of several, one chart compares them", Need::required},
        settings->logs);
    options.text({"--output", "FOLDER", "where the charts go (default: plots beside the log)"}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
