#include "chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "effv2/weights/text.hpp"

namespace cli {

namespace {

// Pixels of the picture, and of the part between the axes, which begins lower where the legend needs lines of its own.
constexpr double picture_width = 760, picture_height = 420, left = 72, right = 740, highest = 48, bottom = 364;

// Colours with contrast on white and on black alike, for viewers that do not tell which of them it is.
constexpr std::array<const char*, 8> colours{"#3b82f6", "#e0662f", "#16a085", "#a855f7",
                                             "#d6457a", "#9a7d0a", "#0e9bb5", "#7b8190"};

constexpr const char* style =
    "<style>\n"
    "text { font: 13px sans-serif; fill: #767b84 }\n"
    ".title { font-size: 16px }\n"
    ".grid { stroke: #888; stroke-opacity: 0.25 }\n"
    ".axis { stroke: #767b84 }\n"
    "@media (prefers-color-scheme: dark) { text { fill: #b6bcc6 } .axis { stroke: #b6bcc6 } }\n"
    "@media (prefers-color-scheme: light) { text { fill: #40454d } .axis { stroke: #40454d } }\n"
    "</style>\n";

template <class... Values>
std::string format(const char* text, Values... values) {
    std::array<char, 512> line{};
    std::snprintf(line.data(), line.size(), text, values...);
    return line.data();
}

// As XML has it; what is no UTF-8, as names of folders may be, becomes question marks.
std::string escape(std::string_view text) {
    std::string safe;
    while (!text.empty()) {
        const int length = effv2::detail::utf8_length(text);
        const char c = text.front();
        if (c == '&')
            safe += "&amp;";
        else if (c == '<')
            safe += "&lt;";
        else if (c == '>')
            safe += "&gt;";
        else if (length == 0)
            safe += '?';
        else if (static_cast<unsigned char>(c) >= 0x20)
            safe += text.substr(0, static_cast<std::size_t>(length));
        text.remove_prefix(static_cast<std::size_t>(std::max(1, length)));
    }
    return safe;
}

// 1, 2 or 5 times a power of ten, such that about `count` of them make the range.
double tick_step(double range, int count) {
    const double raw = range / count, power = std::pow(10.0, std::floor(std::log10(raw))), rest = raw / power;
    return power * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
}

struct Axis {
    double low = 0.0, high = 1.0, step = 0.2;

    // From one end of the values to the other; with `round`, to whole ticks.
    static Axis over(double low, double high, int ticks, bool round) {
        // So near to each other that ticks between them would have no numbers of their own.
        const double size = std::max(std::abs(low), std::abs(high));
        if (!(high - low > 1e-5 * size)) high = low + (size > 0.0 ? 0.1 * size : 1.0);
        Axis axis{low, high, tick_step(high - low, ticks)};
        if (round) axis.low = std::floor(low / axis.step) * axis.step;
        if (round) axis.high = std::ceil(high / axis.step - 1e-9) * axis.step;
        return axis;
    }
    double share(double value) const { return (value - low) / (high - low); }

