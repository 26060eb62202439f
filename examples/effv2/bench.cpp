// effv2 bench: the time of a forward pass, measured in this very process.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "../common/cores.hpp"
#include "../common/instances.hpp"
#include "command.hpp"
#include "effv2/network/model.hpp"
#include "effv2/weights/formula.hpp"

namespace cli {

namespace {

struct Options {
    std::string variant;
    int size = 0, batch = 1, threads = 0;
    double seconds = 4.0;
    bool json = false;
};

struct Times {
    double median_ms, min_ms;
    std::size_t runs;
};

// Calls `pass` for about that many seconds, after two calls that warm caches and threads up.
template <class Pass>
Times measure(double seconds, Pass pass) {
    using Clock = std::chrono::steady_clock;
    constexpr int warm_up = 2;
    constexpr std::size_t fewest = 3;
    for (int i = 0; i < warm_up; ++i) pass();
    std::vector<double> all;
    const Clock::time_point start = Clock::now();
    for (Clock::time_point before = start; all.size() < fewest || before - start < std::chrono::duration<double>(seconds);) {
        pass();
        const Clock::time_point after = Clock::now();
        all.push_back(std::chrono::duration<double, std::milli>(after - before).count());
        before = after;
    }
    std::sort(all.begin(), all.end());
    return {(all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2, all.front(), all.size()};
}

void print(const Options& options, const effv2::Architecture& a, const effv2::Executor& cores, const Times& times) {
    const double gflops = 2.0 * static_cast<double>(effv2::macs(a)) * options.batch / (times.median_ms * 1e6);
    if (!options.json) {
        std::printf("EfficientNetV2 %s at %dx%d, batch %d, %d threads, %zu runs\n", options.variant.c_str(),
                    a.input.height, a.input.width, options.batch, cores.threads(), times.runs);
        std::printf("%.3f ms a picture (median), %.1f GFLOP/s\n", times.median_ms / options.batch, gflops);
    }
    const nlohmann::ordered_json line = {
        {"median_ms", times.median_ms}, {"min_ms", times.min_ms}, {"gflops", gflops}};
    std::printf("%s\n", line.dump().c_str());
}

int run(const Options& options) {
    effv2::Architecture a = architecture_of(options.variant);
    if (options.size > 0) a = a.with_size(options.size);
    effv2::Result<effv2::PackedWeights<>> weights = effv2::pack_weights(a, effv2::FormulaSource());
    if (!weights) return fail(weights.error());
    examples::Cores cores = options.threads > 0 ? examples::Cores(options.threads) : examples::Cores();
    effv2::Result<effv2::Network> network = effv2::Network::make(a, std::move(*weights), cores);
    if (!network) return fail(network.error());

    const auto batch = static_cast<std::size_t>(options.batch);
    std::vector<float> pictures(batch * 3 * static_cast<std::size_t>(a.input.pixels()));
    std::vector<float> logits(batch * static_cast<std::size_t>(a.classes));
    effv2::formula_input(pictures);
    effv2::Outputs outputs;
    outputs.logits = logits;
    if (const effv2::Status checked = network->forward(pictures, options.batch, outputs); !checked)
        return fail(checked.error());
    const Times times = measure(options.seconds, [&] {
        static_cast<void>(network->forward(pictures, options.batch, outputs));  // cannot fail: it did not above
    });
    print(options, a, cores, times);
    return success;
}

}  // namespace

Action declare_bench(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    add_variant(app, options->variant)->required();
    add_size(app, options->size);
    app.add_option("--batch", options->batch, "pictures a pass (1)")->check(CLI::Range(1, 4096))->option_text("N");
    add_threads(app, options->threads);
    app.add_option("--seconds", options->seconds, "how long to measure (4)")
        ->check(CLI::Range(0.0, 3600.0))
        ->option_text("S");
    app.add_flag("--json", options->json, "print nothing but the last line, a JSON object");
    return [options] { return run(*options); };
}

}  // namespace cli
