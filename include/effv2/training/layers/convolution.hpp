// A full convolution over a batch of channels-last maps: forward, the gradient of its input, and the gradient of its
// weights. All three are matrix products on the network's micro-kernels; none copies its maps (no im2col).
//
// Weights and their gradients lie in panels of (taps, inputs, panel width), as the forward pass reads them. The
// gradient of the input reads a transposed copy, made once a step.
#pragma once

#include <algorithm>

#include "effv2/kernels/gather.hpp"
#include "effv2/kernels/norm.hpp"
#include "effv2/kernels/transpose.hpp"
#include "effv2/kernels/weight_gradient.hpp"
#include "effv2/network/work.hpp"

namespace effv2::training {

// Channels are rounded to the granule; strides are floats from pixel to pixel.
struct ConvShape {
    Window window;
    int in = 0, out = 0;
    int in_stride = 0, out_stride = 0;
    bool depthwise = false;
    bool winograd = false;  // forward and the gradient of the input go through Winograd's transforms

    ConvShape() = default;
    ConvShape(const Window& w, int inputs, int outputs, bool by_channel = false)
        : window(w),
          in(round_to_granule(inputs)),
          out(round_to_granule(outputs)),
          in_stride(pixel_stride(inputs)),
          out_stride(pixel_stride(outputs)),
          depthwise(by_channel) {}

    int taps() const { return window.kernel * window.kernel; }
    bool pointwise() const { return window.kernel == 1 && window.stride == 1; }
    // Floats of the weights and of their gradient.
    std::size_t weights() const {
        const auto each = static_cast<std::size_t>(taps()) * static_cast<std::size_t>(out);
        return depthwise ? each : each * static_cast<std::size_t>(in);
    }
};

// Pixels of one task, and of one partial statistic: a multiple of the rows of a tile. Shapes alone decide what is
// summed with what, so that results do not depend on the number of threads.
inline constexpr int chunk_pixels = 120;

constexpr int chunk_count(std::int64_t pixels) { return static_cast<int>((pixels + chunk_pixels - 1) / chunk_pixels); }

// Cuts [0, total) into `parts` as equal as can be: where part i starts.
constexpr int part_start(int total, int parts, int i) { return static_cast<int>(std::int64_t{total} * i / parts); }

// Calls f(row, first column, end column) until all of rows x columns are done. A task is a whole row, or where there
// are too few for the threads a part of one.
template <class F>
void run_by_parts(Executor& executor, int rows, int columns, F f) {
    if (rows == 0) return;
    const int wanted = 8 * executor.threads();
    const int parts = std::clamp((wanted + rows - 1) / rows, 1, columns);
    executor.run(rows * parts, [&](int task, int) {
        const int part = task % parts;
        f(task / parts, part_start(columns, parts, part), part_start(columns, parts, part + 1));
    });
}

// What a convolution (or its input gradient, with inputs and outputs exchanged) reads and writes.
struct ConvPass {
    kernels::Gather gather;
    int batch = 0;
    int depth = 0, channels = 0;  // of source and destination
    const float* source = nullptr;
    int source_stride = 0;
    const float* weights = nullptr;  // panels of (taps of the gather, depth, panel width)
    float* destination = nullptr;
    int destination_stride = 0, destination_width = 0;
    std::ptrdiff_t destination_pixels = 0;  // of one map
    const float* residual = nullptr;        // as the destination: added to it; or nullptr
    const float* bias = nullptr;            // (channels), or nullptr
    float* moments = nullptr;  // (chunks, 2, channels): each chunk's mean and squared deviations; or nullptr
};

namespace detail {

// The rows of one chunk of grid points, in groups of one tile each, with the pointers that a tile reads by.
template <class Arch>
class ChunkRows {
public:
    // Chunk `chunk` of `chunks`.
    ChunkRows(const ConvPass& pass, int chunk, int chunks, int most) : chunk_(chunk) {
        const int points = pass.gather.points(), total = pass.batch * points;
        const int first = part_start(total, chunks, chunk), count = part_start(total, chunks, chunk + 1) - first;
        count_ = count;
        int image = first / points, point = first % points;
        for (int r = 0; r < count; ++r) {
            const int y = point / pass.gather.x.points, x = point % pass.gather.x.points;
            corner_[r] = {image, y * pass.gather.y.step + pass.gather.y.first,
                          x * pass.gather.x.step + pass.gather.x.first};
            const std::ptrdiff_t to =
                image * pass.destination_pixels +
                std::ptrdiff_t{y * pass.gather.y.spread + pass.gather.y.place} * pass.destination_width +
                (x * pass.gather.x.spread + pass.gather.x.place);
            out_[r] = pass.destination + to * pass.destination_stride;
            if (pass.residual != nullptr) residual_[r] = pass.residual + to * pass.destination_stride;
            if (++point == points) point = 0, ++image;
        }
        kernels::for_each_group(count, most, [&](int start, int rows) { add_group(pass, start, rows); });
    }

