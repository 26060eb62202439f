// SiLU and sigmoid against double precision, over the whole range of floats.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "effv2/kernels/vector.hpp"
#include "kernels/random.hpp"

using namespace effv2;

namespace {

using Arch = simd::NativeArch;

float fast_silu(float x) { return simd::silu(xsimd::batch<float, Arch>(x)).get(0); }

TEST_CASE("SiLU is within 2e-7 of |x| everywhere") {
    double worst = 0.0;
    for (double x = -90.0; x < 90.0; x += 0.0007) {
        const auto value = static_cast<float>(x);
        const double exact = value / (1.0 + std::exp(-static_cast<double>(value)));
        worst = std::max(worst, std::abs(fast_silu(value) - exact) / std::max(std::abs(x), 1e-3));
    }
    CHECK(worst < 2e-7);
}

TEST_CASE("SiLU at the ends of the range") {
    CHECK(fast_silu(0.0f) == 0.0f);
    CHECK(fast_silu(1e30f) == 1e30f);
    CHECK(fast_silu(100.0f) == 100.0f);
    CHECK(std::abs(fast_silu(-100.0f)) < 1e-30);
    CHECK(std::abs(fast_silu(-1e5f)) < 1e-30f);
    CHECK(std::isfinite(fast_silu(-3e38f)));  // nothing that would spread
}

TEST_CASE_TEMPLATE("SiLU of several rows at once is that of each", Granules, std::integral_constant<int, 1>,
                   std::integral_constant<int, 3>, std::integral_constant<int, 4>) {
    using Row = simd::Row<Arch, Granules::value>;
    tests::Random random(3);
    constexpr int rows = 5;
    std::vector<float> values = random.reals(rows * Row::width), expected;
    for (float& value : values) value *= 9.0f;
    for (const float value : values) expected.push_back(kernels::plain::silu(value));
    Row x[rows];
    for (int r = 0; r < rows; ++r) x[r] = Row::load(values.data() + r * Row::width);
    simd::silu(x);
    for (int r = 0; r < rows; ++r) x[r].store(values.data() + r * Row::width);
    CHECK(tests::relative_error(values, expected) < 3e-7);
}

TEST_CASE("sigmoid over vectors of every length") {
    tests::Random random(1);
    for (int n = granule; n <= 20 * granule; n += granule) {
        std::vector<float> values = random.reals(static_cast<std::size_t>(n)), expected = values;
        for (float& value : values) value *= 12.0f;
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = kernels::plain::sigmoid(values[i]);
        values.push_back(5.0f);
        kernels::apply_sigmoid<Arch>(values.data(), n);
        CHECK(values.back() == 5.0f);  // nothing beyond the end is touched
        values.pop_back();
        CHECK(tests::relative_error(values, expected) < 3e-7);
    }
}

TEST_CASE("multiply and accumulate") {
    tests::Random random(2);
    for (int n = granule; n <= 9 * granule; n += granule) {
        const auto count = static_cast<std::size_t>(n);
        const std::vector<float> a = random.reals(count), b = random.reals(count);
        std::vector<float> product = a, scaled = a, sum = a;
        kernels::multiply<Arch>(product.data(), b.data(), n);
        kernels::multiply<Arch>(scaled.data(), 3.0f, n);
        kernels::accumulate<Arch>(sum.data(), b.data(), n);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(product[i] == a[i] * b[i]);
            CHECK(scaled[i] == a[i] * 3.0f);
            CHECK(sum[i] == a[i] + b[i]);
        }
    }
}

}  // namespace
