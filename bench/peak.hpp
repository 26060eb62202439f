// The machine's limit, measured in the same run as everything it is compared with: fused multiply-adds on registers
// alone.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <xsimd/xsimd.hpp>

namespace bench {

// Floating-point operations a second of one core, in GFLOP/s: the best of several short loops of independent FMAs.
inline double peak_gflops() {
    using Float = xsimd::batch<float>;
    constexpr int chains = 12, steps = 200000;
    double best = 0.0;
    for (int repeat = 0; repeat < 20; ++repeat) {
        Float sums[chains];
        for (Float& sum : sums) sum = Float(0.5f);
        const Float factor(0.999f), term(0.001f);
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < steps; ++i)
            for (Float& sum : sums) sum = xsimd::fma(sum, factor, term);
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        for (Float& sum : sums) benchmark::DoNotOptimize(sum);
        const double flops = 2.0 * chains * steps * static_cast<double>(Float::size);
        if (flops / time.count() > best) best = flops / time.count();
    }
    return best * 1e-9;
}

// Adds GFLOP/s and the share of the peak (of `cores` cores) to a benchmark's counters.
inline void count_flops(benchmark::State& state, double flops_each, int cores = 1) {
    static const double peak = peak_gflops();
    const double total = flops_each * static_cast<double>(state.iterations()) * 1e-9;
    state.counters["GFLOP/s"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
    state.counters["of peak"] = benchmark::Counter(total / (peak * cores), benchmark::Counter::kIsRate);
}

}  // namespace bench
