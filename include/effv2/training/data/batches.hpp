// Batches of training and evaluation: which pictures, in which order, and their floats and labels. The stream of
// samples is endless, and where one is in it is a plain value, which a checkpoint keeps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/image/preprocess.hpp"
#include "effv2/parallel/executor.hpp"
#include "effv2/training/data/mix.hpp"
#include "effv2/training/data/pictures.hpp"
#include "effv2/training/data/random.hpp"
#include "effv2/training/data/sample.hpp"

namespace effv2::training::data {

// A place in the stream of samples.
struct Position {
    std::uint64_t epoch = 0;   // whole passes over the pictures behind it
    std::uint64_t offset = 0;  // samples of this pass behind it: less than there are pictures

    bool operator==(const Position&) const = default;
};

// So many samples further on, with so many pictures in an epoch.
constexpr Position advance(Position position, std::uint64_t samples, std::uint64_t pictures) {
    const std::uint64_t offset = position.offset + samples;
    return {position.epoch + offset / pictures, offset % pictures};
}

// The order of an epoch: a permutation of the numbers below `count`, which is at most 2^32 - 1 (Fisher and Yates).
// Overwrites `order`.
inline void draw_order(std::uint64_t seed, std::uint64_t epoch, std::size_t count, std::vector<std::uint32_t>& order) {
    order.resize(count);
    std::iota(order.begin(), order.end(), 0U);
    Random random(seed, epoch, 0, Purpose::order);
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
}

namespace batch_detail {

inline Status check_floats(const std::string& what, std::size_t batch, std::size_t expected, std::size_t found) {
    if (found == expected) return std::monostate{};
    return Error{ErrorCode::argument, "the " + what + " of a batch of " + std::to_string(batch) + " take " +
                                          std::to_string(expected) + " floats, not " + std::to_string(found)};
}

inline void write_label(int label, std::span<float> to) {
    std::fill(to.begin(), to.end(), 0.0F);
    to[static_cast<std::size_t>(label)] = 1.0F;
}

}  // namespace batch_detail

// The largest batch.
inline constexpr std::size_t max_batch = std::size_t{1} << 20;

// The training samples of a set of pictures, which must outlive it and not change. An epoch shows each picture once, in
// an order of its own. Batches run on across the ends of epochs, so that none is cut short and no picture is left out.
class TrainingBatches {
public:
    // `recipe` says how bytes become floats: use the one that the trained network will be given pictures by. Only its
    // normalization, mean and deviation matter here. Fails where check_training_set() does, and for a deviation of 0
    // (ErrorCode::argument).
    static Result<TrainingBatches> make(const Pictures& pictures, const Recipe& recipe, std::uint64_t seed) {
        if (const Status checked = check_training_set(pictures); !checked) return checked.error();
        for (const float deviation : recipe.deviation)
            if (recipe.normalization == Normalization::mean_and_deviation && !(deviation > 0.0F))
                return Error{ErrorCode::argument,
                             "a recipe's deviations are greater than 0, not " + std::to_string(deviation)};
        return TrainingBatches(pictures, recipe, seed);
    }

    const Pictures& pictures() const { return *pictures_; }

    // Which samples the batch of that size at that position has. Valid until the next call, or fill(). Fails with
    // ErrorCode::argument where the batch is not 1 to max_batch, or the offset not less than the number of pictures.
    Result<std::span<const SampleId>> samples(const Position& position, std::size_t batch) {
        const std::size_t count = pictures_->size();
        if (batch < 1 || batch > max_batch)
            return Error{ErrorCode::argument,
                         "a batch has 1 to " + std::to_string(max_batch) + " samples, not " + std::to_string(batch)};
        if (position.offset >= count)
            return Error{ErrorCode::argument, "an epoch of " + pictures_->name() + " has the offsets 0 to " +
                                                  std::to_string(count - 1) + ", not " +
                                                  std::to_string(position.offset)};
        samples_.clear();
        Position at = position;
        for (std::size_t i = 0; i < batch; ++i, at = advance(at, 1, count))
            samples_.push_back({at.epoch, order_of(at.epoch)[at.offset]});
        return std::span<const SampleId>(samples_);
    }

