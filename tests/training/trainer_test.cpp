// Whole runs: they learn, they repeat to the bit with any number of threads, go on from a checkpoint as if nothing had
// happened, and stop with a sentence where a gradient is lost.
#include "effv2/training/trainer.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "common/training_instances.hpp"
#include "effv2/parallel/tbb.hpp"
#include "effv2/training/evaluate.hpp"
#include "effv2/training/folded_norms.hpp"
#include "effv2/weights/formula.hpp"
#include "training/sets.hpp"

using namespace effv2;
using namespace effv2::training;

namespace {

constexpr Architecture small{.stem = 16,
                             .stem_stride = 1,
                             .stages = {fused(1, 2, 1, 16), fused(1, 2, 4, 24), mbconv(1, 1, 2, 24)},
                             .head = 32,
                             .classes = 3,
                             .input = {24, 24}};

constexpr ProgressiveSchedule growing = progressive::as_in_paper(
    {.size = 16, .magnitude = 1.0}, {.size = 24, .magnitude = 3.0, .mixup = 0.1, .dropout = 0.1}, 2);

RunSettings settings(std::uint64_t steps) {
    RunSettings s;
    s.schedule = growing;
    s.steps = steps;
    s.batch = 12;
    s.optimiser = Sgd{.momentum = 0.9f, .nesterov = true, .weight_decay = 1e-4f};
    s.learning_rate = {.peak = 0.05, .shape = LearningRateShape::cosine, .warmup_steps = 5, .total_steps = steps};
    s.average.decay = 0.95;
    s.pictures.policy = data::Policy::rand_augment;
    s.stochastic_depth = 0.1;
    s.seed = 7;
    return s;
}

const data::Pictures& pictures() {
    static const data::Pictures set = tests::coloured_squares(150, 24, 1);
    return set;
}

TrainingRun<> make_run(const RunSettings& s) {
    auto run = TrainingRun<>::make(small, s, pictures(), tests::squares_recipe, InitialValues{s.seed});
    REQUIRE(run);
    return std::move(*run);
}

void train(TrainingRun<>& run, int threads, std::uint64_t until) {
    TbbExecutor executor(threads);
    while (run.steps_done() < until) REQUIRE(run.step(executor));
}

// Every value that evaluation and weight files read.
std::vector<float> values(const TrainingRun<>& run) {
    std::vector<float> all, elements;
    for (const ParameterEntry& entry : run.table().entries()) {
        elements.resize(entry.tensor.shape.elements());
        run.source().read(entry.tensor, 0, elements);
        all.insert(all.end(), elements.begin(), elements.end());
    }
    return all;
}

TEST_CASE("a run learns what can be learnt, through progressive stages") {
    const RunSettings s = settings(150);
    TrainingRun<> run = make_run(s);
    TbbExecutor executor(2);
    int sizes[2]{};
    while (!run.finished()) {
        const Result<StepReport> report = run.step(executor);
        REQUIRE(report);
        CHECK(report->size == (report->step < 75 ? 16 : 24));
        CHECK(report->learning_rate == s.learning_rate.at(report->step));
        ++sizes[report->stage];
    }
    CHECK(sizes[0] == 75);
    CHECK(sizes[1] == 75);
    auto network = Network::make(small, *pack_weights(small, run.source()), executor);
    REQUIRE(network);
    const data::Pictures unseen = tests::coloured_squares(60, 24, 2);
    const Result<Evaluation> result = evaluate(*network, unseen, tests::squares_recipe, executor);
    REQUIRE(result);
    CHECK(result->top1() > 0.9);
}

TEST_CASE("equal bits with one thread or several") {
    TrainingRun<> one = make_run(settings(12)), three = make_run(settings(12));
    train(one, 1, 12);
    train(three, 3, 12);
    CHECK(values(one) == values(three));
}

TEST_CASE("a run goes on from a checkpoint as if it had never stopped") {
    const std::string path = "trainer_test_checkpoint_" + std::to_string(getpid());
    TrainingRun<> whole = make_run(settings(20));
    train(whole, 2, 20);
    for (const std::uint64_t stop : {std::uint64_t{1}, std::uint64_t{10}, std::uint64_t{13}}) {
        TrainingRun<> before = make_run(settings(20));
        train(before, 1, stop);
        REQUIRE(before.save(path));
        TrainingRun<> after = make_run(settings(20));
        const Result<Checkpoint> checkpoint = read_checkpoint(path);
        REQUIRE(checkpoint);
        REQUIRE(after.resume(*checkpoint));
        CHECK(after.steps_done() == stop);
        train(after, 2, 20);
        CHECK(values(after) == values(whole));
    }
    RunSettings other = settings(20);
    other.seed = 8;
    TrainingRun<> refused = make_run(other);
    CHECK(refused.resume(*read_checkpoint(path))
              .error()
              .message.find("of a run with seed 7; this run has 20 steps and "
                            "seed 8") != std::string::npos);
    // Other settings, whatever they are, or other pictures: refused, and nothing of it is taken over.
    const auto refusal = [&](auto change) {
        RunSettings s = settings(20);
        change(s);
        TrainingRun<> run = make_run(s);
        const std::vector<float> drawn = values(run);
        const Status resumed = run.resume(*read_checkpoint(path));
        CHECK(values(run) == drawn);
        CHECK(run.steps_done() == 0);
        return resumed ? std::string() : resumed.error().message;
    };
    const std::string settings_differ = path + " is of a run with other settings";
    CHECK(refusal([](RunSettings& s) { s.optimiser = AdamW{}; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.learning_rate.peak *= 2; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.learning_rate.warmup_steps = 6; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) {
              s.optimiser = Sgd{.momentum = 0.8f, .nesterov = true, .weight_decay = 1e-4f};
          }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.average.warms_up = false; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.pictures.layers = 3; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.batch = 7; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.schedule.stages[1].dropout = 0.2; }) == settings_differ);
    CHECK(refusal([](RunSettings& s) { s.loss.smoothing = 0.1f; }) == settings_differ);
    const data::Pictures fewer = tests::coloured_squares(149, 24, 1);
    auto on_fewer = TrainingRun<>::make(small, settings(20), fewer, tests::squares_recipe, InitialValues{7});
    REQUIRE(on_fewer);
    CHECK(on_fewer->resume(*read_checkpoint(path)).error().message ==
          path + " is of a run on 150 pictures; this run has 149");
    std::remove(path.c_str());
    std::remove(previous_checkpoint(path).c_str());
}

