// What the tests of training data share: made-up pictures and sets, and an executor with real threads.
#pragma once

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "effv2/parallel/executor.hpp"
#include "effv2/training/data/augment/picture.hpp"
#include "effv2/training/data/pictures.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::tests {

namespace td = effv2::training::data;

// Noise over a slope: no two rows, columns or channels alike, and all values from 0 to 255.
inline td::Picture noise(int width, int height, std::uint64_t seed) {
    td::Random random(seed, 0, 0, td::Purpose::order);
    td::Picture picture(width, height);
    for (std::size_t i = 0; i < picture.bytes(); ++i)
        picture.data()[i] = static_cast<std::uint8_t>(random.below(200U) + 55 * i / picture.bytes());
    return picture;
}

// One colour.
inline td::Picture plain(int width, int height, td::Fill colour) {
    td::Picture picture(width, height);
    td::fill_box(picture, {0, 0, width, height}, colour);
    return picture;
}

// A picture's byte.
inline int at(const td::Picture& picture, int x, int y, int channel) { return picture.row(y)[3 * x + channel]; }

// `count` pictures of noise in turn for each of `classes` classes; `varied` ones differ in size.
inline td::Pictures made_up_set(std::size_t count, int classes, int side, bool varied = false) {
    std::vector<std::string> names;
    for (int i = 0; i < classes; ++i) names.push_back("class " + std::to_string(i));
    td::Pictures set("a made-up set", std::move(names));
    for (std::size_t i = 0; i < count; ++i) {
        const int more = varied ? static_cast<int>(i % 5) : 0;
        const td::Picture picture = noise(side + 2 * more, side + more, i);
        if (!set.add(picture.view(), static_cast<int>(i) % classes)) return set;
    }
    return set;
}

// Whether a mean came out as expected, to within a share of it. (doctest's Approx adds 1 to what it takes a share of.)
inline bool near(double found, double expected, double share) {
    return std::abs(found - expected) <= share * std::abs(expected);
}

// Runs tasks on threads of its own, each taking the next one that is left.
class ThreadExecutor final : public Executor {
public:
    explicit ThreadExecutor(int threads) : threads_(threads) {}
    int threads() const override { return threads_; }
    void run(int count, TaskRef task) override {
        std::atomic<int> next = 0;
        std::vector<std::thread> running;
        for (int worker = 0; worker < threads_; ++worker)
            running.emplace_back([&, worker] {
                for (int i = next++; i < count; i = next++) task(i, worker);
            });
        for (std::thread& thread : running) thread.join();
    }

private:
    int threads_;
};

}  // namespace effv2::tests
