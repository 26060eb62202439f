// Strassen's product against plain loops: every number of pairs, random depths and offsets, every epilogue; and how
// panels go in pairs.
#include "effv2/kernels/strassen.hpp"

#include <doctest/doctest.h>

#include "effv2/network/strassen.hpp"
#include "kernels/random.hpp"

using namespace effv2;
using kernels::Panels;
using kernels::TileShape;

namespace {

using Arch = simd::NativeArch;
constexpr int panel_width = TileShape<Arch>::unit * granule;

// Upper pixels, then lower ones, by a left and a right panel that lie one behind the other.
struct Operands {
    int pairs, depth;
    bool silu, residual, bias;
    std::vector<float> inputs, weights, biases, residuals;

    Operands(tests::Random& random, int with_pairs, int mode)
        : pairs(with_pairs),
          depth(2 * granule * random.integer(1, 6)),
          silu((mode & 1) != 0),
          residual((mode & 2) != 0),
          bias((mode & 4) != 0),
          inputs(random.reals(static_cast<std::size_t>(2 * pairs * depth + 3))),
          weights(random.reals(static_cast<std::size_t>(2 * depth * panel_width))),
          biases(random.reals(static_cast<std::size_t>(2 * panel_width))),
          residuals(random.reals(static_cast<std::size_t>(4 * pairs * panel_width + 5))) {}

    float expected(int pixel, int channel) const {
        double sum = bias ? biases[static_cast<std::size_t>(channel)] : 0.0;
        for (int k = 0; k < depth; ++k)
            sum += static_cast<double>(inputs[static_cast<std::size_t>(pixel * depth + k + 3)]) *
                   weights[static_cast<std::size_t>((channel / panel_width * depth + k) * panel_width +
                                                    channel % panel_width)];
        const float value = silu ? kernels::plain::silu(static_cast<float>(sum)) : static_cast<float>(sum);
        return residual ? value + residuals[static_cast<std::size_t>(pixel * 2 * panel_width + channel + 5)] : value;
    }
};

void check_tile(const Operands& with) {
    const int pairs = with.pairs, depth = with.depth, row = 2 * panel_width;
    const std::ptrdiff_t next_sums = 2 * depth + 8;
    std::vector<float> sums = tests::poisoned(static_cast<std::size_t>(pairs * next_sums));
    std::vector<float> mixed = tests::poisoned(static_cast<std::size_t>(2 * depth * panel_width));
    std::vector<float> outputs = tests::poisoned(static_cast<std::size_t>(2 * pairs * row + 6));
    const float *upper = with.inputs.data() + 3, *lower = upper + pairs * depth;
    std::vector<const float*> plus;
    std::vector<float*> out;
    for (int i = 0; i < 2 * pairs; ++i) {
        plus.push_back(with.residuals.data() + i * row);
        out.push_back(outputs.data() + i * row);
    }
    for (int i = 0; i < pairs; ++i)
        kernels::sum_rows<Arch>(upper + i * depth, lower + i * depth, depth, sums.data() + i * next_sums);
    kernels::StrassenTile tile;
    tile.rows = pairs;
    tile.upper = upper;
    tile.lower = lower;
    tile.next_pair = depth;
    tile.sums = sums.data();
    tile.next_sums = next_sums;
    tile.depth = depth;
    tile.left = with.weights.data();
    tile.right = tile.left + depth * panel_width;
    tile.mixed = mixed.data();
    tile.bias = with.bias ? with.biases.data() : nullptr;
    tile.out_upper = out.data();
    tile.out_lower = out.data() + pairs;
    tile.left_offset = 5;
    tile.right_offset = 5 + panel_width;
    if (with.residual) {
        tile.residual_upper = plus.data();
        tile.residual_lower = plus.data() + pairs;
    }
    tile.silu = with.silu;
    std::vector<float> expected;
    for (int pixel = 0; pixel < 2 * pairs; ++pixel)
        for (int c = 0; c < row; ++c) expected.push_back(with.expected(pixel, c));
    std::vector<float> first;
    for (const bool mixes : {true, false}) {  // the second time with the weights' sums that the first one left
        std::fill(outputs.begin(), outputs.end(), std::numeric_limits<float>::quiet_NaN());
        tile.mixes = mixes;
        kernels::compute_strassen_tile<Arch>(tile);
        const std::span<const float> written = std::span(outputs).subspan(5, expected.size());
        CHECK(tests::relative_error(written, expected) < 3e-6);
        CHECK(std::isnan(outputs[4]));  // the poison before and behind is untouched
        CHECK(std::isnan(outputs.back()));
        if (mixes)
            first.assign(written.begin(), written.end());
        else
            CHECK(std::equal(written.begin(), written.end(), first.begin()));
    }
}

TEST_CASE("every number of pairs and every epilogue") {
    tests::Random random(7);
    for (int pairs = 1; pairs <= kernels::strassen_rows<Arch>; ++pairs)
        for (int mode = 0; mode < 8; ++mode) {
            CAPTURE(pairs);
            CAPTURE(mode);
            check_tile(Operands(random, pairs, mode));
        }
}

TEST_CASE("a register row is one of the rows in memory, and all of those are in registers") {
    for (int count = 1; count <= 12; ++count) {
        const int rows = (count + kernels::row_group - 1) / kernels::row_group * kernels::row_group;
        std::vector<int> found(static_cast<std::size_t>(count));
        for (int r = 0; r < rows; ++r) {
            const int row = kernels::RowGroups<12>::row(r, count);
            REQUIRE(row >= 0);
            REQUIRE(row < count);
            ++found[static_cast<std::size_t>(row)];
        }
        for (const int times : found) CHECK(times > 0);
    }
}

TEST_CASE("units cover every panel once") {
    tests::Random random(8);
    for (int channels = 1; channels <= 1200; ++channels)
        for (const bool strassen : {false, true}) {
            const Panels<Arch> panels(channels);
            const network::PanelUnits<Arch> units(panels, strassen, random.integer(4, 9));
            int next = 0, pairs = 0;
            for (int unit = 0; unit < units.count(); ++unit) {
                CHECK(units.first_panel(unit) == next);
                next += units.is_pair(unit) ? 2 : 1;
                if (!units.is_pair(unit)) continue;
                ++pairs;
                CHECK(panels.width(next - 2) == TileShape<Arch>::unit);
                CHECK(panels.width(next - 1) == TileShape<Arch>::unit);
            }
            CHECK(next == panels.count);
            CHECK((!units.has_pairs() || pairs > 0));
            if (!strassen) CHECK(pairs == 0);
        }
}

TEST_CASE("chunks cover a row in halves of whole granules") {
    for (int depth = 2 * granule; depth <= 4096; depth += 2 * granule) {
        int next = 0;
        network::for_each_chunk(depth, [&](int first, int count) {
            CHECK(first == next);
            CHECK(count % (2 * granule) == 0);
            CHECK(count <= max_strassen_depth);
            next += count;
        });
        CHECK(next == depth);
    }
}

}  // namespace
