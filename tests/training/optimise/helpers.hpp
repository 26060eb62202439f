// What the tests of optimisation share: an executor of real threads, random arrays of segments, and the optimisers as
// their definitions read, in double.
#pragma once

#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "effv2/training/optimise/optimiser.hpp"
#include "kernels/random.hpp"

namespace effv2_test {

// Tasks go to whichever of its threads is free, the last ones first.
class ThreadsExecutor final : public effv2::Executor {
public:
    explicit ThreadsExecutor(int threads) : threads_(threads) {}
    int threads() const override { return threads_; }
    void run(int count, effv2::TaskRef task) override {
        std::atomic<int> left{count};
        std::vector<std::thread> team;
        for (int worker = 0; worker < threads_; ++worker)
            team.emplace_back([&, worker] {
                for (int i = --left; i >= 0; i = --left) task(i, worker);
            });
        for (std::thread& thread : team) thread.join();
    }

private:
    int threads_;
};

// Segments of all lengths that matter: one granule, an odd number of them, one piece, several and a bit; with and
// without decay, some frozen; with gaps between them.
struct Arrays {
    std::vector<effv2::training::ParameterSegment> segments;
    std::vector<float> weights, average;
    std::vector<std::vector<float>> gradients;  // of each step

    explicit Arrays(std::uint32_t seed, std::size_t steps = 12) {
        effv2::tests::Random random(seed);
        std::size_t first = 32;
        for (const std::size_t count : {8u, 24u, 16384u, 56u, 40u, 2u * 16384u + 168u, 8u, 1000u, 16376u, 72u}) {
            segments.push_back({first, count, random.integer(0, 1) == 1, random.integer(0, 3) > 0});
            first = effv2::round_to_segment(first + count) + 16;
        }
        segments[2].trainable = segments[5].trainable = true;
        segments[3].trainable = false;
        segments[2].decays = true;
        segments[5].decays = false;
        segments[2].rate = 3.0, segments[7].rate = 0.25;
        weights = values(random, first, 1.0f);
        average = weights;
        for (std::size_t i = 0; i < steps; ++i) gradients.push_back(values(random, first, 0.3f));
    }

    effv2::training::ParameterLayout layout() const {
        return *effv2::training::ParameterLayout::create(segments, weights.size());
    }

private:
    // The last three floats of each segment are padding, zeros; those between segments are never looked at.
    std::vector<float> values(effv2::tests::Random& random, std::size_t n, float scale) const {
        std::vector<float> made = effv2::tests::poisoned(n);
        for (const auto& segment : segments)
            for (std::size_t i = 0; i < segment.count; ++i)
                made[segment.first + i] = i + 3 < segment.count ? scale * random.real() : 0.0f;
        return made;
    }
};

// One parameter and its state, in double.
struct PlainParameter {
    double weight = 0.0, first = 0.0, second = 0.0;
};

// The definitions. `gradient` is already scaled; `decay` is 0 where the segment has none.
inline void plain_step(const effv2::training::RmsProp& s, PlainParameter& p, double gradient, double decay, double rate,
                       std::uint64_t step) {
    if (step == 1) p.first = 1.0;
    const double g = gradient + decay * p.weight;
    p.first = double{s.decay} * p.first + (1.0 - double{s.decay}) * g * g;
    p.second = double{s.momentum} * p.second + rate * g / std::sqrt(p.first + double{s.epsilon});
    p.weight -= p.second;
}
inline void plain_step(const effv2::training::Sgd& s, PlainParameter& p, double gradient, double decay, double rate,
                       std::uint64_t) {
    double g = gradient + decay * p.weight;
    p.first = double{s.momentum} * p.first + g;
    g = s.nesterov ? g + double{s.momentum} * p.first : p.first;
    p.weight -= rate * g;
}
inline void plain_step(const effv2::training::AdamW& s, PlainParameter& p, double gradient, double decay, double rate,
                       std::uint64_t step) {
    const double b1 = s.beta1, b2 = s.beta2, t = static_cast<double>(step);
    p.weight -= rate * decay * p.weight;
    p.first = b1 * p.first + (1.0 - b1) * gradient;
    p.second = b2 * p.second + (1.0 - b2) * gradient * gradient;
    const double mean = p.first / (1.0 - std::pow(b1, t)), square = p.second / (1.0 - std::pow(b2, t));
    p.weight -= rate * mean / (std::sqrt(square) + double{s.epsilon});
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace effv2_test
