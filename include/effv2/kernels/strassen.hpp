// Strassen's product of matrices, one level of it: seven products of halves where the definition has eight. For 1x1
// convolutions of many pixels, with the fifteen sums of Winograd's form (Strassen 1969, "Gaussian Elimination is not
// Optimal"; Winograd 1971, "On Multiplication of 2 x 2 Matrices"):
//
//   rows      A11 A12    inputs of an upper pixel    S1 = A21 + A22    S2 = S1 - A11
//             A21 A22    ... and of a lower one      S3 = A11 - A21    S4 = A12 - S2
//   weights   B11 B12    of a left panel, a right    T1 = B12 - B11    T2 = B22 - T1
//             B21 B22                                T3 = B22 - B12    T4 = T2 - B21
//
//   U = A11 B11             C11 = U + A12 B21
//   V = U + S2 T2           C12 = V + S1 T1 + S4 B22
//   W = V + S3 T3           C21 = W - A22 T4
//                           C22 = W + S1 T1
//
// The first index of A is one of two groups of pixels, its second one of two halves of the input channels; the second
// index of B is one of two panels. All seven products of a tile are made one after the other in the same registers, so
// that U, V and W never leave the first-level cache. An output's rounding error is that of all four sums in which its
// inputs take part: relative to the larger of two pixels, not to each.
#pragma once

#include "effv2/kernels/row_groups.hpp"
#include "effv2/kernels/vector.hpp"

namespace effv2::kernels {

// Rows of a tile: whole groups.
template <class Arch>
inline constexpr int strassen_rows =
    (std::min(12, TileShape<Arch>::max_rows(TileShape<Arch>::unit)) / row_group) * row_group;

// The operands of one tile: `rows` pairs of an upper and a lower pixel by two neighbouring full panels.
struct StrassenTile {
    int rows = 0;
    const float* upper = nullptr;  // of the first pair: (depth)
    const float* lower = nullptr;
    std::ptrdiff_t next_pair = 0;  // floats from pair to pair
    const float* sums = nullptr;   // of the first pair: (4, depth / 2), from sum_rows
    std::ptrdiff_t next_sums = 0;
    int depth = 0;                // even
    const float* left = nullptr;  // weights (depth, panel width)
    const float* right = nullptr;
    float* mixed = nullptr;             // T1, T2, T3, -T4: (4, depth / 2, panel width)
    bool mixes = false;                 // they are not there yet: this tile is the first of its panels
    const float* bias = nullptr;        // (2 * panel width), or nullptr for zeros
    float* const* out_upper = nullptr;  // a pointer for each pair
    float* const* out_lower = nullptr;
    std::ptrdiff_t left_offset = 0;                // added to outputs and residuals: where the left panel is ...
    std::ptrdiff_t right_offset = 0;               // ... and where the right one
    const float* const* residual_upper = nullptr;  // rows as outputs, or nullptr
    const float* const* residual_lower = nullptr;
    bool silu = false;
    const float* ahead = nullptr;  // what is read soon and asked for on the way, or nullptr ...
    std::ptrdiff_t pace = 0;       // ... so many floats in each of strassen_steps
};

constexpr std::ptrdiff_t strassen_steps(int depth) { return 7 * (std::ptrdiff_t{depth} / 2); }

namespace detail {

template <class Row>
[[gnu::always_inline]] inline void store_sums(const Row& a11, const Row& a12, const Row& a21, const Row& a22, int half,
                                              float* sums) {
    const Row s1 = a21 + a22, s2 = s1 - a11;
    s1.store(sums);
    s2.store(sums + half);
    (a11 - a21).store(sums + 2 * half);
    (a12 - s2).store(sums + 3 * half);
}

}  // namespace detail

// S1 to S4 of a pair of pixels; `depth` is a multiple of two granules.
template <class Arch>
void sum_rows(const float* upper, const float* lower, int depth, float* sums) {
    const int half = depth / 2;
    for_each_step<Arch>(
        half, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            detail::store_sums(Row::load(upper + i), Row::load(upper + half + i), Row::load(lower + i),
                               Row::load(lower + half + i), half, sums + i);
        });
}

