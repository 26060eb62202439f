#include "effv2/search/proposal.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "search/networks.hpp"

using namespace effv2;
using namespace effv2::search;
using effv2::tests::small_backbone;
using effv2::tests::small_space;

namespace {

// A landscape that can be seen without training: small kernels, much expansion and fused blocks are good.
double worth(const Architecture& a) {
    double sum = 0.0;
    for (int i = 0; i < a.stage_count(); ++i) {
        const Stage& stage = a.stages[i];
        sum +=
            (stage.kind == BlockKind::fused) + 0.5 * (stage.kernel == 3) + 0.2 * stage.expansion + 0.1 * stage.repeats;
    }
    return sum;
}

std::vector<Trial> search_for(const SearchSpace& space, const ProposalSettings& settings, int trials) {
    std::vector<Trial> tried;
    for (int i = 0; i < trials; ++i) {
        const Architecture a = propose(space, settings, tried).value();
        tried.push_back({a, 0.5, 1.0, worth(a)});
    }
    return tried;
}

TEST_CASE("the backbone comes first, others are of the space, and none comes twice") {
    for (const Sampler sampler : {Sampler::random, Sampler::evolution}) {
        const std::vector<Trial> tried = search_for(small_space, {.sampler = sampler, .population = 8}, 60);
        CHECK(tried[0].architecture == small_backbone);
        for (std::size_t i = 1; i < tried.size(); ++i) {
            CHECK(contains(small_space, tried[i].architecture));
            for (std::size_t k = 0; k < i; ++k) CHECK(!same_network(tried[k].architecture, tried[i].architecture));
        }
    }
}

TEST_CASE("what is proposed depends on the trials before, the settings and the seed alone") {
    const std::vector<Trial> once = search_for(small_space, {.population = 8, .seed = 1}, 40);
    const std::vector<Trial> again = search_for(small_space, {.population = 8, .seed = 1}, 40);
    const std::vector<Trial> other = search_for(small_space, {.population = 8, .seed = 2}, 40);
    int same = 0;
    for (std::size_t i = 0; i < once.size(); ++i) {
        CHECK(once[i].architecture == again[i].architecture);
        same += same_network(once[i].architecture, other[i].architecture);
    }
    CHECK(same < 20);
    // As where a search was interrupted.
    Result<Architecture> next = propose(small_space, {.population = 8, .seed = 1}, std::span(once).first(25));
    CHECK(next.value() == once[25].architecture);
}

TEST_CASE("evolution finds better ones than chance") {
    constexpr SearchSpace space = make_space(variants::b0);
    double by_evolution = 0.0, by_chance = 0.0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const auto mean_of_last = [&](Sampler sampler) {
            const std::vector<Trial> tried = search_for(space, {.sampler = sampler, .seed = seed}, 150);
            double sum = 0.0;
            for (std::size_t i = 130; i < 150; ++i) sum += tried[i].reward;
            return sum / 20;
        };
        by_evolution += mean_of_last(Sampler::evolution) / 5, by_chance += mean_of_last(Sampler::random) / 5;
    }
    CHECK(by_evolution > by_chance + 1.5);
}

TEST_CASE("only those of the last population have children") {
    // The best by far is the oldest, and has left the population.
    std::vector<Trial> tried = search_for(small_space, {.population = 4}, 30);
    for (Trial& trial : tried) trial.reward = 0.1;
    tried[0].reward = 10.0;
    for (std::size_t i = 26; i < 30; ++i) tried[i].architecture.stages[1] = fused(2, 2, 4, 16, i % 2 == 0 ? 3 : 5);
    const Architecture a = propose(small_space, {.population = 4, .tournament = 8}, tried).value();
    int near = 0;
    for (std::size_t i = 26; i < 30; ++i) {
        int changes = 0;
        for (int s = 0; s < 2; ++s)
            for (int g = 0; g < search::detail::gene_count; ++g) {
                const auto gene = static_cast<search::detail::Gene>(g);
                changes += search::detail::gene_value(a.stages[s], gene) !=
                           search::detail::gene_value(tried[i].architecture.stages[s], gene);
            }
        near += changes == 1;
    }
    CHECK(near > 0);
}

TEST_CASE("limits hold for all but the backbone") {
    const std::int64_t most = parameters(small_backbone), most_macs = macs(small_backbone) * 2;
    ProposalSettings settings{.population = 8};
    settings.limits = {most - 1, most_macs};
    const std::vector<Trial> tried = search_for(small_space, settings, 20);
    for (std::size_t i = 1; i < tried.size(); ++i) {
        CHECK(parameters(tried[i].architecture) < most);
        CHECK(macs(tried[i].architecture) <= most_macs);
    }
}

TEST_CASE("a backbone that is not of the space has no children") {
    constexpr SearchSpace space = make_space(small_backbone, {.kernels = {5}});
    static_assert(!contains(space, small_backbone));
    const std::vector<Trial> tried = search_for(space, {.population = 1, .tournament = 1}, 30);
    for (std::size_t i = 1; i < tried.size(); ++i) CHECK(contains(space, tried[i].architecture));
}

TEST_CASE("the end of a space") {
    constexpr SearchSpace space = make_space(small_backbone, {.fused = false, .kernels = {3}, .expansions = {1, 2}});
    static_assert(candidate_count(space) == 4 * 6);
    std::vector<Trial> tried = search_for(space, {}, 1 + 24);  // the backbone is none of them
    const Result<Architecture> next = propose(space, {}, tried);
    REQUIRE(!next);
    CHECK(next.error().code == ErrorCode::argument);
    CHECK(next.error().message.find("no architecture is left to try: 25 of 24") == 0);
}

TEST_CASE("settings that make no sense") {
    CHECK(!propose(small_space, {.population = 0}, {}));
    CHECK(!propose(small_space, {.tournament = 0}, {}));
    CHECK(!propose(make_space(small_backbone, {.kernels = {2}}), {}, {}));
}

}  // namespace
