// Where loops meet cores. The library starts no threads: it hands its loops to an Executor that the caller owns. Serial
// is here, oneTBB in parallel/tbb.hpp, and a program with a thread pool of its own derives one class.
#pragma once

#include <memory>
#include <type_traits>

namespace effv2 {

// A reference to a callable void(int task, int worker); the callable must outlive the call it is passed to.
class TaskRef {
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, TaskRef>)
    TaskRef(const F& f)  // NOLINT(google-explicit-constructor): lambdas are passed as they are
        : object_(std::addressof(f)),
          call_([](const void* object, int task, int worker) { (*static_cast<const F*>(object))(task, worker); }) {}
    void operator()(int task, int worker) const { call_(object_, task, worker); }

private:
    const void* object_;
    void (*call_)(const void*, int, int);
};

class Executor {
public:
    virtual ~Executor() = default;

    // The largest number of tasks that run at one time.
    virtual int threads() const = 0;

    // Calls task(i, worker) once for each i in [0, count) and returns when all have finished. Calls that run at one
    // time have different workers, each in [0, threads()).
    virtual void run(int count, TaskRef task) = 0;
};

// Runs every task on the calling thread.
class SerialExecutor final : public Executor {
public:
    int threads() const override { return 1; }
    void run(int count, TaskRef task) override {
        for (int i = 0; i < count; ++i) task(i, 0);
    }
};

}  // namespace effv2
