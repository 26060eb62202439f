// An architecture that was tried, and what it is worth: accuracy, weighed against the time of a training step and the
// number of parameters.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "effv2/architecture/cost.hpp"

namespace effv2::search {

// Exponents of the reward A * S^w * P^v (Tan & Le 2021, section 3.2).
struct RewardExponents {
    double step_time = -0.07, parameters = -0.05;
};

struct Trial {
    Architecture architecture;
    double accuracy = 0.0;   // share of the held-out pictures that are right at first; 0 where training failed
    double step_time = 0.0;  // of a training step, over the backbone's
    double reward = 0.0;
};

// The reward of an architecture with `accuracy` (a share) and `step_time`, parameters counted over the backbone's: the
// backbone's own reward is its accuracy. Both times and parameters are positive.
inline double reward(const RewardExponents& exponents, double accuracy, double step_time, const Architecture& a,
                     const Architecture& backbone) {
    const double size = static_cast<double>(parameters(a)) / static_cast<double>(parameters(backbone));
    return accuracy * std::pow(step_time, exponents.step_time) * std::pow(size, exponents.parameters);
}

// The places of the trials that no other beats: none is at least as accurate in less time, or more accurate in as
// little. Those without any accuracy are left out. By rising time, and so by rising accuracy.
inline std::vector<std::size_t> find_front(std::span<const Trial> trials) {
    std::vector<std::size_t> front;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (!(trials[i].accuracy > 0.0)) continue;
        const auto beats = [&](const Trial& other) {
            const bool as_good = other.accuracy >= trials[i].accuracy && other.step_time <= trials[i].step_time;
            return as_good && (other.accuracy > trials[i].accuracy || other.step_time < trials[i].step_time);
        };
        if (std::none_of(trials.begin(), trials.end(), beats)) front.push_back(i);
    }
    std::sort(front.begin(), front.end(), [&](std::size_t a, std::size_t b) {
        return trials[a].step_time != trials[b].step_time ? trials[a].step_time < trials[b].step_time : a < b;
    });
    return front;
}

}  // namespace effv2::search
