// Architectures of a user's own against the plain network: what no released variant has, in all combinations.
#include <doctest/doctest.h>

#include "effv2/parallel/tbb.hpp"
#include "network/helpers.hpp"
#include "network/plain_network.hpp"

using namespace effv2;
using tests::relative_error;
using tests::Run;

namespace {

// `scale` multiplies the pictures.
void check(const Architecture& a, int threads, float scale = 1.0f) {
    REQUIRE(find_problem(a).flaw == Flaw::none);
    const FormulaSource source;
    std::vector<float> pictures = tests::formula_pictures(a, 1);
    for (float& value : pictures) value *= scale;
    TbbExecutor executor(threads);
    const tests::Run fast = tests::run(a, *pack_weights(a, source), pictures, 1, executor);
    kernels::plain::Map picture(3, a.input);
    picture.values = pictures;
    const auto plain = tests::PlainNetwork(a, source).run(picture);
    CHECK(relative_error(fast.logits, plain.logits) < 5e-6);
    CHECK(relative_error(fast.features, plain.features) < 5e-6);
    for (std::size_t m = 0; m < 4; ++m) {
        const int block = feature_block(a, feature_strides[m]);
        if (block < 0) {
            CHECK(fast.maps[m].empty());
            continue;
        }
        CHECK(relative_error(fast.maps[m], plain.blocks[static_cast<std::size_t>(block)].values) < 5e-6);
    }
}

TEST_CASE("direct convolutions") {
    for (const Padding padding : {Padding::same, Padding::symmetric})
        check({.stem = 16,
               .stages = {fused(2, 1, 1, 16), fused(3, 2, 4, 24), mbconv(2, 2, 4, 40)},
               .head = 64,
               .classes = 10,
               .input = {45, 70},
               .padding = padding,
               .convolutions = Convolutions::direct},
              3);
}

TEST_CASE("large activations lose nothing, with fast convolutions and without") {
    const Architecture a{.stem = 16,
                         .stages = {fused(2, 1, 1, 16), fused(3, 2, 4, 24), mbconv(2, 2, 4, 40)},
                         .head = 64,
                         .classes = 10,
                         .input = {45, 70}};
    for (const float scale : {1.0f, 1e4f, 1e8f, 1e25f}) {
        CAPTURE(scale);
        check(a, 2, scale);
        check(a.with_winograd_tile(7), 2, scale);
        check(a.with_convolutions(Convolutions::direct), 2, scale);
    }
}

TEST_CASE("means over large, even pictures lose nothing") {
    // Of equal pixels all sums round alike, so that an error would grow with their number.
    const Architecture a{.stem = 8, .stages = {mbconv(1, 2, 1, 8)}, .head = 8, .classes = 3, .input = {1024, 1024}};
    kernels::plain::Map picture(3, a.input);
    std::fill(picture.values.begin(), picture.values.end(), 0.3f);
    const tests::Run fast = tests::run(a, *pack_weights(a, FormulaSource{}), picture.values, 1);
    const auto plain = tests::PlainNetwork(a, FormulaSource{}).run(picture);
    CHECK(relative_error(fast.logits, plain.logits) < 1e-5);
    CHECK(relative_error(fast.features, plain.features) < 1e-5);
}

TEST_CASE("pixels and panels in pairs, on any number of threads, even pixels and odd, large activations") {
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        check(tests::in_pairs, threads);
        check(tests::in_pairs.with_size(48, 45), threads);
    }
    for (const float scale : {1e4f, 1e8f, 1e25f}) check(tests::in_pairs, 2, scale);
    Architecture plain = tests::in_pairs;
    plain.stages[1].se_divisor = 0;
    check(plain, 2);
}