    // Writes the batch at a position and returns the position behind it. `pictures` is batch x 3 x size x size floats
    // with size = strengths.image_size: planes red, green, blue, normalised. `labels` is batch x classes floats: 1 for
    // a sample's class and 0 for others, mixed where the strengths say so. Samples are made independently, by the
    // executor's tasks; the floats depend on the seed, the position, the batch's size and the strengths alone, and
    // without mixing, a sample does not depend on the batch around it.
    //
    // Allocates only until all workers have seen the largest size. Fails, without writing, where samples() or
    // check_strengths() do, and for spans of another size (ErrorCode::argument).
    Result<Position> fill(Executor& executor, const Position& position, std::size_t batch, const Strengths& strengths,
                          std::span<float> pictures, std::span<float> labels) {
        if (const Status checked = check_strengths(strengths); !checked) return checked.error();
        const auto drawn = samples(position, batch);
        if (!drawn) return drawn.error();
        const auto classes = static_cast<std::size_t>(pictures_->classes());
        const std::size_t elements =
            3 * static_cast<std::size_t>(strengths.image_size) * static_cast<std::size_t>(strengths.image_size);
        if (Status checked = batch_detail::check_floats("pictures", batch, batch * elements, pictures.size()); !checked)
            return checked.error();
        if (Status checked = batch_detail::check_floats("labels", batch, batch * classes, labels.size()); !checked)
            return checked.error();

        scratch_.resize(std::max(scratch_.size(), static_cast<std::size_t>(executor.threads())));
        executor.run(static_cast<int>(batch), [&](int task, int worker) {
            const auto i = static_cast<std::size_t>(task);
            const SampleId& id = samples_[i];
            SampleScratch& scratch = scratch_[static_cast<std::size_t>(worker)];
            augment(pictures_->picture(id.index), strengths, seed_, id, scratch);
            write_planes(scratch.picture, table_, pictures.subspan(i * elements, elements));
            batch_detail::write_label(pictures_->label(id.index), labels.subspan(i * classes, classes));
        });
        const Batch whole{strengths.image_size, pictures_->classes(), pictures, labels};
        if (const Status mixed = mix(executor, seed_, *drawn, strengths.mix, whole); !mixed) return mixed.error();
        return advance(position, batch, pictures_->size());
    }

private:
    TrainingBatches(const Pictures& pictures, const Recipe& recipe, std::uint64_t seed)
        : pictures_(&pictures), table_(make_byte_table(recipe)), seed_(seed) {}

    // A batch may cover the end of one epoch and the start of the next; the order drawn last is kept.
    const std::vector<std::uint32_t>& order_of(std::uint64_t epoch) {
        if (order_.empty() || order_epoch_ != epoch) draw_order(seed_, epoch, pictures_->size(), order_);
        order_epoch_ = epoch;
        return order_;
    }

    const Pictures* pictures_;
    ByteTable table_;
    std::uint64_t seed_;
    std::uint64_t order_epoch_ = 0;
    std::vector<std::uint32_t> order_;
    std::vector<SampleId> samples_;
    std::vector<SampleScratch> scratch_;  // one for each worker
};

// Writes pictures [first, first + count) of a set as the recipe says, without any variation: what preprocess() gives
// for each, count x 3 x size x size floats with size = recipe.size. Labels are Pictures::label(). Fails, after writing
// some, where preprocess() does, with the picture's name in front; and, without writing, for a range that leaves the
// set or a span of another size (ErrorCode::argument).
inline Status fill_evaluation(Executor& executor, const Pictures& set, std::size_t first, std::size_t count,
                              const Recipe& recipe, std::span<float> pictures) {
    if (count > max_batch || first > set.size() || count > set.size() - first)
        return Error{ErrorCode::argument, set.name() + " has " + std::to_string(set.size()) +
                                              " pictures; there are no " + std::to_string(count) + " from " +
                                              std::to_string(first) + " on"};
    if (const Status checked = image_detail::check_recipe(recipe); !checked) return checked.error();
    const std::size_t elements = input_elements(recipe);
    if (Status checked = batch_detail::check_floats("pictures", count, count * elements, pictures.size()); !checked)
        return checked;
    // Each picture's own place, so that which error is reported does not depend on which task came first.
    std::vector<Status> done(count, Status(std::monostate{}));
    executor.run(static_cast<int>(count), [&](int task, int) {
        const auto i = static_cast<std::size_t>(task);
        done[i] = preprocess(set.picture(first + i), recipe, pictures.subspan(i * elements, elements));
    });
    for (std::size_t i = 0; i < count; ++i)
        if (!done[i]) return Error{done[i].error().code, set.which(first + i) + ": " + done[i].error().message};
    return std::monostate{};
}

}  // namespace effv2::training::data
