// Line charts as SVG.
#pragma once

#include <string>
#include <vector>

namespace cli {

struct ChartPoint {
    double x, y;
};

enum class Marks {
    line,
    dots,    // on a line
    steps,   // a line that holds each value until the next
    points,  // dots without a line
};

struct ChartSeries {
    std::string name;
    std::vector<ChartPoint> points;  // by rising x, but for points; those with values that are not finite leave a gap
    Marks marks = Marks::line;
};

struct Chart {
    std::string title, x_label, y_label;
    std::vector<ChartSeries> series;
    bool from_zero = true;  // whether the y axis has 0 on it
};

// An SVG document with axes, grid and legend, to be read on light and on dark ground.
std::string draw(const Chart& chart);

}  // namespace cli
