// What makes a space impossible to search, found at compile time (a static_assert) or at run time (a sentence). Every
// architecture of a sound space is sound.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "effv2/error.hpp"
#include "effv2/search/space.hpp"

namespace effv2::search {

enum class SpaceFlaw : std::uint8_t {
    none,
    backbone,
    no_kind,
    no_choice,
    too_many,
    repeated,
    kernel,
    expansion,
    repeats,
    squeeze
};

struct SpaceProblem {
    SpaceFlaw flaw = SpaceFlaw::none;
    int stage = -1;  // from 0
    int found = 0;
};

// What the flaw is, in words.
constexpr std::string_view explain(SpaceFlaw flaw) {
    switch (flaw) {
        case SpaceFlaw::none:
            return "no flaw";
        case SpaceFlaw::backbone:
            return "the backbone is not a sound architecture";
        case SpaceFlaw::no_kind:
            return "a stage needs a kind to choose, fused or mbconv";
        case SpaceFlaw::no_choice:
            return "a stage needs at least one kernel, one expansion and one number of blocks to choose";
        case SpaceFlaw::too_many:
            return "a stage has at most 16 numbers to choose one from";
        case SpaceFlaw::repeated:
            return "a stage has each number to choose only once";
        case SpaceFlaw::kernel:
            return "a stage's kernel must be 3, 5 or 7";
        case SpaceFlaw::expansion:
            return "a stage's expansion must be 1 to 8";
        case SpaceFlaw::repeats:
            return "a stage needs 1 to 1000 blocks";
        case SpaceFlaw::squeeze:
            return "a stage's se_divisor must be 0 (no squeeze-excite) to 64";
    }
    return "";
}

namespace detail {

constexpr SpaceProblem find_list_problem(const Choices& list, int stage) {
    if (list.count == 0) return {SpaceFlaw::no_choice, stage, 0};
    if (list.count > max_choices) return {SpaceFlaw::too_many, stage, list.count};
    for (int i = 0; i < list.count; ++i)
        for (int k = 0; k < i; ++k)
            if (list.values[i] == list.values[k]) return {SpaceFlaw::repeated, stage, list.values[i]};
    return {};
}

constexpr SpaceFlaw space_flaw(Flaw flaw) {
    switch (flaw) {
        case Flaw::stage_kernel:
            return SpaceFlaw::kernel;
        case Flaw::stage_expansion:
            return SpaceFlaw::expansion;
        case Flaw::stage_repeats:
            return SpaceFlaw::repeats;
        case Flaw::stage_squeeze:
            return SpaceFlaw::squeeze;
        default:
            return flaw == Flaw::none ? SpaceFlaw::none : SpaceFlaw::backbone;
    }
}

// Choices do not depend on each other, so each is tried alone.
constexpr SpaceProblem find_stage_problem(const SearchSpace& space, int index) {
    const StageChoices& of = space.stages[index];
    if (!of.fused && !of.mbconv) return {SpaceFlaw::no_kind, index, 0};
    for (const Choices* const list : {&of.kernels, &of.expansions, &of.repeats})
        if (const SpaceProblem found = find_list_problem(*list, index); found.flaw != SpaceFlaw::none) return found;
    for (int g = 0; g < gene_count; ++g)
        for (int k = 0; k < option_count(of, static_cast<Gene>(g)); ++k) {
            Stage stage = space.backbone.stages[index];
            set_gene(stage, of, static_cast<Gene>(g), k);
            const Problem problem = effv2::detail::find_stage_problem(stage, index);
            if (problem.flaw != Flaw::none) return {space_flaw(problem.flaw), index, problem.found};
        }
    return {};
}

}  // namespace detail

// The first flaw of a space, or SpaceFlaw::none.
constexpr SpaceProblem find_problem(const SearchSpace& space) {
    if (const Problem problem = effv2::find_problem(space.backbone); problem.flaw != Flaw::none)
        return {SpaceFlaw::backbone, problem.stage, problem.found};
    for (int i = 0; i < space.backbone.stage_count(); ++i)
        if (const SpaceProblem found = detail::find_stage_problem(space, i); found.flaw != SpaceFlaw::none)
            return found;
    return {};
}

// Does not compile for a flawed space: the static_assert says what is wrong, the template arguments in which stage, and
// the number found there.
template <SpaceFlaw flaw, int stage, int found>
struct SoundSpace {
    static_assert(flaw != SpaceFlaw::backbone, "effv2: the backbone is not a sound architecture");
    static_assert(flaw != SpaceFlaw::no_kind, "effv2: a stage needs a kind to choose, fused or mbconv");
    static_assert(flaw != SpaceFlaw::no_choice,
                  "effv2: a stage needs at least one kernel, one expansion and one number of blocks to choose");
    static_assert(flaw != SpaceFlaw::too_many, "effv2: a stage has at most 16 numbers to choose one from");
    static_assert(flaw != SpaceFlaw::repeated, "effv2: a stage has each number to choose only once");
    static_assert(flaw != SpaceFlaw::kernel, "effv2: a stage's kernel must be 3, 5 or 7");
    static_assert(flaw != SpaceFlaw::expansion, "effv2: a stage's expansion must be 1 to 8");
    static_assert(flaw != SpaceFlaw::repeats, "effv2: a stage needs 1 to 1000 blocks");
    static_assert(flaw != SpaceFlaw::squeeze, "effv2: a stage's se_divisor must be 0 (no squeeze-excite) to 64");
    static constexpr bool value = flaw == SpaceFlaw::none;
};

template <SearchSpace S>
inline constexpr bool is_sound_space =
    SoundSpace<find_problem(S).flaw, find_problem(S).stage, find_problem(S).found>::value;

// Fails with ErrorCode::argument for a flawed space.
inline Status check(const SearchSpace& space) {
    const SpaceProblem problem = find_problem(space);
    if (problem.flaw == SpaceFlaw::none) return std::monostate{};
    std::string message = "the search space: " + std::string(explain(problem.flaw));
    if (problem.stage >= 0)
        message += ", found " + std::to_string(problem.found) + " in stage " + std::to_string(problem.stage + 1);
    return Error{ErrorCode::argument, std::move(message)};
}

}  // namespace effv2::search
