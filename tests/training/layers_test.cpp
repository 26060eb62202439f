// Every training layer by itself, against central differences of its plain twin in double: odd channels, sizes,
// kernels, strides and both paddings, outputs poisoned first.
#include <doctest/doctest.h>

#include "effv2/parallel/tbb.hpp"
#include "effv2/training/layers/depthwise.hpp"
#include "effv2/training/layers/loss.hpp"
#include "effv2/training/layers/squeeze_excite.hpp"
#include "effv2/training/layers/winograd_gradient.hpp"
#include "effv2/training/parameters.hpp"
#include "training/plain_layers.hpp"

using namespace effv2;
using namespace effv2::training;
using tests::Maps;
using tests::Values;

namespace {

using Arch = simd::NativeArch;
constexpr double tolerance = 2e-5;

// Maps as the layers hold them: padded channels are zero, what lies between pixels is poison.
std::vector<float> lay_out(const Maps& maps) {
    const int stride = pixel_stride(maps.channels), rounded = round_to_granule(maps.channels);
    std::vector<float> out = tests::poisoned(static_cast<std::size_t>(maps.images * maps.size.pixels() * stride));
    for (std::size_t p = 0; p < out.size() / static_cast<std::size_t>(stride); ++p)
        for (int c = 0; c < rounded; ++c)
            out[p * static_cast<std::size_t>(stride) + static_cast<std::size_t>(c)] =
                c < maps.channels
                    ? static_cast<float>(
                          maps.values[p * static_cast<std::size_t>(maps.channels) + static_cast<std::size_t>(c)])
                    : 0.0f;
    return out;
}

Values take_out(const std::vector<float>& laid, int channels) {
    const auto stride = static_cast<std::size_t>(pixel_stride(channels));
    Values out;
    for (std::size_t p = 0; p < laid.size() / stride; ++p)
        for (int c = 0; c < channels; ++c) out.push_back(laid[p * stride + static_cast<std::size_t>(c)]);
    return out;
}

Maps random_maps(tests::Random& random, int images, int channels, Extent size) {
    Maps maps(images, channels, size);
    maps.values = tests::doubles(random.reals(maps.values.size()));
    return maps;
}

// A weight tensor in PyTorch's order to and from the panels.
struct LaidWeights {
    ParameterEntry entry;
    LaidWeights(Layer layer, const Shape& shape) : entry{{layer, Part::weight, shape, {}}, 0, 0} {
        entry.floats = training::detail::TensorDims(entry.tensor).floats();
    }
    std::vector<float> lay_out(const std::vector<float>& values) const {
        std::vector<float> out(entry.floats, 0.0f);
        write_tensor<Arch>(entry, values, out.data());
        return out;
    }
    Values take_out(const std::vector<float>& laid) const {
        std::vector<float> values(entry.tensor.shape.elements());
        read_tensor<Arch>(entry, laid.data(), 0, values);
        return tests::doubles(values);
    }
};

void check_convolution(tests::Random& random, const Window& window, int images, int in, int out, bool depthwise) {
    CAPTURE(window.kernel);
    CAPTURE(window.stride);
    CAPTURE(in);
    CAPTURE(out);
    TbbExecutor executor(2);
    const ConvShape shape(window, in, out, depthwise);
    const Maps input = random_maps(random, images, in, window.input);
    const Maps upstream = random_maps(random, images, out, window.output);
    const LaidWeights layout(depthwise ? Layer::depthwise : Layer::expand,
                             {4, {out, depthwise ? 1 : in, window.kernel, window.kernel}});
    const std::vector<float> weights = random.reals(layout.entry.tensor.shape.elements());
    const std::vector<float> laid = layout.lay_out(weights), x = lay_out(input), g = lay_out(upstream);

    std::vector<float> y = lay_out(Maps(images, out, window.output)), dx = lay_out(Maps(images, in, window.input));
    std::fill(y.begin(), y.end(), NAN);
    std::fill(dx.begin(), dx.end(), NAN);
    std::vector<float> dw = tests::poisoned(layout.entry.floats), transposed = tests::poisoned(layout.entry.floats);
    std::vector<float> scratch = tests::poisoned(GradientCut(shape, images).scratch_floats(shape));
    if (depthwise) {
        depthwise_forward<Arch>(executor, shape, images, x.data(), laid.data(), y.data(), nullptr);
        depthwise_backward<Arch>(executor, shape, images, g.data(), laid.data(), nullptr, dx.data());
        depthwise_weight_gradient<Arch>(executor, shape, images, x.data(), g.data(), scratch.data(), dw.data());
    } else {
        convolve_forward<Arch>(executor, shape, images, x.data(), laid.data(), nullptr, y.data(), nullptr);
        transpose_weights<Arch>(executor, shape, laid.data(), transposed.data());
        convolve_backward<Arch>(executor, shape, images, g.data(), transposed.data(), nullptr, dx.data());
        convolve_weight_gradient<Arch>(executor, shape, images, x.data(), g.data(), scratch.data(), dw.data());
    }

    const Maps expected = tests::plain_convolve(input, window, out, depthwise, tests::doubles(weights));
    const Values made = take_out(y, out);
    double error = 0.0;
    for (std::size_t i = 0; i < made.size(); ++i) error = std::max(error, std::abs(made[i] - expected.values[i]));
    CHECK(error < 1e-4);
    const auto of_input = [&](const Values& at) {
        Maps moved = input;
        moved.values = at;
        return tests::dot(tests::plain_convolve(moved, window, out, depthwise, tests::doubles(weights)).values,
                          upstream.values);
    };
    const auto of_weights = [&](const Values& at) {
        return tests::dot(tests::plain_convolve(input, window, out, depthwise, at).values, upstream.values);
    };
    CHECK(tests::slope_error(random, of_input, input.values, take_out(dx, in)) < tolerance);
    CHECK(tests::slope_error(random, of_weights, tests::doubles(weights), layout.take_out(dw)) < tolerance);
    for (const float value : dw) CHECK(std::isfinite(value));  // the padding too, since optimisers read it
}

TEST_CASE("convolutions: output, gradients of input and weights") {
    tests::Random random(1);
    for (const Padding padding : {Padding::same, Padding::symmetric})
        for (const int kernel : {1, 3, 5, 7})
            for (const int stride : {1, 2}) {
                if (kernel == 1 && stride == 2) continue;  // no architecture has one
                const Extent size{random.integer(1, 9), random.integer(1, 9)};
                check_convolution(random, make_window(size, kernel, stride, padding), random.integer(1, 5),
                                  random.integer(1, 60), random.integer(1, 90), false);
            }
}

TEST_CASE("convolutions that are cut into parts of the batch") {
    tests::Random random(2);
    check_convolution(random, make_window({24, 20}, 3, 1, Padding::same), 4, 3, 8, false);
    check_convolution(random, make_window({21, 17}, 3, 2, Padding::symmetric), 4, 5, 20, false);
    check_convolution(random, make_window({32, 32}, 1, 1, Padding::same), 3, 16, 40, false);
    check_convolution(random, make_window({24, 20}, 3, 1, Padding::same), 4, 24, 24, true);
}

TEST_CASE("depthwise convolutions: output, gradients of input and weights") {
    tests::Random random(3);
    for (const Padding padding : {Padding::same, Padding::symmetric})
        for (const int kernel : {3, 5, 7})
            for (const int stride : {1, 2}) {
                const Extent size{random.integer(1, 11), random.integer(1, 11)};
                const int channels = random.integer(1, 90);
                check_convolution(random, make_window(size, kernel, stride, padding), random.integer(1, 5), channels,
                                  channels, true);
            }
}

// Against the direct layers, which the cases above hold against the plain ones.
void check_winograd(tests::Random& random, const Window& window, int images, int in, int out) {
    CAPTURE(in);
    CAPTURE(out);
    TbbExecutor executor(2);
    ConvShape shape(window, in, out);
    shape.winograd = true;
    const Maps input = random_maps(random, images, in, window.input);
    const Maps upstream = random_maps(random, images, out, window.output);
    const LaidWeights layout(Layer::expand, {4, {out, in, 3, 3}});
    const std::vector<float> laid = layout.lay_out(random.reals(layout.entry.tensor.shape.elements()));
    const std::vector<float> x = lay_out(input), g = lay_out(upstream);
    const MapLayout map{window.output.pixels(), shape.out, shape.out_stride};
    const auto chunks = static_cast<std::size_t>(chunk_count(std::int64_t{images} * map.pixels));
    std::vector<float> y[2], dx[2], dw[2], moments[2], transposed(laid.size());
    for (std::size_t way : {0u, 1u}) {
        y[way] = tests::poisoned(g.size()), dx[way] = tests::poisoned(x.size()), dw[way] = tests::poisoned(laid.size());
        moments[way] = tests::poisoned(chunks * 2 * static_cast<std::size_t>(shape.out));
    }
    std::vector<float> scratch = tests::poisoned(GradientCut(shape, images).scratch_floats(shape));
    transpose_weights<Arch>(executor, shape, laid.data(), transposed.data());
    convolve_forward<Arch>(executor, shape, images, x.data(), laid.data(), nullptr, y[0].data(), moments[0].data());
    convolve_backward<Arch>(executor, shape, images, g.data(), transposed.data(), x.data(), dx[0].data());
    convolve_weight_gradient<Arch>(executor, shape, images, x.data(), g.data(), scratch.data(), dw[0].data());

    std::vector<float> points = tests::poisoned(winograd_weights(shape));
    const std::size_t worker = winograd_scratch(shape);
    std::vector<float> workers = tests::poisoned(2 * worker);
    const auto run = [&](const ConvPass& pass) {
        transform_weights<Arch>(executor, pass.depth, pass.channels, pass.weights, points.data());
        convolve_winograd<Arch>(executor, pass, points.data(), workers.data(), worker);
    };
    run(forward_pass(shape, images, x.data(), laid.data(), nullptr, y[1].data(), moments[1].data()));
    run(backward_pass(shape, 0, images, g.data(), transposed.data(), x.data(), dx[1].data()));
    std::vector<float> sums = tests::poisoned(winograd_gradient_scratch(shape, images));
    WinogradGradient<Arch>(shape, images, x.data(), g.data(), sums.data()).run(executor, dw[1].data());

    const auto error = [](const Values& a, const Values& b) {
        double difference = 0.0;
        for (std::size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]);
        return std::sqrt(difference / tests::dot(b, b));
    };
    CHECK(error(take_out(y[1], out), take_out(y[0], out)) < 1e-5);
    CHECK(error(take_out(dx[1], in), take_out(dx[0], in)) < 1e-5);
    CHECK(error(layout.take_out(dw[1]), layout.take_out(dw[0])) < 1e-5);
    CHECK(error(tests::doubles(moments[1]), tests::doubles(moments[0])) < 1e-5);
    for (const float value : dw[1]) CHECK(std::isfinite(value));
}

