// Whole training steps: gradients of the user's own architectures against central differences of the plain network,
// of released ones against golden values from PyTorch in float64; equal bits whatever the threads and the memory plan.
#include "effv2/training/network.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "common/training_instances.hpp"
#include "effv2/architecture/variants.hpp"
#include "effv2/parallel/tbb.hpp"
#include "effv2/training/initial_values.hpp"
#include "effv2/weights/formula.hpp"
#include "training/goldens.hpp"
#include "training/plain_training.hpp"

using namespace effv2;
using namespace effv2::training;

namespace {

PassSettings smoothed() {
    PassSettings settings;
    settings.loss.smoothing = 0.1f;
    return settings;
}

struct Step {
    ParameterTable layout;
    int batch;
    PassSettings settings;
    std::vector<float> pictures, targets, values, gradients;
    Loss loss;

    Step(const Architecture& a, int images, const PassSettings& with = {})
        : layout(a),
          batch(images),
          settings(with),
          pictures(static_cast<std::size_t>(images * 3 * a.input.pixels())),
          targets(static_cast<std::size_t>(images * a.classes)),
          values(layout.floats()),
          gradients(tests::poisoned(layout.trained())) {
        formula_input(pictures);
        for (int i = 0; i < images; ++i)
            targets[static_cast<std::size_t>(i * a.classes + (7 * i + 3) % a.classes)] = 1.0f;
        load_parameters(layout, FormulaSource{}, values.data());
    }

    Step& run(int threads, Keep keep = Keep::maps) {
        TbbExecutor executor(threads);
        auto network = TrainingNetwork<>::make(layout, layout.architecture().input, batch, threads, keep);
        REQUIRE(network);
        loss = network->step(executor, settings, pictures, targets, values, gradients);
        return *this;
    }

