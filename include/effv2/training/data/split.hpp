// A set of pictures in two: one part to train on, one to choose by (Tan & Le 2021 hold 2 % of ImageNet's training
// pictures out as "minival"). What is chosen by a test part is no test any more.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "effv2/training/data/pictures.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

struct Split {
    Pictures training, held_out;
};

// Holds out `share` of each class's pictures, to the nearest whole number but at least one, and leaves at least one.
// Which, depends on the seed and the number of pictures of the class alone; both parts keep the order of the set, and
// copies of its pixels.
//
// Fails with ErrorCode::argument for a share that is not between 0 and 1, and for a class with fewer than two pictures.
inline Result<Split> split(const Pictures& pictures, double share, std::uint64_t seed) {
    if (!(share > 0.0 && share < 1.0))
        return Error{ErrorCode::argument,
                     "the share of pictures to hold out is above 0 and below 1, not " + std::to_string(share)};
    std::vector<std::vector<std::size_t>> by_class(pictures.class_names().size());
    for (std::size_t i = 0; i < pictures.size(); ++i)
        by_class[static_cast<std::size_t>(pictures.label(i))].push_back(i);
    std::vector<bool> held(pictures.size());
    for (std::size_t c = 0; c < by_class.size(); ++c) {
        std::vector<std::size_t>& members = by_class[c];
        if (members.size() < 2)
            return Error{ErrorCode::argument, pictures.name() + " has " + std::to_string(members.size()) +
                                                  " pictures of class '" + pictures.class_names()[c] +
                                                  "', too few to hold any out; expected 2 or more"};
        const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(members.size())));
        const std::size_t count = std::clamp<std::size_t>(wanted, 1, members.size() - 1);
        Random random(seed, 0, c, Purpose::split);
        for (std::size_t i = 0; i < count; ++i) {
            std::swap(members[i], members[i + random.below(static_cast<std::uint32_t>(members.size() - i))]);
            held[members[i]] = true;
        }
    }
    Split parts{Pictures(pictures.name(), pictures.class_names()),
                Pictures(pictures.name() + ", held out", pictures.class_names())};
    for (std::size_t i = 0; i < pictures.size(); ++i)
        if (Status added = (held[i] ? parts.held_out : parts.training).add(pictures.picture(i), pictures.label(i));
            !added)
            return added.error();
    return parts;
}

}  // namespace effv2::training::data
