#include "effv2/training/optimise/progressive.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>
#include <type_traits>

#include "effv2/architecture/variants.hpp"
#include "effv2/training/optimise/progressive_check.hpp"
#include "effv2/training/optimise/progressive_presets.hpp"

using namespace effv2;
using namespace effv2::training;

namespace {

constexpr std::array<int, 4> sizes(const ProgressiveSchedule& p) {
    return {p.stages[0].size, p.stages[1].size, p.stages[2].size, p.stages[3].size};
}

using Four = std::array<int, 4>;

// google/automl: int(128 + (size - 128) * (i + 1) / 4).
static_assert(sizes(progressive::automl::b0) == Four{144, 160, 176, 192});
static_assert(sizes(progressive::automl::b1) == Four{144, 160, 176, 192});
static_assert(sizes(progressive::automl::b2) == Four{148, 168, 188, 208});
static_assert(sizes(progressive::automl::b3) == Four{156, 184, 212, 240});
static_assert(sizes(progressive::automl::s) == Four{171, 214, 257, 300});
static_assert(sizes(progressive::automl::m) == Four{192, 256, 320, 384});
static_assert(sizes(progressive::automl::l) == Four{192, 256, 320, 384});
static_assert(sizes(progressive::automl::xl) == Four{192, 256, 320, 384});

// The paper: 128 + (size - 128) * i / 3.
static_assert(sizes(progressive::paper::s) == Four{128, 185, 242, 300});
static_assert(sizes(progressive::paper::m) == Four{128, 212, 296, 380});
static_assert(sizes(progressive::paper::l) == Four{128, 212, 296, 380});
static_assert(sizes(progressive::paper::xl) == Four{128, 212, 296, 380});
static_assert(sizes(progressive::paper::b0) == Four{128, 149, 170, 192});
static_assert(sizes(progressive::paper::b3) == Four{128, 165, 202, 240});

// A schedule as a template argument, its sizes as constants.
template <ProgressiveSchedule P>
struct Sizes {
    static_assert(is_sound_progressive<P>);
    static constexpr int count = P.stage_count(), largest = P.largest_size(), first = P.stages[0].size;
};
static_assert(Sizes<progressive::automl::s>::count == 4);
static_assert(Sizes<progressive::automl::s>::largest == 300);
static_assert(Sizes<progressive::automl::s>::first == 171);
static_assert(std::is_same_v<Sizes<progressive::automl::l>, Sizes<progressive::automl::xl>>);
static_assert(!std::is_same_v<Sizes<progressive::paper::m>, Sizes<progressive::paper::l>>);  // other strengths
static_assert(Sizes<ProgressiveSchedule{{{.size = 96}, {.size = 64}}}>::largest == 96);

std::string refusal(const ProgressiveSchedule& schedule, std::uint64_t total = 1000) {
    const Status status = check(schedule, total);
    return status ? "" : status.error().message;
}

}  // namespace

