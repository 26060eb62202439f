// Transposing small dense matrices of floats.
#pragma once

#include "effv2/simd/row.hpp"

namespace effv2::kernels {

// to (columns, rows) = transposed from (rows, columns). Rows and columns are multiples of the granule. Four by four in
// registers of four: interleaving twice turns the bits of every element's place around. (xsimd 8.1 interleaves wider
// registers by halves, contrary to its documentation.) `Arch` keeps apart what units for different instruction sets
// compile.
template <class Arch>
inline void transpose(const float* from, int rows, int columns, float* to) {
    using Quad = xsimd::make_sized_batch_t<float, 4>;
    for (int r = 0; r < rows; r += 4)
        for (int c = 0; c < columns; c += 4) {
            const float* in = from + std::ptrdiff_t{r} * columns + c;
            float* out = to + std::ptrdiff_t{c} * rows + r;
            const Quad a = Quad::load_unaligned(in), b = Quad::load_unaligned(in + columns);
            const Quad d = Quad::load_unaligned(in + 2 * columns), e = Quad::load_unaligned(in + 3 * columns);
            const Quad ad_low = xsimd::zip_lo(a, d), ad_high = xsimd::zip_hi(a, d);
            const Quad be_low = xsimd::zip_lo(b, e), be_high = xsimd::zip_hi(b, e);
            xsimd::zip_lo(ad_low, be_low).store_unaligned(out);
            xsimd::zip_hi(ad_low, be_low).store_unaligned(out + rows);
            xsimd::zip_lo(ad_high, be_high).store_unaligned(out + 2 * rows);
            xsimd::zip_hi(ad_high, be_high).store_unaligned(out + 3 * rows);
        }
}

}  // namespace effv2::kernels
