// What makes a progressive schedule impossible, found at compile time (a static_assert) or at run time (a sentence);
// and a schedule as a table for people to read.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

#include "effv2/error.hpp"
#include "effv2/training/optimise/progressive.hpp"

namespace effv2::training {

enum class ProgressiveFlaw : std::uint8_t { none, no_stage, size, magnitude, mixing, dropout, share, after_end };

struct ProgressiveProblem {
    ProgressiveFlaw flaw = ProgressiveFlaw::none;
    int stage = -1;
};

// What the flaw is, in words.
constexpr std::string_view explain(ProgressiveFlaw flaw) {
    switch (flaw) {
        case ProgressiveFlaw::none:
            return "no flaw";
        case ProgressiveFlaw::no_stage:
            return "a progressive schedule needs at least one stage";
        case ProgressiveFlaw::size:
            return "images of a stage must be 8 to 8192 pixels a side";
        case ProgressiveFlaw::magnitude:
            return "a RandAugment magnitude must be 0 to 100";
        case ProgressiveFlaw::mixing:
            return "the alphas of mixup and cutmix must be 0 to 100";
        case ProgressiveFlaw::dropout:
            return "dropout must be at least 0 and below 1";
        case ProgressiveFlaw::share:
            return "a stage's share of the steps must be 1 to 1000000";
        case ProgressiveFlaw::after_end:
            return "a stage of size 0 ends the list: none may follow it";
    }
    return "";
}

// Inner workings.
namespace optimise {

// False for NaN.
constexpr bool is_within(double value, double low, double high) { return value >= low && value <= high; }

constexpr ProgressiveFlaw find_flaw(const ProgressiveStage& stage) {
    if (!is_within(stage.size, 8, 8192)) return ProgressiveFlaw::size;
    if (!is_within(stage.magnitude, 0.0, 100.0)) return ProgressiveFlaw::magnitude;
    if (!is_within(stage.mixup, 0.0, 100.0) || !is_within(stage.cutmix, 0.0, 100.0)) return ProgressiveFlaw::mixing;
    if (!(stage.dropout >= 0.0 && stage.dropout < 1.0)) return ProgressiveFlaw::dropout;
    if (!is_within(stage.share, 1, 1000000)) return ProgressiveFlaw::share;
    return ProgressiveFlaw::none;
}

}  // namespace optimise

// The first flaw of a schedule, or ProgressiveFlaw::none.
constexpr ProgressiveProblem find_problem(const ProgressiveSchedule& schedule) {
    const int count = schedule.stage_count();
    if (count == 0) return {ProgressiveFlaw::no_stage, -1};
    for (int i = 0; i < count; ++i)
        if (const ProgressiveFlaw flaw = optimise::find_flaw(schedule.stages[i]); flaw != ProgressiveFlaw::none)
            return {flaw, i};
    for (int i = count; i < max_progressive_stages; ++i)
        if (schedule.stages[i] != ProgressiveStage{}) return {ProgressiveFlaw::after_end, i};
    return {};
}

// Does not compile for a flawed schedule: the static_assert says what is wrong, the template arguments where.
template <ProgressiveFlaw flaw, int stage>
struct SoundProgressive {
    static_assert(flaw != ProgressiveFlaw::no_stage, "effv2: a progressive schedule needs at least one stage");
    static_assert(flaw != ProgressiveFlaw::size, "effv2: images of a stage must be 8 to 8192 pixels a side");
    static_assert(flaw != ProgressiveFlaw::magnitude, "effv2: a RandAugment magnitude must be 0 to 100");
    static_assert(flaw != ProgressiveFlaw::mixing, "effv2: the alphas of mixup and cutmix must be 0 to 100");
    static_assert(flaw != ProgressiveFlaw::dropout, "effv2: dropout must be at least 0 and below 1");
    static_assert(flaw != ProgressiveFlaw::share, "effv2: a stage's share of the steps must be 1 to 1000000");
    static_assert(flaw != ProgressiveFlaw::after_end, "effv2: a stage of size 0 ends the list: none may follow it");
    static constexpr bool value = flaw == ProgressiveFlaw::none;
};

template <ProgressiveSchedule P>
inline constexpr bool is_sound_progressive = SoundProgressive<find_problem(P).flaw, find_problem(P).stage>::value;

// Whether the schedule can be followed for `total` steps.
//
// Fails with ErrorCode::argument for a flawed schedule, and where a stage would get no step.
inline Status check(const ProgressiveSchedule& schedule, std::uint64_t total) {
    const auto refuse = [](int stage, const std::string& why) {
        const std::string where = stage < 0 ? "" : "stage " + std::to_string(stage + 1) + ": ";
        return Error{ErrorCode::argument, "progressive schedule: " + where + why};
    };
    if (const ProgressiveProblem problem = find_problem(schedule); problem.flaw != ProgressiveFlaw::none)
        return refuse(problem.stage, std::string(explain(problem.flaw)));
    for (int i = 0; i < schedule.stage_count(); ++i) {
        const std::uint64_t first = i == 0 ? 0 : schedule.end_of(i - 1, total);
        if (first == schedule.end_of(i, total))
            return refuse(i, "it gets no step of a run of " + std::to_string(total) + " in " +
                                 std::to_string(schedule.stage_count()) + " stages; expected more steps");
    }
    return std::monostate{};
}

// A line of headings and one for each stage, each ended by a line feed; steps as [first, end).
inline std::string table(const ProgressiveSchedule& schedule, std::uint64_t total) {
    std::string text = "stage               steps  size  magnitude  mixup  cutmix  dropout\n";
    for (int i = 0; i < schedule.stage_count(); ++i) {
        const ProgressiveStage& stage = schedule.stages[i];
        const std::uint64_t first = i == 0 ? 0 : schedule.end_of(i - 1, total);
        char steps[48];
        std::snprintf(steps, sizeof steps, "[%llu, %llu)", static_cast<unsigned long long>(first),
                      static_cast<unsigned long long>(schedule.end_of(i, total)));
        char line[128];
        std::snprintf(line, sizeof line, "%5d  %18s  %4d  %9.2f  %5.3f  %6.3f  %7.3f\n", i + 1, steps, stage.size,
                      stage.magnitude, stage.mixup, stage.cutmix, stage.dropout);
        text += line;
    }
    return text;
}

}  // namespace effv2::training