TEST_CASE("strengths of the published schedules") {
    const auto magnitudes = [](const ProgressiveSchedule& p, std::array<double, 4> expected) {
        for (std::size_t i = 0; i < 4; ++i) CHECK(p.stages[i].magnitude == doctest::Approx(expected[i]).epsilon(1e-12));
    };
    const double third = 1.0 / 3.0;
    magnitudes(progressive::automl::s, {5, 5 + 5 * third, 5 + 10 * third, 10});
    magnitudes(progressive::automl::m, {5, 5 + 10 * third, 5 + 20 * third, 15});
    magnitudes(progressive::automl::xl, {5, 10, 15, 20});
    magnitudes(progressive::automl::b2, {0, 0, 0, 0});
    magnitudes(progressive::paper::s, {5, 5 + 10 * third, 5 + 20 * third, 15});
    magnitudes(progressive::paper::m, {5, 10, 15, 20});
    magnitudes(progressive::paper::l, {5, 5 + 20 * third, 5 + 40 * third, 25});
    for (int i = 0; i < 4; ++i) {
        CHECK(progressive::paper::s.stages[i].mixup == 0.0);
        CHECK(progressive::paper::m.stages[i].mixup == doctest::Approx(0.2 * i / 3).epsilon(1e-12));
        CHECK(progressive::paper::l.stages[i].mixup == doctest::Approx(0.5 * i / 3).epsilon(1e-12));
        CHECK(progressive::paper::l.stages[i].cutmix == 0.0);
        CHECK(progressive::automl::l.stages[i].cutmix == progressive::automl::l.stages[i].mixup);
        CHECK(progressive::automl::m.stages[i].mixup == doctest::Approx(0.2 * i / 3).epsilon(1e-12));
        CHECK(progressive::paper::s.stages[i].dropout == doctest::Approx(0.1 + 0.2 * i / 3).epsilon(1e-12));
        CHECK(progressive::paper::m.stages[i].dropout == doctest::Approx(0.1 + 0.1 * i).epsilon(1e-12));
        // The code's dropout does not grow.
        CHECK(progressive::automl::s.stages[i].dropout == 0.2);
        CHECK(progressive::automl::m.stages[i].dropout == 0.3);
        CHECK(progressive::automl::l.stages[i].dropout == 0.4);
        CHECK(progressive::automl::b0.stages[i].dropout == 0.2);
        CHECK(progressive::automl::b3.stages[i].dropout == 0.3);
    }
}

TEST_CASE("every variant has sound schedules under its name") {
    for (const NamedVariant& variant : named_variants) {
        const NamedProgressive* const named = find_progressive(variant.name);
        REQUIRE(named != nullptr);
        for (const ProgressiveSchedule& schedule : {named->paper, named->automl}) {
            CHECK(refusal(schedule) == "");
            CHECK(schedule.stage_count() == 4);
            CHECK(schedule.largest_size() < variant.architecture.input.height);  // smaller than where it is evaluated
        }
    }
    CHECK(find_progressive("m")->automl == progressive::automl::m);
    CHECK(find_progressive("m")->paper == progressive::paper::m);
    CHECK(find_progressive("v") == nullptr);
}