    // Every tile of a panel of [first_panel, end_panel). Maps with statistics are new to the caches, others were there
    // a moment ago: of the former, a tile asks for the next one's place. In the first panel, it asks for the next one's
    // input: bit by bit, for what is asked for all at once is waited for.
    void run(const ConvPass& pass, int panel, int first_panel, int end_panel,
             const kernels::Panels<Arch>& panels) const {
        const int channel = panels.first_channel(panel);
        kernels::Tile tile;
        tile.weights = pass.weights + std::ptrdiff_t{pass.gather.taps()} * pass.depth * channel;
        tile.out_offset = channel;
        if (pass.bias != nullptr) tile.bias = pass.bias + channel;
        for (int g = 0; g < groups_; ++g) {
            const Group& group = group_[g];
            if (pass.moments != nullptr && g + 1 < groups_)
                ask_to_write(group_[g + 1], channel, panels.width(panel));
            else if (pass.moments != nullptr && panel + 1 < end_panel)
                ask_to_write(group_[0], panels.first_channel(panel + 1), panels.width(panel + 1));
            tile.in = in_ + group.table;
            tile.taps = group.taps;
            tile.depth = group.depth;
            tile.out = out_ + group.first;
            if (pass.residual != nullptr) tile.residual = residual_ + group.first;
            const bool asks = kernels::asks_by_parts<Arch> && panel == first_panel && g + 1 < groups_;
            tile.ahead = asks ? group_[g + 1].line : nullptr;
            if (tile.ahead != nullptr) tile.pace = group_[g + 1].line_floats / (group.taps * group.depth) + 1;
            kernels::compute_tile<Arch>(group.rows, panels.width(panel), tile);
        }
        if (pass.moments == nullptr) return;
        float* moments = pass.moments + std::ptrdiff_t{chunk_} * 2 * pass.channels + channel;
        kernels::channel_moments<Arch>(out_[0] + channel, pass.destination_stride, count_,
                                       panels.width(panel) * granule, moments, moments + pass.channels);
    }

private:
    struct Corner {
        int image, y, x;
    };
    struct Group {
        int first, rows, taps, depth, table;
        const float* line;  // the last one of the input that it reads; nullptr on the border
        std::ptrdiff_t line_floats;
    };

    // Inlined by force as ask_for is, and for its reason.
    [[gnu::always_inline]] void ask_to_write(const Group& group, int channel, int granules) const {
        for (int r = group.first; r < group.first + group.rows; ++r)
            kernels::ask_to_write(out_[r] + channel, granules * granule);
    }

    // Inside the map, a line of the rectangle is one run of floats, which counts as one tap.
    void add_group(const ConvPass& pass, int first, int rows) {
        const kernels::GatherAxis &gy = pass.gather.y, &gx = pass.gather.x;
        bool inside = true;
        for (int r = first; r < first + rows && inside; ++r) {
            const Corner& c = corner_[r];
            inside = c.y >= 0 && c.x >= 0 && c.y + gy.taps <= gy.source && c.x + gx.taps <= gx.source;
        }
        const bool whole = inside && pass.source_stride == pass.depth;
        const int taps = whole ? 1 : gx.taps;  // of a line
        Group& group = group_[groups_++];
        group = {first, rows, gy.taps * taps, whole ? gx.taps * pass.depth : pass.depth, used_, nullptr, 0};
        for (int a = 0; a < gy.taps; ++a)
            for (int b = 0; b < taps; ++b)
                for (int r = first; r < first + rows; ++r) in_[used_++] = source(pass, corner_[r], a, b);
        if (!inside || pass.gather.taps() == 0) return;
        const float* const* line = in_ + used_ - taps * rows;
        group.line = line[0];
        group.line_floats = line[rows - 1] - line[0] + std::ptrdiff_t{gx.taps} * pass.source_stride;
    }

    static const float* source(const ConvPass& pass, const Corner& corner, int a, int b) {
        const int y = corner.y + a, x = corner.x + b;
        const int height = pass.gather.y.source, width = pass.gather.x.source;
        if (y < 0 || y >= height || x < 0 || x >= width) return network::zeros;
        const std::ptrdiff_t pixel = (std::ptrdiff_t{corner.image} * height + y) * width + x;
        return pass.source + pixel * pass.source_stride;
    }

