#include "effv2/search/space.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "effv2/architecture/text.hpp"
#include "effv2/search/space_check.hpp"
#include "search/networks.hpp"

using namespace effv2;
using namespace effv2::search;
using effv2::tests::small_backbone;
using effv2::tests::small_space;
using training::data::Purpose;
using training::data::Random;

namespace {

// The space of the paper around B0, as far as it says: two kinds, two kernels, three expansions, and three depths where
// the backbone has two blocks or more.
static_assert(candidate_count(make_space(variants::b0)) == 24ULL * 36 * 36 * 36 * 36 * 36);
static_assert(is_sound_space<make_space(variants::b0)>);
static_assert(contains(make_space(variants::b0), variants::b0));
static_assert(!contains(make_space(variants::b0, {.fused = false}), variants::b0));
static_assert(!contains(make_space(variants::b0, {.kernels = {5}}), variants::b0));
static_assert(!contains(make_space(variants::b0, {.layers = {1}}), variants::b0));
static_assert(!contains(make_space(variants::b0), variants::b0.with_size(128)));
static_assert(!contains(make_space(variants::b0), variants::s));
static_assert(contains(make_space(variants::b0), variants::b0.with_winograd_tile(6)));

// A space is a value: a candidate can be a type.
constexpr Architecture third = [] {
    Random random(3, 0, 0, Purpose::search);
    return draw(make_space(variants::b0), random);
}();
static_assert(is_sound<third> && contains(make_space(variants::b0), third));

std::string stage_text(const Architecture& a) { return format_architecture(a); }

TEST_CASE("every architecture of a space is drawn, each as often") {
    constexpr SearchSpace space = make_space(small_backbone, {.kernels = {3}, .expansions = {1, 4}, .layers = {-1, 0}});
    static_assert(candidate_count(space) == 4 * 8);
    std::map<std::string, int> times;
    constexpr int draws = 6400;
    for (int i = 0; i < draws; ++i) {
        Random random(1, static_cast<std::uint64_t>(i), 0, Purpose::search);
        const Architecture a = draw(space, random);
        REQUIRE(find_problem(a).flaw == Flaw::none);
        REQUIRE(contains(space, a));
        CHECK(a.winograd_tile == fitting_winograd_tile(a));
        ++times[stage_text(a)];
    }
    CHECK(times.size() == 32);
    for (const auto& entry : times) {
        INFO(entry.first);
        CHECK(entry.second > draws / 32 * 0.7);
        CHECK(entry.second < draws / 32 * 1.3);
    }
}

// How many choices two architectures of a space differ in.
int differences(const Architecture& a, const Architecture& b) {
    int count = 0;
    for (int i = 0; i < a.stage_count(); ++i)
        for (int g = 0; g < search::detail::gene_count; ++g) {
            const auto gene = static_cast<search::detail::Gene>(g);
            count += search::detail::gene_value(a.stages[i], gene) != search::detail::gene_value(b.stages[i], gene);
        }
    return count;
}

TEST_CASE("a mutation changes one choice, and each of them in time") {
    std::map<std::string, int> times;
    for (int i = 0; i < 4000; ++i) {
        Random random(2, static_cast<std::uint64_t>(i), 0, Purpose::search);
        const Architecture a = mutate(small_space, small_backbone, random);
        REQUIRE(contains(small_space, a));
        CHECK(differences(a, small_backbone) == 1);
        ++times[stage_text(a)];
    }
    // Other kind, other kernel, two other expansions; one other depth in stage 1, two in stage 2.
    CHECK(times.size() == 5 + 6);
}

TEST_CASE("where nothing can be chosen, nothing changes") {
    SearchSpace space{small_backbone};
    for (int i = 0; i < 2; ++i) {
        const Stage& stage = small_backbone.stages[i];
        space.stages[i] = {.fused = stage.kind == BlockKind::fused, .mbconv = stage.kind == BlockKind::mbconv};
        space.stages[i].kernels = {stage.kernel}, space.stages[i].expansions = {stage.expansion};
        space.stages[i].repeats = {stage.repeats};
    }
    CHECK(candidate_count(space) == 1);
    Random random(0, 0, 0, Purpose::search);
    CHECK(same_network(draw(space, random), small_backbone));
    CHECK(same_network(mutate(space, small_backbone, random), small_backbone));
}

TEST_CASE("a space that is too large to count") {
    Architecture deep = small_backbone;
    for (int i = 2; i < max_stages; ++i) deep.stages[i] = mbconv(4, 1, 4, 16);
    const SearchSpace space = make_space(deep, {.kernels = {3, 5, 7}, .expansions = {1, 2, 3, 4, 5, 6}});
    CHECK(check(space));
    CHECK(candidate_count(space) == UINT64_MAX);
}

TEST_CASE("flawed spaces") {
    const auto refused = [](SearchSpace space, const std::string& says) {
        const Status status = check(space);
        REQUIRE(!status);
        CHECK(status.error().code == ErrorCode::argument);
        CHECK(status.error().message == "the search space: " + says);
    };
    SearchSpace space = small_space;
    CHECK(check(space));
    refused(make_space(small_backbone.with_classes(0)), "the backbone is not a sound architecture");
    space.stages[1].fused = space.stages[1].mbconv = false;
    refused(space, "a stage needs a kind to choose, fused or mbconv, found 0 in stage 2");
    refused(make_space(small_backbone, {.kernels = {}}),
            "a stage needs at least one kernel, one expansion and one number of blocks to choose, found 0 in stage 1");
    refused(make_space(small_backbone, {.layers = {-1}}),
            "a stage needs at least one kernel, one expansion and one number of blocks to choose, found 0 in stage 1");
    refused(make_space(small_backbone, {.kernels = {3, 4}}), "a stage's kernel must be 3, 5 or 7, found 4 in stage 1");
    refused(make_space(small_backbone, {.expansions = {9}}), "a stage's expansion must be 1 to 8, found 9 in stage 1");
    refused(make_space(small_backbone, {.expansions = {4, 1, 4}}),
            "a stage has each number to choose only once, found 4 in stage 1");
    refused(make_space(small_backbone, {.layers = {1000}}), "a stage needs 1 to 1000 blocks, found 1001 in stage 1");
    space = small_space;
    space.stages[0].repeats = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    refused(space, "a stage has at most 16 numbers to choose one from, found 17 in stage 1");
    space = small_space;
    space.stages[1].se_divisor = 65;
    refused(space, "a stage's se_divisor must be 0 (no squeeze-excite) to 64, found 65 in stage 2");
    // Choices of stages that the backbone does not have are nobody's business.
    space = small_space;
    space.stages[2].fused = space.stages[2].mbconv = false;
    CHECK(check(space));
}

}  // namespace
