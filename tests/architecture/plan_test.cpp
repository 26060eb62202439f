// The memory plan: nothing that lives at one time overlaps, nothing lies outside, and no byte more than must be.
#include "effv2/architecture/plan.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "effv2/architecture/variants.hpp"

using namespace effv2;

namespace {

constexpr Architecture odd{
    .stem = 20,
    .stem_stride = 1,
    .stages = {fused(2, 1, 1, 20), fused(2, 2, 3, 28, 5), mbconv(2, 2, 1, 36, 5), mbconv(3, 1, 6, 52, 3, 0)},
    .head = 100,
    .classes = 7,
    .input = {33, 47},
    .padding = Padding::symmetric};

static_assert(static_plan<variants::s>.summary.weight_floats > 21'000'000);
static_assert(static_plan<odd>.summary.picture_floats() > 0);

// Activations of S in fp32: in + out of its largest block, 192 x 192 x 24 twice.
static_assert(static_plan<variants::s>.summary.arena_floats == std::size_t{2} * 192 * 192 * 24);

struct Segment {
    std::size_t begin, end;
};

bool apart(const Place& a, const Place& b) {
    return a.joint != b.joint || a.at + a.floats <= b.at || b.at + b.floats <= a.at;
}

bool same(const Place& a, const Place& b) { return a.at == b.at && a.floats == b.floats && a.joint == b.joint; }

void check_arena(const Architecture& a) {
    PlanSummary plan;
    std::vector<PlannedBlock> blocks;
    make_plan(a, plan, [&](const PlannedBlock& block) { blocks.push_back(block); });
    Place previous_output = plan.stem_output;
    CHECK(previous_output.floats == detail::map_floats(stem_window(a).output, a.stem));
    std::size_t own = previous_output.joint ? 0 : previous_output.floats, joint = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const PlannedBlock& block = blocks[i];
        const bool is_joint = static_cast<int>(i) >= plan.first_joint;
        CHECK(same(block.input, previous_output));
        CHECK(block.input.joint == is_joint);
        CHECK(block.output.joint == (static_cast<int>(i) + 1 >= plan.first_joint));
        CHECK(block.input.floats == detail::map_floats(block.shape.window.input, block.shape.in));
        CHECK(block.output.floats == detail::map_floats(block.shape.window.output, block.shape.out));
        CHECK(block.middle.floats == detail::middle_floats(block.shape));
        CHECK(apart(block.input, block.output));
        if (block.middle.floats > 0) {
            CHECK(block.middle.joint == is_joint);
            CHECK(apart(block.input, block.middle));
            CHECK(apart(block.output, block.middle));
        }
        for (const Place& place : {block.input, block.output, block.middle})
            if (place.floats > 0)
                CHECK(place.at + place.floats <= (place.joint ? plan.features.at : plan.arena_floats));
        std::size_t& largest = is_joint ? joint : own;
        largest = detail::larger(largest, detail::live_floats(block.shape));
        if (is_joint) CHECK(detail::pack_floats(block.shape) > 2 * detail::live_floats(block.shape));
        previous_output = block.output;
    }
    if (plan.first_joint > 0) {
        const Block& last = blocks[static_cast<std::size_t>(plan.first_joint) - 1].shape;
        CHECK(detail::pack_floats(last) <= 2 * detail::live_floats(last));
    }
    CHECK(plan.arena_floats == own);
    CHECK(plan.features.at == detail::larger(joint, previous_output.floats));
    std::size_t end = plan.features.at;
    for (const Place& place : {plan.features, plan.logits, plan.squeezed, plan.scale}) {
        CHECK(place.joint);
        CHECK(place.at == end);
        end += place.floats;
    }
    CHECK(plan.features.floats >= static_cast<std::size_t>(a.head));
    CHECK(plan.logits.floats >= static_cast<std::size_t>(a.classes));
    CHECK(plan.joint_floats == end);
}