TEST_CASE("a gradient that is not finite stops the run with a sentence, and changes nothing") {
    RunSettings s = settings(20);
    s.learning_rate = {.peak = 9e8};
    TbbExecutor executor(2);
    for (const bool averages : {true, false}) {  // values() are those of the average, or the weights themselves
        s.averages = averages;
        TrainingRun<> run = make_run(s);
        std::vector<float> before = values(run);
        Result<StepReport> report = run.step(executor);
        while (report && !run.finished()) before = values(run), report = run.step(executor);
        REQUIRE(!report);
        CHECK(report.error().message.find("the gradient of ") != std::string::npos);
        const std::uint64_t stopped = run.steps_done();
        CHECK(stopped > 0);
        CHECK(std::memcmp(values(run).data(), before.data(), before.size() * sizeof(float)) == 0);
        CHECK(!run.step(executor));
        CHECK(run.steps_done() == stopped);
        CHECK(std::memcmp(values(run).data(), before.data(), before.size() * sizeof(float)) == 0);
    }
}

// Whether a tensor still has the values that the run drew.
bool is_as_drawn(const TrainingRun<>& run, const Tensor& t) {
    std::vector<float> now(t.shape.elements()), drawn(now.size());
    run.source().read(t, 0, now);
    InitialValues(run.settings().seed).read(t, 0, drawn);
    return now == drawn;
}

