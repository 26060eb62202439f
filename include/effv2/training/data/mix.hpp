// Mixing the pictures of a batch and their labels: mixup (Zhang and others, arXiv 1710.09412) and CutMix (Yun and
// others, arXiv 1905.04899), as automl's datasets.py does.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "effv2/error.hpp"
#include "effv2/parallel/executor.hpp"
#include "effv2/training/data/augment/picture.hpp"
#include "effv2/training/data/random.hpp"

namespace effv2::training::data {

// Which draw of which picture a sample is: its random numbers depend on this and the seed.
struct SampleId {
    std::uint64_t epoch;
    std::uint64_t index;  // the picture's place in its set

    bool operator==(const SampleId&) const = default;
};

// How the labels of CutMix are weighted.
enum class CutmixLabels : std::uint8_t {
    own_area,   // each sample's by its own box
    mean_area,  // all by the mean of the group's boxes: a slip in automl
};

struct MixStrengths {
    double mixup_alpha = 0.0;   // weights are drawn from Beta(alpha, alpha); 0: no mixup
    double cutmix_alpha = 0.0;  // areas are drawn from Beta(alpha, alpha); 0: no CutMix
    CutmixLabels labels = CutmixLabels::own_area;
};

// The alphas that are not off: below, Beta is 0 or 1 and nothing else; above, as good as constant.
inline constexpr double min_alpha = 1e-3;
inline constexpr double max_alpha = 1e6;

// A batch, by reference.
struct Batch {
    int side;                   // pixels a side
    int classes;                // labels of a sample
    std::span<float> pictures;  // samples x 3 x side x side
    std::span<float> labels;    // samples x classes; each sample's sum to 1
};

// The share that a sample keeps of itself under mixup: at least a half.
inline double draw_mixup(std::uint64_t seed, const SampleId& sample, double alpha) {
    Random random(seed, sample.epoch, sample.index, Purpose::mix);
    const double weight = random.beta(alpha);
    return std::max(weight, 1.0 - weight);
}

// The part of a sample that its partner's takes under CutMix, cut where it leaves the picture; may be empty
// (cutmix_mask).
inline Box draw_cutmix(std::uint64_t seed, const SampleId& sample, double alpha, int side) {
    Random random(seed, sample.epoch, sample.index, Purpose::mix);
    const int x = random.below(side), y = random.below(side);
    const int reach = static_cast<int>(std::sqrt(1.0 - random.beta(alpha)) * side) / 2;
    const int left = std::max(x - reach, 0), top = std::max(y - reach, 0);
    return {left, top, std::min(x + reach, side) - left, std::min(y + reach, side) - top};
}

namespace mix_detail {

// A part of the batch whose samples are mixed with one another: i with count - 1 - i.
struct Group {
    std::size_t first, count;
};

// a and b become keep_a of themselves and the rest of the other.
inline void blend(float* a, float* b, std::size_t count, float keep_a, float keep_b) {
    for (std::size_t i = 0; i < count; ++i) {
        const float was_a = a[i], was_b = b[i];
        a[i] = keep_a * was_a + (1.0F - keep_a) * was_b;
        b[i] = keep_b * was_b + (1.0F - keep_b) * was_a;
    }
}

inline bool holds(const Box& box, int x, int y) {
    return x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
}

// a gets b's pixels within a's box, and b gets a's within b's.
inline void exchange(float* a, float* b, int side, const Box& box_a, const Box& box_b) {
    const std::ptrdiff_t plane = std::ptrdiff_t{side} * side;
    for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x) {
            const bool into_a = holds(box_a, x, y), into_b = holds(box_b, x, y);
            if (!into_a && !into_b) continue;
            for (std::ptrdiff_t at = std::ptrdiff_t{y} * side + x; at < 3 * plane; at += plane) {
                const float was_a = a[at], was_b = b[at];
                if (into_a) a[at] = was_b;
                if (into_b) b[at] = was_a;
            }
        }
}

inline float share(const Box& box, int side) {
    return static_cast<float>(static_cast<double>(box.width) * box.height / (static_cast<double>(side) * side));
}

// Runs work(a, b) for the pairs of a group, each by one task. The middle of an odd group is its own partner, and stays.
template <class Work>
void for_pairs(Executor& executor, const Group& group, const Work& work) {
    executor.run(static_cast<int>(group.count / 2), [&](int i, int) {
        const std::size_t offset = static_cast<std::size_t>(i);
        work(group.first + offset, group.first + group.count - 1 - offset);
    });
}

inline void mixup(Executor& executor, std::uint64_t seed, std::span<const SampleId> samples, const Group& group,
                  double alpha, const Batch& batch) {
    const auto classes = static_cast<std::size_t>(batch.classes);
    const std::size_t elements = 3 * static_cast<std::size_t>(batch.side) * static_cast<std::size_t>(batch.side);
    for_pairs(executor, group, [&](std::size_t a, std::size_t b) {
        const auto keep_a = static_cast<float>(draw_mixup(seed, samples[a], alpha));
        const auto keep_b = static_cast<float>(draw_mixup(seed, samples[b], alpha));
        blend(&batch.pictures[a * elements], &batch.pictures[b * elements], elements, keep_a, keep_b);
        blend(&batch.labels[a * classes], &batch.labels[b * classes], classes, keep_a, keep_b);
    });
}

inline void cutmix(Executor& executor, std::uint64_t seed, std::span<const SampleId> samples, const Group& group,
                   double alpha, CutmixLabels labels, const Batch& batch) {
    const auto classes = static_cast<std::size_t>(batch.classes);
    const std::size_t elements = 3 * static_cast<std::size_t>(batch.side) * static_cast<std::size_t>(batch.side);
    const auto box_of = [&](std::size_t i) { return draw_cutmix(seed, samples[i], alpha, batch.side); };
    double mean = 0.0;
    for (std::size_t i = group.first; labels == CutmixLabels::mean_area && i < group.first + group.count; ++i)
        mean += static_cast<double>(share(box_of(i), batch.side)) / static_cast<double>(group.count);
    const auto keep = [&](const Box& box) {
        return 1.0F - (labels == CutmixLabels::mean_area ? static_cast<float>(mean) : share(box, batch.side));
    };
    for_pairs(executor, group, [&](std::size_t a, std::size_t b) {
        const Box box_a = box_of(a), box_b = box_of(b);
        exchange(&batch.pictures[a * elements], &batch.pictures[b * elements], batch.side, box_a, box_b);
        blend(&batch.labels[a * classes], &batch.labels[b * classes], classes, keep(box_a), keep(box_b));
    });
}

}  // namespace mix_detail

