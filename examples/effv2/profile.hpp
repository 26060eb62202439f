// Where the time of a forward pass goes: an observer that keeps the shortest time of each phase of each block.
#pragma once

#include <chrono>
#include <vector>

#include "effv2/network/observer.hpp"

namespace cli {

class Profile final : public effv2::Observer {
public:
    // Before each forward pass.
    void start() {
        next_ = 0;
        last_ = Clock::now();
    }
    void finished(effv2::Phase phase, int block) override;

    // Prints a line a block, with the time of each of its phases, and the sums by phase. `macs` are the blocks'
    // multiply-accumulates.
    void print(const std::vector<long long>& macs) const;

private:
    using Clock = std::chrono::steady_clock;
    struct Part {
        effv2::Phase phase;
        int block;
        double microseconds;
    };
    std::vector<Part> parts_;  // in the order of the pass
    std::size_t next_ = 0;
    Clock::time_point last_;
};

}  // namespace cli
