#include "profile.hpp"

#include <algorithm>
#include <cstdio>

namespace cli {

void Profile::finished(effv2::Phase phase, int block) {
    const Clock::time_point now = Clock::now();
    const double time = std::chrono::duration<double, std::micro>(now - last_).count();
    if (next_ == parts_.size()) parts_.push_back({phase, block, time});
    parts_[next_].microseconds = std::min(parts_[next_].microseconds, time);
    ++next_;
    last_ = Clock::now();
}

void Profile::print(const std::vector<long long>& macs) const {
    double total = 0.0;
    for (const Part& part : parts_) total += part.microseconds;

    std::printf("%-6s %9s %8s  %s\n", "block", "us", "GFLOP/s", "phases, us");
    for (std::size_t i = 0; i < parts_.size();) {
        const int block = parts_[i].block;
        double sum = 0.0;
        std::size_t end = i;
        // Outside the blocks, each phase is a line of its own.
        for (; end < parts_.size() && parts_[end].block == block && (block >= 0 || end == i); ++end)
            sum += parts_[end].microseconds;
        if (block >= 0)
            std::printf("%-6d %9.1f %8.1f  ", block, sum,
                        2e-3 * static_cast<double>(macs[static_cast<std::size_t>(block)]) / sum);
        else
            std::printf("%-6s %9.1f %8s  ", "", sum, "");
        for (; i < end; ++i)
            std::printf("%s %.1f%s", effv2::phase_name(parts_[i].phase), parts_[i].microseconds,
                        i + 1 < end ? ", " : "\n");
    }

    std::printf("\n%-32s %9s %8s\n", "phase", "us", "share");
    for (int p = 0; p <= static_cast<int>(effv2::Phase::classifier); ++p) {
        const auto phase = static_cast<effv2::Phase>(p);
        double sum = 0.0;
        for (const Part& part : parts_)
            if (part.phase == phase) sum += part.microseconds;
        if (sum > 0.0) std::printf("%-32s %9.1f %6.1f %%\n", effv2::phase_name(phase), sum, 100.0 * sum / total);
    }
    std::printf("%-32s %9.1f\n\n", "sum of the shortest times", total);
}

}  // namespace cli
