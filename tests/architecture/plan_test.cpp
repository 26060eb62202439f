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
static_assert(static_plan<odd>.summary.arena_floats > 0);

// Activations of S in fp32: in + out of its largest block, 192 x 192 x 24 twice.
static_assert(static_plan<variants::s>.summary.features == std::size_t{2} * 192 * 192 * 24);

struct Segment {
    std::size_t begin, end;
};

bool apart(Segment a, Segment b) { return a.end <= b.begin || b.end <= a.begin; }

void check_arena(const Architecture& a) {
    PlanSummary plan;
    std::vector<PlannedBlock> blocks;
    make_plan(a, plan, [&](const PlannedBlock& block) { blocks.push_back(block); });
    std::size_t largest = detail::map_floats(stem_window(a).output, a.stem), previous_output = plan.stem_output;
    for (const PlannedBlock& block : blocks) {
        const Block& b = block.shape;
        CHECK(block.input == previous_output);
        previous_output = block.output;
        const Segment in{block.input, block.input + detail::map_floats(b.window.input, b.in)};
        const Segment out{block.output, block.output + detail::map_floats(b.window.output, b.out)};
        const Segment middle{block.middle, block.middle + detail::middle_floats(b)};
        CHECK(apart(in, out));
        if (b.kind == BlockKind::mbconv) {
            CHECK(apart(in, middle));
            CHECK(apart(out, middle));
        }
        for (const Segment& s : {in, out, middle}) CHECK(s.end <= plan.features);
        largest = detail::larger(largest, detail::live_floats(b));
    }
    CHECK(plan.features == largest);
    CHECK(plan.logits - plan.features >= static_cast<std::size_t>(a.head));
    CHECK(plan.squeeze - plan.logits >= static_cast<std::size_t>(a.classes));
    CHECK(plan.arena_floats > plan.squeeze);
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
    PlanSummary small, large;
    make_plan(variants::m.with_size(64), small, [](const PlannedBlock&) {});
    make_plan(variants::m.with_size(512), large, [](const PlannedBlock&) {});
    CHECK(small.weight_floats == large.weight_floats);
    CHECK(small.classifier.weights == large.classifier.weights);
}

TEST_CASE("a pixel's stride wastes no more than a cache line, and only off multiples of 1 KiB") {
    CHECK(pixel_stride(24) == 24);
    CHECK(pixel_stride(20) == 24);
    CHECK(pixel_stride(960) == 960);
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
