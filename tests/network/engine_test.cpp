// How the engine behaves around the arithmetic: threads, batches, sizes, sharing of weights, allocation.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

#include "effv2/parallel/tbb.hpp"
#include "network/helpers.hpp"

using namespace effv2;

namespace {

std::atomic<long> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
    ++allocations;
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = allocate(size == 0 ? 1 : size, alignof(std::max_align_t))) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    if (void* memory = allocate(size, static_cast<std::size_t>(alignment))) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
    std::free(memory);
}

namespace {

constexpr Architecture small = variants::b0.with_size(64).with_classes(10);

TEST_CASE("the number of threads does not change a bit") {
    // More threads than this machine may have cores.
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, 40);
    constexpr int batch = 11;  // more than one group, and with 2, 3 and 7 threads pictures side by side as well
    for (const Architecture& a : {small, tests::in_pairs}) {
        const tests::Run one = tests::run_formula(a, batch);
        for (const int threads : {2, 3, 7, 16, 40}) {
            CAPTURE(threads);
            TbbExecutor executor(threads);
            CHECK(executor.threads() == threads);
            const tests::Run many = tests::run_formula(a, batch, executor);
            CHECK(one.logits == many.logits);
            CHECK(one.features == many.features);
            for (std::size_t m = 0; m < 4; ++m) CHECK(one.maps[m] == many.maps[m]);
        }
    }
}

TEST_CASE("a team runs every task of every loop once, one worker at a time") {
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, 80);
    for (const int threads : {1, 2, 5, 80}) {
        CAPTURE(threads);
        TbbExecutor executor(threads);
        std::vector<std::atomic<int>> runs(300), busy(static_cast<std::size_t>(threads));
        std::atomic<int> wrong{0};
        int loops = 0;
        executor.gather([&](Executor& team) {
            CHECK(team.threads() == threads);
            for (const int count : {1, 2, 3, 7, 300, 0, 64, 1}) {
                if (count > 0) loops += 50;
                for (int repeat = 0; repeat < 50; ++repeat)
                    team.run(count, [&](int task, int worker) {
                        if (busy[static_cast<std::size_t>(worker)]++ != 0) ++wrong;
                        ++runs[static_cast<std::size_t>(task)];
                        --busy[static_cast<std::size_t>(worker)];
                    });
            }
        });
        CHECK(wrong == 0);
        CHECK(runs[0] == loops);
        CHECK(runs[299] == 50);
    }
}

TEST_CASE("pictures of a batch do not touch each other") {
    for (const Architecture& a : {small, tests::in_pairs}) {
        const std::vector<float> pictures = tests::formula_pictures(a, 3);
        const PackedWeights<> weights = *pack_weights(a, FormulaSource{});
        const tests::Run all = tests::run(a, weights, pictures, 3);
        const std::size_t picture = pictures.size() / 3;
        for (std::size_t i = 0; i < 3; ++i) {
            const std::vector<float> alone(pictures.begin() + static_cast<std::ptrdiff_t>(i * picture),
                                           pictures.begin() + static_cast<std::ptrdiff_t>((i + 1) * picture));
            const tests::Run one = tests::run(a, weights, alone, 1);
            CHECK(std::equal(one.logits.begin(), one.logits.end(),
                             all.logits.begin() + static_cast<std::ptrdiff_t>(i * 10)));
        }
    }
}

TEST_CASE("the type and the run-time network give the same bits") {
    using Net = Model<small>;
    static_assert(Net::parameters == parameters(small));
    static_assert(Net::macs == macs(small));
    static_assert(Net::input_floats == 3 * 64 * 64);
    static_assert(Net::arena_bytes < Net::weight_bytes);
    Net net(*pack_weights(small, FormulaSource{}));
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    const std::span<const float> logits = net(picture);
    const tests::Run run = tests::run_formula(small, 1);
    REQUIRE(logits.size() == 10);
    CHECK(std::equal(logits.begin(), logits.end(), run.logits.begin()));
    CHECK(net(std::span(picture).first(5)).empty());
}