TEST_CASE("convolutions at Winograd's points agree with direct ones") {
    tests::Random random(8);
    for (const Padding padding : {Padding::same, Padding::symmetric}) {
        check_winograd(random, make_window({6, 12}, 3, 1, padding), 2, 16, 32);
        check_winograd(random, make_window({5, 4}, 3, 1, padding), 3, 50, 17);
        check_winograd(random, make_window({13, 19}, 3, 1, padding), 1, 24, 72);
        check_winograd(random, make_window({20, 25}, 3, 1, padding), 3, 400, 300);  // tiles in more than one go
    }
}

// The moments as the convolutions leave them.
std::vector<float> measure(const std::vector<float>& laid, const MapLayout& map, int images) {
    const int pixels = images * map.pixels, chunks = chunk_count(pixels);
    std::vector<float> moments = tests::poisoned(static_cast<std::size_t>(chunks * 2 * map.channels));
    for (int k = 0; k < chunks; ++k) {
        const int first = training::detail::part_start(pixels, chunks, k),
                  end = training::detail::part_start(pixels, chunks, k + 1);
        float* to = moments.data() + std::ptrdiff_t{k} * 2 * map.channels;
        kernels::channel_moments<Arch>(laid.data() + first * map.stride, map.stride, end - first, map.channels, to,
                                       to + map.channels);
    }
    return moments;
}

