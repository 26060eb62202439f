// The rows of a matrix product that lie at equal distances, read one value of each at a time: in groups of three, of
// which each needs one pointer. A pointer for each of a tile's rows would not fit into the general registers of x86.
#pragma once

#include <algorithm>

#include "effv2/simd/row.hpp"

namespace effv2::kernels {

inline constexpr int row_group = 3;

// `rows` rows in registers, of which `count` are in memory, `next` floats apart: with fewer than `rows`, the last whole
// group overlaps the one before, or repeats its last row.
template <int rows>
class RowGroups {
public:
    RowGroups(const float* first, std::ptrdiff_t next, int count = rows) {
        for (int g = 0; g < groups; ++g) at_[g] = first + first_row(g, count) * next;
        for (int q = 0; q < row_group; ++q) offset_[q] = std::min(q, count - 1) * next;
    }
    // Which of the `count` rows in memory is row r.
    static int row(int r, int count) { return first_row(r / row_group, count) + std::min(r % row_group, count - 1); }

    template <int r>
    [[gnu::always_inline]] float value() const {
        return at_[r / row_group][offset_[r % row_group]];
    }
    [[gnu::always_inline]] void advance() {
        simd::static_for<groups>([&](auto g) __attribute__((always_inline)) { ++at_[g]; });
    }

private:
    static constexpr int groups = (rows + row_group - 1) / row_group;
    static int first_row(int g, int count) {
        const int full = count == rows ? g * row_group : std::min(g * row_group, count - row_group);
        return std::max(0, full);
    }
    const float* at_[groups];
    std::ptrdiff_t offset_[row_group];
};

}  // namespace effv2::kernels
