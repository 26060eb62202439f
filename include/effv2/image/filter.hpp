// The weights of an antialiased resize along one axis, equal to Pillow's to the last bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace effv2 {

// How a resize interpolates. Bilinear is a triangle one pixel to each side, bicubic a Keys cubic two pixels to each
// side (a = -0.5 with antialiasing as in Pillow; see sample.hpp for what TensorFlow does without).
enum class Filter : std::uint8_t { bilinear, bicubic };

namespace image_detail {

// Weights are integers: 8 bits of pixel and 2 of headroom (a cubic's lobes reach past 0 and 1) leave 22 for the
// fraction.
inline constexpr int weight_bits = 32 - 8 - 2;

// Rounds to T here. Without it, compilers fuse a product with the sum behind it where the machine can, Pillow's and
// TensorFlow's builds do not, and once in a while a weight comes out one off.
template <class T>
T rounded(T value) {
    const volatile T stored = value;
    return stored;
}

inline double filter_support(Filter filter) { return filter == Filter::bilinear ? 1.0 : 2.0; }

// The filter's value at distance x (bilinear_filter and bicubic_filter in Pillow's Resample.c).
inline double filter_value(Filter filter, double x) {
    x = x < 0.0 ? -x : x;
    if (filter == Filter::bilinear) return x < 1.0 ? 1.0 - x : 0.0;
    if (x < 1.0) return rounded(rounded((rounded(1.5 * x) - 2.5) * x) * x) + 1.0;
    if (x < 2.0) return (rounded((rounded((x - 5.0) * x) + 8.0) * x) - 4.0) * -0.5;
    return 0.0;
}

// The source pixels [first, first + count) that make one output pixel; their weights start at `at` in Axis::weights.
struct Taps {
    int first;
    int count;
    std::size_t at;
};

// Taps and weights of a run of output pixels.
struct Axis {
    std::vector<Taps> taps;
    std::vector<std::int32_t> weights;
};

// The source pixels around an output pixel's centre that its filter can reach. All in source pixels; the casts
// truncate because Pillow's do.
inline Taps reach(double center, double support, int in, std::size_t at) {
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in);
    return {first, last - first, at};
}

// The output pixels [begin, end) of an axis of `in` pixels that is resized to `out` (precompute_coeffs and
// normalize_coeffs_8bpc in Pillow's Resample.c). When shrinking, the filter is stretched over what an output pixel
// covers.
inline Axis make_axis(int in, std::int64_t out, std::int64_t begin, std::int64_t end, Filter filter) {
    Axis axis;
    axis.taps.reserve(static_cast<std::size_t>(end - begin));
    const double scale = static_cast<double>(in) / static_cast<double>(out);
    const double stretch = std::max(scale, 1.0);
    const double inverse = 1.0 / stretch;
    const double support = filter_support(filter) * stretch;
    std::vector<double> exact;
    for (std::int64_t i = begin; i < end; ++i) {
        if (in == out) {  // one tap of weight one: what the filter gives too, without its zeros
            axis.taps.push_back({static_cast<int>(i), 1, axis.weights.size()});
            axis.weights.push_back(1 << weight_bits);
            continue;
        }
        const double center = rounded((static_cast<double>(i) + 0.5) * scale);
        const Taps taps = reach(center, support, in, axis.weights.size());
        exact.clear();
        double sum = 0.0;
        for (int t = 0; t < taps.count; ++t) {
            exact.push_back(filter_value(filter, rounded((t + taps.first - center + 0.5) * inverse)));
            sum += exact.back();
        }
        for (const double value : exact) {
            const double weight = (sum != 0.0 ? value / sum : value) * (1 << weight_bits);
            axis.weights.push_back(static_cast<std::int32_t>(weight < 0.0 ? weight - 0.5 : weight + 0.5));
        }
        axis.taps.push_back(taps);
    }
    return axis;
}

}  // namespace image_detail

}  // namespace effv2