struct NormCase {
    int images, channels;
    Extent size;
    bool silu, frozen, residual;
};

void check_norm(tests::Random& random, const NormCase& n) {
    CAPTURE(n.silu);
    CAPTURE(n.frozen);
    CAPTURE(n.channels);
    TbbExecutor executor(2);
    const NormSettings settings{.frozen = n.frozen};
    const MapLayout map{n.size.pixels(), round_to_granule(n.channels), pixel_stride(n.channels)};
    Maps input = random_maps(random, n.images, n.channels, n.size);
    for (double& value : input.values) value = value * 0.7 + 3.0;  // far from zero: variances must not cancel
    const Maps upstream = random_maps(random, n.images, n.channels, n.size);
    std::vector<float> x = lay_out(input), g = lay_out(upstream), y = x;
    const auto rounded = static_cast<std::size_t>(map.channels), channels = static_cast<std::size_t>(n.channels);
    const auto vector = [&](double middle) {
        std::vector<float> made(rounded, 0.0f);
        for (std::size_t c = 0; c < channels; ++c) made[c] = static_cast<float>(middle + 0.3 * random.real());
        return made;
    };
    const std::vector<float> gamma = vector(1.0), beta = vector(0.0);
    std::vector<float> mean = vector(3.0), variance = vector(0.6);
    std::vector<float> factors(static_cast<std::size_t>(n.images));
    for (float& factor : factors) factor = random.integer(0, 1) == 0 ? 0.0f : 1.25f;
    tests::PlainNorm plain{tests::doubles(gamma), tests::doubles(beta), {}, {}};
    if (n.frozen) plain.mean = tests::doubles(mean), plain.variance = tests::doubles(variance);

    std::vector<float> memory = tests::poisoned(static_cast<std::size_t>(NormState::values) * rounded);
    const NormState state(memory.data(), map.channels);
    const std::vector<float> before_mean = mean;
    finish_statistics(executor, settings, n.images * map.pixels, map.channels, measure(x, map, n.images).data(),
                      {gamma.data(), beta.data(), mean.data(), variance.data()}, state, true);
    CHECK((mean == before_mean) == n.frozen);
    norm_forward<Arch>(executor, map, n.images, state, n.silu, x.data(), n.residual ? factors.data() : nullptr,
                       n.residual ? x.data() : nullptr, y.data());
    const auto forward = [&](const Maps& at, const tests::PlainNorm& with) {
        Maps out = tests::plain_norm(at, with);
        if (n.silu) tests::plain_silu(out.values);
        if (n.residual)  // the residual here is a constant: its gradient is not the norm's business
            for (std::size_t i = 0; i < out.values.size(); ++i)
                out.values[i] = out.values[i] * static_cast<double>(factors[i / (out.values.size() / factors.size())]) +
                                input.values[i];
        return out;
    };
    const Values expected = forward(input, plain).values, made = take_out(y, n.channels);
    double error = 0.0;
    for (std::size_t i = 0; i < made.size(); ++i) error = std::max(error, std::abs(made[i] - expected[i]));
    CHECK(error < 2e-5);

    std::vector<float> sums =
        tests::poisoned(static_cast<std::size_t>(Pieces(n.images, map.pixels, map.channels).count()) * 2 * rounded);
    std::vector<float> dgamma = tests::poisoned(rounded), dbeta = dgamma;
    NormUpstream up;
    up.gradient = g.data(), up.factors = n.residual ? factors.data() : nullptr;
    norm_backward<Arch>(executor, settings, map, n.images, state, n.silu, x.data(), up, sums.data(), dgamma.data(),
                        dbeta.data(), g.data());
    const auto of_input = [&](const Values& at) {
        Maps moved = input;
        moved.values = at;
        return tests::dot(forward(moved, plain).values, upstream.values);
    };
    CHECK(tests::slope_error(random, of_input, input.values, take_out(g, n.channels)) < 5 * tolerance);
    for (const bool of_gamma : {true, false}) {
        const Values& at = of_gamma ? plain.gamma : plain.beta;
        const auto loss = [&](const Values& moved) {
            tests::PlainNorm changed = plain;
            (of_gamma ? changed.gamma : changed.beta) = moved;
            return tests::dot(forward(input, changed).values, upstream.values);
        };
        Values gradient = tests::doubles(of_gamma ? dgamma : dbeta);
        for (std::size_t c = channels; c < rounded; ++c) CHECK(gradient[c] == 0.0);
        CHECK(tests::slope_error(random, loss, Values(at.begin(), at.begin() + n.channels),
                                 Values(gradient.begin(), gradient.begin() + n.channels)) < 5 * tolerance);
    }
}

