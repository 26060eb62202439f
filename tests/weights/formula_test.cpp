#include "effv2/weights/formula.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "effv2/architecture/variants.hpp"

using namespace effv2;

namespace {

// Elements as the formula's NumPy twin gives them.
struct Sample {
    std::string_view name;
    std::size_t index;
    float value;
};

constexpr Sample samples[] = {{"conv_stem.weight", 0, -0x1.f38f000000000p-6f},
                              {"conv_stem.weight", 1, -0x1.19cc300000000p-4f},
                              {"conv_stem.weight", 863, -0x1.9035b80000000p-3f},
                              {"bn1.weight", 0, 0x1.dc36540000000p-1f},
                              {"bn1.weight", 31, 0x1.e064d00000000p-1f},
                              {"bn1.bias", 0, -0x1.0c89700000000p-3f},
                              {"bn1.bias", 31, -0x1.8a12340000000p-5f},
                              {"bn1.running_mean", 0, 0x1.801f6c0000000p-4f},
                              {"bn1.running_mean", 31, 0x1.cd421a0000000p-6f},
                              {"bn1.running_var", 0, 0x1.1237220000000p+0f},
                              {"bn1.running_var", 31, 0x1.a6a31c0000000p-1f},
                              {"blocks.0.0.conv.weight", 0, 0x1.24764a0000000p-3f},
                              {"blocks.0.0.conv.weight", 4607, 0x1.088c320000000p-3f},
                              {"blocks.1.0.conv_exp.weight", 0, -0x1.fdeb540000000p-4f},
                              {"blocks.1.0.conv_exp.weight", 9215, 0x1.d185460000000p-5f},
                              {"blocks.1.1.conv_pwl.weight", 0, 0x1.26cb960000000p-7f},
                              {"blocks.1.1.conv_pwl.weight", 4095, 0x1.810ef80000000p-6f},
                              {"blocks.1.0.conv_pwl.weight", 0, 0x1.8a436a0000000p-3f},
                              {"blocks.1.0.conv_pwl.weight", 2047, 0x1.0ba02c0000000p-3f},
                              {"blocks.3.0.conv_dw.weight", 0, 0x1.e2d5d20000000p-2f},
                              {"blocks.3.0.conv_dw.weight", 1727, 0x1.270ae60000000p-2f},
                              {"blocks.3.0.se.conv_reduce.weight", 0, -0x1.c789dc0000000p-4f},
                              {"blocks.3.0.se.conv_reduce.weight", 2303, 0x1.b62e400000000p-8f},
                              {"blocks.3.0.se.conv_reduce.bias", 0, 0x1.e645440000000p-2f},
                              {"blocks.3.0.se.conv_reduce.bias", 11, 0x1.1f7a800000000p-7f},
                              {"blocks.5.7.conv_pwl.weight", 0, 0x1.70ca020000000p-10f},
                              {"blocks.5.7.conv_pwl.weight", 221183, -0x1.beb89c0000000p-9f},
                              {"conv_head.weight", 0, 0x1.3f58480000000p-3f},
                              {"conv_head.weight", 245759, -0x1.441f140000000p-4f},
                              {"classifier.weight", 0, 0x1.57f86a0000000p-5f},
                              {"classifier.weight", 1279999, -0x1.c3cd6c0000000p-8f},
                              {"classifier.bias", 0, -0x1.ddd1540000000p-2f},
                              {"classifier.bias", 999, 0x1.5e0ae00000000p-4f}};

// The tensor of that timm name.
Tensor find_tensor(const Architecture& a, std::string_view wanted) {
    Tensor found;
    for_each_tensor(a, [&](const Tensor& tensor) {
        if (tensor_name(Naming::timm, tensor, a.stage_count()) == wanted) found = tensor;
    });
    return found;
}

float element(const Tensor& tensor, std::size_t index) {
    float value = 0.0f;
    FormulaSource().read(tensor, index, {&value, 1});
    return value;
}

}  // namespace

TEST_CASE("the formula gives its NumPy twin's values, bit for bit") {
    for (const Sample& sample : samples) {
        CAPTURE(sample.name);
        CAPTURE(sample.index);
        const Tensor tensor = find_tensor(variants::b0, sample.name);
        CHECK(element(tensor, sample.index) == sample.value);
    }
}

TEST_CASE("a single convolution behind a residual is weak") {
    const Tensor tensor = find_tensor(variants::s, "blocks.0.1.conv.weight");
    CHECK(element(tensor, 0) == 0x1.2f2a3e0000000p-6f);
    CHECK(element(tensor, 5183) == 0x1.1425620000000p-7f);
}

TEST_CASE("a tensor read in pieces is the tensor") {
    const Tensor tensor = find_tensor(variants::b0, "blocks.1.0.conv_exp.weight");
    const FormulaSource source;
    std::vector<float> whole(tensor.shape.elements()), pieces(whole.size());
    source.read(tensor, 0, whole);
    for (std::size_t first = 0; first < pieces.size();) {
        const std::size_t count = std::min<std::size_t>(1000, pieces.size() - first);
        source.read(tensor, first, std::span(pieces).subspan(first, count));
        first += count;
    }
    source.done(tensor);
    CHECK(whole == pieces);
    CHECK(source.epsilon() == 1e-3f);
    CHECK(FormulaSource(1e-5f).epsilon() == 1e-5f);
}

TEST_CASE("the formula's input") {
    std::vector<float> x(3 * 224 * 224);
    formula_input(x);
    CHECK(x[0] == -0x1.64a8a40000000p+0f);
    CHECK(x[1] == 0x1.0e3abc0000000p-1f);
    CHECK(x[150527] == -0x1.647ffa0000000p-2f);
    float last = 0.0f;
    formula_input({&last, 1}, 150527);
    CHECK(last == x[150527]);
}
