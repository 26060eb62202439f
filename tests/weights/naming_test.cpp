#include "effv2/weights/naming.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/formula.hpp"
#include "effv2/weights/text.hpp"
#include "weights/sample_files.hpp"

using namespace effv2;

namespace {

constexpr Block fused_block(int stage, int index, bool expands) {
    Block block;
    block.stage = stage;
    block.index = index;
    block.expands = expands;
    return block;
}

constexpr Block mbconv_block(int stage, int index, bool expands, int squeezed) {
    Block block = fused_block(stage, index, expands);
    block.kind = BlockKind::mbconv;
    block.squeezed = squeezed;
    return block;
}

constexpr bool has_names(Layer layer, Part part, const Block& block, std::string_view timm, std::string_view vision) {
    const Tensor tensor{layer, part, {}, block};
    return tensor_name(Naming::timm, tensor, 6) == timm && tensor_name(Naming::torchvision, tensor, 6) == vision;
}

// Outside the blocks.
static_assert(has_names(Layer::stem, Part::weight, {}, "conv_stem.weight", "features.0.0.weight"));
static_assert(has_names(Layer::stem, Part::norm_weight, {}, "bn1.weight", "features.0.1.weight"));
static_assert(has_names(Layer::stem, Part::norm_mean, {}, "bn1.running_mean", "features.0.1.running_mean"));
static_assert(has_names(Layer::head, Part::weight, {}, "conv_head.weight", "features.7.0.weight"));
static_assert(has_names(Layer::head, Part::norm_variance, {}, "bn2.running_var", "features.7.1.running_var"));
static_assert(has_names(Layer::classifier, Part::weight, {}, "classifier.weight", "classifier.1.weight"));
static_assert(has_names(Layer::classifier, Part::bias, {}, "classifier.bias", "classifier.1.bias"));

// Fused-MBConv of expansion 1: one convolution.
constexpr Block single = fused_block(0, 1, false);
static_assert(has_names(Layer::project, Part::weight, single, "blocks.0.1.conv.weight",
                        "features.1.1.block.0.0.weight"));
static_assert(has_names(Layer::project, Part::norm_bias, single, "blocks.0.1.bn1.bias", "features.1.1.block.0.1.bias"));

// Fused-MBConv.
constexpr Block fused_pair = fused_block(2, 11, true);
static_assert(has_names(Layer::expand, Part::weight, fused_pair, "blocks.2.11.conv_exp.weight",
                        "features.3.11.block.0.0.weight"));
static_assert(has_names(Layer::expand, Part::norm_weight, fused_pair, "blocks.2.11.bn1.weight",
                        "features.3.11.block.0.1.weight"));
static_assert(has_names(Layer::project, Part::weight, fused_pair, "blocks.2.11.conv_pwl.weight",
                        "features.3.11.block.1.0.weight"));
static_assert(has_names(Layer::project, Part::norm_weight, fused_pair, "blocks.2.11.bn2.weight",
                        "features.3.11.block.1.1.weight"));

// MBConv.
constexpr Block full = mbconv_block(4, 3, true, 28);
static_assert(has_names(Layer::expand, Part::weight, full, "blocks.4.3.conv_pw.weight",
                        "features.5.3.block.0.0.weight"));
static_assert(has_names(Layer::expand, Part::norm_bias, full, "blocks.4.3.bn1.bias", "features.5.3.block.0.1.bias"));
static_assert(has_names(Layer::depthwise, Part::weight, full, "blocks.4.3.conv_dw.weight",
                        "features.5.3.block.1.0.weight"));
static_assert(has_names(Layer::depthwise, Part::norm_bias, full, "blocks.4.3.bn2.bias", "features.5.3.block.1.1.bias"));
static_assert(has_names(Layer::se_reduce, Part::weight, full, "blocks.4.3.se.conv_reduce.weight",
                        "features.5.3.block.2.fc1.weight"));
static_assert(has_names(Layer::se_expand, Part::bias, full, "blocks.4.3.se.conv_expand.bias",
                        "features.5.3.block.2.fc2.bias"));
static_assert(has_names(Layer::project, Part::weight, full, "blocks.4.3.conv_pwl.weight",
                        "features.5.3.block.3.0.weight"));
static_assert(has_names(Layer::project, Part::norm_mean, full, "blocks.4.3.bn3.running_mean",
                        "features.5.3.block.3.1.running_mean"));

// Without expansion, without squeeze-excite, without both: torchvision's positions close up, timm's words stay.
constexpr Block unexpanded = mbconv_block(2, 0, false, 4);
static_assert(has_names(Layer::depthwise, Part::norm_bias, unexpanded, "blocks.2.0.bn2.bias",
                        "features.3.0.block.0.1.bias"));
static_assert(has_names(Layer::se_reduce, Part::bias, unexpanded, "blocks.2.0.se.conv_reduce.bias",
                        "features.3.0.block.1.fc1.bias"));
static_assert(has_names(Layer::project, Part::weight, unexpanded, "blocks.2.0.conv_pwl.weight",
                        "features.3.0.block.2.0.weight"));
constexpr Block unsqueezed = mbconv_block(2, 0, true, 0);
static_assert(has_names(Layer::project, Part::weight, unsqueezed, "blocks.2.0.conv_pwl.weight",
                        "features.3.0.block.2.0.weight"));
constexpr Block bare = mbconv_block(2, 0, false, 0);
static_assert(has_names(Layer::project, Part::norm_weight, bare, "blocks.2.0.bn3.weight",
                        "features.3.0.block.1.1.weight"));

// FNV-1a over the lines "name shape" of a network's tensors, in order.
std::uint64_t hash_names(const Architecture& a, Naming naming) {
    std::string lines;
    for_each_tensor(a, [&](const Tensor& tensor) {
        const TensorName name = tensor_name(naming, tensor, a.stage_count());
        lines.append(name.view()).append(" ").append(detail::shape_text(tensor.shape)).append("\n");
    });
    return detail::fnv1a(lines);
}

// The same over the state dicts of torchvision 0.14's EfficientNet blocks put together as the variants, with
// torchvision's keys and with timm's.
struct StateDict {
    std::string_view variant;
    std::size_t tensors;
    std::uint64_t timm, torchvision;
};

constexpr StateDict state_dicts[] = {
    {"b0", 361, 0x464881ce9c969b4au, 0xd44ae9e0083a8c1du}, {"b1", 443, 0x712c85990e7d374cu, 0x7bbe0392bcd2267fu},
    {"b2", 462, 0x3a5a058eae03d9a7u, 0x09dd76e055ba7e63u}, {"b3", 538, 0xe75e26242773edd0u, 0xddd7015b6d5128d8u},
    {"s", 672, 0x5c7d2660768f6cc4u, 0xd9b7fa724298aa18u},  {"m", 963, 0x0708684a8f7cbe38u, 0x51634c7a113f9e52u},
    {"l", 1331, 0x6a1337ffc173871du, 0x57d099340315cdf1u}, {"xl", 1712, 0xfb0cd1f77608208fu, 0x090f87e95b541484u}};

}  // namespace

