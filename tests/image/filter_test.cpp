#include "effv2/image/filter.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <numeric>

using namespace effv2;

TEST_CASE("filters are one at the centre and zero at the other pixels") {
    for (const Filter filter : {Filter::bilinear, Filter::bicubic}) {
        CHECK(image_detail::filter_value(filter, 0.0) == 1.0);
        CHECK(image_detail::filter_value(filter, -1.0) == 0.0);
        CHECK(image_detail::filter_value(filter, 2.0) == 0.0);
        CHECK(image_detail::filter_value(filter, 0.3) == image_detail::filter_value(filter, -0.3));
    }
    CHECK(image_detail::filter_value(Filter::bilinear, 0.25) == 0.75);
    CHECK(image_detail::filter_value(Filter::bicubic, 0.5) == 0.5625);
    CHECK(image_detail::filter_value(Filter::bicubic, 1.5) == -0.0625);
}

TEST_CASE("the weights of every output pixel add up to one, of pixels inside of the picture") {
    constexpr int sizes[] = {1, 2, 3, 7, 64, 100, 641};
    for (const Filter filter : {Filter::bilinear, Filter::bicubic})
        for (const int in : sizes)
            for (const int out : sizes) {
                const image_detail::Axis axis = image_detail::make_axis(in, out, 0, out, filter);
                REQUIRE(axis.taps.size() == static_cast<std::size_t>(out));
                for (const image_detail::Taps& taps : axis.taps) {
                    REQUIRE(taps.first >= 0);
                    REQUIRE(taps.count >= 1);
                    REQUIRE(taps.first + taps.count <= in);
                    const std::int32_t* weights = axis.weights.data() + taps.at;
                    const std::int32_t sum = std::accumulate(weights, weights + taps.count, 0);
                    REQUIRE(std::abs(sum - (1 << image_detail::weight_bits)) <= taps.count);
                }
            }
}

TEST_CASE("an axis that keeps its size copies") {
    const image_detail::Axis axis = image_detail::make_axis(9, 9, 2, 7, Filter::bicubic);
    REQUIRE(axis.taps.size() == 5);
    CHECK(axis.taps[0].first == 2);
    CHECK(axis.taps[4].first == 6);
    CHECK(axis.taps[4].count == 1);
    CHECK(axis.weights[4] == 1 << image_detail::weight_bits);
}
