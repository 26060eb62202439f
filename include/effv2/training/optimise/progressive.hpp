// Progressive learning (Tan & Le 2021, section 4): training in stages whose images and regularisation grow together.
// A schedule is a plain value that can be a template argument, so that a network can be planned for each of its sizes
// at compile time.
#pragma once

#include <cstdint>

namespace effv2::training {

// Images in pixels a side; strengths as they are applied in this stage.
struct ProgressiveStage {
    int size = 0;
    double magnitude = 0.0;  // RandAugment
    double mixup = 0.0;      // alpha of its Beta distribution; 0: none
    double cutmix = 0.0;     // the same
    double dropout = 0.0;    // the share that is dropped before the classifier
    int share = 1;           // of the steps, beside the other stages'
    constexpr bool operator==(const ProgressiveStage&) const = default;
};

// Stages that a schedule can have; one of size 0 ends the list.
inline constexpr int max_progressive_stages = 16;

struct ProgressiveSchedule {
    ProgressiveStage stages[max_progressive_stages]{};

    constexpr int stage_count() const {
        int count = 0;
        while (count < max_progressive_stages && stages[count].size != 0) ++count;
        return count;
    }

    // The largest image, in pixels a side.
    constexpr int largest_size() const {
        int largest = 0;
        for (const ProgressiveStage& stage : stages) largest = stage.size > largest ? stage.size : largest;
        return largest;
    }

    // The step after the last of a stage, in a run of `total` steps: its share is cumulated, so that for equal shares
    // this is int((stage + 1) / stages * total), as in google/automl efficientnetv2/main.py.
    constexpr std::uint64_t end_of(int stage, std::uint64_t total) const {
        std::uint64_t before = 0, all = 0;
        for (int i = 0; i < stage_count(); ++i) {
            const std::uint64_t share = static_cast<std::uint64_t>(stages[i].share);
            all += share;
            if (i <= stage) before += share;
        }
        if (all == 0) return total;                                // no sound schedule
        return total / all * before + total % all * before / all;  // total * before / all, without overflow
    }

    // The stage that a step belongs to, counted from 0 as the steps are; the last one for steps after the end.
    constexpr int stage_at(std::uint64_t step, std::uint64_t total) const {
        int stage = 0;
        while (stage + 1 < stage_count() && step >= end_of(stage, total)) ++stage;
        return stage;
    }

    constexpr bool operator==(const ProgressiveSchedule&) const = default;
};

// Schedules between two ends, in equal stages. Sizes are rounded down to whole pixels; the ends' shares are not used.
namespace progressive {

// From `start` to `end`, both included, in equal differences.
constexpr double interpolate(double start, double end, int stage, int stages) {
    return stage + 1 == stages ? end : start + (end - start) * stage / (stages - 1);
}

// As the paper says: the first stage has the values of `start`, the last those of `end`, all in equal differences.
// `stages`: 1 (the values of `end`) to max_progressive_stages; those outside give the nearest.
constexpr ProgressiveSchedule as_in_paper(const ProgressiveStage& start, const ProgressiveStage& end, int stages) {
    const int count = stages < 1 ? 1 : stages < max_progressive_stages ? stages : max_progressive_stages;
    ProgressiveSchedule schedule;
    for (int i = 0; i < count; ++i) {
        const int apart = count - 1;
        schedule.stages[i] = {.size = i == apart ? end.size : (start.size * (apart - i) + end.size * i) / apart,
                              .magnitude = interpolate(start.magnitude, end.magnitude, i, count),
                              .mixup = interpolate(start.mixup, end.mixup, i, count),
                              .cutmix = interpolate(start.cutmix, end.cutmix, i, count),
                              .dropout = interpolate(start.dropout, end.dropout, i, count)};
    }
    return schedule;
}

// As google/automl's code does it (efficientnetv2/main.py): the sizes' equal differences are counted from before the
// first stage, which has therefore larger images than `start`; dropout does not grow, it is that of `end`.
constexpr ProgressiveSchedule as_in_automl(const ProgressiveStage& start, const ProgressiveStage& end, int stages) {
    ProgressiveSchedule schedule = as_in_paper(start, end, stages);
    const int count = schedule.stage_count();
    for (int i = 0; i < count; ++i) {
        schedule.stages[i].size = (start.size * (count - 1 - i) + end.size * (i + 1)) / count;
        schedule.stages[i].dropout = end.dropout;
    }
    return schedule;
}

}  // namespace progressive

}  // namespace effv2::training
