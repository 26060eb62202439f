// Resizing without antialiasing, as TensorFlow does by default: an output pixel looks at the two (bilinear) or four
// (bicubic) source pixels around its place along each axis, however many lie between it and the next. Results are
// floats, neither rounded nor clipped.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "effv2/image/filter.hpp"
#include "effv2/image/pixels.hpp"

namespace effv2::image_detail {

// The source pixels of an output pixel along one axis, with their weights. Bilinear leaves the last two unused.
struct Sample {
    std::array<int, 4> at;
    std::array<float, 4> weight;
};

// tf.image.resize(method="bilinear", antialias=False): pixel centres lie at halves (compute_interpolation_weights in
// resize_bilinear_op.cc). Beyond the border, both pixels are the border's.
inline Sample bilinear_sample(std::int64_t i, float scale, int in) {
    const float place = rounded((static_cast<float>(i) + 0.5F) * scale) - 0.5F;
    const float below = std::floor(place);
    const float part = place - below;
    const auto bounded = [in](float at) { return std::clamp(static_cast<int>(at), 0, in - 1); };
    return {{bounded(below), bounded(std::ceil(place)), 0, 0}, {1.0F - part, part, 0.0F, 0.0F}};
}

// tf.compat.v1.image.resize_bicubic, which automl's B0 to B3 were trained with: pixel centres lie at whole numbers, the
// cubic has a = -0.75, is read from a table of 1024 steps a pixel, and border pixels repeat (GetWeightsAndIndices in
// resize_bicubic_op.cc).
inline Sample bicubic_sample(std::int64_t i, float scale, int in) {
    constexpr double a = -0.75;
    constexpr float steps = 1024.0F;
    const float place = rounded(static_cast<float>(i) * scale);
    const float below = std::floor(place);
    const double part = std::nearbyint((place - below) * steps) / steps;
    const auto near = [](double x) { return static_cast<float>(((a + 2.0) * x - (a + 3.0)) * x * x + 1.0); };
    const auto far = [](double x) { return static_cast<float>(((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a); };
    const auto bounded = [in](int at) { return std::clamp(at, 0, in - 1); };
    const auto middle = static_cast<int>(below);
    return {{bounded(middle - 1), bounded(middle), bounded(middle + 1), bounded(middle + 2)},
            {far(1.0 + part), near(part), near(1.0 - part), far(2.0 - part)}};
}

// The samples of the output pixels [begin, end) of an axis of `in` pixels that is resized to `out`.
inline std::vector<Sample> make_samples(int in, std::int64_t out, std::int64_t begin, std::int64_t end, Filter filter) {
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    std::vector<Sample> samples;
    samples.reserve(static_cast<std::size_t>(end - begin));
    for (std::int64_t i = begin; i < end; ++i)
        samples.push_back(filter == Filter::bilinear ? bilinear_sample(i, scale, in) : bicubic_sample(i, scale, in));
    return samples;
}

// One output row: `across` says what to read along x, `down` along y. Writes across.size() pixels of 1 (grey) or 3
// interleaved floats, in units of the source's bytes.
template <int taps>
void sample_row(const ImageView& image, std::span<const Sample> across, const Sample& down, float* to) {
    const int channels = image.channels == 1 ? 1 : 3;
    for (const Sample& sample : across)
        for (int c = 0; c < channels; ++c, ++to) {
            *to = 0.0F;
            for (std::size_t y = 0; y < taps; ++y) {
                const std::uint8_t* row = image.row(down.at[y]);
                float sum = 0.0F;
                for (std::size_t x = 0; x < taps; ++x)
                    sum +=
                        sample.weight[x] * static_cast<float>(row[std::ptrdiff_t{sample.at[x]} * image.channels + c]);
                *to += down.weight[y] * sum;
            }
        }
}

}  // namespace effv2::image_detail