TEST_CASE("names and shapes of all tensors of all variants are those of PyTorch's state dicts") {
    for (const StateDict& expected : state_dicts) {
        CAPTURE(expected.variant);
        const Architecture& a = find_variant(expected.variant)->architecture;
        CHECK(tensor_count(a) == expected.tensors);
        CHECK(hash_names(a, Naming::timm) == expected.timm);
        CHECK(hash_names(a, Naming::torchvision) == expected.torchvision);
    }
}

TEST_CASE("no two tensors share a name, in networks that no library has either") {
    for (const Naming naming : {Naming::timm, Naming::torchvision}) {
        std::set<std::string> names;
        const Architecture& a = effv2_test::odd_network;
        for_each_tensor(a, [&](const Tensor& tensor) {
            const TensorName name = tensor_name(naming, tensor, a.stage_count());
            CHECK(names.emplace(name.view()).second);
        });
        CHECK(names.size() == tensor_count(a));
    }
}

TEST_CASE("the longest name fits") {
    Block block = mbconv_block(11, 2147483647, true, 1);
    const TensorName name = tensor_name(Naming::timm, {Layer::se_expand, Part::weight, {}, block}, 12);
    CHECK(name == "blocks.11.2147483647.se.conv_expand.weight");
    CHECK(name.size() < TensorName::capacity);
}
