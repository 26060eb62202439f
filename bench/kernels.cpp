// Micro-benchmarks of the kernels on the shapes that the variants have: GFLOP/s and the share of the FMA peak, which is
// measured in the same run. Run with --benchmark_filter=tile and the like.
#include <cstdlib>
#include <string>
#include <vector>

#include "effv2/kernels/depthwise.hpp"
#include "effv2/kernels/strassen.hpp"
#include "effv2/kernels/strided_winograd.hpp"
#include "effv2/network/buffer.hpp"
#include "peak.hpp"

namespace {

using namespace effv2;
using Arch = simd::NativeArch;
using kernels::Panels;
using kernels::TileShape;

// Random floats that start at a cache line, as the library's do: a line more or less per load is a fifth of a time.
Buffer filled(int n) {
    Buffer values(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < values.size(); ++i)
        values.data()[i] = static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX) - 0.5f;
    return values;
}

// A 1x1 convolution: pixels x depth times depth x channels, as the blocks call the micro-kernel.
void pointwise(benchmark::State& state, int pixels, int depth, int channels, bool silu) {
    const Buffer in = filled(pixels * pixel_stride(depth)), weights = filled(depth * channels);
    const Buffer bias = filled(channels);
    Buffer out = filled(pixels * pixel_stride(channels));
    std::vector<const float*> from;
    std::vector<float*> to;
    for (int i = 0; i < pixels; ++i) {
        from.push_back(in.data() + i * pixel_stride(depth));
        to.push_back(out.data() + i * pixel_stride(channels));
    }
    const Panels<Arch> panels(channels);
    for (auto _ : state)
        for (int p = 0; p < panels.count; ++p) {
            kernels::Tile tile;
            tile.depth = depth;
            tile.weights = weights.data() + depth * panels.first_channel(p);
            tile.bias = bias.data() + panels.first_channel(p);
            tile.out_offset = panels.first_channel(p);
            tile.silu = silu;
            kernels::for_each_group(pixels, TileShape<Arch>::max_rows(panels.width(p)), [&](int first, int rows) {
                tile.in = from.data() + first;
                tile.out = to.data() + first;
                kernels::compute_tile<Arch>(rows, panels.width(p), tile);
            });
        }
    bench::count_flops(state, 2.0 * pixels * depth * channels);
}

// The same by Strassen's product, sums included. GFLOP/s count the definition's operations.
void pairwise(benchmark::State& state, int pixels, int depth, int channels, bool silu) {
    constexpr int width = TileShape<Arch>::unit * granule;
    const int pairs = pixels / 2, in_stride = pixel_stride(depth), out_stride = pixel_stride(channels);
    const Buffer in = filled(pixels * in_stride), weights = filled(depth * channels), bias = filled(channels);
    Buffer out = filled(pixels * out_stride), sums = filled(pairs * sums_stride(depth));
    Buffer mixed = filled(2 * depth * width);
    std::vector<float*> out_upper, out_lower;
    for (int i = 0; i < pairs; ++i) {
        out_upper.push_back(out.data() + 2 * i * out_stride);
        out_lower.push_back(out.data() + (2 * i + 1) * out_stride);
    }
    kernels::StrassenTile tile;
    tile.next_pair = 2 * in_stride;
    tile.next_sums = sums_stride(depth);
    tile.depth = depth;
    tile.mixed = mixed.data();
    tile.silu = silu;
    for (auto _ : state) {
        for (int i = 0; i < pairs; ++i)
            kernels::sum_rows<Arch>(in.data() + 2 * i * in_stride, in.data() + (2 * i + 1) * in_stride, depth,
                                    sums.data() + i * sums_stride(depth));
        for (int channel = 0; channel + 2 * width <= channels; channel += 2 * width) {
            tile.left = weights.data() + depth * channel;
            tile.right = tile.left + depth * width;
            tile.bias = bias.data() + channel;
            tile.left_offset = channel;
            tile.right_offset = channel + width;
            kernels::for_each_strassen_tile<Arch>(pairs, [&](int first, int rows) {
                tile.rows = rows;
                tile.mixes = first == 0;
                tile.upper = in.data() + first * tile.next_pair;
                tile.lower = tile.upper + in_stride;
                tile.sums = sums.data() + first * tile.next_sums;
                tile.out_upper = out_upper.data() + first;
                tile.out_lower = out_lower.data() + first;
                kernels::compute_strassen_tile<Arch>(tile);
            });
        }
    }
    bench::count_flops(state, 2.0 * pixels * depth * (channels / (2 * width) * 2 * width));
}

