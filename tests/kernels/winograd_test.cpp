// Winograd's transforms: in double they reproduce the direct convolution exactly; the fast ones agree with plain loops.
#include <doctest/doctest.h>

#include <array>

#include "effv2/kernels/strided_winograd.hpp"
#include "kernels/random.hpp"

using namespace effv2;
using namespace effv2::kernels;

namespace {

using Arch = simd::NativeArch;

// Inputs are up to 1; the transforms of F(6x6) have factors up to 32, those of F(7x7) up to 244.
template <int m>
constexpr float tolerance = m == 6 ? 2.5e-5f : 1e-4f;

using Six = std::integral_constant<int, 6>;
using Seven = std::integral_constant<int, 7>;

// One channel in, one out: products of transformed input and kernel, transformed back, are the tile's outputs.
TEST_CASE_TEMPLATE("a tile through all three transforms is a 3 x 3 convolution", Tile, Six, Seven) {
    tests::Random random(6);
    constexpr int m = Tile::value, side = m + 2, pixels = m * m, count = points_of_tile(m);
    constexpr int channels = 3 * granule;  // a full register and, with sixteen lanes, a half one
    for (int repeat = 0; repeat < 20; ++repeat) {
        const std::vector<float> inputs = random.reals(count * channels);
        const std::vector<float> taps = random.reals(9 * channels);
        const std::vector<float> bias = random.reals(channels);
        const std::vector<float> residuals = random.reals(pixels * channels);

        const float* in[count];
        for (int i = 0; i < count; ++i) in[i] = inputs.data() + i * channels;
        std::vector<float> points = tests::poisoned(count * channels);
        winograd::InputTile from;
        from.in = in;
        from.out = points.data(), from.point_stride = channels;
        winograd::transform_input_tile<Arch, m>(from, channels);
        for (int c = 0; c < channels; ++c) {
            double kernel[count];
            winograd::transform_kernel<m>(taps.data() + 9 * c, kernel);
            for (int i = 0; i < count; ++i)
                points[static_cast<std::size_t>(i * channels + c)] *= static_cast<float>(kernel[i]);
        }

        std::vector<float> outputs = tests::poisoned(pixels * channels);
        float* out[pixels];
        const float* residual[pixels];
        for (int i = 0; i < pixels; ++i) {
            out[i] = i == 7 ? nullptr : outputs.data() + i * channels;  // a pixel beyond the edge
            residual[i] = residuals.data() + i * channels;
        }
        winograd::OutputTile tile;
        tile.points = points.data();
        tile.point_stride = channels;
        tile.bias = bias.data();
        tile.out = out;
        tile.residual = residual;
        winograd::transform_output_tile<Arch, m>(tile, channels);

        for (int c = 0; c < channels; ++c)
            for (int i = 0; i < pixels; ++i) {
                double sum = bias[static_cast<std::size_t>(c)];
                for (int t = 0; t < 9; ++t) {
                    const int y = i / m + t / 3, x = i % m + t % 3;
                    sum += static_cast<double>(taps[static_cast<std::size_t>(9 * c + t)]) *
                           inputs[static_cast<std::size_t>((y * side + x) * channels + c)];
                }
                const float found = outputs[static_cast<std::size_t>(i * channels + c)];
                if (i == 7) {
                    CHECK(std::isnan(found));
                    continue;
                }
                const float expected =
                    plain::silu(static_cast<float>(sum)) + residuals[static_cast<std::size_t>(i * channels + c)];
                CHECK(std::abs(found - expected) < tolerance<m>);
            }
    }
}

// Some tiles of stride 2 with random pixels (height, width, depth), and a layer for them.
template <int m>
struct StridedTiles {
    static constexpr WinogradShape shape = winograd_shape(m, 2);
    static constexpr int pixels = shape.inputs.pixels(), depth = 3 * granule, matrices = shape.matrices;
    int count, width;
    std::vector<float> inputs, taps, bias;  // taps are (outputs, inputs, 3, 3)

