// Which architecture to try next: by chance, or by evolution from those that were tried.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "effv2/search/space_check.hpp"
#include "effv2/search/trial.hpp"

namespace effv2::search {

enum class Sampler : std::uint8_t {
    random,     // each architecture of the space as likely (one of the two that Tan & Le name)
    evolution,  // a change to the best of a few recent ones (regularised evolution, Real et al. 2019, algorithm 1)
};

// What a candidate may cost at most.
struct Limits {
    std::int64_t parameters = INT64_MAX;
    std::int64_t macs = INT64_MAX;  // multiply-accumulates of one picture at the backbone's input size
};

struct ProposalSettings {
    Sampler sampler = Sampler::evolution;
    int population = 16;  // the last trials, from which evolution takes; as many are first drawn by chance
    int tournament = 4;   // of them, drawn by chance, of which the best is changed
    Limits limits{};
    std::uint64_t seed = 0;
};

namespace detail {

inline bool keeps(const Limits& limits, const Architecture& a) {
    return parameters(a) <= limits.parameters && macs(a) <= limits.macs;
}

inline bool was_tried(std::span<const Trial> before, const Architecture& a) {
    return std::any_of(before.begin(), before.end(),
                       [&](const Trial& trial) { return same_network(trial.architecture, a); });
}

// The best of some of the last trials that are of the space; nullptr where there are none.
inline const Trial* hold_tournament(const SearchSpace& space, const ProposalSettings& settings,
                                    std::span<const Trial> before, training::data::Random& random) {
    const auto alive = before.last(std::min(before.size(), static_cast<std::size_t>(settings.population)));
    const Trial* best = nullptr;
    for (int i = 0; i < settings.tournament; ++i) {
        const Trial& drawn = alive[random.below(static_cast<std::uint32_t>(alive.size()))];
        if (contains(space, drawn.architecture) && (best == nullptr || drawn.reward > best->reward)) best = &drawn;
    }
    return best;
}

}  // namespace detail

// Fails with ErrorCode::argument for a flawed space and for numbers below 1.
inline Status check(const SearchSpace& space, const ProposalSettings& settings) {
    if (Status sound = check(space); !sound) return sound;
    const auto wrong = [](const char* what, int found) {
        return Error{ErrorCode::argument, std::string(what) + " is 1 or more, not " + std::to_string(found)};
    };
    if (settings.population < 1) return wrong("a search's population", settings.population);
    if (settings.tournament < 1) return wrong("a search's tournament", settings.tournament);
    return std::monostate{};
}

// The architecture to try after `before`, which it has not. It depends on the arguments alone, so that a search that
// was interrupted goes on as it would have. The first one is the backbone: what others are measured by, whether it is
// of the space or not.
//
// Fails as check() does, and with ErrorCode::argument where ten thousand draws find nothing new within the limits: the
// space is exhausted, or nearly.
inline Result<Architecture> propose(const SearchSpace& space, const ProposalSettings& settings,
                                    std::span<const Trial> before) {
    if (Status sound = check(space, settings); !sound) return sound.error();
    if (before.empty()) return space.backbone;
    training::data::Random random(settings.seed, before.size(), 0, training::data::Purpose::search);
    constexpr int changes = 100, draws = 10000;
    const bool evolves =
        settings.sampler == Sampler::evolution && before.size() >= static_cast<std::size_t>(settings.population);
    for (int i = 0; i < draws; ++i) {
        // Where all changes to the best have been tried, chance brings in what is new.
        const Trial* const parent =
            evolves && i < changes ? detail::hold_tournament(space, settings, before, random) : nullptr;
        const Architecture a = parent != nullptr ? mutate(space, parent->architecture, random) : draw(space, random);
        if (detail::keeps(settings.limits, a) && !detail::was_tried(before, a)) return a;
    }
    return Error{ErrorCode::argument, "no architecture is left to try: " + std::to_string(before.size()) + " of " +
                                          std::to_string(candidate_count(space)) +
                                          " were tried, and none was found within the limits among " +
                                          std::to_string(draws) + " draws"};
}

}  // namespace effv2::search