void depthwise(benchmark::State& state, int size, int kernel, int stride) {
    constexpr int granules = TileShape<Arch>::unit, width = granules * granule;
    const Window window = make_window({size, size}, kernel, stride, Padding::same);
    const int columns = size + window.horizontal.before + window.horizontal.after;
    const Buffer in = filled(columns * columns * width), weights = filled(kernel * kernel * width);
    const Buffer bias = filled(width);
    Buffer out = filled(window.output.pixels() * width), sums = filled(width);
    kernels::DepthwisePanel panel;
    panel.in = in.data();
    panel.in_columns = columns;
    panel.weights = weights.data();
    panel.bias = bias.data();
    panel.kernel = kernel;
    panel.stride = stride;
    panel.out = out.data();
    panel.out_stride = width;
    panel.size = window.output;
    panel.sums = sums.data();
    for (auto _ : state) {
        kernels::depthwise<Arch>(granules, panel);
        benchmark::DoNotOptimize(out.data());
    }
    bench::count_flops(state, 2.0 * window.output.pixels() * kernel * kernel * width);
}

template <int m>
void winograd_input(benchmark::State& state, int channels) {
    constexpr int points_count = points_of_tile(m);
    const Buffer in = filled(points_count * channels);
    Buffer points = filled(points_count * channels);
    const float* from[points_count];
    for (int i = 0; i < points_count; ++i) from[i] = in.data() + i * channels;
    kernels::winograd::InputTile tile;
    tile.in = from;
    tile.out = points.data(), tile.point_stride = channels;
    for (auto _ : state) {
        kernels::winograd::transform_input_tile<Arch, m>(tile, channels);
        benchmark::DoNotOptimize(points.data());
    }
    state.counters["tiles x channels/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * channels, benchmark::Counter::kIsRate);
}

template <int m>
void winograd_output(benchmark::State& state, int channels) {
    constexpr int pixels = m * m, points_count = points_of_tile(m);
    const Buffer points = filled(points_count * channels), bias = filled(channels);
    Buffer outputs = filled(pixels * channels);
    float* to[pixels];
    for (int i = 0; i < pixels; ++i) to[i] = outputs.data() + i * channels;
    kernels::winograd::OutputTile tile;
    tile.points = points.data();
    tile.point_stride = channels;
    tile.bias = bias.data();
    tile.out = to;
    for (auto _ : state) {
        kernels::winograd::transform_output_tile<Arch, m>(tile, channels);
        benchmark::DoNotOptimize(outputs.data());
    }
    state.counters["tiles x channels/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * channels, benchmark::Counter::kIsRate);
}

// The products of a task's tiles with one panel, counted as those of the direct algorithm.
template <int m>
void winograd_products(benchmark::State& state, int depth, int granules) {
    constexpr int tiles = max_task_tiles, points_count = points_of_tile(m);
    const int width = granules * granule;
    const Buffer values = filled(points_count * static_cast<int>(point_stride(tiles, depth))),
                 weights = filled(points_count * depth * width);
    Buffer products = filled(points_count * static_cast<int>(point_stride(tiles, width)));
    for (auto _ : state) {
        kernels::winograd::multiply_points<Arch, m>(values.data(), tiles, depth, granules, weights.data(),
                                                    std::ptrdiff_t{depth} * width, products.data());
        benchmark::DoNotOptimize(products.data());
    }
    bench::count_flops(state, 2.0 * 9 * m * m * tiles * depth * width);
}

// The same of stride 2, with one full panel.
template <int m>
void winograd_strided(benchmark::State& state, int depth) {
    constexpr int granules = kernels::TileShape<Arch>::unit, width = granules * granule, tiles = max_task_tiles;
    constexpr WinogradShape shape = winograd_shape(m, 2);
    const Buffer values = filled(shape.inputs.pixels() * static_cast<int>(point_stride(tiles, depth))),
                 weights = filled(shape.matrices * depth * width);
    Buffer products = filled(shape.products * static_cast<int>(point_stride(tiles, width)));
    for (auto _ : state) {
        kernels::winograd::multiply_strided<Arch, m>(values.data(), tiles, depth, granules, weights.data(),
                                                     products.data());
        benchmark::DoNotOptimize(products.data());
    }
    bench::count_flops(state, 2.0 * 9 * shape.outputs.pixels() * tiles * depth * width);
}

void silu(benchmark::State& state) {
    constexpr int n = 4096;
    Buffer values = filled(n);
    for (auto _ : state) {
        kernels::for_each_step<Arch>(
            n, [&](auto granules, int i) __attribute__((always_inline)) {
                using Row = simd::Row<Arch, granules>;
                simd::silu(Row::load(values.data() + i)).store(values.data() + i);
            });
        benchmark::DoNotOptimize(values.data());
    }
    state.counters["values/s"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * n, benchmark::Counter::kIsRate);
}

std::string shape_name(int pixels, int depth, int channels, bool activated) {
    return std::to_string(pixels) + "px/" + std::to_string(depth) + "->" + std::to_string(channels) +
           (activated ? "/silu" : "");
}

void add_pointwise(int pixels, int depth, int channels, bool activated) {
    benchmark::RegisterBenchmark(("tile/" + shape_name(pixels, depth, channels, activated)).c_str(),
                                 [=](benchmark::State& s) { pointwise(s, pixels, depth, channels, activated); });
}

void add_pairwise(int pixels, int depth, int channels, bool activated) {
    benchmark::RegisterBenchmark(("strassen/" + shape_name(pixels, depth, channels, activated)).c_str(),
                                 [=](benchmark::State& s) { pairwise(s, pixels, depth, channels, activated); });
}

}  // namespace

template <int m>
void add_winograd() {
    const auto add = [](const char* what, const std::string& shape, auto run) {
        const std::string name = std::string("winograd/") + what + "/" + std::to_string(m) + "/" + shape;
        benchmark::RegisterBenchmark(name.c_str(), run);
    };
    for (const int channels : {24, 48, 64}) {
        add("input", std::to_string(channels), [=](benchmark::State& s) { winograd_input<m>(s, channels); });
        add("output", std::to_string(channels), [=](benchmark::State& s) { winograd_output<m>(s, channels); });
    }
    for (const auto& [depth, granules] : {std::pair{32, 2}, {24, 3}, {32, 4}, {48, 4}, {64, 4}})
        add("products", std::to_string(depth) + "->" + std::to_string(granules * granule),
            [depth = depth, granules = granules](benchmark::State& s) { winograd_products<m>(s, depth, granules); });
    for (const int depth : {16, 24, 48})
        add("strided", std::to_string(depth), [=](benchmark::State& s) { winograd_strided<m>(s, depth); });
}

int main(int argc, char** argv) {
    add_pointwise(576, 160, 960, true);   // S, stage 5, expansion
    add_pointwise(576, 960, 160, false);  // ... and projection
    add_pointwise(144, 1536, 256, false);
    add_pointwise(49, 1152, 192, false);  // B0, stage 6
    add_pointwise(49, 192, 1152, true);
    add_pointwise(196, 112, 672, true);
    add_pointwise(384, 192, 48, false);  // S, stage 2
    add_pointwise(288, 24, 24, false);
    add_pointwise(256, 224, 56, false);  // B3
    add_pairwise(576, 160, 960, true);   // S and B0, where two panels go together
    add_pairwise(576, 960, 128, false);
    add_pairwise(144, 256, 1536, true);
    add_pairwise(196, 112, 640, true);
    for (const int size : {12, 24, 48})
        for (const int kernel : {3, 5})
            for (const int stride : {1, 2}) {
                const std::string name =
                    "depthwise/" + std::to_string(size) + "/k" + std::to_string(kernel) + "/s" + std::to_string(stride);
                benchmark::RegisterBenchmark(name.c_str(),
                                             [=](benchmark::State& s) { depthwise(s, size, kernel, stride); });
            }
    add_winograd<6>();
    add_winograd<7>();
    benchmark::RegisterBenchmark("silu", silu);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
