// The stem's kernel against plain loops: strides 1 and 2, both paddings, every channel count, widths with and without a
// tail.
#include "effv2/kernels/stem.hpp"

#include <doctest/doctest.h>

#include "kernels/random.hpp"

using namespace effv2;
using kernels::Panels;

namespace {

using Arch = simd::NativeArch;

// Every row of a random picture, in maps with both paddings.
void check_picture(tests::Random& random, int channels, int stride, Padding padding) {
    const Extent size{random.integer(3, 9), random.integer(3, 70)};
    const Window window = make_window(size, 3, stride, padding);
    const std::vector<float> picture = random.reals(static_cast<std::size_t>(3 * size.pixels()));
    const std::vector<float> weights = random.reals(static_cast<std::size_t>(27 * channels));  // (channels, 27)
    const std::vector<float> bias = random.reals(static_cast<std::size_t>(channels));
    std::vector<float> packed(weights.size());
    const Panels<Arch> panels(channels);
    for (int p = 0; p < panels.count; ++p)
        for (int t = 0; t < 27; ++t)
            for (int c = 0; c < panels.width(p) * granule; ++c)
                packed[static_cast<std::size_t>(27 * panels.first_channel(p) + t * panels.width(p) * granule + c)] =
                    weights[static_cast<std::size_t>((panels.first_channel(p) + c) * 27 + t)];

    const int width = window.output.width;
    std::vector<float> out = tests::poisoned(static_cast<std::size_t>(window.output.pixels() * channels));
    kernels::StemRow row;
    row.picture = picture.data();
    row.window = window;
    row.weights = packed.data();
    row.bias = bias.data();
    row.out_stride = channels;
    row.channels = channels;
    for (row.y = 0; row.y < window.output.height; ++row.y) {
        row.out = out.data() + row.y * width * channels;
        kernels::stem_row<Arch>(row);
    }

    const auto input = [&](int plane, int y, int x) {
        if (y < 0 || x < 0 || y >= size.height || x >= size.width) return 0.0f;
        return picture[static_cast<std::size_t>((plane * size.height + y) * size.width + x)];
    };
    std::vector<float> expected;
    for (int i = 0; i < window.output.pixels(); ++i)
        for (int c = 0; c < channels; ++c) {
            const int y = i / width * stride - window.vertical.before;
            const int x = i % width * stride - window.horizontal.before;
            double sum = bias[static_cast<std::size_t>(c)];
            for (int t = 0; t < 27; ++t)
                sum += static_cast<double>(input(t / 9, y + t / 3 % 3, x + t % 3)) *
                       weights[static_cast<std::size_t>(c * 27 + t)];
            expected.push_back(kernels::plain::silu(static_cast<float>(sum)));
        }
    CHECK(tests::relative_error(out, expected) < 1e-6);
}

TEST_CASE("the stem over pictures of every width") {
    tests::Random random(7);
    for (int channels = granule; channels <= 16 * granule; channels += granule)
        for (const int stride : {1, 2})
            for (const Padding padding : {Padding::same, Padding::symmetric})
                for (int repeat = 0; repeat < 3; ++repeat) check_picture(random, channels, stride, padding);
}

}  // namespace
