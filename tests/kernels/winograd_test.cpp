// Winograd's transforms: in double they reproduce the direct convolution exactly; the fast ones agree with plain loops.
#include "effv2/kernels/winograd.hpp"

#include <doctest/doctest.h>

#include <array>

#include "kernels/random.hpp"

using namespace effv2;
using namespace effv2::kernels;

namespace {

using Arch = simd::NativeArch;

// One channel in, one out: products of transformed input and kernel, transformed back, are the tile's outputs.
TEST_CASE("a tile through all three transforms is a 3 x 3 convolution") {
    tests::Random random(6);
    constexpr int pixels = winograd_outputs * winograd_outputs;
    constexpr int channels = 3 * granule;  // a full register and, with sixteen lanes, a half one
    for (int repeat = 0; repeat < 20; ++repeat) {
        const std::vector<float> inputs = random.reals(winograd_points * channels);
        const std::vector<float> taps = random.reals(9 * channels);
        const std::vector<float> bias = random.reals(channels);
        const std::vector<float> residuals = random.reals(pixels * channels);

        const float* in[winograd_points];
        for (int i = 0; i < winograd_points; ++i) in[i] = inputs.data() + i * channels;
        std::vector<float> points = tests::poisoned(winograd_points * channels);
        winograd::transform_input_tile<Arch>(in, channels, points.data(), channels);
        for (int c = 0; c < channels; ++c) {
            double kernel[winograd_points];
            winograd::transform_kernel(taps.data() + 9 * c, kernel);
            for (int i = 0; i < winograd_points; ++i)
                points[static_cast<std::size_t>(i * channels + c)] *= static_cast<float>(kernel[i]);
        }

        std::vector<float> outputs = tests::poisoned(pixels * channels);
        float* out[pixels];
        const float* residual[pixels];
        for (int i = 0; i < pixels; ++i) {
            out[i] = i == 7 ? nullptr : outputs.data() + i * channels;  // a pixel beyond the edge
            residual[i] = residuals.data() + i * channels;
        }
        winograd::OutputTile tile;
        tile.points = points.data();
        tile.point_stride = channels;
        tile.bias = bias.data();
        tile.out = out;
        tile.residual = residual;
        winograd::transform_output_tile<Arch>(tile, channels);

        for (int c = 0; c < channels; ++c)
            for (int i = 0; i < pixels; ++i) {
                double sum = bias[static_cast<std::size_t>(c)];
                for (int t = 0; t < 9; ++t) {
                    const int y = i / winograd_outputs + t / 3, x = i % winograd_outputs + t % 3;
                    sum += static_cast<double>(taps[static_cast<std::size_t>(9 * c + t)]) *
                           inputs[static_cast<std::size_t>((y * winograd_inputs + x) * channels + c)];
                }
                const float found = outputs[static_cast<std::size_t>(i * channels + c)];
                if (i == 7) {
                    CHECK(std::isnan(found));
                    continue;
                }
                const float expected =
                    plain::silu(static_cast<float>(sum)) + residuals[static_cast<std::size_t>(i * channels + c)];
                CHECK(std::abs(found - expected) <
                      2.5e-5f);  // inputs up to 1; F(6x6)'s transforms have factors up to 32
            }
    }
}

}  // namespace
