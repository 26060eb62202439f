// The micro-kernels against plain loops: every panel width and row count, random depths and taps, every epilogue.
#include "effv2/kernels/tile.hpp"

#include <doctest/doctest.h>

#include "effv2/kernels/products.hpp"
#include "effv2/kernels/vector.hpp"
#include "kernels/random.hpp"

using namespace effv2;
using kernels::Panels;
using kernels::TileShape;

namespace {

using Arch = simd::NativeArch;

// One tile of random operands, computed by the kernel and by loops.
void check_tile(tests::Random& random, int rows, int granules, bool silu, bool residual, bool bias) {
    const int taps = random.integer(1, 9), depth = granule * random.integer(1, 6), width = granules * granule;
    const std::vector<float> inputs = random.reals(static_cast<std::size_t>(taps * rows * depth + 3));
    const std::vector<float> weights = random.reals(static_cast<std::size_t>(taps * depth * width));
    const std::vector<float> biases = random.reals(static_cast<std::size_t>(width));
    const std::vector<float> residuals = random.reals(static_cast<std::size_t>(rows * width + 5));
    std::vector<float> outputs = tests::poisoned(static_cast<std::size_t>(rows * width + 6));

    std::vector<const float*> in, plus;
    std::vector<float*> out;
    for (int i = 0; i < taps * rows; ++i) in.push_back(inputs.data() + i * depth);
    for (int r = 0; r < rows; ++r) {
        out.push_back(outputs.data() + r * width);
        plus.push_back(residuals.data() + r * width);
    }
    kernels::Tile tile;
    tile.in = in.data();
    tile.in_offset = 3;
    tile.taps = taps;
    tile.depth = depth;
    tile.weights = weights.data();
    tile.bias = bias ? biases.data() : nullptr;
    tile.out = out.data();
    tile.out_offset = 5;
    tile.residual = residual ? plus.data() : nullptr;
    tile.silu = silu;
    kernels::compute_tile<Arch>(rows, granules, tile);

    std::vector<float> expected;
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < width; ++c) {
            double sum = bias ? biases[static_cast<std::size_t>(c)] : 0.0;
            for (int t = 0; t < taps; ++t)
                for (int k = 0; k < depth; ++k)
                    sum += static_cast<double>(inputs[static_cast<std::size_t>((t * rows + r) * depth + k + 3)]) *
                           weights[static_cast<std::size_t>((t * depth + k) * width + c)];
            float value = silu ? kernels::plain::silu(static_cast<float>(sum)) : static_cast<float>(sum);
            if (residual) value += residuals[static_cast<std::size_t>(r * width + c + 5)];
            expected.push_back(value);
        }
    const std::span<const float> written = std::span(outputs).subspan(5, expected.size());
    CHECK(tests::relative_error(written, expected) < 2e-6);
    CHECK(std::isnan(outputs[4]));  // the poison before and behind is untouched
    CHECK(std::isnan(outputs.back()));
}

TEST_CASE("every tile shape and epilogue") {
    tests::Random random(3);
    for (int granules = 1; granules <= TileShape<Arch>::widest; ++granules)
        for (int rows = 1; rows <= TileShape<Arch>::max_rows(granules); ++rows) {
            CAPTURE(granules);
            CAPTURE(rows);
            for (int mode = 0; mode < 8; ++mode)
                check_tile(random, rows, granules, (mode & 1) != 0, (mode & 2) != 0, (mode & 4) != 0);
        }
}

// Many products of random operands at random distances, by one call and by loops.
void check_products(tests::Random& random, int rows, int granules) {
    const int count = random.integer(1, 5), taps = random.integer(1, 3), width = granules * granule;
    kernels::Products products;
    products.count = count;
    products.taps = taps;
    products.depth = granule * random.integer(1, 5);
    products.next_tap = rows * products.depth + random.integer(0, 9);
    products.next_in = taps * products.next_tap + random.integer(0, 9);
    products.next_weights = random.integer(0, 1) * (taps * products.depth * width + random.integer(0, 9));
    products.next_out = rows * width + 3;
    const std::vector<float> inputs = random.reals(static_cast<std::size_t>(count * products.next_in));
    const std::vector<float> weights =
        random.reals(static_cast<std::size_t>((count - 1) * products.next_weights + taps * products.depth * width));
    std::vector<float> outputs = tests::poisoned(static_cast<std::size_t>(count * products.next_out));
    products.in = inputs.data();
    products.weights = weights.data();
    products.out = outputs.data();
    kernels::multiply_rows<Arch>(rows, granules, products);

    std::vector<float> written, expected;
    for (int i = 0; i < count; ++i) {
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < width; ++c) {
                double sum = 0.0;
                for (int t = 0; t < taps; ++t)
                    for (int k = 0; k < products.depth; ++k)
                        sum += static_cast<double>(
                                   products.in[i * products.next_in + t * products.next_tap + r * products.depth + k]) *
                               products.weights[i * products.next_weights + (t * products.depth + k) * width + c];
                expected.push_back(static_cast<float>(sum));
                written.push_back(products.out[i * products.next_out + r * width + c]);
            }
        for (int behind = 0; behind < 3; ++behind)  // the poison is untouched
            CHECK(std::isnan(products.out[i * products.next_out + rows * width + behind]));
    }
    CHECK(tests::relative_error(written, expected) < 2e-6);
}

