// The stem's kernel against plain loops: strides 1 and 2, every channel count, widths with and without a tail.
#include "effv2/kernels/stem.hpp"

#include <doctest/doctest.h>

#include "kernels/random.hpp"

using namespace effv2;
using kernels::Panels;

namespace {

using Arch = simd::NativeArch;

void check_row(tests::Random& random, int channels, int stride) {
    const int width = random.integer(1, 40), columns = (width - 1) * stride + 3;
    const std::vector<float> in = random.reals(static_cast<std::size_t>(9 * columns));
    const std::vector<float> weights = random.reals(static_cast<std::size_t>(27 * channels));  // (channels, 27)
    const std::vector<float> bias = random.reals(static_cast<std::size_t>(channels));
    std::vector<float> packed(weights.size());
    const Panels<Arch> panels(channels);
    for (int p = 0; p < panels.count; ++p)
        for (int t = 0; t < 27; ++t)
            for (int c = 0; c < panels.width(p) * granule; ++c)
                packed[static_cast<std::size_t>(27 * panels.first_channel(p) + t * panels.width(p) * granule + c)] =
                    weights[static_cast<std::size_t>((panels.first_channel(p) + c) * 27 + t)];

    std::vector<float> out = tests::poisoned(static_cast<std::size_t>(width * channels));
    kernels::StemRow row;
    row.in = in.data();
    row.columns = columns;
    row.weights = packed.data();
    row.bias = bias.data();
    row.stride = stride;
    row.out = out.data();
    row.out_stride = channels;
    row.width = width;
    row.channels = channels;
    kernels::stem_row<Arch>(row);

    std::vector<float> expected;
    for (int x = 0; x < width; ++x)
        for (int c = 0; c < channels; ++c) {
            double sum = bias[static_cast<std::size_t>(c)];
            for (int t = 0; t < 27; ++t)
                sum += static_cast<double>(in[static_cast<std::size_t>(t / 3 * columns + x * stride + t % 3)]) *
                       weights[static_cast<std::size_t>(c * 27 + t)];
            expected.push_back(kernels::plain::silu(static_cast<float>(sum)));
        }
    CHECK(tests::relative_error(out, expected) < 1e-6);
}

TEST_CASE("stem rows of every width") {
    tests::Random random(7);
    for (int channels = granule; channels <= 16 * granule; channels += granule)
        for (const int stride : {1, 2})
            for (int repeat = 0; repeat < 4; ++repeat) check_row(random, channels, stride);
}

}  // namespace
