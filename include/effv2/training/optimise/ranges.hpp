// What all optimisers' settings share: the ranges of their numbers, and the names of their state.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "effv2/error.hpp"

// Inner workings.
namespace effv2::training::optimise {

// One array of an optimiser's state: its name in checkpoints, and the value it starts from.
struct StateKind {
    std::string_view name;
    float start;
};

// For each settings type: name, states and checks; and the arithmetic of one step.
template <class Settings>
struct Traits;
template <class Arch, class Settings>
struct Rule;

inline constexpr float below_one = 1.0f - std::numeric_limits<float>::epsilon() / 2;
inline constexpr float smallest = std::numeric_limits<float>::min();
inline constexpr float largest = std::numeric_limits<float>::max();

struct Range {
    std::string_view name;
    float value, low, high;
};

// Fails with ErrorCode::argument where a value is outside [low, high], or no number.
inline Status check_ranges(std::string_view optimiser, std::initializer_list<Range> ranges) {
    for (const Range& r : ranges) {
        if (r.value >= r.low && r.value <= r.high) continue;
        std::string expected = r.low == 0.0f ? "at least 0" : "above 0";
        if (r.high == below_one) expected += " and below 1";
        return Error{ErrorCode::argument, std::string(optimiser) + ": " + std::string(r.name) + " is " +
                                              std::to_string(r.value) + ", expected " + expected};
    }
    return std::monostate{};
}

}  // namespace effv2::training::optimise
