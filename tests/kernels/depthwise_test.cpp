// The depthwise kernel against plain loops: kernels 3, 5 and 7, strides 1 and 2, both paddings, every panel width, odd
// maps.
#include "effv2/kernels/depthwise.hpp"

#include <doctest/doctest.h>

#include "kernels/random.hpp"

using namespace effv2;
using kernels::plain::Map;

namespace {

using Arch = simd::NativeArch;

void check_depthwise(tests::Random& random, int granules, int kernel, int stride, Padding padding) {
    const int width = granules * granule;
    const Window window = make_window({random.integer(1, 15), random.integer(1, 15)}, kernel, stride, padding);
    const Map in = random.map(width, window.input);
    const std::vector<float> weights = random.reals(static_cast<std::size_t>(width * kernel * kernel));
    const std::vector<float> bias = random.reals(static_cast<std::size_t>(width));

    const int rows = window.input.height + window.vertical.before + window.vertical.after;
    const int columns = window.input.width + window.horizontal.before + window.horizontal.after;
    std::vector<float> bordered, packed(weights.size());
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < columns; ++x)
            for (int c = 0; c < width; ++c)
                bordered.push_back(in.padded(c, y - window.vertical.before, x - window.horizontal.before));
    for (int t = 0; t < kernel * kernel; ++t)
        for (int c = 0; c < width; ++c)
            packed[static_cast<std::size_t>(t * width + c)] =
                weights[static_cast<std::size_t>(c * kernel * kernel + t)];

    const int out_stride = width + granule;
    const auto pixels = static_cast<std::size_t>(window.output.pixels());
    std::vector<float> out = tests::poisoned(pixels * static_cast<std::size_t>(out_stride));
    std::vector<float> sums = tests::poisoned(static_cast<std::size_t>(width));
    kernels::DepthwisePanel panel;
    panel.in = bordered.data();
    panel.in_columns = columns;
    panel.weights = packed.data();
    panel.bias = bias.data();
    panel.kernel = kernel;
    panel.stride = stride;
    panel.out = out.data();
    panel.out_stride = out_stride;
    panel.size = window.output;
    panel.sums = sums.data();
    kernels::depthwise<Arch>(granules, panel);

    Map expected = kernels::plain::convolve_depthwise(in, window, weights);
    std::vector<float> expected_sums;
    for (int c = 0; c < width; ++c) {
        double sum = 0.0;
        for (int y = 0; y < window.output.height; ++y)
            for (int x = 0; x < window.output.width; ++x) {
                float& value = expected.at(c, y, x);
                value = kernels::plain::silu(value + bias[static_cast<std::size_t>(c)]);
                sum += value;
            }
        expected_sums.push_back(static_cast<float>(sum));
    }
    std::vector<float> planes(expected.values.size());
    for (int c = 0; c < width; ++c)
        for (std::size_t i = 0; i < pixels; ++i)
            planes[static_cast<std::size_t>(c) * pixels + i] =
                out[i * static_cast<std::size_t>(out_stride) + static_cast<std::size_t>(c)];
    CHECK(tests::relative_error(planes, expected.values) < 1e-6);
    CHECK(tests::relative_error(sums, expected_sums) < 3e-6);
    CHECK(std::isnan(out[static_cast<std::size_t>(width)]));  // the next panel's channels are not touched
}

TEST_CASE("depthwise of every shape") {
    tests::Random random(5);
    for (int granules = 1; granules <= kernels::TileShape<Arch>::widest; ++granules)
        for (const int kernel : {3, 5, 7})
            for (const int stride : {1, 2})
                for (const Padding padding : {Padding::same, Padding::symmetric})
                    for (int repeat = 0; repeat < 3; ++repeat) {
                        CAPTURE(granules);
                        CAPTURE(kernel);
                        CAPTURE(stride);
                        check_depthwise(random, granules, kernel, stride, padding);
                    }
}

}  // namespace
