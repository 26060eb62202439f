// The library's loops on oneTBB: an arena of the wanted number of threads, which shares TBB's workers with whatever
// else the program runs on them.
#pragma once

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>

#include "effv2/parallel/executor.hpp"

namespace effv2 {

class TbbExecutor final : public Executor {
public:
    // As many threads as TBB allows: the cores that the process may use, unless a tbb::global_control says otherwise.
    TbbExecutor() : TbbExecutor(allowed()) {}

    // `threads` of them, or as many as TBB allows where that is less.
    explicit TbbExecutor(int threads) : threads_(std::clamp(threads, 1, allowed())), arena_(threads_) {}

    int threads() const override { return threads_; }

    void run(int count, TaskRef task) override {
        if (threads_ == 1 || count == 1) {
            for (int i = 0; i < count; ++i) task(i, 0);
            return;
        }
        arena_.execute([&] {
            tbb::parallel_for(
                0, count, [&](int i) { task(i, tbb::this_task_arena::current_thread_index()); },
                tbb::simple_partitioner{});
        });
    }

private:
    static int allowed() {
        return static_cast<int>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
    }

    int threads_;
    tbb::task_arena arena_;
};

}  // namespace effv2