    std::vector<float> tensor(const ParameterEntry& entry) const {
        std::vector<float> elements(entry.tensor.shape.elements());
        read_tensor<simd::NativeArch>(entry, entry.tensor.trainable() ? gradients.data() : values.data(), 0, elements);
        return elements;
    }
};

constexpr Architecture own{.stem = 12,
                           .stages = {fused(2, 1, 1, 12), fused(2, 2, 4, 20, 5), mbconv(2, 2, 3, 28, 5),
                                      mbconv(2, 1, 1, 28, 7), mbconv(1, 2, 2, 36, 3, 0)},
                           .head = 44,
                           .classes = 7,
                           .input = {32, 37}};

// Every tensor's gradient along random directions.
void check_slopes(const Architecture& a, const PassSettings& settings) {
    Step step(a, 2, settings);
    tests::PlainTraining plain(a, static_cast<double>(settings.loss.smoothing), settings.norm.frozen);
    std::vector<float> elements;
    for (const ParameterEntry& entry : step.layout.entries()) {
        elements.resize(entry.tensor.shape.elements());
        FormulaSource{}.read(entry.tensor, 0, elements);
        plain.tensors[tests::PlainTraining::key(entry.tensor)] = tests::doubles(elements);
    }
    step.run(2);
    tests::Maps pictures(step.batch, 3, a.input);
    for (int n = 0; n < step.batch; ++n)
        for (int c = 0; c < 3; ++c)
            for (int p = 0; p < a.input.pixels(); ++p)
                pictures.values[static_cast<std::size_t>((n * a.input.pixels() + p) * 3 + c)] =
                    static_cast<double>(step.pictures[static_cast<std::size_t>((n * 3 + c) * a.input.pixels() + p)]);
    const tests::Values targets = tests::doubles(step.targets);
    CHECK(step.loss.mean == doctest::Approx(plain.loss(pictures, targets)).epsilon(2e-6));
    double whole = 0.0;
    for (const ParameterEntry& entry : step.layout.entries())
        if (entry.tensor.trainable())
            for (const float g : step.tensor(entry)) whole += static_cast<double>(g) * static_cast<double>(g);
    tests::Random random(1);
    for (const ParameterEntry& entry : step.layout.entries()) {
        if (!entry.tensor.trainable()) continue;
        CAPTURE(static_cast<int>(entry.tensor.layer));
        CAPTURE(static_cast<int>(entry.tensor.part));
        CAPTURE(entry.tensor.block.stage);
        CAPTURE(entry.tensor.block.index);
        tests::Values& at = plain.tensors[tests::PlainTraining::key(entry.tensor)];
        const tests::Values kept = at, direction = tests::doubles(random.reals(at.size()));
        const auto moved = [&](double by) {
            for (std::size_t i = 0; i < at.size(); ++i) at[i] = kept[i] + by * direction[i];
            return plain.loss(pictures, targets);
        };
        constexpr double by = 1e-5;
        const double slope = (moved(by) - moved(-by)) / (2.0 * by);
        at = kept;
        const tests::Values gradient = tests::doubles(step.tensor(entry));
        const double size = std::sqrt(tests::dot(gradient, gradient));
        CHECK(std::abs(slope - tests::dot(gradient, direction)) < 3e-4 * size + 1e-6 * std::sqrt(whole));
    }
}

TEST_CASE("gradients of architectures of one's own") {
    for (const Padding padding : {Padding::same, Padding::symmetric})
        for (const bool frozen : {false, true}) {
            CAPTURE(frozen);
            PassSettings settings = smoothed();
            settings.norm.frozen = frozen;
            check_slopes(own.with_padding(padding), settings);
        }
}

TEST_CASE("gradients and running statistics as PyTorch has them") {
    for (const tests::TrainingGolden& golden : tests::training_goldens) {
        CAPTURE(golden.variant);
        const Architecture a = find_variant(golden.variant)
                                   ->architecture.with_classes(10)
                                   .with_size(golden.size)
                                   .with_padding(golden.padding);
        const Step step = Step(a, golden.batch, smoothed()).run(2);
        CHECK(std::abs(step.loss.mean - golden.loss) < 1e-5);
        std::size_t index = 0;
        for_each_tensor(a, [&](const Tensor& tensor) {
            if (tensor.part != Part::weight && tensor.part != Part::norm_variance) return;
            const ParameterEntry& entry = step.layout.find(tensor);
            // A sum over the elements with a weight of its own for each.
            std::vector<float> weights(entry.tensor.shape.elements());
            for (std::size_t i = 0; i < weights.size(); ++i)
                weights[i] = static_cast<float>(2.0 * effv2::detail::formula_uniform(7, i) - 1.0);
            const tests::Values elements = tests::doubles(step.tensor(entry));
            CAPTURE(index);
            const double size = golden.norms[index], sum = golden.sums[index];
            CHECK(std::sqrt(tests::dot(elements, elements)) == doctest::Approx(size).epsilon(1e-4));
            CHECK(std::abs(tests::dot(elements, tests::doubles(weights)) - sum) < 3e-4 * size);
            ++index;
        });
        CHECK(index == golden.count);
    }
}

// Of what lies between the tensors, too, which nobody writes.
bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_CASE("equal bits with one thread or several, with maps kept or computed again") {
    PassSettings settings = smoothed();
    settings.dropout = 0.3, settings.stochastic_depth = 0.4, settings.seed = 3, settings.step = 9;
    for (const int first_trained : {0, 2, own.block_count()}) {
        settings.first_trained = first_trained;
        const Step one = Step(own, 5, settings).run(1);
        for (const int threads : {2, 3, 5})
            for (const Keep keep : {Keep::maps, Keep::block_inputs}) {
                const Step other = Step(own, 5, settings).run(threads, keep);
                CHECK(other.loss.mean == one.loss.mean);
                CHECK(same_bits(other.gradients, one.gradients));
                CHECK(other.values == one.values);
            }
    }
}

TEST_CASE("in front of the first trained block, norms are frozen; behind it, they see the batch") {
    // The statistics that a first step leaves in the values tell which norms moved.
    for (const int first : {0, 3, own.block_count(), own.block_count() + 1}) {
        PassSettings settings;
        settings.first_trained = first;
        const Step before(own, 4), after = Step(own, 4, settings).run(2);
        for (const ParameterEntry& entry : after.layout.entries()) {
            const Tensor& t = entry.tensor;
            if (t.part != Part::norm_mean) continue;
            int block = t.block.index;
            for (int s = 0; t.in_block() && s < t.block.stage; ++s) block += own.stages[s].repeats;
            const bool moves = t.layer == Layer::stem   ? first == 0
                               : t.layer == Layer::head ? first <= own.block_count()
                                                        : block >= first;
            CHECK((after.tensor(entry) != before.tensor(entry)) == moves);
        }
    }
}

TEST_CASE("stochastic depth and dropout depend on the step and the seed") {
    PassSettings settings;
    settings.dropout = 0.3, settings.stochastic_depth = 0.5, settings.seed = 3, settings.step = 9;
    const double first = Step(own, 5, settings).run(1).loss.mean;
    settings.step = 10;
    CHECK(Step(own, 5, settings).run(1).loss.mean != first);
    settings.step = 9;
    CHECK(Step(own, 5, settings).run(1).loss.mean == first);
    settings.seed = 4;
    CHECK(Step(own, 5, settings).run(1).loss.mean != first);
}

TEST_CASE("frozen parts get no gradients, the others the same as ever") {
    PassSettings settings;
    settings.norm.frozen = true;  // as those of the frozen parts are in any case
    const Step whole = Step(own, 4, settings).run(2);
    const int blocks = own.block_count();
    for (const int first : {1, 4, blocks, blocks + 1}) {
        CAPTURE(first);
        settings.first_trained = first;
        const Step part = Step(own, 4, settings).run(2);
        int block = -1;
        for (const ParameterEntry& entry : part.layout.entries()) {
            const Tensor& t = entry.tensor;
            if (!t.trainable()) continue;
            if (t.in_block()) {
                block = t.block.index;
                for (int s = 0; s < t.block.stage; ++s) block += own.stages[s].repeats;
            }
            const bool trained = t.layer == Layer::classifier || (t.layer == Layer::head && first <= blocks) ||
                                 (t.in_block() && block >= first);
            if (trained)
                CHECK(part.tensor(entry) == whole.tensor(entry));
            else
                CHECK(std::isnan(part.tensor(entry)[0]));
        }
    }
}

TEST_CASE("a fixed stem gets no gradients, all else the same as ever") {
    const Step whole = Step(own, 4).run(2);
    PassSettings settings;
    settings.fixed_stem = true;
    const Step part = Step(own, 4, settings).run(2);
    for (const ParameterEntry& entry : part.layout.entries()) {
        if (!entry.tensor.trainable()) continue;
        if (entry.tensor.layer == Layer::stem)
            CHECK(std::isnan(part.tensor(entry)[0]));
        else
            CHECK(part.tensor(entry) == whole.tensor(entry));
    }
}

TEST_CASE("a network that cannot be made says why") {
    const ParameterTable layout(own);
    CHECK(TrainingNetwork<>::make(layout, {7, 16}, 4, 1).error().message ==
          "height and width of the input must be 8 to 8192 pixels, found 7");
    CHECK(TrainingNetwork<>::make(layout, {64, 64}, 0, 1).error().message ==
          "a training batch needs at least one picture");
}

TEST_CASE("values come from a source and go back to it unchanged") {
    const ParameterTable layout(variants::b0.with_classes(3));
    std::vector<float> values(layout.floats());
    load_parameters(layout, FormulaSource{}, values.data());
    const ParameterSource<> source(layout, values.data());
    for (const ParameterEntry& entry : layout.entries()) {
        std::vector<float> expected(entry.tensor.shape.elements()), found(expected.size());
        FormulaSource{}.read(entry.tensor, 0, expected);
        source.read(entry.tensor, 0, found);
        CHECK(found == expected);
    }
}

TEST_CASE("fresh values have the spread that the released code gives them") {
    const ParameterTable layout(variants::b0);
    const InitialValues fresh(1);
    for (const ParameterEntry& entry : layout.entries()) {
        const Tensor& t = entry.tensor;
        std::vector<float> elements(t.shape.elements());
        fresh.read(t, 0, elements);
        double sum = 0.0, squares = 0.0;
        for (const float value : elements)
            sum += static_cast<double>(value), squares += static_cast<double>(value) * static_cast<double>(value);
        const auto n = static_cast<double>(elements.size());
        if (t.part != Part::weight) {
            CHECK(sum == (t.part == Part::norm_weight || t.part == Part::norm_variance ? n : 0.0));
            continue;
        }
        const double fan_out = t.layer == Layer::depthwise
                                   ? 9
                                   : t.shape.dims[0] * (t.shape.rank == 4 ? t.shape.dims[2] * t.shape.dims[3] : 1);
        const double variance = t.layer == Layer::classifier ? 1.0 / 3.0 / 1000.0 : 2.0 / fan_out;
        CHECK(std::abs(sum / n) < 5.0 * std::sqrt(variance / n));
        CHECK(squares / n == doctest::Approx(variance).epsilon(10.0 / std::sqrt(n)));
    }
}

}  // namespace
