#include "effv2/image/sample.hpp"

#include <doctest/doctest.h>

#include "image/pictures.hpp"

using namespace effv2;

TEST_CASE("bilinear samples lie at half pixels and stay inside") {
    // Two pixels become four: places -0.25, 0.25, 0.75 and 1.25.
    const std::vector<image_detail::Sample> samples = image_detail::make_samples(2, 4, 0, 4, Filter::bilinear);
    REQUIRE(samples.size() == 4);
    CHECK(samples[0].at[0] == 0);
    CHECK(samples[0].at[1] == 0);
    CHECK(samples[1].at[1] == 1);
    CHECK(samples[1].weight[1] == 0.25F);
    CHECK(samples[2].weight[1] == 0.75F);
    CHECK(samples[3].at[0] == 1);
    CHECK(samples[3].at[1] == 1);
}

TEST_CASE("bicubic samples lie at whole pixels, and repeat the border") {
    // Two pixels become four: places 0, 0.5, 1 and 1.5.
    const std::vector<image_detail::Sample> samples = image_detail::make_samples(2, 4, 0, 4, Filter::bicubic);
    REQUIRE(samples.size() == 4);
    CHECK(samples[0].at == std::array<int, 4>{0, 0, 1, 1});
    CHECK(samples[0].weight == std::array<float, 4>{0.0F, 1.0F, 0.0F, 0.0F});
    CHECK(samples[1].weight == std::array<float, 4>{-0.09375F, 0.59375F, 0.59375F, -0.09375F});
    CHECK(samples[3].at == std::array<int, 4>{0, 1, 1, 1});
}

TEST_CASE("samples of the longest pictures stay inside") {
    for (const Filter filter : {Filter::bilinear, Filter::bicubic})
        for (const int in : {1, 3, 1 << 24})
            for (const std::int64_t out : {std::int64_t{1}, std::int64_t{384}, std::int64_t{1} << 33})
                for (const std::int64_t i : {std::int64_t{0}, out - 1})
                    for (const image_detail::Sample& sample : image_detail::make_samples(in, out, i, i + 1, filter))
                        for (const int at : sample.at) CHECK((at >= 0 && at < in));
}

TEST_CASE("a row of samples keeps a picture of its own size") {
    const Image image = make_picture(2, 6, 4, 4);
    const std::vector<image_detail::Sample> across = image_detail::make_samples(6, 6, 0, 6, Filter::bilinear);
    const std::vector<image_detail::Sample> down = image_detail::make_samples(4, 4, 0, 4, Filter::bilinear);
    std::vector<float> row(18);
    image_detail::sample_row<2>(image.view(), across, down[2], row.data());
    for (std::size_t x = 0; x < 6; ++x)
        for (std::size_t c = 0; c < 3; ++c) CHECK(row[x * 3 + c] == static_cast<float>(image.view().row(2)[x * 4 + c]));
}