TEST_CASE("many products by one call") {
    tests::Random random(5);
    for (int granules = 1; granules <= TileShape<Arch>::widest; ++granules)
        for (int rows = 1; rows <= 2 * max_task_tiles; ++rows) {
            CAPTURE(granules);
            CAPTURE(rows);
            check_products(random, rows, granules);
        }
}

TEST_CASE("panels cover every channel once") {
    for (int channels = 1; channels <= 700; ++channels) {
        const Panels<Arch> panels(channels);
        int covered = 0;
        for (int p = 0; p < panels.count; ++p) {
            CHECK(panels.first_channel(p) == covered);
            CHECK(panels.width(p) >= 1);
            CHECK(panels.width(p) <= TileShape<Arch>::widest);
            covered += panels.width(p) * granule;
        }
        CHECK(covered == round_to_granule(channels));
        CHECK(panels.width(panels.count - 1) * granule <= max_panel);
    }
}

TEST_CASE("groups are as equal as can be") {
    for (int total = 1; total < 200; ++total)
        for (int most = 1; most <= 14; ++most) {
            int next = 0, smallest = total, largest = 0;
            kernels::for_each_group(total, most, [&](int first, int count) {
                CHECK(first == next);
                next += count;
                smallest = count < smallest ? count : smallest;
                largest = count > largest ? count : largest;
            });
            CHECK(next == total);
            CHECK(largest <= most);
            CHECK(largest - smallest <= 1);
        }
}

TEST_CASE("groups of the largest map's pixels") {
    constexpr int total = 8192 * 8192;
    int next = 0;
    bool sound = true;
    kernels::for_each_group(total, 6, [&](int first, int count) {
        sound = sound && first == next && (count == 5 || count == 6);
        next = first + count;
    });
    CHECK(sound);
    CHECK(next == total);
}

TEST_CASE("dense layers of any width") {
    tests::Random random(4);
    for (int outputs = granule; outputs < 300; outputs += granule * random.integer(1, 4)) {
        const int inputs = granule * random.integer(1, 30);
        const std::vector<float> in = random.reals(static_cast<std::size_t>(inputs));
        const std::vector<float> bias = random.reals(static_cast<std::size_t>(outputs));
        const std::vector<float> plain = random.reals(static_cast<std::size_t>(inputs * outputs));  // (outputs, inputs)
        std::vector<float> packed(plain.size());
        const Panels<Arch> panels(outputs);
        for (int p = 0; p < panels.count; ++p) {
            const int channel = panels.first_channel(p), width = panels.width(p) * granule;
            for (int i = 0; i < inputs; ++i)
                for (int c = 0; c < width; ++c)
                    packed[static_cast<std::size_t>(inputs * channel + i * width + c)] =
                        plain[static_cast<std::size_t>((channel + c) * inputs + i)];
        }
        std::vector<float> out = tests::poisoned(static_cast<std::size_t>(outputs));
        const float* from = in.data();
        float* to = out.data();
        for (int p = 0; p < panels.count; ++p) {
            kernels::Tile tile;
            tile.in = &from;
            tile.depth = inputs;
            tile.out_offset = panels.first_channel(p);
            tile.weights = packed.data() + inputs * tile.out_offset;
            tile.bias = bias.data() + tile.out_offset;
            tile.out = &to;
            kernels::compute_tile<Arch>(1, panels.width(p), tile);
        }
        CHECK(tests::relative_error(out, kernels::plain::dense(in, plain, bias)) < 2e-6);
    }
}

}  // namespace
