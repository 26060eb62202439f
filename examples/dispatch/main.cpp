// One program for several kinds of processors: it looks at what the one at hand can do and takes the network that was
// compiled for it.
//
//   dispatch WEIGHTS.safetensors [3 | 4]    at the best level of x86-64, or at that one
//
// docs/embedding.md says how it is compiled.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "effv2/parallel/executor.hpp"
#include "network.hpp"

namespace {

// The levels of the x86-64 psABI: the best that this processor has.
int best_level() {
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    return !v3 ? 2 : v4 ? 4 : 3;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const int level = argc > 2 ? std::atoi(argv[2]) : best_level();
    if (level < 3 || level > best_level()) {
        std::fprintf(stderr, "this program is for level 3 or 4 of x86-64; this processor has level %d\n", best_level());
        return 1;
    }
    effv2::SerialExecutor executor;
    const auto make = level == 4 ? make_network_v4 : make_network_v3;
    const std::unique_ptr<dispatch::Network> network(make(argv[1], executor));
    if (network == nullptr) {
        std::fprintf(stderr, "%s cannot be loaded\n", argv[1]);
        return 1;
    }
    const std::vector<float> picture(network->input_floats(), 0.5f);
    for (const float logit : network->run(picture)) std::printf("%.6g\n", static_cast<double>(logit));
}
