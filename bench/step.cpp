// One training step (forward, backward, RMSProp) of a variant with ten classes: median time, and GFLOP/s counted as
// three direct forward passes. Run as `step VARIANT SIZE BATCH THREADS [SECONDS] [fast]`; the last line is a JSON
// object. `fast` takes stride-1 3x3 convolutions through Winograd.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "common/training_instances.hpp"
#include "effv2/architecture/cost.hpp"
#include "effv2/architecture/variants.hpp"
#include "effv2/parallel/tbb.hpp"
#include "effv2/weights/formula.hpp"
#include "peak.hpp"

namespace {

using namespace effv2;
using namespace effv2::training;

struct Job {
    Architecture architecture;
    int batch, threads;
    double seconds;
    Convolutions convolutions;
};

// Milliseconds of each step.
std::vector<double> time_steps(const Job& job) {
    using Clock = std::chrono::steady_clock;
    const Architecture& a = job.architecture;
    TbbExecutor executor(job.threads);
    const ParameterTable table(a);
    auto network =
        TrainingNetwork<>::make(table, a.input, job.batch, job.threads, Keep::maps, job.convolutions).value();
    const ParameterLayout layout = ParameterLayout::create(make_segments(table, {}), table.floats()).value();
    Optimiser optimiser = Optimiser::create(RmsProp{}, layout).value();
    const auto batch = static_cast<std::size_t>(job.batch), classes = static_cast<std::size_t>(a.classes);
    std::vector<float> pictures(batch * 3 * static_cast<std::size_t>(a.input.pixels())), targets(batch * classes);
    Buffer value_memory(table.floats()), gradient_memory(table.floats());  // where a run has them: in large pages
    const std::span<float> values(value_memory.data(), table.floats());
    const std::span<float> gradients(gradient_memory.data(), table.floats());
    formula_input(pictures);
    for (std::size_t i = 0; i < batch; ++i) targets[i * classes + i % classes] = 1.0f;
    load_parameters(table, FormulaSource{}, values.data());
    std::vector<double> times;
    constexpr std::size_t warm_up = 2;
    for (const Clock::time_point start = Clock::now();
         times.size() < 5 + warm_up || Clock::now() - start < std::chrono::duration<double>(job.seconds);) {
        const Clock::time_point before = Clock::now();
        executor.gather([&](Executor& team) {
            network.step(team, {}, pictures, targets, values, gradients);
            static_cast<void>(optimiser.step(values, gradients, {.learning_rate = 1e-5}, team));
        });
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
    }
    times.erase(times.begin(), times.begin() + warm_up);
    std::sort(times.begin(), times.end());
    return times;
}

}  // namespace

int main(int argc, char** argv) {
    const NamedVariant* variant = argc > 4 ? find_variant(argv[1]) : nullptr;
    if (variant == nullptr) {
        std::fprintf(stderr, "usage: step VARIANT SIZE BATCH THREADS [SECONDS] [fast]\n");
        return 2;
    }
    const Job job{variant->architecture.with_classes(10).with_size(std::atoi(argv[2])), std::atoi(argv[3]),
                  std::atoi(argv[4]), argc > 5 ? std::atof(argv[5]) : 4.0,
                  argc > 6 && std::string_view(argv[6]) == "fast" ? Convolutions::fast : Convolutions::direct};
    const std::vector<double> times = time_steps(job);
    const double median = times[times.size() / 2];
    const double gflops = 6.0 * static_cast<double>(macs(job.architecture)) * job.batch / (median * 1e6);
    std::printf(
        "{\"median_ms\": %.3f, \"min_ms\": %.3f, \"images_per_s\": %.1f, \"gflops\": %.1f, \"of_peak\": %.3f}\n",
        median, times.front(), job.batch / median * 1e3, gflops, gflops / (bench::peak_gflops() * job.threads));
}
