// Published figures of the eight variants, held at compile time, and the geometry rules behind them.
#include "effv2/architecture/variants.hpp"

#include <doctest/doctest.h>

#include "effv2/architecture/cost.hpp"

using namespace effv2;

namespace {

// Trainable parameters at 1000 classes: torchvision's exact counts for S, M and L; google/automl's printed ones for
// all.
static_assert(parameters(variants::b0) == 7'139'704);
static_assert(parameters(variants::b1) == 8'141'052);
static_assert(parameters(variants::b2) == 10'096'086);
static_assert(parameters(variants::b3) == 14'358'406);
static_assert(parameters(variants::s) == 21'458'488);
static_assert(parameters(variants::m) == 54'139'356);
static_assert(parameters(variants::l) == 118'515'272);
static_assert(parameters(variants::xl) == 208'119'808);

// ImageNet-21k heads.
static_assert(parameters(variants::b0.with_classes(21843)) == 33'839'587);
static_assert(parameters(variants::s.with_classes(21843)) == 48'158'371);
static_assert(parameters(variants::xl.with_classes(21843)) == 234'819'691);

// Multiply-accumulates at evaluation size; published as 0.72, 1.2, 1.7, 3.0, 8.4, 24.7 and 56.3 billion.
static_assert(macs(variants::b0) == 718'086'176);
static_assert(macs(variants::b1) == 1'196'819'360);
static_assert(macs(variants::b2) == 1'697'542'832);
static_assert(macs(variants::b3) == 3'011'458'816);
static_assert(macs(variants::s) == 8'365'617'152);
static_assert(macs(variants::m) == 24'582'460'384);
static_assert(macs(variants::l) == 56'079'699'008);
static_assert(macs(variants::xl) == 93'353'451'520);

// ... and at training size.
static_assert((macs(variants::b0.with_size(192)) + 500'000) / 1'000'000 == 528);
static_assert((macs(variants::s.with_size(300)) + 500'000) / 1'000'000 == 5308);

static_assert(variants::b0.block_count() == 21 && variants::b1.block_count() == 27);
static_assert(variants::b2.block_count() == 28 && variants::b3.block_count() == 32);
static_assert(variants::s.block_count() == 40 && variants::m.block_count() == 57);
static_assert(variants::l.block_count() == 79 && variants::xl.block_count() == 100);

// SAME: an even length pads (0, 1) under stride 2, an odd one (1, 1); symmetric always (1, 1).
static_assert(pads(224, 3, 2, Padding::same) == Pads{0, 1});
static_assert(pads(75, 3, 2, Padding::same) == Pads{1, 1});
static_assert(pads(224, 3, 2, Padding::symmetric) == Pads{1, 1});
static_assert(pads(224, 5, 2, Padding::same) == Pads{1, 2});
static_assert(pads(225, 5, 2, Padding::same) == Pads{2, 2});
static_assert(pads(224, 3, 1, Padding::same) == Pads{1, 1});

static_assert(final_size(variants::b3) == Extent{10, 10});  // 300, 150, 75, 38, 19, 10
static_assert(final_size(variants::s.with_size(171)) == Extent{6, 6});
static_assert(final_size(variants::s.with_size(257)) == Extent{9, 9});

// The last block of each stride is where a backbone's map is taken.
static_assert(feature_block(variants::s, 4) == 5 && feature_block(variants::s, 8) == 9);
static_assert(feature_block(variants::s, 16) == 24 && feature_block(variants::s, 32) == 39);
static_assert(feature_block(variants::m, 32) == 56);
static_assert(feature_block(variants::s, 64) == -1);

static_assert(variant_name(variants::b1) == "b1");
static_assert(variant_name(variants::xl.with_size(31, 64).with_classes(3).with_padding(Padding::symmetric)) == "xl");
static_assert(variant_name(variants::b0.with_convolutions(Convolutions::direct)) == "b0");
static_assert(variant_name(variants::b0.with_winograd_tile(6)) == "b0");
static_assert(variant_name(scale(variants::b0, {.width = 1.5})).empty());

TEST_CASE("a block list of S") {
    constexpr auto blocks = make_blocks<variants::s>();
    CHECK(blocks[0].is_single_convolution());
    CHECK(blocks[0].residual);
    CHECK(blocks[2].stage == 1);
    CHECK(blocks[2].expanded == 96);
    CHECK(blocks[2].window.stride == 2);
    CHECK_FALSE(blocks[2].residual);
    CHECK(blocks[10].kind == BlockKind::mbconv);
    CHECK(blocks[10].squeezed == 16);  // a quarter of the block's input, 64, not of the expanded 256
    CHECK(blocks[11].squeezed == 32);
    CHECK(blocks[39].window.output == Extent{12, 12});
}

TEST_CASE("variants are found by name") {
    REQUIRE(find_variant("xl") != nullptr);
    CHECK(find_variant("xl")->architecture.input.height == 512);
    CHECK(find_variant("b4") == nullptr);
    CHECK(find_variant("") == nullptr);
}

}  // namespace
