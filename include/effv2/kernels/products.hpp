// Many small matrix products by one call: those between Winograd's transforms, whose sums are so short that a call for
// each (tile.hpp) would cost 4 to 10 % of their time. Rows lie at equal distances, and there is no epilogue.
//
//   out[i][r][c] = sum over t, k of in[i][t][r][k] * weights[i][t][k][c]
#pragma once

#include "effv2/kernels/row_groups.hpp"
#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// Rows of `in` are `depth` floats, rows of `out` as many as the panel is wide, one behind the other.
struct Products {
    int count = 0;  // of products, each so many floats behind the one before
    std::ptrdiff_t next_in = 0, next_weights = 0, next_out = 0;
    const float* in = nullptr;
    int taps = 1;
    std::ptrdiff_t next_tap = 0;  // floats of `in`
    int depth = 0;
    const float* weights = nullptr;  // (taps, depth, panel width)
    float* out = nullptr;
};

template <class Arch, int rows, int granules>
void multiply_rows(const Products& products) {
    using Row = simd::Row<Arch, granules>;
    const float *in = products.in, *first_weight = products.weights;
    float* out = products.out;
    const std::ptrdiff_t depth = products.depth;
    for (int i = 0; i < products.count; ++i) {
        Row sum[rows];
        simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r] = Row::broadcast(0.0f); });
        const float* weights = first_weight;
        for (int tap = 0; tap < products.taps; ++tap) {
            RowGroups<rows> from(in + tap * products.next_tap, depth);
            for (const float* end = weights + depth * Row::width; weights != end; weights += Row::width) {
                constexpr int line = static_cast<int>(segment_floats);
                for (int ahead = 0; ahead < Row::width; ahead += line)
                    __builtin_prefetch(weights + weights_ahead + ahead);
                const Row w = Row::load_factor(weights);
                simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
                    sum[r].add_product(from.template value<r>(), w);
                });
                from.advance();
            }
        }
        simd::static_for<rows>([&](auto r) __attribute__((always_inline)) { sum[r].store(out + r * Row::width); });
        in += products.next_in;
        first_weight += products.next_weights;
        out += products.next_out;
    }
}

namespace detail {

struct ProductKernel {
    using Operands = Products;
    template <class Arch>
    static constexpr RowRange rows(int granules) {
        return {1, std::min(TileShape<Arch>::max_rows(granules), max_task_tiles)};
    }
    template <class Arch, int rows, int granules>
    static constexpr auto function = &multiply_rows<Arch, rows, granules>;
};

}  // namespace detail

// For any number of rows.
template <class Arch>
void multiply_rows(int rows, int granules, Products products) {
    const float* in = products.in;
    float* out = products.out;
    for_each_group(rows, detail::ProductKernel::rows<Arch>(granules).most, [&](int first, int count) {
        products.in = in + std::ptrdiff_t{first} * products.depth;
        products.out = out + std::ptrdiff_t{first} * granules * granule;
        call_for_tile<Arch, detail::ProductKernel>(count, granules, products);
    });
}

}  // namespace effv2::kernels
