// Resizing with antialiasing, bit for bit as Pillow does for 8-bit pictures (ImagingResample in Resample.c): first
// along x, then along y, with bytes in between and fixed-point weights. Only the wanted window is computed. Scratch is
// 16 bytes for each pixel along the longer axis, and a few megabytes or, where they take more, the rows of one output
// row.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/image/filter.hpp"
#include "effv2/image/pixels.hpp"

namespace effv2 {

// A part of a picture: its top left pixel and its size.
struct Region {
    std::int64_t x = 0;
    std::int64_t y = 0;
    int width = 0;
    int height = 0;
};

namespace image_detail {

// Rows that are resized along x together: one vector of bytes for every column of the tile.
inline constexpr int tile_rows = 16;

// Columns of a tile, where one output pixel does not need more: three channels of them fit a first level cache.
inline constexpr int tile_columns = 640;

// Bytes that weighted_sum makes at once: three channels of tile_rows, or a run along a row.
inline constexpr int sum_width = 3 * tile_rows;

// Bytes of rows between the two passes, where one output row does not need more.
inline constexpr std::size_t band_bytes = std::size_t{8} << 20;

// to[i] = the sum over t of from[t * step + i] * weights[t], rounded and clipped to a byte. Both passes end here. The
// loops are plain on purpose: of constant length n, they become a handful of registers.
template <int n>
void weighted_sum(const std::uint8_t* from, std::ptrdiff_t step, const std::int32_t* weights, int count,
                  std::uint8_t* to) {
    std::int32_t sum[n];
    for (int i = 0; i < n; ++i) sum[i] = 1 << (weight_bits - 1);
    for (int t = 0; t < count; ++t, from += step) {
        const std::int32_t weight = weights[t];
        for (int i = 0; i < n; ++i) sum[i] += from[i] * weight;
    }
    for (int i = 0; i < n; ++i) to[i] = static_cast<std::uint8_t>(std::clamp(sum[i] >> weight_bits, 0, 255));
}

// Resizes up to tile_rows rows along x. The tile holds them transposed, so that a vector runs across rows, which share
// their weights, and not along taps, which do not.
class TileResizer {
public:
    TileResizer(const ImageView& image, const Axis& axis) : image_(image), axis_(axis) {}

    // Writes rows [y, y + count) of the picture, resized, to `to` and every `stride` bytes on; 1 <= count <= tile_rows.
    void run(int y, int count, std::uint8_t* to, std::size_t stride) {
        const std::size_t outputs = axis_.taps.size();
        for (std::size_t begin = 0; begin < outputs;) {
            const int first = axis_.taps[begin].first;
            int last = first + axis_.taps[begin].count;
            std::size_t end = begin + 1;
            for (; end < outputs && axis_.taps[end].first + axis_.taps[end].count <= first + tile_columns; ++end)
                last = axis_.taps[end].first + axis_.taps[end].count;
            fill(y, count, first, last);
            for (; begin < end; ++begin) {
                if (image_.channels == 1) store<1, 1>(begin, first, count, to, stride);
                if (image_.channels == 3) store<3, 3>(begin, first, count, to, stride);
                if (image_.channels == 4) store<4, 3>(begin, first, count, to, stride);
            }
        }
    }

private:
    // Loads the picture's columns [first, last). Where there are fewer than tile_rows rows, the last one stands in.
    void fill(int y, int count, int first, int last) {
        const auto channels = static_cast<std::size_t>(image_.channels);
        const std::size_t bytes = static_cast<std::size_t>(last - first) * channels;
        if (tile_.size() < bytes * tile_rows) tile_.resize(bytes * tile_rows);
        std::array<const std::uint8_t*, tile_rows> rows;
        for (int r = 0; r < tile_rows; ++r)
            rows[static_cast<std::size_t>(r)] =
                image_.row(y + std::min(r, count - 1)) + static_cast<std::size_t>(first) * channels;
        std::uint8_t* to = tile_.data();
        for (std::size_t i = 0; i < bytes; ++i, to += tile_rows)
            for (std::size_t r = 0; r < tile_rows; ++r) to[r] = rows[r][i];
    }

    // Makes one output pixel in `count` rows.
    template <int in_channels, int out_channels>
    void store(std::size_t output, int first, int count, std::uint8_t* to, std::size_t stride) const {
        const Taps& taps = axis_.taps[output];
        constexpr std::ptrdiff_t step = in_channels * tile_rows;
        std::uint8_t sums[out_channels * tile_rows];
        weighted_sum<out_channels * tile_rows>(tile_.data() + (taps.first - first) * step, step,
                                               axis_.weights.data() + taps.at, taps.count, sums);
        to += output * out_channels;
        for (int r = 0; r < count; ++r, to += stride)
            for (int c = 0; c < out_channels; ++c) to[c] = sums[c * tile_rows + r];
    }

