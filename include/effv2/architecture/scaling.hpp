// Compound scaling of any architecture value by width, depth and input size (Tan & Le 2019, with the released code's
// rounding), with the two additions of EfficientNetV2 (Tan & Le 2021, section 3.3): the inference size is capped, and
// extra layers are given gradually to the later stages.
#pragma once

#include "effv2/architecture/winograd_tile.hpp"

namespace effv2 {

// What to multiply, and what to add. The defaults change nothing but the size.
struct Scaling {
    double width = 1.0;
    double depth = 1.0;
    int size = 224;        // wanted input height and width
    int size_cap = 480;    // the largest inference size that is given (paper: memory and speed beat more pixels)
    int extra_layers = 0;  // shared out over the later half of the stages in proportion 1 : 2 : 3 ...
};

// Channels times width, to the nearest multiple of 8, never below 8. google/automl utils.round_filters as the base
// family uses it: without V1's rule that no more than 10 % may be lost.
constexpr int round_channels(int channels, double width) {
    const int rounded = static_cast<int>(channels * width + 4.0) / 8 * 8;
    return rounded < 8 ? 8 : rounded;
}

// Repeats times depth, rounded up (google/automl round_repeats).
constexpr int round_repeats(int repeats, double depth) {
    const double exact = repeats * depth;
    const int whole = static_cast<int>(exact);
    return static_cast<double>(whole) < exact ? whole + 1 : whole;
}

// Adds `extra` layers to the later half of the stages, in proportion 1 : 2 : 3 ... from the first of them to the last;
// what does not divide goes to the last ones.
constexpr Architecture add_late_layers(Architecture a, int extra) {
    const int count = a.stage_count(), first = count / 2, late = count - first;
    if (count == 0) return a;  // unsound, which is not for this function to say
    const int parts = late * (late + 1) / 2;
    int left = extra;
    for (int i = 0; i < late; ++i) {
        const int share = extra * (i + 1) / parts;
        a.stages[first + i].repeats += share;
        left -= share;
    }
    for (int i = late - 1; left > 0; --left, i = i > 0 ? i - 1 : late - 1) ++a.stages[first + i].repeats;
    return a;
}

// The scaled architecture, with the tile of Winograd's that fits it. Kernels, strides, expansions, classes and padding
// stay as they are.
constexpr Architecture scale(const Architecture& base, const Scaling& by) {
    Architecture a = base;
    a.stem = round_channels(base.stem, by.width);
    a.head = round_channels(base.head, by.width);
    for (int i = 0; i < base.stage_count(); ++i) {
        a.stages[i].channels = round_channels(base.stages[i].channels, by.width);
        a.stages[i].repeats = round_repeats(base.stages[i].repeats, by.depth);
    }
    const int size = by.size < by.size_cap ? by.size : by.size_cap;
    return with_fitting_tile(add_late_layers(a.with_size(size), by.extra_layers));
}

}  // namespace effv2