TEST_CASE("expansions of more inputs than Strassen's product takes at once") {
    constexpr int channels = 2 * max_strassen_depth + 16;
    const Architecture a{.stem = 16,
                         .stages = {mbconv(1, 2, 1, channels, 3, 0), mbconv(1, 1, 2, 16, 3, 0)},
                         .head = 16,
                         .classes = 10,
                         .input = {48, 48}};
    const Run fast = tests::run_formula(a, 1);
    const Run direct = tests::run_formula(a.with_convolutions(Convolutions::direct), 1);
    CHECK(relative_error(fast.features, direct.features) < 5e-6);
}

TEST_CASE("5x5 and 7x7 kernels, both strides, both paddings, both block kinds") {
    for (const int kernel : {3, 5, 7})
        for (const Padding padding : {Padding::same, Padding::symmetric}) {
            CAPTURE(kernel);
            check({.stem = 16,
                   .stages = {fused(2, 1, 1, 16, kernel), fused(2, 2, 3, 24, kernel), mbconv(2, 2, 4, 40, kernel),
                              mbconv(2, 1, 6, 40, kernel)},
                   .head = 64,
                   .classes = 10,
                   .input = {45, 38},
                   .padding = padding},
                  1);
        }
}

TEST_CASE("expansions 1 to 6") {
    for (int expansion = 1; expansion <= 6; ++expansion) {
        CAPTURE(expansion);
        check({.stem = 8,
               .stages = {fused(2, 2, expansion, 24), mbconv(2, 2, expansion, 32), mbconv(1, 1, expansion, 24, 5)},
               .head = 40,
               .classes = 7,
               .input = {33, 34}},
              2);
    }
}

TEST_CASE("with and without squeeze-excite, and other divisors") {
    for (const int divisor : {0, 1, 2, 16, 64}) {
        CAPTURE(divisor);
        check({.stem = 24,
               .stages = {mbconv(2, 2, 4, 32, 3, divisor), mbconv(2, 2, 1, 32, 3, divisor)},
               .head = 48,
               .classes = 3,
               .input = {32, 32}},
              1);
    }
}

TEST_CASE("channel counts that are no multiple of eight") {
    for (const int channels : {1, 3, 7, 9, 12, 20, 33, 50}) {
        CAPTURE(channels);
        check({.stem = channels,
               .stages = {fused(2, 1, 1, channels), fused(2, 2, 2, channels + 1), mbconv(2, 2, 3, channels + 2)},
               .head = channels + 5,
               .classes = channels,
               .input = {37, 35}},
              1);
    }
}

TEST_CASE("a stem of stride 1, as small pictures want it") {
    check({.stem = 24,
           .stem_stride = 1,
           .stages = {fused(1, 1, 1, 24), fused(1, 2, 4, 32), mbconv(1, 2, 4, 48)},
           .head = 64,
           .classes = 10,
           .input = {32, 32}},
          2);
}

TEST_CASE("random architectures on any number of threads") {
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, 9);
    tests::Random random(8);
    for (int repeat = 0; repeat < 25; ++repeat) {
        Architecture a{.stem = random.integer(1, 40),
                       .stem_stride = random.integer(1, 2),
                       .head = random.integer(1, 80),
                       .classes = random.integer(1, 60),
                       .input = {random.integer(32, 50), random.integer(32, 50)},
                       .padding = random.integer(0, 1) == 0 ? Padding::same : Padding::symmetric};
        const int stages = random.integer(1, 5);
        for (int s = 0; s < stages; ++s) {
            const int kernel = 3 + 2 * random.integer(0, 1), stride = random.integer(1, 2);
            const int expansion = random.integer(1, 4), channels = random.integer(1, 60),
                      repeats = random.integer(1, 2);
            a.stages[s] = random.integer(0, 1) == 0
                              ? fused(repeats, stride, expansion, channels, kernel)
                              : mbconv(repeats, stride, expansion, channels, kernel, random.integer(0, 4));
        }
        CAPTURE(repeat);
        check(a, random.integer(1, 9));
    }
}

}  // namespace