    const ImageView& image_;
    const Axis& axis_;
    std::vector<std::uint8_t> tile_;
};

// Resizes along y: one output row of `bytes` bytes from the rows at `from`, which are `stride` bytes apart and readable
// up to the next multiple of sum_width.
inline void resize_down(const std::uint8_t* from, std::size_t stride, const std::int32_t* weights, int count,
                        std::size_t bytes, std::uint8_t* to) {
    const auto step = static_cast<std::ptrdiff_t>(stride);
    std::size_t i = 0;
    for (; i + sum_width <= bytes; i += sum_width) weighted_sum<sum_width>(from + i, step, weights, count, to + i);
    if (i == bytes) return;
    std::uint8_t rest[sum_width];
    weighted_sum<sum_width>(from + i, step, weights, count, rest);
    std::memcpy(to + i, rest, bytes - i);
}

// The window of `image` resized to out_width x out_height. Everything is already checked; the result has one channel
// where the picture has one, else three.
inline Image resize_part(const ImageView& image, std::int64_t out_width, std::int64_t out_height, const Region& window,
                         Filter filter) {
    Image result{window.width, window.height, image.channels == 1 ? 1 : 3, {}};
    const auto bytes = static_cast<std::size_t>(result.width) * static_cast<std::size_t>(result.channels);
    result.pixels.resize(bytes * static_cast<std::size_t>(result.height));
    const Axis across = make_axis(image.width, out_width, window.x, window.x + window.width, filter);
    const Axis down = make_axis(image.height, out_height, window.y, window.y + window.height, filter);
    TileResizer resizer(image, across);

    const std::size_t stride = (bytes + sum_width - 1) / sum_width * sum_width;
    const auto band_rows = static_cast<int>(std::max<std::size_t>(band_bytes / stride, 1));
    std::vector<std::uint8_t> band;
    std::uint8_t* to = result.pixels.data();
    for (std::size_t begin = 0; begin < down.taps.size();) {
        // As many output rows as one band of source rows can make. What two bands share is made twice.
        const int first = down.taps[begin].first;
        int last = first + down.taps[begin].count;
        std::size_t end = begin + 1;
        for (; end < down.taps.size() && down.taps[end].first + down.taps[end].count <= first + band_rows; ++end)
            last = down.taps[end].first + down.taps[end].count;
        band.resize(std::max(band.size(), static_cast<std::size_t>(last - first) * stride));
        for (int y = first; y < last; y += tile_rows)
            resizer.run(y, std::min(tile_rows, last - y), band.data() + static_cast<std::size_t>(y - first) * stride,
                        stride);
        for (; begin < end; ++begin, to += bytes) {
            const Taps& taps = down.taps[begin];
            resize_down(band.data() + static_cast<std::size_t>(taps.first - first) * stride, stride,
                        down.weights.data() + taps.at, taps.count, bytes, to);
        }
    }
    return result;
}

}  // namespace image_detail

// The most pixels that resize() and resize_window() hand back.
inline constexpr std::int64_t max_resized_pixels = std::int64_t{1} << 28;

// What resize(image, width, height, filter) would give inside `window`, without computing the rest. width and height
// are those of the whole resized picture. Returns window.height x window.width x 1 bytes for a grey picture, else x 3
// (alpha is dropped before resizing: Pillow's convert("RGB").resize(...)). Fails for a picture that check_image
// refuses, for a size below 1 or above 2^40, and for a window that is empty, leaves the resized picture or has more
// than max_resized_pixels.
inline Result<Image> resize_window(const ImageView& image, std::int64_t width, std::int64_t height,
                                   const Region& window, Filter filter) {
    if (const Status checked = check_image(image); !checked) return checked.error();
    const auto size = [](auto w, auto h) { return std::to_string(w) + "x" + std::to_string(h); };
    constexpr std::int64_t longest = std::int64_t{1} << 40;
    if (width < 1 || height < 1 || width > longest || height > longest)
        return Error{ErrorCode::argument, "a picture cannot be resized to " + size(width, height) + " pixels"};
    if (window.width < 1 || window.height < 1 || window.x < 0 || window.y < 0 || window.x > width - window.width ||
        window.y > height - window.height)
        return Error{ErrorCode::argument, "the window of " + size(window.width, window.height) + " pixels at (" +
                                              std::to_string(window.x) + ", " + std::to_string(window.y) +
                                              ") is not inside of a resized picture of " + size(width, height)};
    if (std::int64_t{window.width} * window.height > max_resized_pixels)
        return Error{ErrorCode::argument, "a resized picture of " + size(window.width, window.height) +
                                              " pixels is larger than the limit of " +
                                              std::to_string(max_resized_pixels) + " pixels"};
    return image_detail::resize_part(image, width, height, window, filter);
}

// The picture resized to width x height pixels, equal to Pillow's Image.resize((width, height), BILINEAR or BICUBIC) on
// modes L and RGB. Returns height x width x 1 bytes for a grey picture, else x 3. Fails as resize_window does.
inline Result<Image> resize(const ImageView& image, int width, int height, Filter filter) {
    return resize_window(image, width, height, {0, 0, width, height}, filter);
}

}  // namespace effv2
