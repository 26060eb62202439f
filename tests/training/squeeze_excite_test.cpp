// Squeeze-excite against central differences of its plain twin in double, outputs poisoned first.
#include "effv2/training/layers/squeeze_excite.hpp"

#include <doctest/doctest.h>

#include "effv2/parallel/tbb.hpp"
#include "training/laid_out.hpp"

using namespace effv2;
using namespace effv2::training;
using tests::LaidWeights;
using tests::lay_out;
using tests::Maps;
using tests::random_maps;
using tests::slope_tolerance;
using tests::take_out;
using tests::Values;

namespace {

using Arch = simd::NativeArch;

TEST_CASE("squeeze-excite: output and all gradients") {
    tests::Random random(5);
    TbbExecutor executor(2);
    for (const std::array<int, 3>& sizes : {std::array{20, 3, 2}, std::array{256, 16, 5}, std::array{48, 12, 1}}) {
        const int channels = sizes[0], squeezed = sizes[1], images = sizes[2];
        const Extent size{random.integer(1, 5), random.integer(2, 5)};
        const SqueezeShape shape(size.pixels(), channels, squeezed);
        const Maps input = random_maps(random, images, channels, size),
                   upstream = random_maps(random, images, channels, size);
        // The norm before it is a given scale and shift.
        const auto rounded = static_cast<std::size_t>(shape.map.channels);
        std::vector<float> memory(static_cast<std::size_t>(NormState::values) * rounded, 0.0f);
        const NormState norm(memory.data(), shape.map.channels);
        for (int c = 0; c < channels; ++c) norm.scale[c] = 1.0f + 0.5f * random.real(), norm.shift[c] = random.real();
        const LaidWeights reduce_layout(Layer::se_reduce, {4, {squeezed, channels, 1, 1}}),
            restore_layout(Layer::se_expand, {4, {channels, squeezed, 1, 1}});
        const auto some = [&](std::size_t n) { return random.reals(n); };
        const std::vector<float> reduce = some(static_cast<std::size_t>(squeezed * channels)),
                                 restore = some(reduce.size());
        std::vector<float> reduce_bias = some(static_cast<std::size_t>(squeezed)),
                           restore_bias = some(static_cast<std::size_t>(channels));
        std::vector<float> bias1 = reduce_bias, bias2 = restore_bias;
        bias1.resize(static_cast<std::size_t>(shape.reduce.out)), bias2.resize(rounded);
        const std::vector<float> w1 = reduce_layout.lay_out(reduce), w2 = restore_layout.lay_out(restore);
        const std::vector<float> x = lay_out(input), g = lay_out(upstream);
        std::vector<float> y = x,
                           state_memory = tests::poisoned(shape.state_floats() * static_cast<std::size_t>(images));
        const SqueezeState state(state_memory.data(), shape, images);
        squeeze_forward<Arch>(executor, shape, images, norm, x.data(), {w1.data(), bias1.data()},
                              {w2.data(), bias2.data()}, state, y.data());

        const auto activated = [&](const Maps& at) {
            Maps out = at;
            for (std::size_t i = 0; i < out.values.size(); ++i) {
                const auto c = static_cast<int>(i) % channels;
                out.values[i] = out.values[i] * static_cast<double>(norm.scale[c]) + static_cast<double>(norm.shift[c]);
            }
            tests::plain_silu(out.values);
            return out;
        };
        Values parts[] = {tests::doubles(reduce), tests::doubles(reduce_bias), tests::doubles(restore),
                          tests::doubles(restore_bias)};
        const auto run = [&](const Maps& at) {
            return tests::plain_squeeze(activated(at), parts[0], parts[1], parts[2], parts[3]);
        };
        const Values made = take_out(y, channels), expected = run(input).values;
        double error = 0.0;
        for (std::size_t i = 0; i < made.size(); ++i) error = std::max(error, std::abs(made[i] - expected[i]));
        CHECK(error < 1e-4);

        std::vector<float> t1 = tests::poisoned(shape.reduce.weights()), t2 = tests::poisoned(shape.restore.weights());
        std::vector<float> d1 = t1, d2 = t2, db1 = tests::poisoned(bias1.size()), db2 = tests::poisoned(bias2.size());
        std::vector<float> scratch =
            tests::poisoned(std::max(GradientCut(shape.reduce, images).scratch_floats(shape.reduce),
                                     GradientCut(shape.restore, images).scratch_floats(shape.restore)));
        transpose_weights<Arch>(executor, shape.reduce, w1.data(), t1.data());
        transpose_weights<Arch>(executor, shape.restore, w2.data(), t2.data());
        squeeze_backward<Arch>(executor, shape, images, norm, x.data(), g.data(), t1.data(), t2.data(), state,
                               scratch.data(), {d1.data(), db1.data()}, {d2.data(), db2.data()});
        db1.resize(reduce_bias.size()), db2.resize(restore_bias.size());
        const Values gradients[] = {reduce_layout.take_out(d1), tests::doubles(db1), restore_layout.take_out(d2),
                                    tests::doubles(db2)};
        for (std::size_t part = 0; part < 4; ++part) {
            CAPTURE(part);
            const Values kept = parts[part];
            const auto loss = [&](const Values& at) {
                parts[part] = at;
                const double value = tests::dot(run(input).values, upstream.values);
                parts[part] = kept;
                return value;
            };
            CHECK(tests::slope_error(random, loss, kept, gradients[part]) < 5 * slope_tolerance);
        }
        // Of the map: the gate times the gradient, plus what came through the means.
        Values of_map = take_out(g, channels);
        for (std::size_t i = 0; i < of_map.size(); ++i) {
            const auto c = static_cast<int>(i) % channels, image = static_cast<int>(i) / (channels * size.pixels());
            const std::ptrdiff_t at = image * shape.map.stride + c;
            of_map[i] = of_map[i] * static_cast<double>(state.gate[at]) + static_cast<double>(state.mean_gradient[at]);
        }
        const Maps middle = activated(input);
        const auto loss = [&](const Values& at) {
            Maps moved = middle;
            moved.values = at;
            return tests::dot(tests::plain_squeeze(moved, parts[0], parts[1], parts[2], parts[3]).values,
                              upstream.values);
        };
        CHECK(tests::slope_error(random, loss, middle.values, of_map) < 5 * slope_tolerance);
    }
}

}  // namespace