// The same of the pixels' products with the factors of their channels, which take the pixels' place.
template <class Arch>
void excite_and_sum_rows(float* upper, float* lower, const float* factors, int depth, float* sums) {
    const int half = depth / 2;
    for_each_step<Arch>(
        half, [&](auto granules, int i) __attribute__((always_inline)) {
            using Row = simd::Row<Arch, granules>;
            const Row f1 = Row::load(factors + i), f2 = Row::load(factors + half + i);
            const Row a11 = Row::load(upper + i) * f1, a12 = Row::load(upper + half + i) * f2;
            const Row a21 = Row::load(lower + i) * f1, a22 = Row::load(lower + half + i) * f2;
            a11.store(upper + i);
            a12.store(upper + half + i);
            a21.store(lower + i);
            a22.store(lower + half + i);
            detail::store_sums(a11, a12, a21, a22, half, sums + i);
        });
}

// GCC 12 does not see that the loop below writes `first` and `second` before it reads them, where (as for NEON) it
// keeps rows in memory.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// With `mixes`, the sums of weights are made and kept on the way: beside products, that takes hardly more time.
template <class Arch, int rows, bool mixes>
void compute_strassen_tile(const StrassenTile& tile) {
    using Row = simd::Row<Arch, TileShape<Arch>::unit>;
    const std::ptrdiff_t half = tile.depth / 2, quarter = half * Row::width;
    const std::ptrdiff_t pair = tile.next_pair, pair_sums = tile.next_sums;
    struct Product {
        const float* in;
        std::ptrdiff_t next;  // from row to row
        const float* weights;
        const float *minuend, *subtrahend;  // what those are made of
    };
    const float *b11 = tile.left, *b21 = b11 + quarter, *b12 = tile.right, *b22 = b12 + quarter;
    const float *t1 = tile.mixed, *t2 = t1 + quarter, *t3 = t2 + quarter, *minus_t4 = t3 + quarter;
    const Product products[7] = {
        {tile.upper, pair, b11, nullptr, nullptr},
        {tile.upper + half, pair, b21, nullptr, nullptr},
        {tile.sums, pair_sums, t1, b12, b11},
        {tile.sums + half, pair_sums, t2, b22, t1},
        {tile.sums + 2 * half, pair_sums, t3, b22, b12},
        {tile.lower + half, pair, minus_t4, b21, t2},
        {tile.sums + 3 * half, pair_sums, b22, nullptr, nullptr},
    };
    Row sum[rows];
    alignas(64) float first[rows][Row::width];   // U, then V + S1 T1
    alignas(64) float second[rows][Row::width];  // S1 T1, then W
    const auto each = [](auto f) __attribute__((always_inline)) { simd::static_for<rows>(f); };
    const auto bias_of = [&](int panel) __attribute__((always_inline)) {
        return tile.bias != nullptr ? Row::load(tile.bias + panel * Row::width) : Row::broadcast(0.0f);
    };
    const Row left_bias = bias_of(0), right_bias = bias_of(1), zero = Row::broadcast(0.0f);

    const float* ahead = tile.ahead != nullptr ? tile.ahead : tile.left;
    const std::ptrdiff_t pace = tile.ahead != nullptr ? tile.pace : 0;
    each([&](auto r) __attribute__((always_inline)) { sum[r] = zero; });
    for (int p = 0; p < 7; ++p) {  // one loop, not seven: the compiler then keeps its pointers in registers
        RowGroups<rows> from(products[p].in, products[p].next, tile.rows);
        const float* weights = products[p].weights;
        if (mixes && products[p].minuend != nullptr) {
            const float *minuend = products[p].minuend, *subtrahend = products[p].subtrahend;
            float* made = tile.mixed + (weights - tile.mixed);
            for (std::ptrdiff_t i = 0; i < quarter; i += Row::width, ahead += pace, from.advance()) {
                __builtin_prefetch(ahead, 0, 2);
                const Row w = Row::load(minuend + i) - Row::load(subtrahend + i);
                w.store(made + i);
                each([&](auto r) __attribute__((always_inline)) { sum[r].add_product(from.template value<r>(), w); });
            }
        } else {
            const float* end = weights + quarter;
            for (; weights != end; weights += Row::width, ahead += pace, from.advance()) {
                __builtin_prefetch(ahead, 0, 2);
                const Row w = Row::load_factor(weights);
                each([&](auto r) __attribute__((always_inline)) { sum[r].add_product(from.template value<r>(), w); });
            }
        }
        // What is kept, and what of an output is still missing.
        if (p == 0) each([&](auto r) __attribute__((always_inline)) { sum[r].store(first[r]); });
        if (p == 2) each([&](auto r) __attribute__((always_inline)) { sum[r].store(second[r]); });
        if (p == 3)
            each([&](auto r) __attribute__((always_inline)) { (sum[r] + Row::load(second[r])).store(first[r]); });
        if (p == 4)
            each([&](auto r) __attribute__((always_inline)) {
                const Row w = sum[r];
                sum[r] = w + Row::load(second[r]) + right_bias;
                w.store(second[r]);
            });
        if (p == 1 || p >= 4) {  // C11, C22, C21, C12
            const bool upper = p == 1 || p == 6;
            float* const* out = upper ? tile.out_upper : tile.out_lower;
            const float* const* residual = upper ? tile.residual_upper : tile.residual_lower;
            const std::ptrdiff_t offset = p == 1 || p == 5 ? tile.left_offset : tile.right_offset;
            if (tile.silu) each([&](auto r) __attribute__((always_inline)) { sum[r] = simd::silu(sum[r]); });
            if (residual != nullptr)
                each([&](auto r) __attribute__((always_inline)) { sum[r] = sum[r] + Row::load(residual[r] + offset); });
            each([&](auto r) __attribute__((always_inline)) { sum[r].store(out[r] + offset); });
        }
        // What the next product is added to: U and V stay.
        if (p == 0) each([&](auto r) __attribute__((always_inline)) { sum[r] = sum[r] + left_bias; });
        if (p == 1) each([&](auto r) __attribute__((always_inline)) { sum[r] = zero; });
        if (p == 2) each([&](auto r) __attribute__((always_inline)) { sum[r] = Row::load(first[r]); });
        if (p == 4) each([&](auto r) __attribute__((always_inline)) { sum[r] = Row::load(second[r]) + left_bias; });
        if (p == 5) each([&](auto r) __attribute__((always_inline)) { sum[r] = Row::load(first[r]) + right_bias; });
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace detail {

using StrassenFunction = void (*)(const StrassenTile&);

// [rows / row_group - 1]
template <class Arch, bool mixes>
inline constexpr auto strassen_table = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array<StrassenFunction, sizeof...(i)>{&compute_strassen_tile<Arch, (i + 1) * row_group, mixes>...};
}
(std::make_integer_sequence<int, strassen_rows<Arch> / row_group>{});

// A table of pointers for all rows of a tile from one of as many as are wanted.
template <class Pointer, class Arch>
struct FilledUp {
    Pointer pointers[strassen_rows<Arch>];
    FilledUp(const Pointer* from, int count) {
        for (int r = 0; from != nullptr && r < strassen_rows<Arch>; ++r)
            pointers[r] = from[RowGroups<strassen_rows<Arch>>::row(r, count)];
    }
    const Pointer* table(const Pointer* from) const { return from != nullptr ? pointers : nullptr; }
};

}  // namespace detail

// Cuts `total` rows that lie at equal distances into tiles, all full but the last, and calls f(first, count).
template <class Arch, class F>
void for_each_strassen_tile(int total, F f) {
    for (int first = 0; first < total; first += strassen_rows<Arch>)
        f(first, std::min(strassen_rows<Arch>, total - first));
}

// Computes tile.rows (1 to strassen_rows) pairs of pixels. Where that is not a whole number of groups, some are
// computed twice.
template <class Arch>
void compute_strassen_tile(const StrassenTile& tile) {
    const auto size = static_cast<std::size_t>((tile.rows - 1) / row_group);
    const auto compute =
        tile.mixes ? detail::strassen_table<Arch, true>[size] : detail::strassen_table<Arch, false>[size];
    if (tile.rows % row_group == 0) return compute(tile);

    using Plus = detail::FilledUp<const float*, Arch>;
    using Out = detail::FilledUp<float*, Arch>;
    const Plus plus_upper(tile.residual_upper, tile.rows), plus_lower(tile.residual_lower, tile.rows);
    const Out out_upper(tile.out_upper, tile.rows), out_lower(tile.out_lower, tile.rows);
    StrassenTile filled = tile;
    filled.out_upper = out_upper.table(tile.out_upper);
    filled.out_lower = out_lower.table(tile.out_lower);
    filled.residual_upper = plus_upper.table(tile.residual_upper);
    filled.residual_lower = plus_lower.table(tile.residual_lower);
    compute(filled);
}

}  // namespace effv2::kernels
