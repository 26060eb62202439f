// The library's loops on oneTBB: an arena of the wanted number of threads, which shares TBB's workers with whatever else
// the program runs on them.
#pragma once

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "effv2/parallel/executor.hpp"

namespace effv2 {

class TbbExecutor final : public Executor {
public:
    // As many threads as TBB gives by default (the cores that the process may use), or `threads` of them.
    TbbExecutor() : TbbExecutor(tbb::this_task_arena::max_concurrency()) {}
    explicit TbbExecutor(int threads) : threads_(threads < 1 ? 1 : threads), arena_(threads_) {}

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
    int threads_;
    tbb::task_arena arena_;
};

}  // namespace effv2