    template <class Visit>
    void for_each_tick(Visit visit) const {
        for (double n = std::ceil(low / step - 1e-9); n * step <= high + step * 1e-6; n += 1.0)
            visit(n == 0.0 ? 0.0 : n * step);
    }
};

struct Frame {
    Axis x, y;
    double top = highest;
    double x_at(double value) const { return left + x.share(value) * (right - left); }
    double y_at(double value) const { return bottom - y.share(value) * (bottom - top); }
};

bool is_finite(const ChartPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

Frame make_frame(const Chart& chart) {
    double x_low = 0.0, x_high = 0.0, y_low = chart.from_zero ? 0.0 : INFINITY, y_high = -INFINITY;
    for (const ChartSeries& series : chart.series)
        for (const ChartPoint& point : series.points) {
            if (!is_finite(point)) continue;
            x_low = std::min(x_low, point.x), x_high = std::max(x_high, point.x);
            y_low = std::min(y_low, point.y), y_high = std::max(y_high, point.y);
        }
    if (!std::isfinite(y_low) || !std::isfinite(y_high)) y_low = 0.0, y_high = 1.0;
    return {Axis::over(x_low, x_high, 8, false), Axis::over(y_low, y_high, 6, true)};
}

std::string draw_axes(const Frame& frame) {
    std::string svg;
    frame.y.for_each_tick([&](double value) {
        const double y = frame.y_at(value);
        svg += format("<line class=\"grid\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n", left, y, right, y);
        svg += format("<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", left - 8, y + 4, value);
    });
    frame.x.for_each_tick([&](double value) {
        const double x = frame.x_at(value);
        svg += format("<line class=\"axis\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n", x, bottom, x, bottom + 5);
        svg += format("<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%.10g</text>\n", x, bottom + 20, value);
    });
    svg += format("<line class=\"axis\" x1=\"%g\" y1=\"%g\" x2=\"%g\" y2=\"%g\"/>\n", left, bottom, right, bottom);
    return svg +
           format("<line class=\"axis\" x1=\"%g\" y1=\"%g\" x2=\"%g\" y2=\"%g\"/>\n", left, frame.top, left, bottom);
}

std::string draw_series(const ChartSeries& series, const Frame& frame, const char* colour) {
    std::string path, dots;
    bool drawing = false;
    double before = 0.0;
    for (const ChartPoint& point : series.points) {
        if (!is_finite(point)) {
            drawing = false;
            continue;
        }
        const double x = frame.x_at(point.x), y = frame.y_at(point.y);
        if (drawing && series.marks == Marks::steps) path += format("L%.1f %.1f", x, before);
        path += format("%c%.1f %.1f", drawing ? 'L' : 'M', x, y);
        if (series.marks == Marks::dots || series.marks == Marks::points)
            dots += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
        drawing = true, before = y;
    }
    if (path.empty() || series.marks == Marks::points) return dots;
    return "<path fill=\"none\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke=\"" + std::string(colour) +
           "\" d=\"" + path + "\"/>\n" + dots;
}

// Where each name of the legend goes: in one line beside the title, or where they are too many in lines below it.
struct Legend {
    std::vector<ChartPoint> at;
    double top = highest;

    explicit Legend(const Chart& chart) {
        if (chart.series.size() < 2) return;
        double all = 0.0;
        for (const ChartSeries& series : chart.series) all += entry(series);
        const bool beside = left + 9.0 * static_cast<double>(chart.title.size()) + all < right;
        double x = beside ? right - all : left, y = beside ? 26 : 48;
        for (const ChartSeries& series : chart.series) {
            if (!beside && x > left && x + entry(series) > right) x = left, y += 20;
            at.push_back({x, y});
            x += entry(series);
        }
        if (!beside) top = y + 18;
    }

    static double entry(const ChartSeries& series) { return 7.5 * static_cast<double>(series.name.size()) + 36; }
};

std::string draw_legend(const Chart& chart, const Legend& legend) {
    std::string svg;
    for (std::size_t i = 0; i < legend.at.size(); ++i) {
        const auto [x, y] = legend.at[i];
        svg += format("<line stroke=\"%s\" stroke-width=\"3\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n",
                      colours[i % colours.size()], x, y, x + 20, y);
        svg += format("<text x=\"%.1f\" y=\"%g\">", x + 26, y + 4) + escape(chart.series[i].name) + "</text>\n";
    }
    return svg;
}

}  // namespace

std::string draw(const Chart& chart) {
    const Legend legend(chart);
    Frame frame = make_frame(chart);
    frame.top = legend.top;
    std::string svg =
        format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\">\n",
               picture_width, picture_height, picture_width, picture_height);
    svg += style;
    svg += format("<text class=\"title\" x=\"%g\" y=\"30\">", left) + escape(chart.title) + "</text>\n";
    svg += draw_axes(frame);
    for (std::size_t i = 0; i < chart.series.size(); ++i)
        svg += draw_series(chart.series[i], frame, colours[i % colours.size()]);
    svg += draw_legend(chart, legend);
    svg += format("<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">", (left + right) / 2, bottom + 42) +
           escape(chart.x_label) + "</text>\n";
    svg +=
        format("<text transform=\"translate(18 %g) rotate(-90)\" text-anchor=\"middle\">", (frame.top + bottom) / 2) +
        escape(chart.y_label) + "</text>\n";
    return svg + "</svg>\n";
}

}  // namespace cli