TEST_CASE("batch norm: trained and frozen, with and without SiLU, on one piece and on many") {
    tests::Random random(4);
    for (const bool silu : {true, false})
        for (const bool frozen : {true, false})
            for (const bool residual : {true, false}) {
                check_norm(
                    random,
                    {random.integer(2, 5), random.integer(1, 70), {random.integer(1, 7), 5}, silu, frozen, residual});
                check_norm(random, {3, 130, {17, 19}, silu, frozen, residual});
            }
}

TEST_CASE("running statistics move as PyTorch's do") {
    // Two values, 1 and 5: mean 3, unbiased variance 8.
    SerialExecutor executor;
    std::vector<float> gamma(8, 1.0f), beta(8, 0.0f), mean(8, 1.0f), variance(8, 2.0f), memory(56);
    std::vector<float> moments{3, 3, 3, 3, 3, 3, 3, 3, 8, 8, 8, 8, 8, 8, 8, 8};
    finish_statistics(executor, {.momentum = 0.25f}, 2, 8, moments.data(),
                      {gamma.data(), beta.data(), mean.data(), variance.data()}, NormState(memory.data(), 8), true);
    CHECK(mean[5] == doctest::Approx(1.5f));
    CHECK(variance[5] == doctest::Approx(3.5f));
}

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
            CHECK(tests::slope_error(random, loss, kept, gradients[part]) < 5 * tolerance);
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
        CHECK(tests::slope_error(random, loss, middle.values, of_map) < 5 * tolerance);
    }
}

