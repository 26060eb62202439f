// The published progressive schedules: four stages for every variant, as the paper has them and as google/automl's code
// has them. The two disagree in ends, in dropout, and in how stages are counted: see as_in_paper and as_in_automl.
#pragma once

#include <cstdint>
#include <string_view>

#include "effv2/training/optimise/progressive.hpp"

namespace effv2::training {

namespace progressive {

inline constexpr int published_stages = 4;

// Both start from images of 128 pixels and RandAugment of magnitude 5, without mixing (Tan & Le 2021, table 6;
// google/automl efficientnetv2/hparams.py: ibase).
inline constexpr ProgressiveStage published_start{.size = 128, .magnitude = 5.0, .dropout = 0.1};

// B0 to B3 are trained with AutoAugment, which has no magnitude: theirs is 0 from the first stage to the last.
inline constexpr ProgressiveStage base_start{.size = 128, .dropout = 0.1};

// Tan & Le 2021, table 6: S, M and L. It says nothing of cutmix, which is 0 here. What it does not have is filled in:
// XL has the ends of L; B0 to B3, which the paper trained without stages, have sizes and last dropout of google/automl.
namespace paper {

constexpr ProgressiveSchedule schedule(const ProgressiveStage& start, const ProgressiveStage& end) {
    return as_in_paper(start, end, published_stages);
}

inline constexpr ProgressiveSchedule b0 = schedule(base_start, {.size = 192, .dropout = 0.2});
inline constexpr ProgressiveSchedule b1 = b0;
inline constexpr ProgressiveSchedule b2 = schedule(base_start, {.size = 208, .dropout = 0.3});
inline constexpr ProgressiveSchedule b3 = schedule(base_start, {.size = 240, .dropout = 0.3});
inline constexpr ProgressiveSchedule s =
    schedule(published_start, {.size = 300, .magnitude = 15.0, .mixup = 0.0, .dropout = 0.3});
inline constexpr ProgressiveSchedule m =
    schedule(published_start, {.size = 380, .magnitude = 20.0, .mixup = 0.2, .dropout = 0.4});
inline constexpr ProgressiveSchedule l =
    schedule(published_start, {.size = 380, .magnitude = 25.0, .mixup = 0.5, .dropout = 0.5});
inline constexpr ProgressiveSchedule xl = l;

}  // namespace paper

// google/automl efficientnetv2/effnetv2_configs.py, which has all eight. XL's are there, but XL was only released after
// ImageNet-21k, which is trained without stages. The magnitudes of B0 to B3 (5 to 0 there) are read by nothing and are
// 0 here.
namespace automl {

constexpr ProgressiveSchedule schedule(const ProgressiveStage& start, const ProgressiveStage& end) {
    return as_in_automl(start, end, published_stages);
}

inline constexpr ProgressiveSchedule b0 = schedule(base_start, {.size = 192, .dropout = 0.2});
inline constexpr ProgressiveSchedule b1 = b0;
inline constexpr ProgressiveSchedule b2 = schedule(base_start, {.size = 208, .dropout = 0.3});
inline constexpr ProgressiveSchedule b3 = schedule(base_start, {.size = 240, .dropout = 0.3});
inline constexpr ProgressiveSchedule s = schedule(published_start, {.size = 300, .magnitude = 10.0, .dropout = 0.2});
inline constexpr ProgressiveSchedule m =
    schedule(published_start, {.size = 384, .magnitude = 15.0, .mixup = 0.2, .cutmix = 0.2, .dropout = 0.3});
inline constexpr ProgressiveSchedule l =
    schedule(published_start, {.size = 384, .magnitude = 20.0, .mixup = 0.5, .cutmix = 0.5, .dropout = 0.4});
inline constexpr ProgressiveSchedule xl = l;

}  // namespace automl

}  // namespace progressive

// A variant's name, and its schedules.
struct NamedProgressive {
    std::string_view name;
    ProgressiveSchedule paper, automl;
};

inline constexpr NamedProgressive named_progressive[] = {
    {"b0", progressive::paper::b0, progressive::automl::b0}, {"b1", progressive::paper::b1, progressive::automl::b1},
    {"b2", progressive::paper::b2, progressive::automl::b2}, {"b3", progressive::paper::b3, progressive::automl::b3},
    {"s", progressive::paper::s, progressive::automl::s},    {"m", progressive::paper::m, progressive::automl::m},
    {"l", progressive::paper::l, progressive::automl::l},    {"xl", progressive::paper::xl, progressive::automl::xl}};

// The schedules of the variant of that name (as in named_variants), or nullptr.
constexpr const NamedProgressive* find_progressive(std::string_view variant) {
    for (const NamedProgressive& named : named_progressive)
        if (named.name == variant) return &named;
    return nullptr;
}

}  // namespace effv2::training
