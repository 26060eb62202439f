// Evaluation's counts against counts by hand.
#include "effv2/training/evaluate.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "effv2/parallel/tbb.hpp"
#include "effv2/weights/formula.hpp"
#include "training/sets.hpp"

using namespace effv2;
using namespace effv2::training;

namespace {

TEST_CASE("one answer after the other") {
    Evaluation e;
    e.classes = 7;
    e.confusion.assign(49, 0);
    const float logits[] = {1, 7, 6, 5, 4, 3, 2};
    training::detail::judge(logits, 1, e);  // first
    training::detail::judge(logits, 5, e);  // fifth
    training::detail::judge(logits, 6, e);  // sixth
    CHECK(e.pictures == 3);
    CHECK(e.first == 1);
    CHECK(e.first_five == 2);
    CHECK(e.confusion[1 * 7 + 1] == 1);
    CHECK(e.confusion[5 * 7 + 1] == 1);
    CHECK(e.confusion[6 * 7 + 1] == 1);
    double sum = 0.0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    CHECK(e.loss == doctest::Approx(3 * std::log(sum) - 7 - 3 - 2));
}

TEST_CASE("of equal answers, the first come first, whatever is right") {
    Evaluation e;
    e.classes = 7;
    const float logits[7] = {};
    for (int label = 0; label < 7; ++label) training::detail::judge(logits, label, e);
    CHECK(e.pictures == 7);
    CHECK(e.first == 1);
    CHECK(e.first_five == 5);
}

// The formula's, but for a classifier that is broken.
class Broken final : public WeightSource {
public:
    void read(const Tensor& t, std::size_t first, std::span<float> into) const override {
        formula_.read(t, first, into);
        if (t.layer == Layer::classifier && t.part == Part::bias && first == 0) into[1] = std::nanf("");
    }
    float epsilon() const override { return formula_.epsilon(); }

private:
    FormulaSource formula_;
};

TEST_CASE("huge logits have a finite loss") {
    Evaluation e;
    e.confusion.assign(4, 0);
    const float logits[] = {3e30f, -3e30f};
    training::detail::judge(logits, 1, e);
    CHECK(std::isfinite(e.loss));
}

TEST_CASE("a set is answered picture by picture, in batches or not") {
    constexpr Architecture a{.stem = 16, .stages = {fused(1, 2, 1, 16)}, .head = 32, .classes = 3, .input = {24, 24}};
    TbbExecutor executor(2);
    auto network = Network::make(a, *pack_weights(a, FormulaSource{}), executor);
    REQUIRE(network);
    const data::Pictures set = tests::coloured_squares(70, 24, 3);  // more than a batch
    const Result<Evaluation> whole = evaluate(*network, set, tests::squares_recipe, executor, Confusion::counted);
    REQUIRE(whole);
    CHECK(whole->pictures == 70);
    Evaluation one;
    one.confusion.assign(9, 0);
    for (std::size_t i = 0; i < set.size(); ++i) {
        std::vector<float> input(input_elements(tests::squares_recipe)), logits(3);
        REQUIRE(preprocess(set.picture(i), tests::squares_recipe, input));
        Outputs outputs;
        outputs.logits = logits;
        REQUIRE(network->forward(input, 1, outputs));
        training::detail::judge(logits, set.label(i), one);
    }
    CHECK(whole->confusion == one.confusion);
    CHECK(whole->loss == doctest::Approx(one.loss / 70));
    CHECK(evaluate(*network, set, tests::squares_recipe, executor)->confusion.empty());
    auto broken = Network::make(a, *pack_weights(a, Broken{}), executor);
    CHECK(evaluate(*broken, set, tests::squares_recipe, executor).error().message ==
          "the network's answers to picture 0 of squares are not all numbers");
    const data::Pictures other("other", {"a", "b"});
    CHECK(evaluate(*network, other, tests::squares_recipe, executor).error().message ==
          "the network has 3 classes, but other has 2");
}

}  // namespace
