// Compound scaling: rounding of the released code, the size cap, and layers for the later stages.
#include <doctest/doctest.h>

#include "effv2/architecture/check.hpp"
#include "effv2/architecture/variants.hpp"

using namespace effv2;

namespace {

// B1 to B3 are B0 scaled, and come out as the released tables.
static_assert(variants::b1.stages[0].repeats == 2 && variants::b1.stages[5].repeats == 9);
static_assert(variants::b2.stem == 32 && variants::b2.head == 1408 && variants::b2.stages[5].channels == 208);
static_assert(variants::b2.stages[2].channels == 56 && variants::b2.stages[3].channels == 104);
static_assert(variants::b3.stem == 40 && variants::b3.head == 1536 && variants::b3.stages[5].channels == 232);
static_assert(variants::b3.stages[5].repeats == 12 && variants::b3.stages[4].channels == 136);

// Nearest multiple of 8, ties upward, never below 8, and no rule against losing more than a tenth.
static_assert(round_channels(16, 1.2) == 16);  // 19.2: V1 would have given 24
static_assert(round_channels(32, 1.1) == 32 && round_channels(20, 1.0) == 24 && round_channels(3, 1.0) == 8);
static_assert(round_repeats(2, 1.0) == 2 && round_repeats(5, 1.1) == 6 && round_repeats(8, 1.4) == 12);

TEST_CASE("scaling by one changes nothing but the size") {
    const Architecture same = scale(variants::s, {.size = 300});
    CHECK(same.stem == variants::s.stem);
    CHECK(same.block_count() == variants::s.block_count());
    CHECK(same.input == Extent{300, 300});
}

TEST_CASE("the inference size is capped") {
    CHECK(scale(variants::s, {.depth = 2.0, .size = 600}).input == Extent{480, 480});
    CHECK(scale(variants::s, {.size = 600, .size_cap = 512}).input == Extent{512, 512});
}

TEST_CASE("extra layers go to the later half, more the later") {
    const Architecture more = scale(variants::s, {.size = 384, .extra_layers = 12});
    for (int i = 0; i < 3; ++i) CHECK(more.stages[i].repeats == variants::s.stages[i].repeats);
    CHECK(more.stages[3].repeats - variants::s.stages[3].repeats == 2);
    CHECK(more.stages[4].repeats - variants::s.stages[4].repeats == 4);
    CHECK(more.stages[5].repeats - variants::s.stages[5].repeats == 6);
    CHECK(add_late_layers(variants::s, 1).stages[5].repeats == 16);
    for (int extra = 0; extra < 40; ++extra)
        CHECK(add_late_layers(variants::m, extra).block_count() == variants::m.block_count() + extra);
}

TEST_CASE("a custom architecture scales like any other") {
    constexpr Architecture mine{.stem = 16, .stages = {fused(1, 1, 2, 24, 5), mbconv(2, 2, 6, 40, 5, 0)}, .head = 200};
    const Architecture wide = scale(mine, {.width = 2.0, .depth = 1.5, .size = 64});
    CHECK(wide.stem == 32);
    CHECK(wide.stages[0].channels == 48);
    CHECK(wide.stages[1].repeats == 3);
    CHECK(wide.stages[1].kernel == 5);
    CHECK(wide.stages[1].se_divisor == 0);
    CHECK(find_problem(wide).flaw == Flaw::none);
    Architecture unsound = mine;
    unsound.stages[0].stride = 0;
    CHECK(find_problem(scale(unsound, {.width = 2.0})).flaw == Flaw::stage_stride);
}

TEST_CASE("flaws are found at run time too") {
    Architecture a = variants::b0;
    a.stages[2].kernel = 4;
    CHECK(find_problem(a).flaw == Flaw::stage_kernel);
    CHECK(find_problem(a).stage == 2);
    CHECK(find_problem(a).found == 4);
    CHECK(find_problem(variants::b0.with_size(7)).flaw == Flaw::input_size);
    CHECK(find_problem(variants::b0.with_classes(0)).flaw == Flaw::class_count);
    a = variants::b0;
    a.stages[0].se_divisor = 4;
    CHECK(find_problem(a).flaw == Flaw::fused_squeeze);
    a = variants::b0;
    a.stages[8] = fused(1, 1, 1, 8);
    CHECK(find_problem(a).flaw == Flaw::stage_after_end);
    CHECK(find_problem(Architecture{}).flaw == Flaw::no_stage);
    CHECK(find_problem(variants::b0.with_winograd_tile(5)).flaw == Flaw::winograd_tile);
    CHECK(find_problem(variants::b0.with_winograd_tile(8)).found == 8);
}

}  // namespace
