// Convolutions, full and depthwise, direct and at Winograd's points, against central differences of their plain twins
// in double: odd channels and sizes, all kernels and strides, both paddings, outputs poisoned first.
#include <doctest/doctest.h>

#include "effv2/parallel/tbb.hpp"
#include "effv2/training/layers/depthwise.hpp"
#include "effv2/training/layers/winograd_gradient.hpp"
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
    CHECK(tests::slope_error(random, of_input, input.values, take_out(dx, in)) < slope_tolerance);
    CHECK(tests::slope_error(random, of_weights, tests::doubles(weights), layout.take_out(dw)) < slope_tolerance);
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
    for (const int kernel : {3, 5, 7})  // so many channels that a task of weight gradients visits points with several
        check_convolution(random, make_window({4, 3}, kernel, 1, Padding::same), 2, 1032, 1032, true);
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
    const auto chunks = static_cast<std::size_t>(chunk_count(std::int64_t{images} * window.output.pixels()));
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
        check_winograd(random, make_window({8, 8}, 3, 1, padding), 13, 32, 40);     // side by side, some places empty
        check_winograd(random, make_window({3, 4}, 3, 1, padding), 29, 16, 16);
    }
    // More tiles than go together, of channels that need not lie at multiples of 512 bytes.
    check_winograd(random, make_window({6, 6}, 3, 1, Padding::same), 70, 128, 128);
}

TEST_CASE("tiles of maps side by side cover every pixel once, and see its neighbours") {
    tests::Random random(9);
    for (int round = 0; round < 40; ++round) {
        const Extent map{random.integer(1, 20), random.integer(1, 20)};
        const int batch = random.integer(1, 30);
        CAPTURE(map.height);
        CAPTURE(map.width);
        CAPTURE(batch);
        const Canvas canvas(map, batch);
        std::vector<int> covered(static_cast<std::size_t>(batch) * static_cast<std::size_t>(map.pixels()));
        int wrong = 0;
        for (int tile = 0; tile < canvas.tiles(); ++tile) {
            int *out[training_tile * training_tile], *in[training_points];
            canvas.find_pixels(tile, 0, training_tile, covered.data(), 1, nullptr, out);
            canvas.find_pixels(tile, 1, training_tile + 2, covered.data(), 1, nullptr, in);
            for (int i = 0; i < training_tile * training_tile; ++i) {
                if (out[i] == nullptr) continue;
                ++*out[i];
                const int within = static_cast<int>((out[i] - covered.data()) % map.pixels());
                for (int dy = -1; dy <= 1; ++dy)
                    for (int dx = -1; dx <= 1; ++dx) {
                        const int y = within / map.width + dy, x = within % map.width + dx;
                        const bool inside = y >= 0 && y < map.height && x >= 0 && x < map.width;
                        const int* expected = inside ? out[i] + dy * map.width + dx : nullptr;
                        wrong += in[(i / training_tile + 1 + dy) * (training_tile + 2) + i % training_tile + 1 + dx] !=
                                 expected;
                    }
            }
        }
        CHECK(wrong == 0);
        CHECK(std::all_of(covered.begin(), covered.end(), [](int times) { return times == 1; }));
        const auto alone = [](int length) { return (length + training_tile - 1) / training_tile; };
        CHECK(canvas.tiles() <= batch * alone(map.height) * alone(map.width));
    }
}

}  // namespace
