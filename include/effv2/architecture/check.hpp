// What makes an architecture impossible, found at compile time (a static_assert whose template arguments name the stage
// and the number found) or at run time (a Problem with its sentence).
#pragma once

#include "effv2/architecture/descriptor.hpp"

namespace effv2 {

enum class Flaw : std::uint8_t {
    none,
    no_stage,
    stem_channels,
    stem_stride,
    head_channels,
    class_count,
    input_size,
    stage_repeats,
    stage_channels,
    stage_kernel,
    stage_stride,
    stage_expansion,
    stage_squeeze,
    fused_squeeze,
    stage_after_end,
    winograd_tile,
};

// The first flaw of an architecture: which stage (0-based, -1 where it concerns none) and the number found there.
struct Problem {
    Flaw flaw = Flaw::none;
    int stage = -1;
    int found = 0;
};

constexpr const char* explain(Flaw flaw) {
    switch (flaw) {
        case Flaw::none:
            return "the architecture is sound";
        case Flaw::no_stage:
            return "an architecture needs at least one stage";
        case Flaw::stem_channels:
            return "the stem needs 1 to 4096 channels";
        case Flaw::stem_stride:
            return "the stem's stride must be 1 or 2";
        case Flaw::head_channels:
            return "the head needs 1 to 16384 channels";
        case Flaw::class_count:
            return "the classifier needs 1 to 1000000 classes";
        case Flaw::input_size:
            return "height and width of the input must be 8 to 8192 pixels";
        case Flaw::stage_repeats:
            return "a stage needs 1 to 1000 blocks";
        case Flaw::stage_channels:
            return "a stage needs 1 to 4096 output channels";
        case Flaw::stage_kernel:
            return "a stage's kernel must be 3, 5 or 7";
        case Flaw::stage_stride:
            return "a stage's stride must be 1 or 2";
        case Flaw::stage_expansion:
            return "a stage's expansion must be 1 to 8";
        case Flaw::stage_squeeze:
            return "a stage's se_divisor must be 0 (no squeeze-excite) to 64";
        case Flaw::fused_squeeze:
            return "a Fused-MBConv stage has no squeeze-excite: its se_divisor must be 0";
        case Flaw::stage_after_end:
            return "a stage without repeats ends the list: none may follow it";
        case Flaw::winograd_tile:
            return "Winograd's tiles must have 6 or 7 outputs along each axis";
    }
    return "";
}

namespace detail {

// The most blocks of a stage: ten times what any network has, and no work without end for a text of a file.
inline constexpr int max_repeats = 1000;

constexpr bool within(int value, int low, int high) { return value >= low && value <= high; }

constexpr Problem find_stage_problem(const Stage& stage, int index) {
    if (!within(stage.repeats, 1, max_repeats)) return {Flaw::stage_repeats, index, stage.repeats};
    if (!within(stage.channels, 1, 4096)) return {Flaw::stage_channels, index, stage.channels};
    if (stage.kernel != 3 && stage.kernel != 5 && stage.kernel != 7) return {Flaw::stage_kernel, index, stage.kernel};
    if (!within(stage.stride, 1, 2)) return {Flaw::stage_stride, index, stage.stride};
    if (!within(stage.expansion, 1, 8)) return {Flaw::stage_expansion, index, stage.expansion};
    if (!within(stage.se_divisor, 0, 64)) return {Flaw::stage_squeeze, index, stage.se_divisor};
    if (stage.kind == BlockKind::fused && stage.se_divisor != 0) return {Flaw::fused_squeeze, index, stage.se_divisor};
    return {};
}

}  // namespace detail

// The first flaw of `a`, or Flaw::none.
constexpr Problem find_problem(const Architecture& a) {
    for (int i = 0; i < max_stages; ++i)
        if (a.stages[i].repeats < 0) return {Flaw::stage_repeats, i, a.stages[i].repeats};
    if (a.stage_count() == 0) return {Flaw::no_stage, -1, 0};
    if (!detail::within(a.stem, 1, 4096)) return {Flaw::stem_channels, -1, a.stem};
    if (!detail::within(a.stem_stride, 1, 2)) return {Flaw::stem_stride, -1, a.stem_stride};
    if (!detail::within(a.head, 1, 16384)) return {Flaw::head_channels, -1, a.head};
    if (!detail::within(a.classes, 1, 1000000)) return {Flaw::class_count, -1, a.classes};
    if (!detail::within(a.input.height, 8, 8192)) return {Flaw::input_size, -1, a.input.height};
    if (!detail::within(a.input.width, 8, 8192)) return {Flaw::input_size, -1, a.input.width};
    for (int i = 0; i < a.stage_count(); ++i) {
        const Problem problem = detail::find_stage_problem(a.stages[i], i);
        if (problem.flaw != Flaw::none) return problem;
    }
    for (int i = a.stage_count(); i < max_stages; ++i)
        if (a.stages[i].repeats != 0) return {Flaw::stage_after_end, i, a.stages[i].repeats};
    if (!detail::within(a.winograd_tile, 6, 7)) return {Flaw::winograd_tile, -1, a.winograd_tile};
    return {};
}

// Does not compile for a flawed architecture: the compiler's note shows the stage and the number found as template
// arguments, the static_assert says what is wrong with them.
template <Flaw flaw, int stage, int found>
struct SoundArchitecture {
    static_assert(flaw != Flaw::no_stage, "effv2: an architecture needs at least one stage");
    static_assert(flaw != Flaw::stem_channels, "effv2: the stem needs 1 to 4096 channels");
    static_assert(flaw != Flaw::stem_stride, "effv2: the stem's stride must be 1 or 2");
    static_assert(flaw != Flaw::head_channels, "effv2: the head needs 1 to 16384 channels");
    static_assert(flaw != Flaw::class_count, "effv2: the classifier needs 1 to 1000000 classes");
    static_assert(flaw != Flaw::input_size, "effv2: height and width of the input must be 8 to 8192 pixels");
    static_assert(flaw != Flaw::stage_repeats, "effv2: a stage needs 1 to 1000 blocks");
    static_assert(flaw != Flaw::stage_channels, "effv2: a stage needs 1 to 4096 output channels");
    static_assert(flaw != Flaw::stage_kernel, "effv2: a stage's kernel must be 3, 5 or 7");
    static_assert(flaw != Flaw::stage_stride, "effv2: a stage's stride must be 1 or 2");
    static_assert(flaw != Flaw::stage_expansion, "effv2: a stage's expansion must be 1 to 8");
    static_assert(flaw != Flaw::stage_squeeze, "effv2: a stage's se_divisor must be 0 (no squeeze-excite) to 64");
    static_assert(flaw != Flaw::fused_squeeze, "effv2: a Fused-MBConv stage has no squeeze-excite");
    static_assert(flaw != Flaw::stage_after_end, "effv2: a stage without repeats ends the list: none may follow it");
    static_assert(flaw != Flaw::winograd_tile, "effv2: Winograd's tiles must have 6 or 7 outputs along each axis");
    static constexpr bool value = flaw == Flaw::none;
};

template <Architecture A>
inline constexpr bool is_sound =
    SoundArchitecture<find_problem(A).flaw, find_problem(A).stage, find_problem(A).found>::value;

}  // namespace effv2