TEST_CASE("cross-entropy with soft labels: loss and gradient") {
    tests::Random random(6);
    for (const int classes : {2, 10, 37}) {
        const int rows = 5, stride = pixel_stride(classes);
        const float smoothing = classes == 10 ? 0.1f : 0.0f;
        std::vector<float> logits = random.reals(static_cast<std::size_t>(rows * stride)),
                           gradient = tests::poisoned(logits.size());
        std::vector<float> targets(static_cast<std::size_t>(rows * classes));
        Values used, soft;
        for (int r = 0; r < rows; ++r) {
            targets[static_cast<std::size_t>(r * classes + r % classes)] = 0.7f;
            targets[static_cast<std::size_t>(r * classes + (r + 1) % classes)] += 0.3f;
            for (int c = 0; c < classes; ++c) {
                float& logit = logits[static_cast<std::size_t>(r * stride + c)];
                logit *= 20.0f;
                used.push_back(logit);
            }
        }
        soft = tests::doubles(targets);
        const Loss loss =
            cross_entropy({smoothing}, rows, classes, stride, logits.data(), targets.data(), gradient.data());
        CHECK(loss.mean ==
              doctest::Approx(tests::plain_cross_entropy(used, soft, classes, static_cast<double>(smoothing))));
        const auto of = [&](const Values& at) {
            return tests::plain_cross_entropy(at, soft, classes, static_cast<double>(smoothing));
        };
        CHECK(tests::slope_error(random, of, used, take_out(gradient, classes)) < tolerance);
    }
}

TEST_CASE("cross-entropy of huge logits is finite, and counts right answers") {
    const std::vector<float> logits{1e30f, 0, 0, 0, 0, 0, 0, 0, 0, -1e30f, 0, 0, 0, 0, 0, 0};
    const std::vector<float> targets{1, 0, 0, 1};
    std::vector<float> gradient(16);
    const Loss loss = cross_entropy({}, 2, 2, 8, logits.data(), targets.data(), gradient.data());
    CHECK(std::isfinite(loss.mean));
    CHECK(loss.correct == 1);
}

TEST_CASE("pooling with dropout: what is dropped, and its gradient") {
    tests::Random random(7);
    TbbExecutor executor(2);
    const int images = 64, channels = 40;
    const Extent size{3, 2};
    const MapLayout map{size.pixels(), channels, pixel_stride(channels)};
    const Maps input = random_maps(random, images, channels, size);
    const std::vector<float> x = lay_out(input);
    const Dropout dropout{0.3, 11, 5};
    std::vector<float> pooled = tests::poisoned(static_cast<std::size_t>(images * map.stride)),
                       dx = tests::poisoned(x.size());
    pool_forward<Arch>(executor, map, images, dropout, x.data(), pooled.data());
    const Maps means = tests::plain_pool(input);
    int dropped = 0;
    for (int i = 0; i < images; ++i)
        for (int c = 0; c < channels; ++c) {
            const double value = pooled[static_cast<std::size_t>(i * map.stride + c)],
                         mean = means.values[means.index(i, 0, 0, c)];
            if (value == 0.0)
                ++dropped;
            else
                CHECK(value == doctest::Approx(mean / 0.7).epsilon(1e-5));
        }
    CHECK(dropped > images * channels * 0.25);
    CHECK(dropped < images * channels * 0.35);
    std::vector<float> gradient(pooled.size(), 1.0f);
    pool_backward<Arch>(executor, map, images, dropout, gradient.data(), dx.data());
    for (int i = 0; i < images; ++i)
        for (int c = 0; c < channels; ++c) {
            const float expected =
                pooled[static_cast<std::size_t>(i * map.stride + c)] == 0.0f ? 0.0f : 1.0f / 0.7f / 6.0f;
            for (int p = 0; p < map.pixels; ++p)
                CHECK(dx[static_cast<std::size_t>(map.at(i, p) + c)] == doctest::Approx(expected));
        }
    // Another step drops other values.
    std::vector<float> other = pooled;
    pool_forward<Arch>(executor, map, images, {0.3, 11, 6}, x.data(), other.data());
    CHECK(other != pooled);
}

}  // namespace