// Whether mix() takes these strengths: alphas of 0, or from min_alpha to max_alpha. Fails with ErrorCode::argument.
inline Status check_mix(const MixStrengths& strengths) {
    const auto fine = [](double alpha) { return alpha == 0.0 || (alpha >= min_alpha && alpha <= max_alpha); };
    const auto wrong = [](const std::string& what, double alpha) {
        return Error{ErrorCode::argument,
                     "the alpha of " + what + " is 0 (off) or 0.001 to 1000000, not " + std::to_string(alpha)};
    };
    if (!fine(strengths.mixup_alpha)) return wrong("mixup", strengths.mixup_alpha);
    if (!fine(strengths.cutmix_alpha)) return wrong("CutMix", strengths.cutmix_alpha);
    return std::monostate{};
}

// Mixes each sample of a batch with its partner, the sample as far from the batch's end as it is from its start, in
// place. Where mixup and CutMix are both on, the first half of the batch, rounded down, gets mixup and the second
// CutMix, each with partners in its own half. samples[i] says which draw sample i is. The result depends on the seed
// and the samples alone, not on the executor's threads.
//
// Fails, without changing anything, where check_mix() does, and for spans that are not of the batch's size
// (ErrorCode::argument).
inline Status mix(Executor& executor, std::uint64_t seed, std::span<const SampleId> samples,
                  const MixStrengths& strengths, const Batch& batch) {
    if (Status checked = check_mix(strengths); !checked) return checked;
    const std::size_t count = samples.size();
    const auto side = static_cast<std::size_t>(std::max(batch.side, 0));
    const auto classes = static_cast<std::size_t>(std::max(batch.classes, 0));
    const auto wrong = [count](const std::string& what, std::size_t expected, std::size_t found) {
        return Error{ErrorCode::argument, "the " + what + " of a batch of " + std::to_string(count) + " take " +
                                              std::to_string(expected) + " floats, not " + std::to_string(found)};
    };
    if (batch.pictures.size() != 3 * side * side * count)
        return wrong("pictures", 3 * side * side * count, batch.pictures.size());
    if (batch.labels.size() != classes * count) return wrong("labels", classes * count, batch.labels.size());

    const bool mixing = strengths.mixup_alpha > 0.0, cutting = strengths.cutmix_alpha > 0.0;
    const std::size_t mixed = mixing && cutting ? count / 2 : mixing ? count : 0;
    if (mixing) mix_detail::mixup(executor, seed, samples, {0, mixed}, strengths.mixup_alpha, batch);
    if (cutting)
        mix_detail::cutmix(executor, seed, samples, {mixed, count - mixed}, strengths.cutmix_alpha, strengths.labels,
                           batch);
    return std::monostate{};
}

}  // namespace effv2::training::data