    int chunk_, count_ = 0, groups_ = 0, used_ = 0;
    Corner corner_[chunk_pixels];
    Group group_[chunk_pixels];
    float* out_[chunk_pixels];
    const float* residual_[chunk_pixels];
    const float* in_[chunk_pixels * 49];
};

}  // namespace detail

namespace detail {

// Where nothing is summed by chunk, as many for each thread, if that leaves each the points of a tile or two.
constexpr int even_chunks(int points, int threads) {
    constexpr int least_pixels = 16;
    const int chunks = chunk_count(points), even = (chunks + threads - 1) / threads * threads;
    return std::max(chunks, std::min(even, points / least_pixels));
}

}  // namespace detail

// Runs a pass: tasks are chunks of grid points, cut further by panels where there are few chunks.
template <class Arch>
void convolve(Executor& executor, const ConvPass& pass) {
    const kernels::Panels<Arch> panels(pass.channels);
    const int points = pass.batch * pass.gather.points();
    const int chunks = pass.moments != nullptr ? chunk_count(points) : detail::even_chunks(points, executor.threads());
    const int most = network::tile_rows(panels);
    run_by_parts(executor, chunks, panels.count, [&](int chunk, int first, int end) {
        const detail::ChunkRows<Arch> rows(pass, chunk, chunks, most);
        for (int p = first; p < end; ++p) rows.run(pass, p, first, end, panels);
    });
}

// out = in * weights; moments as in ConvPass, or nullptr.
inline ConvPass forward_pass(const ConvShape& shape, int batch, const float* in, const float* weights,
                             const float* bias, float* out, float* moments) {
    ConvPass pass;
    pass.gather = kernels::forward_gather(shape.window);
    pass.batch = batch;
    pass.depth = shape.in, pass.channels = shape.out;
    pass.source = in, pass.source_stride = shape.in_stride;
    pass.weights = weights, pass.bias = bias;
    pass.destination = out, pass.destination_stride = shape.out_stride;
    pass.destination_width = shape.window.output.width, pass.destination_pixels = shape.window.output.pixels();
    pass.moments = moments;
    return pass;
}

template <class Arch>
void convolve_forward(Executor& executor, const ConvShape& shape, int batch, const float* in, const float* weights,
                      const float* bias, float* out, float* moments) {
    convolve<Arch>(executor, forward_pass(shape, batch, in, weights, bias, out, moments));
}

// The weights as the input's gradient reads them: for each remainder class of the stride, panels over the inputs of
// (taps of the class, outputs, panel width). A task reads what lies together in memory: weights come from far away, the
// transposed ones stay in the caches.
template <class Arch>
void transpose_weights(Executor& executor, const ConvShape& shape, const float* weights, float* transposed) {
    const kernels::Panels<Arch> out_panels(shape.out), in_panels(shape.in);
    const int stride = shape.window.stride;
    run_by_parts(executor, out_panels.count, in_panels.count, [&](int out_panel, int begin, int end) {
        const int first = out_panels.first_channel(out_panel), columns = out_panels.width(out_panel) * granule;
        float* of_class = transposed;
        for (int c = 0; c < stride * stride; ++c) {
            const kernels::Gather gather = kernels::backward_gather(shape.window, c);
            for (int t = 0; t < gather.taps(); ++t) {
                const int tap = gather.y.tap(t / gather.x.taps) * shape.window.kernel + gather.x.tap(t % gather.x.taps);
                const float* of_tap = weights + std::ptrdiff_t{shape.taps()} * shape.in * first +
                                      std::ptrdiff_t{tap} * shape.in * columns;
                for (int p = begin; p < end; ++p) {
                    const int channel = in_panels.first_channel(p), width = in_panels.width(p) * granule;
                    float* to = of_class + std::ptrdiff_t{gather.taps()} * shape.out * channel +
                                (std::ptrdiff_t{t} * shape.out + first) * width;
                    kernels::transpose<Arch>(of_tap + std::ptrdiff_t{channel} * columns, width, columns, to);
                }
            }
            of_class += std::ptrdiff_t{gather.taps()} * shape.out * shape.in;
        }
    });
}

// in_gradient = out_gradient * transposed weights (+ residual, of the input's shape), for one remainder class of the
// stride, whose transposed weights are given.
inline ConvPass backward_pass(const ConvShape& shape, int which, int batch, const float* out_gradient,
                              const float* transposed, const float* residual, float* in_gradient) {
    ConvPass pass;
    pass.gather = kernels::backward_gather(shape.window, which);
    pass.batch = batch;
    pass.depth = shape.out, pass.channels = shape.in;
    pass.source = out_gradient, pass.source_stride = shape.out_stride;
    pass.weights = transposed;
    pass.destination = in_gradient, pass.destination_stride = shape.in_stride;
    pass.destination_width = shape.window.input.width, pass.destination_pixels = shape.window.input.pixels();
    pass.residual = residual;
    return pass;
}

// The same for all classes.
template <class Arch>
void convolve_backward(Executor& executor, const ConvShape& shape, int batch, const float* out_gradient,
                       const float* transposed, const float* residual, float* in_gradient) {
    for (int c = 0; c < shape.window.stride * shape.window.stride; ++c) {
        const ConvPass pass = backward_pass(shape, c, batch, out_gradient, transposed, residual, in_gradient);
        convolve<Arch>(executor, pass);
        transposed += std::ptrdiff_t{pass.gather.taps()} * shape.out * shape.in;
    }
}

}  // namespace effv2::training