void check_weights(const Architecture& a) {
    PlanSummary plan;
    std::vector<Segment> segments;
    const auto take = [&](const PackedConv& at) {
        if (at.bias == 0) return;
        segments.push_back({at.weights, at.bias});
        segments.push_back({at.bias, at.bias + 1});
    };
    make_plan(a, plan, [&](const PlannedBlock& block) {
        for (const PackedConv& at : {block.weights.first, block.weights.depthwise, block.weights.reduce,
                                     block.weights.restore, block.weights.project})
            take(at);
    });
    for (std::size_t i = 1; i < segments.size(); ++i) CHECK(segments[i - 1].end <= segments[i].begin);
    CHECK(segments.back().end <= plan.head.weights);
    CHECK(plan.weight_floats >= plan.classifier.bias + static_cast<std::size_t>(a.classes));
}

TEST_CASE("the arena is tight and disjoint") {
    for (const NamedVariant& variant : named_variants) {
        CAPTURE(variant.name);
        check_arena(variant.architecture);
        check_arena(variant.architecture.with_size(257, 171));
        check_weights(variant.architecture);
    }
    check_arena(odd);
    check_weights(odd);
}

TEST_CASE("the pack does not depend on the input size") {
    for (const Architecture& a : {variants::b0, variants::m}) {
        PlanSummary small, large;
        make_plan(a.with_size(64), small, [](const PlannedBlock&) {});
        make_plan(a.with_size(512), large, [](const PlannedBlock&) {});
        CHECK(small.weight_floats == large.weight_floats);
        CHECK(small.classifier.weights == large.classifier.weights);
    }
}

TEST_CASE("Winograd's tile is the one whose products are fewer, if by a twentieth") {
    for (const NamedVariant& variant : named_variants) {
        CAPTURE(variant.name);
        CHECK(variant.architecture.winograd_tile == fitting_winograd_tile(variant.architecture));
    }
    // Two blocks of 32 x 32 channels: 8 x 8 tiles of seven pixels, or 10 x 10 of six. Of stride 2 before them, 4 x 14
    // tiles of four lines and seven columns, or 5 x 14, through three taps each.
    const Architecture a{.stem = 32, .stages = {fused(3, 2, 1, 32)}, .input = {224, 224}};
    CHECK(winograd_products(a, 7) == 32 * 32 * (2 * 8 * 8 * 81 + 8 * 14 * 4 * 15 * 3));
    CHECK(winograd_products(a, 6) == 32 * 32 * (2 * 10 * 10 * 64 + 10 * 14 * 4 * 13 * 3));
    CHECK(fitting_winograd_tile(a) == 7);
    CHECK(fitting_winograd_tile(a.with_size(240)) == 6);
    CHECK(fitting_winograd_tile({.stem = 32, .stages = {mbconv(1, 1, 4, 32)}, .input = {56, 56}}) == 6);
}

TEST_CASE("Strassen's product where it pays, and never without fast convolutions") {
    const auto count = [](const Architecture& a) {
        int expansions = 0, projections = 0;
        for_each_block(a, [&](const Block& block) {
            expansions += block.strassen_expansion ? 1 : 0;
            projections += block.strassen_projection ? 1 : 0;
        });
        return std::pair(expansions, projections);
    };
    CHECK(count(variants::s) == std::pair(29, 30));  // all but the expansion at 48 x 48
    CHECK(count(variants::b0) == std::pair(9, 0));   // 28 x 28 and 14 x 14; 96 and 112 channels are too few panels
    CHECK(count(variants::s.with_size(64)) == std::pair(0, 0));
    CHECK(count(variants::s.with_convolutions(Convolutions::direct)) == std::pair(0, 0));
}

TEST_CASE("a pixel's stride wastes no more than a cache line, and only off multiples of 1 KiB") {
    CHECK(pixel_stride(24) == 24);
    CHECK(pixel_stride(20) == 24);
    CHECK(pixel_stride(960) == 960);
    CHECK(pixel_stride(384) == 400);
    CHECK(pixel_stride(256) == 272);
    CHECK(pixel_stride(1536) == 1552);
}

TEST_CASE("the tensor table") {
    std::int64_t bytes = 0;
    constexpr auto table = make_tensors<variants::b0>();
    for (const Tensor& tensor : table) bytes += static_cast<std::int64_t>(tensor.shape.elements() * sizeof(float));
    CHECK(table.size() == 59 * 5 + 16 * 4 + 2);  // normed convolutions, squeeze-excites, classifier
    CHECK(bytes / 4 == 7'139'704 + 2 * 30'304);  // parameters and batch norm's running statistics
}

}  // namespace
