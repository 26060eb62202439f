// The library's loops on oneTBB: an arena of the wanted number of threads, which shares TBB's workers with whatever
// else the program runs on them.
#pragma once

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>

#include "effv2/parallel/team.hpp"

namespace effv2 {

// Its threads serve one gather() at a time: programs that run several forward passes beside each other need an executor
// for each, or one waits for the other's threads.
class TbbExecutor final : public Executor {
public:
    // As many threads as TBB allows: the cores that the process may use, unless a tbb::global_control says otherwise.
    TbbExecutor() : TbbExecutor(allowed()) {}

    // `threads` of them, or as many as TBB allows where that is less.
    explicit TbbExecutor(int threads) : threads_(std::clamp(threads, 1, allowed())), arena_(threads_) {}

    int threads() const override { return threads_; }

    void run(int count, TaskRef task) override {
        gather([&](Executor& team) { team.run(count, task); });
    }

    // TBB's workers join a team that the calling thread leads, and leave it when `body` returns. Where callers share
    // the executor and all its threads are taken, one of these leads the team instead, and the caller waits.
    void gather(CallRef<Executor&> body) override {
        if (threads_ == 1) {
            SerialExecutor alone;
            return body(alone);
        }
        // Isolated: a leader that waits for its helpers must not become another team's helper until that is dismissed.
        arena_.execute([&] { tbb::this_task_arena::isolate([&] { lead(body); }); });
    }

private:
    void lead(CallRef<Executor&> body) {
        Team team(threads_, tbb::this_task_arena::current_thread_index());
        tbb::task_group helpers;
        for (int i = 1; i < threads_; ++i)
            helpers.run([&team] { team.help(tbb::this_task_arena::current_thread_index()); });
        body(team);
        team.dismiss();
        helpers.wait();
    }

    static int allowed() {
        return static_cast<int>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
    }

    int threads_;
    tbb::task_arena arena_;
};

}  // namespace effv2
