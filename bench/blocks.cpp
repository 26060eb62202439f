// Every distinct block of a variant on its own, as the engine runs it: time, GFLOP/s counted as direct convolutions (so
// that Winograd can pass the peak), share of the FMA peak. Run as `blocks [--benchmark_... ] [VARIANT [THREADS]]`.
#include <cstdlib>
#include <string>
#include <vector>

#include "effv2/network/model.hpp"
#include "effv2/parallel/tbb.hpp"
#include "effv2/weights/formula.hpp"
#include "effv2/weights/pack.hpp"
#include "peak.hpp"

namespace {

using namespace effv2;
using Arch = simd::NativeArch;

struct Setting {
    Plan plan;
    network::Work work;
};

void run_block(benchmark::State& state, const Setting& setting, std::size_t index) {
    const PlannedBlock& block = setting.plan.blocks[index];
    setting.work.executor->gather([&](Executor& team) {
        network::Work work = setting.work;
        work.executor = &team;
        for (auto _ : state) {
            if (block.shape.kind == BlockKind::fused)
                network::run_fused<Arch>(work, block);
            else
                network::run_mbconv<Arch>(work, block, *setting.plan);
        }
    });
    bench::count_flops(state, 2.0 * static_cast<double>(block_macs(block.shape)), setting.work.executor->threads());
}

std::string name_of(const Block& b) {
    const std::string kind = b.kind == BlockKind::fused ? "fused" : "mbconv";
    return "block/" + std::to_string(b.stage + 1) + "." + std::to_string(b.index) + "/" + kind + "/k" +
           std::to_string(b.window.kernel) + "s" + std::to_string(b.window.stride) + "/" + std::to_string(b.in) + "-" +
           std::to_string(b.expanded) + "-" + std::to_string(b.out) + "@" + std::to_string(b.window.input.height);
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    const NamedVariant* variant = find_variant(argc > 1 ? argv[1] : "s");
    if (variant == nullptr) {
        std::fprintf(stderr, "usage: blocks [--benchmark_...] [VARIANT [THREADS]]\n");
        return 2;
    }
    TbbExecutor executor(argc > 2 ? std::atoi(argv[2]) : 1);
    const PackedWeights<Arch> weights = pack_weights(variant->architecture, FormulaSource{}).value();
    PlanSummary summary;
    std::vector<PlannedBlock> blocks;
    make_plan(variant->architecture, summary, [&](const PlannedBlock& block) { blocks.push_back(block); });
    Buffer workspace(workspace_floats(summary, executor.threads()));
    for (std::size_t i = 0; i < workspace.size(); ++i) workspace.data()[i] = static_cast<float>(i % 97) * 0.01f - 0.5f;

    const Plan plan{&summary, blocks};
    Setting setting{plan, network::work_in(plan, weights.data(), workspace.data(), executor)};
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (blocks[i].shape.index > 1) continue;  // the same as the one before
        benchmark::RegisterBenchmark(name_of(blocks[i].shape).c_str(), [&, i](benchmark::State& s) {
            run_block(s, setting, i);
        })->UseRealTime();
    }
    benchmark::RunSpecifiedBenchmarks();
}
