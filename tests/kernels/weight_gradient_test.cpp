// The micro-kernel of weight gradients against plain loops: every panel width, every number of input channels of a
// slice, random runs of pixels.
#include "effv2/kernels/weight_gradient.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/random.hpp"

using namespace effv2;

namespace {

using Arch = simd::NativeArch;

// Input channels [first, end) of random maps by a panel, by the kernel and by loops; with `add`, to what is there.
void check_gradient(tests::Random& random, int first, int end, int granules, bool add) {
    const int width = granules * granule;
    kernels::GradientTile tile;
    tile.in_step = end + random.integer(0, 9), tile.gradient_step = width + random.integer(0, 9);
    std::vector<kernels::PixelRun> runs;
    int pixels = 0;  // of both maps
    for (int left = random.integer(1, 3); left > 0; --left) {
        const int start = pixels + random.integer(0, 2), count = random.integer(1, 20);
        runs.push_back({std::ptrdiff_t{start} * tile.in_step, std::ptrdiff_t{start} * tile.gradient_step, count});
        pixels = start + count;
    }
    const std::vector<float> in = random.reals(static_cast<std::size_t>(pixels * tile.in_step));
    const std::vector<float> gradient = random.reals(static_cast<std::size_t>(pixels * tile.gradient_step));
    const auto all = static_cast<std::size_t>((end + 1) * width);
    std::vector<float> sums = add ? random.reals(all) : tests::poisoned(all);
    const std::vector<float> before = sums;
    tile.in = in.data(), tile.gradient = gradient.data(), tile.sum = sums.data();
    tile.runs = runs.data(), tile.run_count = static_cast<int>(runs.size());
    tile.add = add;
    kernels::add_gradient<Arch>(first, end, granules, tile);

    std::vector<float> expected = before;
    for (int i = first; i < end; ++i)
        for (int c = 0; c < width; ++c) {
            const auto at = static_cast<std::size_t>(i * width + c);
            double sum = add ? before[at] : 0.0;
            for (const kernels::PixelRun& run : runs)
                for (int p = 0; p < run.pixels; ++p)
                    sum += static_cast<double>(tile.in[run.in + p * tile.in_step + i]) *
                           tile.gradient[run.gradient + p * tile.gradient_step + c];
            expected[at] = static_cast<float>(sum);
        }
    const auto begin = static_cast<std::size_t>(first * width), size = static_cast<std::size_t>(end * width) - begin;
    CHECK(tests::relative_error(std::span(sums).subspan(begin, size), std::span(expected).subspan(begin, size)) < 2e-6);
    const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    const auto end_of_sums = static_cast<std::ptrdiff_t>(begin + size);
    CHECK(std::equal(sums.begin() + end_of_sums, sums.end(), before.begin() + end_of_sums, same));
    CHECK(std::equal(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(begin), before.begin(), same));
}

TEST_CASE("weight gradients of every slice and panel") {
    tests::Random random(5);
    for (int granules = 1; granules <= kernels::TileShape<Arch>::widest; ++granules)
        for (int channels = granule; channels <= 64; channels += granule) {
            CAPTURE(granules);
            CAPTURE(channels);
            const int first = granule * random.integer(0, 2);
            check_gradient(random, first, first + channels, granules, false);
            check_gradient(random, first, first + channels, granules, true);
        }
}

}  // namespace
