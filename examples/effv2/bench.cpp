// effv2 bench: the time of a forward pass, measured in this very process.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "command.hpp"
#include "common/cores.hpp"
#include "common/instances.hpp"
#include "effv2/network/model.hpp"
#include "effv2/weights/formula.hpp"
#include "profile.hpp"

namespace cli {

namespace {

struct BenchSettings {
    std::string variant, padding;
    int size = 0, batch = 1, threads = 0;
    double seconds = 4.0;
    bool json = false, profile = false, direct = false;
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
    for (Clock::time_point before = start;
         all.size() < fewest || before - start < std::chrono::duration<double>(seconds);) {
        pass();
        const Clock::time_point after = Clock::now();
        all.push_back(std::chrono::duration<double, std::milli>(after - before).count());
        before = after;
    }
    std::sort(all.begin(), all.end());
    return {(all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2, all.front(), all.size()};
}

void print(const BenchSettings& settings, const effv2::Architecture& a, const effv2::Executor& cores,
           const Times& times) {
    const double gflops = 2.0 * static_cast<double>(effv2::macs(a)) * settings.batch / (times.median_ms * 1e6);
    const char* const instructions = effv2::simd::NativeArch::name();
    if (!settings.json) {
        std::printf("EfficientNetV2 %s at %dx%d, batch %d, %d thread%s, %s, %zu runs\n", settings.variant.c_str(),
                    a.input.height, a.input.width, settings.batch, cores.threads(), cores.threads() == 1 ? "" : "s",
                    instructions, times.runs);
        std::printf("%.3f ms a picture (median), %.1f GFLOP/s\n", times.median_ms / settings.batch, gflops);
    }
    std::printf("{\"median_ms\": %.4f, \"min_ms\": %.4f, \"gflops\": %.2f, \"instruction_set\": \"%s\"}\n",
                times.median_ms, times.min_ms, gflops, instructions);
}

// Runs as often again, with somebody watching.
void print_profile(effv2::Network& network, std::span<const float> pictures, int batch, const effv2::Outputs& outputs,
                   std::size_t runs) {
    std::vector<long long> macs;
    effv2::for_each_block(network.architecture(),
                          [&](const effv2::Block& block) { macs.push_back(effv2::block_macs(block)); });
    Profile profile;
    const std::size_t picture = pictures.size() / static_cast<std::size_t>(batch);
    effv2::Outputs one;
    one.logits = outputs.logits.first(outputs.logits.size() / static_cast<std::size_t>(batch));
    for (std::size_t i = 0; i < runs; ++i) {
        profile.start();
        static_cast<void>(network.forward(pictures.first(picture), 1, one, &profile));
    }
    profile.print(macs);
}

int run(const BenchSettings& settings) {
    effv2::Architecture a = architecture_of(settings.variant, settings.size, 0);
    if (!settings.padding.empty()) a = a.with_padding(padding_of(settings.padding));
    if (settings.direct) a = a.with_convolutions(effv2::Convolutions::direct);
    effv2::Result<effv2::PackedWeights<>> weights = effv2::pack_weights(a, effv2::FormulaSource());
    if (!weights) return fail(weights.error());
    examples::Cores cores = settings.threads > 0 ? examples::Cores(settings.threads) : examples::Cores();
    effv2::Result<effv2::Network> network = effv2::Network::make(a, std::move(*weights), cores);
    if (!network) return fail(network.error());

    const auto batch = static_cast<std::size_t>(settings.batch);
    std::vector<float> pictures(batch * 3 * static_cast<std::size_t>(a.input.pixels()));
    std::vector<float> logits(batch * static_cast<std::size_t>(a.classes));
    effv2::formula_input(pictures);
    effv2::Outputs outputs;
    outputs.logits = logits;
    if (const effv2::Status checked = network->forward(pictures, settings.batch, outputs); !checked)
        return fail(checked.error());
    const Times times = measure(settings.seconds, [&] {
        static_cast<void>(network->forward(pictures, settings.batch, outputs));  // cannot fail: it did not above
    });
    if (settings.profile && !settings.json) print_profile(*network, pictures, settings.batch, outputs, times.runs);
    print(settings, a, cores, times);
    return success;
}

}  // namespace

Action declare_bench(Options& options) {
    const auto settings = std::make_shared<BenchSettings>();
    options.variant(settings->variant, Need::required);
    options.size(settings->size);
    options.choice({"--padding", "P", "same or symmetric (default: same)"}, settings->padding, {"same", "symmetric"});
    options.number({"--batch", "N", "pictures a pass (default: 1)"}, settings->batch, 1, 4096);
    options.threads(settings->threads);
    options.number({"--seconds", "S", "how long to measure (default: 4)"}, settings->seconds, 0.0, 3600.0);
    options.flag("--profile", settings->profile, "print the time of each block and phase as well, for one picture");
    options.flag("--direct", settings->direct, "no Winograd, no Strassen: all convolutions as they are defined");
    options.flag("--json", settings->json, "print nothing but the last line, a JSON object");
    return [settings] { return run(*settings); };
}

}  // namespace cli