TEST_CASE("no allocation after the first forward pass") {
    for (const int threads : {1, 2, 4}) {
        TbbExecutor executor(threads);
        Network net = *Network::make(small, *pack_weights(small, FormulaSource{}), executor);
        const std::vector<float> picture = tests::formula_pictures(small, 1);
        std::vector<float> logits(10);
        const Outputs outputs{logits, {}, {}};
        for (int i = 0; i < 3; ++i) REQUIRE(net.forward(picture, 1, outputs).has_value());
        const long before = allocations;
        for (int i = 0; i < 20; ++i) static_cast<void>(net.forward(picture, 1, outputs).has_value());
        CHECK(allocations == before);
    }
}

TEST_CASE("one pack of weights serves every input size, and models beside each other") {
    const PackedWeights<> weights = *pack_weights(small, FormulaSource{});
    for (const int size : {32, 57, 96}) {
        const Architecture a = small.with_size(size);
        const tests::Run shared = tests::run(a, weights, tests::formula_pictures(a, 1), 1);
        CHECK(shared.logits == tests::run_formula(a, 1).logits);
    }
    const tests::Run expected = tests::run_formula(small, 1);
    std::vector<std::thread> threads;
    std::atomic<int> equal{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            const tests::Run run = tests::run(small, weights, tests::formula_pictures(small, 1), 1);
            if (run.logits == expected.logits) ++equal;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(equal == 4);
}

TEST_CASE("what is left out is not computed, what has the wrong size is refused") {
    Network net = *Network::make(small, *pack_weights(small, FormulaSource{}));
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    std::vector<float> logits(10), features(1280), map(32 * 16 * 16);
    Outputs outputs;
    outputs.maps[0] = map;
    CHECK(net.forward(picture, 1, outputs).has_value());
    CHECK(map == tests::run_formula(small, 1).maps[0]);

    outputs = {std::span(logits).first(9), features, {}};
    CHECK(net.forward(picture, 1, outputs).error().message == "logits: expected 10 floats, found 9");
    outputs = {logits, std::span(features).first(3), {}};
    CHECK(net.forward(picture, 1, outputs).error().message == "features: expected 1280 floats, found 3");
    outputs = {logits, features, {}};
    CHECK(net.forward(picture, 2, outputs).error().message == "the input pictures: expected 24576 floats, found 12288");
    CHECK(net.forward({}, 0, outputs).error().message == "the batch: expected 1 or more, found 0");
    CHECK(net.forward(picture, -1, outputs).error().message == "the batch: expected 1 or more, found -1");
    CHECK(net.forward(picture, 1, outputs).has_value());
}

TEST_CASE("what was moved from says so, and works again once it has something") {
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    const char* const empty =
        "the network has no workspace: memory was short, its executor has no threads, or it was moved from";
    Network net = *Network::make(small, *pack_weights(small, FormulaSource{}));
    Network moved = std::move(net);
    CHECK(moved.forward(picture, 1, {}).has_value());
    CHECK(net.forward(picture, 1, {}).error().message == empty);  // NOLINT(bugprone-use-after-move): on purpose
    net = std::move(moved);
    CHECK(net.forward(picture, 1, {}).has_value());

    Model<small> model(*pack_weights(small, FormulaSource{}));
    Model<small> other = std::move(model);
    CHECK(other(picture).size() == 10);
    CHECK(model(picture).empty());  // NOLINT(bugprone-use-after-move): on purpose
    CHECK(model.forward(picture, 1, {}).error().message == empty);
}

TEST_CASE("weights of another architecture are refused") {
    const auto refused = Network::make(variants::b1.with_classes(10), *pack_weights(small, FormulaSource{}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "the weights were packed for another architecture");
    CHECK_FALSE(
        Network::make(small.with_padding(Padding::symmetric), *pack_weights(small, FormulaSource{})).has_value());
    Model<small> net(*pack_weights(variants::b1.with_classes(10), FormulaSource{}));
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    CHECK(net(picture).empty());
    CHECK(net.forward(picture, 1, {}).error().message == "the weights were packed for another architecture");
    CHECK_FALSE(Network::make(small.with_size(7), *pack_weights(small, FormulaSource{})).has_value());
}

TEST_CASE("weights for other algorithms are refused by name, and tiles that are not used do not matter") {
    const Architecture six = small.with_winograd_tile(6), seven = small.with_winograd_tile(7);
    const Architecture direct = small.with_convolutions(Convolutions::direct);
    const auto message = [](const Architecture& a, const Architecture& packed) {
        const auto made = Network::make(a, *pack_weights(packed, FormulaSource{}));
        return made.has_value() ? std::string() : made.error().message;
    };
    CHECK(message(six, seven) ==
          "the weights were packed for Winograd's tiles of 7 outputs, the network has Winograd's tiles of 6 outputs");
    CHECK(message(direct, six) ==
          "the weights were packed for Winograd's tiles of 6 outputs, the network has direct convolutions");
    CHECK(message(six, direct) ==
          "the weights were packed for direct convolutions, the network has Winograd's tiles of 6 outputs");
    CHECK(message(direct.with_winograd_tile(7), direct.with_winograd_tile(6)) == "");
    CHECK(message(seven, seven.with_size(96)) == "");
}

// Says what it is told to say.
class Claiming final : public Executor {
public:
    explicit Claiming(int threads) : claimed(threads) {}
    int threads() const override { return claimed; }
    void run(int count, TaskRef task) override {
        for (int i = 0; i < count; ++i) task(i, i % claimed);
    }
    int claimed;
};

TEST_CASE("an executor that has no threads, or more than it had, is refused") {
    const PackedWeights<> weights = *pack_weights(small, FormulaSource{});
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    Claiming executor(0);
    CHECK(Network::make(small, weights, executor).error().message.find("its executor has no threads") !=
          std::string::npos);
    Model<small> none(weights, executor);
    CHECK(none(picture).empty());
    executor.claimed = 2;
    Model<small> model(weights, executor);
    Network network = Network::make(small, weights, executor).value();
    CHECK_FALSE(model(picture).empty());
    const char* const changed = "the executor has another number of threads than when the network was made";
    for (const int threads : {7, 0}) {
        executor.claimed = threads;
        CHECK(model(picture).empty());
        CHECK(model.forward(picture, 1, {}).error().message == changed);
        CHECK(network.forward(picture, 1, {}).error().message == changed);
    }
    executor.claimed = 1;
    CHECK_FALSE(model(picture).empty());
}

TEST_CASE("weights that were moved from are refused") {
    PackedWeights<> weights = *pack_weights(small, FormulaSource{});
    const PackedWeights<> taken = std::move(weights);
    CHECK(taken.bytes() > 0);
    CHECK(weights.bytes() == 0);  // NOLINT(bugprone-use-after-move)
    const char* const moved = "the weights were moved from";
    CHECK(Network::make(small, weights).error().message == moved);
    Model<small> model(weights);
    const std::vector<float> picture = tests::formula_pictures(small, 1);
    CHECK(model(picture).empty());
    CHECK(model.forward(picture, 1, {}).error().message == moved);
}

TEST_CASE("flawed architectures are refused with stage and number") {
    Architecture flawed = small;
    flawed.stages[2].kernel = 4;
    const char* const says = "a stage's kernel must be 3, 5 or 7, found 4 in stage 3";
    CHECK(pack_weights(flawed, FormulaSource{}).error().message == says);
    CHECK(Network::make(flawed, *pack_weights(small, FormulaSource{})).error().message == says);
    CHECK(pack_weights(Architecture{}, FormulaSource{}).error().message == "an architecture needs at least one stage");
    flawed = small;
    flawed.stages[0].repeats = -1;
    CHECK(pack_weights(flawed, FormulaSource{}).error().message ==
          "a stage needs 1 to 1000 blocks, found -1 in stage 1");
}

}  // namespace
