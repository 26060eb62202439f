// Threads that wait for the next loop awake. A parallel loop of a thread pool costs some microseconds to start and to
// end, and the layers of a small network are not much longer than that; here both take a few hundred nanoseconds.
#pragma once

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "effv2/parallel/executor.hpp"

namespace effv2 {

// One leader (the thread that calls run) and any number of helpers (threads that are in help). Each has a run of
// neighbouring tasks of its own, the same from loop to loop, so that what it reads and writes stays in its core's
// caches; who has finished takes from the far end of another's. Nobody depends on a helper that does not come. Helpers
// use a core while they wait.
class Team final : public Executor {
public:
    // `threads`: the leader and the most helpers that will come; `leader`: its worker number.
    Team(int threads, int leader) : threads_(threads), lanes_(std::min(threads, most_lanes)), leader_(leader) {}

    int threads() const override { return threads_; }

    // Of the leader alone, and not from within a task.
    void run(int count, TaskRef task) override {
        if (count == 1) return task(0, leader_);
        finished_.store(0, std::memory_order_relaxed);
        for (int i = 0; i < lanes_; ++i) {
            const auto first = static_cast<std::uint32_t>(std::int64_t{count} * i / lanes_);
            const auto end = static_cast<std::uint32_t>(std::int64_t{count} * (i + 1) / lanes_);
            Lane& lane = lane_[static_cast<std::size_t>(i)];
            lane.task.emplace(task);
            lane.tasks.store(pack(first, end), std::memory_order_release);
        }
        const int own = run_tasks(leader_);
        for (int waits = 0; finished_.load(std::memory_order_acquire) != count - own;) waits = wait(waits);
    }

    // Runs tasks as that worker until the leader dismisses the team. It waits for tasks of its own: looking at other
    // lanes all the time would slow down those who take from them.
    void help(int worker) {
        const Lane& own = lane_[static_cast<std::size_t>(worker % lanes_)];
        for (int waits = 0; !dismissed_.load(std::memory_order_relaxed);) {
            if (own.has_tasks()) {
                const int done = run_tasks(worker);
                if (done > 0) finished_.fetch_add(done, std::memory_order_release), waits = 0;
            }
            waits = wait(waits);
        }
    }

    void dismiss() { dismissed_.store(true, std::memory_order_relaxed); }

private:
    static constexpr int most_lanes = 64;

    // A lane's tasks that nobody has taken, [first, end) in one word, and what to call for them, which comes with them
    // in one cache line.
    struct alignas(64) Lane {
        std::atomic<std::uint64_t> tasks{0};
        std::optional<TaskRef> task;

        bool has_tasks() const {
            const std::uint64_t left = tasks.load(std::memory_order_acquire);
            return static_cast<std::uint32_t>(left) < left >> 32;
        }
    };
    static std::uint64_t pack(std::uint32_t first, std::uint32_t end) { return std::uint64_t{end} << 32 | first; }

    // Takes tasks while there are any, the worker's own from the front, then others' from the back; returns how many it
    // ran. A task belongs to the loop that is running: what to call is read after it was taken, and cannot change
    // before it is finished.
    int run_tasks(int worker) {
        int done = 0;
        for (int i = 0; i < lanes_; ++i) {
            Lane& from = lane_[static_cast<std::size_t>((worker + i) % lanes_)];
            for (int task; (task = take(from.tasks, i == 0)) >= 0; ++done) (*from.task)(task, worker);
        }
        return done;
    }

    // Takes the first or the last task of a lane; -1 if there is none.
    static int take(std::atomic<std::uint64_t>& lane, bool front) {
        std::uint64_t tasks = lane.load(std::memory_order_acquire);
        for (;;) {
            const auto first = static_cast<std::uint32_t>(tasks), end = static_cast<std::uint32_t>(tasks >> 32);
            if (first >= end) return -1;
            const std::uint64_t left = front ? pack(first + 1, end) : pack(first, end - 1);
            if (lane.compare_exchange_weak(tasks, left, std::memory_order_acq_rel))
                return static_cast<int>(front ? first : end - 1);
        }
    }

    // A short rest of the core; where more threads wait than there are cores, the system's turn. Returns how often the
    // thread has waited then, as far as that matters.
    static int wait(int waits) {
        constexpr int patience = 2000;
        if (waits > patience) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
        return std::min(waits, patience) + 1;
    }

    const int threads_, lanes_, leader_;
    std::array<Lane, most_lanes> lane_;
    alignas(64) std::atomic<int> finished_{0};  // tasks, by helpers
    std::atomic<bool> dismissed_{false};
};

}  // namespace effv2
