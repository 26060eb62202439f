// The space of a search: which kind, kernel, expansion and depth each stage may have. Channels, strides, stem, head,
// classes, input and padding are the backbone's (Tan & Le 2021, section 3.2: a stage-based factorised space without
// pooling or skipping, whose channels are reused).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "effv2/architecture/winograd_tile.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::search {

inline constexpr int max_choices = 16;

// Numbers of which a stage takes one: `Choices{3, 5}`. More than max_choices are counted, but not kept: a space with
// such a list is unsound.
struct Choices {
    int values[max_choices]{};
    int count = 0;

    constexpr Choices() = default;
    constexpr Choices(std::initializer_list<int> from) {
        for (const int value : from) add(value);
    }
    constexpr void add(int value) {
        if (count < max_choices) values[count] = value;
        ++count;
    }
    constexpr bool contains(int value) const {
        for (int i = 0; i < count && i < max_choices; ++i)
            if (values[i] == value) return true;
        return false;
    }
    constexpr bool operator==(const Choices&) const = default;
};

// What a stage may be. The defaults are the paper's, but for depth, which is no stage's default.
struct StageChoices {
    bool fused = true, mbconv = true;
    Choices kernels{3, 5};
    Choices expansions{1, 4, 6};
    Choices repeats{};
    int se_divisor = 4;  // of MBConv
    constexpr bool operator==(const StageChoices&) const = default;
};

struct SearchSpace {
    Architecture backbone;
    StageChoices stages[max_stages]{};  // those of the backbone's stages count
    constexpr bool operator==(const SearchSpace&) const = default;
};

// The same choices for every stage; depth as differences to the backbone's repeats, of which those below one block are
// left out.
struct CommonChoices {
    bool fused = true, mbconv = true;
    Choices kernels{3, 5};
    Choices expansions{1, 4, 6};
    Choices layers{-1, 0, 1};
};

constexpr SearchSpace make_space(const Architecture& backbone, const CommonChoices& choices = {}) {
    SearchSpace space{backbone};
    for (int i = 0; i < backbone.stage_count(); ++i) {
        const Stage& stage = backbone.stages[i];
        StageChoices& of = space.stages[i];
        of.fused = choices.fused, of.mbconv = choices.mbconv;
        of.kernels = choices.kernels, of.expansions = choices.expansions;
        if (stage.kind == BlockKind::mbconv) of.se_divisor = stage.se_divisor;
        for (int k = 0; k < choices.layers.count && k < max_choices; ++k)
            if (stage.repeats + choices.layers.values[k] >= 1) of.repeats.add(stage.repeats + choices.layers.values[k]);
    }
    return space;
}

namespace detail {

// What a stage chooses, one after the other.
enum class Gene : std::uint8_t { kind, kernel, expansion, repeats };
inline constexpr int gene_count = 4;

constexpr int option_count(const StageChoices& of, Gene gene) {
    switch (gene) {
        case Gene::kind:
            return (of.fused ? 1 : 0) + (of.mbconv ? 1 : 0);
        case Gene::kernel:
            return of.kernels.count;
        case Gene::expansion:
            return of.expansions.count;
        case Gene::repeats:
            return of.repeats.count;
    }
    return 0;
}

// Gives the gene its option `index`.
constexpr void set_gene(Stage& stage, const StageChoices& of, Gene gene, int index) {
    switch (gene) {
        case Gene::kind:
            stage.kind = of.fused && index == 0 ? BlockKind::fused : BlockKind::mbconv;
            stage.se_divisor = stage.kind == BlockKind::mbconv ? of.se_divisor : 0;
            return;
        case Gene::kernel:
            stage.kernel = of.kernels.values[index];
            return;
        case Gene::expansion:
            stage.expansion = of.expansions.values[index];
            return;
        case Gene::repeats:
            stage.repeats = of.repeats.values[index];
            return;
    }
}

constexpr int gene_value(const Stage& stage, Gene gene) {
    switch (gene) {
        case Gene::kind:
            return stage.kind == BlockKind::fused ? 0 : 1;
        case Gene::kernel:
            return stage.kernel;
        case Gene::expansion:
            return stage.expansion;
        case Gene::repeats:
            return stage.repeats;
    }
    return 0;
}

constexpr bool allows(const StageChoices& of, const Stage& stage) {
    const bool fused = stage.kind == BlockKind::fused;
    return (fused ? of.fused : of.mbconv) && stage.se_divisor == (fused ? 0 : of.se_divisor) &&
           of.kernels.contains(stage.kernel) && of.expansions.contains(stage.expansion) &&
           of.repeats.contains(stage.repeats);
}

}  // namespace detail

// How many architectures a sound space has; 2^64 - 1 stands for all larger numbers.
constexpr std::uint64_t candidate_count(const SearchSpace& space) {
    std::uint64_t all = 1;
    for (int i = 0; i < space.backbone.stage_count(); ++i)
        for (int g = 0; g < detail::gene_count; ++g) {
            const auto options =
                static_cast<std::uint64_t>(detail::option_count(space.stages[i], static_cast<detail::Gene>(g)));
            if (options != 0 && all > UINT64_MAX / options) return UINT64_MAX;
            all *= options;
        }
    return all;
}

// Whether an architecture is one of a sound space, however it is computed.
constexpr bool contains(const SearchSpace& space, const Architecture& a) {
    Architecture rest = a;
    for (int i = 0; i < space.backbone.stage_count(); ++i) {
        const Stage &of_backbone = space.backbone.stages[i], &found = a.stages[i];
        if (!detail::allows(space.stages[i], found)) return false;
        if (found.channels != of_backbone.channels || found.stride != of_backbone.stride) return false;
        rest.stages[i] = of_backbone;
    }
    return same_network(rest, space.backbone);
}

// An architecture of a sound space, each as likely as any other, with the tile of Winograd's that fits it.
constexpr Architecture draw(const SearchSpace& space, training::data::Random& random) {
    Architecture a = space.backbone;
    for (int i = 0; i < a.stage_count(); ++i)
        for (int g = 0; g < detail::gene_count; ++g) {
            const auto gene = static_cast<detail::Gene>(g);
            detail::set_gene(a.stages[i], space.stages[i], gene,
                             random.below(detail::option_count(space.stages[i], gene)));
        }
    return with_fitting_tile(a);
}

// The same architecture with one choice of one stage made anew, each that there is as likely. `a` is one of the space;
// where there is nothing to choose, it stays as it is.
constexpr Architecture mutate(const SearchSpace& space, Architecture a, training::data::Random& random) {
    int places = 0;
    const auto for_each_place = [&](auto visit) {
        for (int i = 0; i < a.stage_count(); ++i)
            for (int g = 0; g < detail::gene_count; ++g)
                if (detail::option_count(space.stages[i], static_cast<detail::Gene>(g)) > 1)
                    visit(i, static_cast<detail::Gene>(g));
    };
    for_each_place([&](int, detail::Gene) { ++places; });
    int left = random.below(places);
    for_each_place([&](int i, detail::Gene gene) {
        if (left-- != 0) return;
        // One of the other options: the present one is passed over.
        Stage changed = a.stages[i];
        int index = random.below(detail::option_count(space.stages[i], gene) - 1);
        for (int k = 0; k <= index; ++k) {
            detail::set_gene(changed, space.stages[i], gene, k);
            if (detail::gene_value(changed, gene) == detail::gene_value(a.stages[i], gene)) ++index;
        }
        detail::set_gene(changed, space.stages[i], gene, index);
        a.stages[i] = changed;
    });
    return with_fitting_tile(a);
}

}  // namespace effv2::search
