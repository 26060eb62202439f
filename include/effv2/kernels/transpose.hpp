// Transposing small dense matrices of floats.
#pragma once

#include <cstddef>

#include "effv2/architecture/layout.hpp"

namespace effv2::kernels {

// to (columns, rows) = transposed from (rows, columns). Rows and columns are multiples of the granule, and the compiler
// makes shuffles of each granule by granule.
inline void transpose(const float* from, int rows, int columns, float* to) {
    for (int r = 0; r < rows; r += granule)
        for (int c = 0; c < columns; c += granule) {
            const float* in = from + std::ptrdiff_t{r} * columns + c;
            float* out = to + std::ptrdiff_t{c} * rows + r;
            for (int j = 0; j < granule; ++j)
                for (int i = 0; i < granule; ++i)
                    out[std::ptrdiff_t{j} * rows + i] = in[std::ptrdiff_t{i} * columns + j];
        }
}

}  // namespace effv2::kernels
