// Policies: which operations a picture gets. RandAugment (Cubuk and others, arXiv 1909.13719) and AutoAugment's v0
// (Cubuk and others, arXiv 1805.09501), as automl's autoaugment.py draws them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "effv2/training/data/augment/operation.hpp"

namespace effv2::training::data {

// One operation of a sub-policy.
struct PolicyStep {
    Operation operation;
    double probability;
    double level;
};

// Two operations, one after the other, each with its own probability.
using SubPolicy = std::array<PolicyStep, 2>;

// AutoAugment's v0 (policy_v0). ShearX and Equalize have one step each that is never taken; they stand here as they do
// there.
inline constexpr std::array<SubPolicy, 25> auto_augment_v0_table = [] {
    using enum Operation;
    return std::array<SubPolicy, 25>{{
        {{{equalize, 0.8, 1}, {shear_y, 0.8, 4}}},        {{{colour, 0.4, 9}, {equalize, 0.6, 3}}},
        {{{colour, 0.4, 1}, {rotate, 0.6, 8}}},           {{{solarize, 0.8, 3}, {equalize, 0.4, 7}}},
        {{{solarize, 0.4, 2}, {solarize, 0.6, 2}}},       {{{colour, 0.2, 0}, {equalize, 0.8, 8}}},
        {{{equalize, 0.4, 8}, {solarize_add, 0.8, 3}}},   {{{shear_x, 0.2, 9}, {rotate, 0.6, 8}}},
        {{{colour, 0.6, 1}, {equalize, 1.0, 2}}},         {{{invert, 0.4, 9}, {rotate, 0.6, 0}}},
        {{{equalize, 1.0, 9}, {shear_y, 0.6, 3}}},        {{{colour, 0.4, 7}, {equalize, 0.6, 0}}},
        {{{posterize, 0.4, 6}, {auto_contrast, 0.4, 7}}}, {{{solarize, 0.6, 8}, {colour, 0.6, 9}}},
        {{{solarize, 0.2, 4}, {rotate, 0.8, 9}}},         {{{rotate, 1.0, 7}, {translate_y, 0.8, 9}}},
        {{{shear_x, 0.0, 0}, {solarize, 0.8, 4}}},        {{{shear_y, 0.8, 0}, {colour, 0.6, 4}}},
        {{{colour, 1.0, 0}, {rotate, 0.6, 2}}},           {{{equalize, 0.8, 4}, {equalize, 0.0, 8}}},
        {{{equalize, 1.0, 4}, {auto_contrast, 0.6, 2}}},  {{{shear_y, 0.4, 7}, {solarize_add, 0.6, 7}}},
        {{{posterize, 0.8, 2}, {solarize, 0.6, 10}}},     {{{solarize, 0.6, 8}, {equalize, 0.6, 1}}},
        {{{colour, 0.8, 6}, {rotate, 0.4, 5}}},
    }};
}();

// RandAugment: `layers` times, one of the 16 operations, each as likely, at the magnitude as its level. The operation
// drawn is always applied. The magnitude is in [0, max_level] and need not be whole. 0 is not nothing: the picture may
// still be inverted, or fade to a tenth of its colours.
inline void rand_augment(Picture& picture, int layers, double magnitude, const OperationOptions& options,
                         Random& random, Picture& scratch) {
    for (int i = 0; i < layers; ++i) {
        const auto drawn = static_cast<Operation>(random.below(static_cast<std::uint32_t>(operation_count)));
        apply(drawn, magnitude, options, random, picture, scratch);
    }
}

// What AutoAugment measures by at automl (distort_image_with_autoaugment): longer translations than RandAugment's.
constexpr OperationOptions auto_augment_options(OperationOptions options) {
    options.translation = 250.0;
    options.cutout_reach = 100.0;
    return options;
}

// AutoAugment v0: one of the 25 sub-policies, each as likely. Its translation and cutout lengths are its own, whatever
// `options` says of them.
inline void auto_augment(Picture& picture, const OperationOptions& options, Random& random, Picture& scratch) {
    const SubPolicy& drawn =
        auto_augment_v0_table[random.below(static_cast<std::uint32_t>(auto_augment_v0_table.size()))];
    for (const PolicyStep& step : drawn)
        if (random.chance(step.probability))
            apply(step.operation, step.level, auto_augment_options(options), random, picture, scratch);
}

}  // namespace effv2::training::data
