// A backbone that is small enough to be trained in a test.
#pragma once

#include "effv2/architecture/variants.hpp"
#include "effv2/search/space.hpp"

namespace effv2::tests {

inline constexpr Architecture small_backbone{
    .stem = 8, .stages = {fused(1, 1, 1, 8), mbconv(2, 2, 4, 16)}, .head = 32, .classes = 3, .input = {24, 24}};

inline constexpr search::SearchSpace small_space = search::make_space(small_backbone);

}  // namespace effv2::tests