    StridedTiles(tests::Random& random, int tiles, int outputs)
        : count(tiles),
          width(outputs),
          inputs(random.reals(static_cast<std::size_t>(tiles * pixels * depth))),
          taps(random.reals(static_cast<std::size_t>(outputs * depth * 9))),
          bias(random.reals(static_cast<std::size_t>(outputs))) {}

    const float* pixel(int tile, int y, int x) const {
        return inputs.data() + ((tile * shape.inputs.height + y) * shape.inputs.width + x) * depth;
    }
    float expected(int tile, int line, int column, int output) const {
        double sum = bias[static_cast<std::size_t>(output)];
        for (int c = 0; c < depth; ++c)
            for (int t = 0; t < 9; ++t)
                sum += static_cast<double>(taps[static_cast<std::size_t>((output * depth + c) * 9 + t)]) *
                       pixel(tile, 2 * line + t / 3, 2 * column + t % 3)[c];
        return plain::silu(static_cast<float>(sum));
    }
    // (matrix, depth, width), as packed for a single panel.
    std::vector<float> weights() const {
        std::vector<float> packed = tests::poisoned(static_cast<std::size_t>(matrices * depth * width));
        for (int o = 0; o < width; ++o)
            for (int i = 0; i < depth; ++i) {
                double of_taps[matrices];
                winograd::transform_strided_kernel<m>(taps.data() + (o * depth + i) * 9, of_taps);
                for (int n = 0; n < matrices; ++n)
                    packed[static_cast<std::size_t>((n * depth + i) * width + o)] = static_cast<float>(of_taps[n]);
            }
        return packed;
    }
    // Of all tiles, as multiply_strided has them.
    std::vector<float> products() const {
        std::vector<float> values = tests::poisoned(static_cast<std::size_t>(pixels * point_stride(count, depth)));
        for (int t = 0; t < count; ++t) {
            const float* in[pixels];
            for (int i = 0; i < pixels; ++i) in[i] = pixel(t, 0, i);
            winograd::InputTile tile;
            tile.in = in;
            tile.out = values.data() + t * depth, tile.point_stride = point_stride(count, depth);
            winograd::transform_strided_inputs<Arch, m>(tile, depth);
        }
        std::vector<float> made =
            tests::poisoned(static_cast<std::size_t>(shape.products * point_stride(count, width)));
        winograd::multiply_strided<Arch, m>(values.data(), count, depth, width / granule, weights().data(),
                                            made.data());
        return made;
    }
};

TEST_CASE_TEMPLATE("tiles of stride 2 through their transforms and products are a 3 x 3 convolution", Tile, Six,
                   Seven) {
    constexpr int m = Tile::value, outputs_of_tile = winograd_shape(m, 2).outputs.pixels();
    tests::Random random(7);
    for (int granules = 1; granules <= TileShape<Arch>::widest; ++granules)
        for (int count = 1; count <= max_task_tiles; count += 1 + count / 3) {
            CAPTURE(granules);
            CAPTURE(count);
            const StridedTiles<m> tiles(random, count, granules * granule);
            const std::vector<float> products = tiles.products();
            for (int t = 0; t < count; ++t) {
                std::vector<float> outputs = tests::poisoned(static_cast<std::size_t>(outputs_of_tile * tiles.width));
                float* out[outputs_of_tile];
                for (int i = 0; i < outputs_of_tile; ++i) out[i] = i == 7 ? nullptr : outputs.data() + i * tiles.width;
                winograd::OutputTile tile;
                tile.points = products.data() + t * tiles.width;
                tile.point_stride = point_stride(count, tiles.width);
                tile.bias = tiles.bias.data();
                tile.out = out;
                winograd::transform_strided_outputs<Arch, m>(tile, tiles.width);
                for (int i = 0; i < outputs_of_tile * tiles.width; ++i) {
                    const int o = i % tiles.width, pixel = i / tiles.width;
                    const float found = outputs[static_cast<std::size_t>(i)];
                    const float expected = tiles.expected(t, pixel / m, pixel % m, o);
                    if (pixel == 7)  // beyond the edge
                        CHECK(std::isnan(found));
                    else
                        CHECK(std::abs(found - expected) < 1e-4f);  // sums of 216 products, larger at the points
                }
            }
        }
}

}  // namespace