TEST_CASE("frozen parts stay as they were") {
    for (const bool norms : {true, false})
        for (const int first : {2, 3, 4}) {  // of three blocks: the last, the head, the classifier alone
            RunSettings s = settings(6);
            s.first_trained = first;
            s.norm.frozen = norms;
            TrainingRun<> run = make_run(s);
            train(run, 2, 6);
            for (const ParameterEntry& entry : run.table().entries()) {
                const Tensor& t = entry.tensor;
                const bool statistics = t.part == Part::norm_mean || t.part == Part::norm_variance;
                const bool early = t.layer == Layer::stem || (t.in_block() && t.block.stage < first) ||
                                   (t.layer == Layer::head && first > 3);
                CAPTURE(static_cast<int>(t.layer));
                CAPTURE(static_cast<int>(t.part));
                CHECK(is_as_drawn(run, t) == ((norms && statistics) || early));
            }
        }
}

TEST_CASE("a fixed stem keeps its weights, while its statistics move") {
    RunSettings s = settings(6);
    s.fixed_stem = true;
    TrainingRun<> run = make_run(s);
    train(run, 2, 6);
    for (const ParameterEntry& entry : run.table().entries()) {
        const Tensor& t = entry.tensor;
        CAPTURE(static_cast<int>(t.layer));
        CAPTURE(static_cast<int>(t.part));
        CHECK(is_as_drawn(run, t) == (t.layer == Layer::stem && t.trainable()));
    }
}

TEST_CASE("the norms' beta alone go by a rate of their own") {
    // Two steps, of which the first is at a rate of 0: the second begins with the same weights.
    const auto after_two_steps = [](double beta_rate) {
        RunSettings s = settings(6);
        s.beta_rate = beta_rate;
        TrainingRun<> run = make_run(s);
        train(run, 2, 2);
        return run;
    };
    const TrainingRun<> as_others = after_two_steps(1.0), none = after_two_steps(0.0);
    for (const ParameterEntry& entry : none.table().entries()) {
        const Tensor& t = entry.tensor;
        if (!t.trainable()) continue;
        std::vector<float> a(t.shape.elements()), b(a.size());
        as_others.source().read(t, 0, a);
        none.source().read(t, 0, b);
        CAPTURE(static_cast<int>(t.layer));
        CAPTURE(static_cast<int>(t.part));
        CHECK((a == b) == (t.part != Part::norm_bias));
        CHECK(is_as_drawn(none, t) == (t.part == Part::norm_bias));
    }
}

// Weights as inference engines save them, with norms that only add, or with such as have learned since.
class Folded final : public WeightSource {
public:
    explicit Folded(bool learned = false) : learned_(learned) {}
    void read(const Tensor& t, std::size_t first, std::span<float> into) const override {
        fresh_.read(t, first, into);
        if (t.part == Part::norm_variance) std::fill(into.begin(), into.end(), 1.0f - epsilon());
        if (t.part == Part::norm_bias)
            for (std::size_t i = 0; i < into.size(); ++i) into[i] = 0.25f * static_cast<float>((first + i) % 5) - 0.5f;
        if (t.part == Part::norm_weight && learned_)
            for (std::size_t i = 0; i < into.size(); ++i) into[i] = 1.0f + 0.1f * static_cast<float>((first + i) % 3);
    }
    float epsilon() const override { return 1e-3f; }

private:
    bool learned_;
    InitialValues fresh_{7};
};

TEST_CASE("weights with folded norms are told from others") {
    CHECK(has_folded_norms(small, Folded{}));
    CHECK(has_folded_norms(small, Folded{true}));
    CHECK(!has_folded_norms(small, InitialValues{7}));
    CHECK(!has_folded_norms(small, FormulaSource{}));
}

