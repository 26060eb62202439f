// Class maps against the network's own logits and against the plain network, for any size and architecture.
#include "effv2/network/class_map.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "network/helpers.hpp"
#include "network/plain_network.hpp"

using namespace effv2;

namespace {

struct Passed {
    std::vector<float> logits, last_map;
};

Passed pass(const Architecture& a, const PackedWeights<>& weights, const std::vector<float>& pictures, int batch) {
    Network net = *Network::make(a, weights);
    const auto count = static_cast<std::size_t>(batch);
    Passed made{tests::poisoned(count * static_cast<std::size_t>(a.classes)),
                tests::poisoned(count * last_map_shape(a).floats())};
    Outputs outputs;
    outputs.logits = made.logits;
    outputs.last_map = made.last_map;
    REQUIRE(net.forward(pictures, batch, outputs).has_value());
    return made;
}

// The map's mean and the bias are the logit; the last map is the last block's output; single pixels are right.
void check_class_maps(const Architecture& a, int batch = 1) {
    const FormulaSource source;
    const PackedWeights<> weights = *pack_weights(a, source);
    const std::vector<float> pictures = tests::formula_pictures(a, batch);
    const Passed passed = pass(a, weights, pictures, batch);
    std::vector<float> biases(static_cast<std::size_t>(a.classes));
    source.read({Layer::classifier, Part::bias, {1, {a.classes}}, {}}, 0, biases);
    const MapShape shape = last_map_shape(a);
    std::vector<float> map(static_cast<std::size_t>(shape.size.pixels()));
    for (int image = 0; image < batch; ++image)
        for (const int index : {0, a.classes / 2, a.classes - 1}) {
            const auto from = static_cast<std::size_t>(image) * shape.floats();
            std::fill(map.begin(), map.end(), std::nanf(""));
            REQUIRE(class_map(a, weights, std::span(passed.last_map).subspan(from, shape.floats()), index, map)
                        .has_value());
            const double mean = std::accumulate(map.begin(), map.end(), 0.0) / static_cast<double>(map.size());
            const double logit = passed.logits[static_cast<std::size_t>(image * a.classes + index)];
            CAPTURE(index);
            CHECK(std::abs(mean + static_cast<double>(biases[static_cast<std::size_t>(index)]) - logit) < 1e-4);
        }

    kernels::plain::Map picture(3, a.input);
    picture.values.assign(pictures.begin(), pictures.begin() + static_cast<std::ptrdiff_t>(picture.values.size()));
    const auto plain = tests::PlainNetwork(a, source).run(picture);
    const std::vector<float>& last = plain.blocks.back().values;
    CHECK(tests::relative_error(std::span(passed.last_map).first(shape.floats()), last) < 1e-5);
    const std::vector<float> expected = tests::PlainNetwork(a, source).class_map(plain.blocks.back(), a.classes - 1);
    REQUIRE(class_map(a, weights, std::span(passed.last_map).first(shape.floats()), a.classes - 1, map).has_value());
    CHECK(tests::relative_error(map, expected) < 2e-5);
}

}  // namespace

TEST_CASE("a class map adds up to the logit") {
    check_class_maps(variants::b0.with_classes(10).with_size(64), 3);
    check_class_maps(variants::b0.with_classes(1000).with_size(97, 66));
}

TEST_CASE("class maps of architectures of one's own") {
    // A total stride of 4, then one of 64; channels, head and classes off the granule.
    check_class_maps({.stem = 24,
                      .stem_stride = 1,
                      .stages = {fused(1, 2, 4, 33), mbconv(1, 2, 4, 20)},
                      .head = 61,
                      .classes = 7,
                      .input = {40, 32}},
                     2);
    check_class_maps(
        {.stem = 8,
         .stages = {fused(1, 2, 1, 8), fused(1, 2, 2, 12), mbconv(1, 2, 3, 17), mbconv(1, 2, 2, 9), mbconv(1, 2, 1, 5)},
         .head = 3,
         .classes = 1,
         .input = {130, 65},
         .padding = Padding::symmetric});
}

TEST_CASE("wrong sizes, classes and weights are refused") {
    constexpr Architecture a = variants::b0.with_classes(10).with_size(64);
    const PackedWeights<> weights = *pack_weights(a, FormulaSource{});
    const std::vector<float> last(last_map_shape(a).floats());
    std::vector<float> map(4);
    CHECK(class_map(a, weights, last, 9, map).has_value());
    CHECK(class_map(a, weights, last, 10, map).error().message == "the class: expected a number from 0 to 9, found 10");
    CHECK_FALSE(class_map(a, weights, last, -1, map).has_value());
    CHECK(class_map(a.with_size(96), weights, last, 9, map).error().message ==
          "the last map: expected 1728 floats, found 768");
    CHECK(class_map(a.with_size(0), weights, {}, 9, {}).error().code == ErrorCode::argument);
    CHECK(class_map(a, weights, last, 9, std::span(map).first(3)).error().message ==
          "the class map: expected 4 floats, found 3");
    CHECK(class_map(a.with_classes(11), weights, last, 9, map).error().code == ErrorCode::mismatch);

    Network net = *Network::make(a, weights);
    Outputs outputs;
    outputs.last_map = map;
    CHECK(net.forward(tests::formula_pictures(a, 1), 1, outputs).error().message ==
          "the last map: expected 768 floats, found 4");
}
