// The stem's 3x3 convolution with bias and SiLU: three input planes (NCHW, as pictures come) to a map of channels-last
// pixels. Its 27 taps are read straight from the planes; only where a window reaches beyond the border is it copied.
#pragma once

#include <algorithm>

#include "effv2/architecture/blocks.hpp"
#include "effv2/kernels/tile.hpp"

namespace effv2::kernels {

// One output row.
struct StemRow {
    const float* picture = nullptr;  // (3, height, width)
    Window window;                   // 3x3, of stride 1 or 2
    int y = 0;                       // which row
    const float* weights = nullptr;  // panels of (27, panel width)
    const float* bias = nullptr;     // (channels)
    float* out = nullptr;            // first pixel
    int out_stride = 0;
    int channels = 0;  // a multiple of the granule

    // Line `line` (plane by plane, three each) of an output row's windows, from the picture's left edge on; null beyond
    // the border.
    const float* input(int row, int line) const {
        const int from = row * window.stride - window.vertical.before + line % 3;
        if (from < 0 || from >= window.input.height) return nullptr;
        return picture + (std::ptrdiff_t{line / 3} * window.input.height + from) * window.input.width;
    }
};

namespace detail {

// Nine lines, each from the first tap of an output pixel on.
struct StemLines {
    const float* from[9];
};

// The windows of some neighbouring pixels, from column `first` of the picture on, with zeros beyond the border.
template <int rows>
struct StemPatch {
    static constexpr int columns = 2 * (rows - 1) + 3;
    float values[9][columns];

    StemPatch(const StemRow& s, int first) {
        const int before = std::clamp(-first, 0, columns),
                  end = std::clamp(s.window.input.width - first, before, columns);
        for (int line = 0; line < 9; ++line) {
            float* to = values[line];
            const float* from = s.input(s.y, line);
            std::fill_n(to, columns, 0.0f);
            if (from != nullptr) std::copy(from + first + before, from + first + end, to + before);
        }
    }
    StemLines lines() const {
        StemLines made;
        for (int line = 0; line < 9; ++line) made.from[line] = values[line];
        return made;
    }
};

// How many pixels ahead the place of outputs is asked for.
inline constexpr int stem_pixels_ahead = 48;

// `rows` neighbouring output pixels.
template <class Arch, int rows, int granules>
void stem_pixels(const StemRow& s, const StemLines& lines, const float* weights, const float* bias, float* out) {
    using Row = simd::Row<Arch, granules>;
    Row sum[rows];
    const Row start = Row::load(bias);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
        sum[r] = start;
        ask_to_write(out + std::ptrdiff_t{r + stem_pixels_ahead} * s.out_stride, Row::width);
    });
    for (const float* in : lines.from)
        for (int kx = 0; kx < 3; ++kx, ++in, weights += Row::width) {
            const Row w = Row::load_factor(weights);
            simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
                sum[r].add_product(in[static_cast<std::ptrdiff_t>(r) * s.window.stride], w);
            });
        }
    simd::silu(sum);
    simd::static_for<rows>([&](auto r) __attribute__((always_inline)) {
        sum[r].store(out + static_cast<std::ptrdiff_t>(r) * s.out_stride);
    });
}

template <class Arch, int granules>
void stem_panel(const StemRow& s, const float* weights, int channel) {
    constexpr int rows = std::min(8, TileShape<Arch>::max_rows(granules));
    StemLines lines;
    bool whole = true;  // no line is beyond the border
    for (int line = 0; line < 9; ++line) {
        lines.from[line] = s.input(s.y, line);
        whole = whole && lines.from[line] != nullptr;
    }
    const auto pixels = [&](auto count, int x) __attribute__((always_inline)) {
        const int first = x * s.window.stride - s.window.horizontal.before;
        float* out = s.out + static_cast<std::ptrdiff_t>(x) * s.out_stride + channel;
        if (!whole || first < 0 || first + (count - 1) * s.window.stride + 3 > s.window.input.width) {
            const StemPatch<count> patch(s, first);
            return stem_pixels<Arch, count, granules>(s, patch.lines(), weights, s.bias + channel, out);
        }
        StemLines here = lines;
        for (const float*& from : here.from) from += first;
        stem_pixels<Arch, count, granules>(s, here, weights, s.bias + channel, out);
    };
    const int width = s.window.output.width;
    int x = 0;
    for (; x + rows <= width; x += rows) pixels(std::integral_constant<int, rows>{}, x);
    // Some pixels twice take less time than single ones, whose sums wait for themselves.
    if (x < width && rows <= width) return pixels(std::integral_constant<int, rows>{}, width - rows);
    for (; x < width; ++x) pixels(std::integral_constant<int, 1>{}, x);
}

}  // namespace detail

template <class Arch>
inline void stem_row(const StemRow& s) {
    static constexpr auto table = []<int... g>(std::integer_sequence<int, g...>) {
        return std::array{&detail::stem_panel<Arch, g + 1>...};
    }
    (std::make_integer_sequence<int, TileShape<Arch>::widest>{});
    const Panels<Arch> panels(s.channels);
    for (int p = 0; p < panels.count; ++p) {
        const int channel = panels.first_channel(p);
        table[static_cast<std::size_t>(panels.width(p) - 1)](s, s.weights + std::ptrdiff_t{27} * channel, channel);
    }
}

}  // namespace effv2::kernels