TEST_CASE("steps are shared between stages") {
    // google/automl: int((i + 1) / 4 * total), total = 350 * 1256144 // 4096.
    constexpr std::uint64_t total = 107'336;
    constexpr ProgressiveSchedule p = progressive::automl::s;
    static_assert(p.end_of(0, total) == 26'834 && p.end_of(1, total) == 53'668);
    static_assert(p.end_of(2, total) == 80'502 && p.end_of(3, total) == total);
    static_assert(p.stage_at(0, total) == 0 && p.stage_at(26'833, total) == 0 && p.stage_at(26'834, total) == 1);
    static_assert(p.stage_at(80'501, total) == 2 && p.stage_at(80'502, total) == 3);
    static_assert(p.stage_at(total, total) == 3 && p.stage_at(UINT64_MAX, total) == 3);
    static_assert(p.end_of(0, 7) == 1 && p.end_of(1, 7) == 3 && p.end_of(2, 7) == 5 && p.end_of(3, 7) == 7);
    // Large numbers do not overflow.
    static_assert(p.end_of(3, UINT64_MAX) == UINT64_MAX && p.end_of(1, UINT64_MAX) == UINT64_MAX / 2);

    constexpr ProgressiveSchedule uneven{
        {{.size = 64, .share = 1}, {.size = 32, .share = 5}, {.size = 96, .share = 4}}};
    static_assert(uneven.end_of(0, 100) == 10 && uneven.end_of(1, 100) == 60 && uneven.end_of(2, 100) == 100);
    for (std::uint64_t step = 0; step < 100; ++step)
        CHECK(uneven.stage_at(step, 100) == (step < 10 ? 0 : step < 60 ? 1 : 2));
}

TEST_CASE("schedules of one's own") {
    constexpr ProgressiveStage start{.size = 160, .magnitude = 1.0, .mixup = 0.4, .cutmix = 0.0, .dropout = 0.5};
    constexpr ProgressiveStage end{.size = 100, .magnitude = 9.0, .mixup = 0.0, .cutmix = 1.0, .dropout = 0.1};
    constexpr ProgressiveSchedule seven = progressive::as_in_paper(start, end, 7);
    static_assert(seven.stage_count() == 7 && is_sound_progressive<seven>);
    static_assert(seven.stages[0] == start && seven.stages[6] == end);
    static_assert(seven.stages[1].size == 150 && seven.stages[3].size == 130 && seven.stages[3].magnitude == 5.0);
    static_assert(progressive::as_in_paper(start, end, 1).stages[0] == end);
    static_assert(progressive::as_in_paper(start, end, 1).stage_count() == 1);
    static_assert(progressive::as_in_automl(start, end, 1).stages[0] == end);
    static_assert(progressive::as_in_automl(start, end, 3).stages[0].size == 140);
    static_assert(progressive::as_in_paper(start, end, 2).stages[0] == start);
    static_assert(progressive::as_in_paper(start, end, 0).stage_count() == 1);
    static_assert(progressive::as_in_paper(start, end, 99).stage_count() == max_progressive_stages);
    CHECK(refusal(seven) == "");
}

TEST_CASE("schedules that cannot be followed are refused") {
    CHECK(refusal(ProgressiveSchedule{}) == "progressive schedule: a progressive schedule needs at least one stage");
    CHECK(refusal({{{.size = 64}, {.size = 7}}}) ==
          "progressive schedule: stage 2: images of a stage must be 8 to 8192 pixels a side");
    CHECK(refusal({{{.size = -64}}}).find("8 to 8192") != std::string::npos);
    CHECK(refusal({{{.size = 64, .magnitude = -1.0}}}).find("magnitude must be 0 to 100") != std::string::npos);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(refusal({{{.size = 64, .mixup = nan}}}).find("alphas of mixup and cutmix") != std::string::npos);
    CHECK(refusal({{{.size = 64, .cutmix = 101.0}}}).find("alphas of mixup and cutmix") != std::string::npos);
    CHECK(refusal({{{.size = 64, .dropout = 1.0}}}).find("dropout must be at least 0 and below 1") !=
          std::string::npos);
    CHECK(refusal({{{.size = 64, .share = 0}}}).find("share of the steps") != std::string::npos);
    CHECK(refusal({{{.size = 64}, {}, {.size = 64}}}).find("stage 3: a stage of size 0 ends the list") !=
          std::string::npos);
    CHECK(refusal(progressive::automl::s, 4) == "");
    CHECK(refusal(progressive::automl::s, 3) ==
          "progressive schedule: stage 1: it gets no step of a run of 3 in 4 stages; expected more steps");
    CHECK(refusal({{{.size = 64, .share = 100}, {.size = 64}}}, 50) == "");
    CHECK(refusal({{{.size = 64}, {.size = 64, .share = 100}}}, 50).find("stage 1: it gets no step") !=
          std::string::npos);
}

TEST_CASE("a schedule as a table") {
    CHECK(table(progressive::automl::m, 107'336) ==
          "stage               steps  size  magnitude  mixup  cutmix  dropout\n"
          "    1          [0, 26834)   192       5.00  0.000   0.000    0.300\n"
          "    2      [26834, 53668)   256       8.33  0.067   0.067    0.300\n"
          "    3      [53668, 80502)   320      11.67  0.133   0.133    0.300\n"
          "    4     [80502, 107336)   384      15.00  0.200   0.200    0.300\n");
    CHECK(table({}, 5) == "stage               steps  size  magnitude  mixup  cutmix  dropout\n");
}
