// Where loops meet cores. The library starts no threads: it hands its loops to an Executor that the caller owns. Serial
// is here, oneTBB in parallel/tbb.hpp, and a program with a thread pool of its own derives one class.
#pragma once

#include <memory>
#include <type_traits>

namespace effv2 {

// A reference to a callable void(Args...); the callable must outlive the call that it is passed to.
template <class... Args>
class CallRef {
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, CallRef>)
    CallRef(const F& f)  // NOLINT(google-explicit-constructor): lambdas are passed as they are
        : object_(std::addressof(f)),
          call_([](const void* object, Args... args) { (*static_cast<const F*>(object))(args...); }) {}
    void operator()(Args... args) const { call_(object_, args...); }

private:
    const void* object_;
    void (*call_)(const void*, Args...);
};

// void(int task, int worker)
using TaskRef = CallRef<int, int>;

class Executor {
public:
    virtual ~Executor() = default;

    // The largest number of tasks that run at one time, at least 1. A model takes its workspace by it, and refuses to
    // run with more later on.
    virtual int threads() const = 0;

    // Calls task(i, worker) once for each i in [0, count) and returns when all have finished. Calls that run at one
    // time have different workers, each in [0, threads()).
    virtual void run(int count, TaskRef task) = 0;

    // Calls body(executor) once, as a rule on the calling thread, with an executor of as many threads for the length of
    // the call, and returns when it has.
    // An executor that can keep its threads at hand from one run to the next does so there: a forward pass is some
    // hundred short runs. Neither the body nor a task throws.
    virtual void gather(CallRef<Executor&> body) { body(*this); }
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
