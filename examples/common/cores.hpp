// The executor of the examples: oneTBB where the build has it, else the calling thread alone.
#pragma once

#if EFFV2_EXAMPLES_TBB
#include "effv2/parallel/tbb.hpp"
#else
#include "effv2/parallel/executor.hpp"
#endif

namespace examples {

#if EFFV2_EXAMPLES_TBB
using Cores = effv2::TbbExecutor;
#else
class Cores final : public effv2::Executor {
public:
    Cores() = default;
    explicit Cores(int threads) { static_cast<void>(threads); }
    int threads() const override { return 1; }
    void run(int count, effv2::TaskRef task) override {
        for (int i = 0; i < count; ++i) task(i, 0);
    }
};
#endif

}  // namespace examples