TEST_CASE("a run from folded norms begins with what the weights answer") {
    const auto first_loss = [](bool learned, bool frozen, bool adopt) {
        RunSettings s = settings(6);
        s.norm.frozen = frozen;
        s.adopt_statistics = adopt;
        s.stochastic_depth = 0.0;
        auto run = TrainingRun<>::make(small, s, pictures(), tests::squares_recipe, Folded{learned});
        REQUIRE(run);
        TbbExecutor executor(2);
        const Result<StepReport> report = run->step(executor);
        REQUIRE(report);
        return report->loss.mean;
    };
    for (const bool learned : {false, true}) {
        const double as_they_are = first_loss(learned, true, false);
        CHECK(first_loss(learned, false, true) == doctest::Approx(as_they_are).epsilon(1e-4));
        CHECK(first_loss(learned, false, false) != doctest::Approx(as_they_are).epsilon(1e-3));
    }
}

TEST_CASE("what cannot be run is refused") {
    const auto refusal = [](const Architecture& a, const RunSettings& s) {
        const auto run = TrainingRun<>::make(a, s, pictures(), tests::squares_recipe, InitialValues{1});
        return run ? std::string() : run.error().message;
    };
    CHECK(refusal(small.with_classes(10), settings(10)) == "the network has 10 classes, but squares has 3");
    CHECK(refusal(small, settings(1)).find("it gets no step") != std::string::npos);
    RunSettings s = settings(10);
    s.batch = 0;
    CHECK(refusal(small, s) == "a training batch needs at least one picture");
    const auto wrong = [&](auto change) {
        RunSettings changed = settings(10);
        change(changed);
        return refusal(small, changed);
    };
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(wrong([](RunSettings& r) {
              r.clip = {ClipKind::global_norm, -1.0};
          }).find("the largest norm") != std::string::npos);
    CHECK(wrong([&](RunSettings& r) { r.average.decay = nan; }).find("moving average: its decay") == 0);
    CHECK(wrong([](RunSettings& r) { r.schedule.stages[0].mixup = 1e-4; }).find("stage 1: the alpha of mixup") == 0);
    CHECK(wrong([](RunSettings& r) { r.pictures.cutout = 9.0; }).find("stage 1: the side of a cutout") == 0);
    CHECK(wrong([](RunSettings& r) { r.loss.smoothing = -2.0f; }) ==
          "label smoothing is at least 0 and below 1, not -2.000000");
    CHECK(wrong([](RunSettings& r) { r.stochastic_depth = 1.0; }).find("stochastic depth is") == 0);
    CHECK(wrong([](RunSettings& r) { r.norm.momentum = 5.0f; }).find("batch norm's momentum is") == 0);
    CHECK(wrong([](RunSettings& r) { r.norm.epsilon = 0.0f; }).find("batch norm's epsilon is") == 0);
    CHECK(wrong([](RunSettings& r) { r.first_trained = -1; }).find("the first trained block is 0 or more") == 0);
    s = settings(10);
    s.beta_rate = -1.0;
    CHECK(refusal(small, s).find(" has a rate of -1.000000, expected at least 0") != std::string::npos);
    s.beta_rate = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal(small, s).find(" has a rate of nan, expected at least 0") != std::string::npos);
}

TEST_CASE("the trainer's type knows its stages") {
    using Own = Trainer<small, growing>;
    static_assert(Own::stages == 2);
    static_assert(Own::architecture(0).input == Extent{16, 16});
    static_assert(Own::architecture(1).input == Extent{24, 24});
    RunSettings s = settings(8);
    s.schedule = {};
    auto run = Own::make(s, pictures(), tests::squares_recipe, InitialValues{s.seed});
    REQUIRE(run);
    TrainingRun<> same = make_run(settings(8));
    train(*run, 2, 8);
    train(same, 2, 8);
    CHECK(values(*run) == values(same));
}

}  // namespace
