// Labelled 8-bit RGB pictures held in memory, of one size or of many: what training and evaluation read.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/image/pixels.hpp"

namespace effv2::training::data {

// A set of pictures with a label each. Pictures are kept as height x width x 3 bytes, one behind the other, in the
// order in which they were added.
class Pictures {
public:
    // `name` stands for the set in errors. Label i is class_names[i]; names may be empty, their number counts.
    Pictures(std::string name, std::vector<std::string> class_names)
        : name_(std::move(name)), class_names_(std::move(class_names)) {}

    const std::string& name() const { return name_; }
    const std::vector<std::string>& class_names() const { return class_names_; }
    int classes() const { return static_cast<int>(class_names_.size()); }
    std::size_t size() const { return entries_.size(); }

    // Picture i < size(); a view of three channels, valid until the next add() or reserve().
    ImageView picture(std::size_t i) const {
        const Entry& entry = entries_[i];
        return {pixels_.data() + entry.offset, entry.width, entry.height, 3, std::ptrdiff_t{entry.width} * 3};
    }

    // Of picture i < size(): in [0, classes()).
    int label(std::size_t i) const { return entries_[i].label; }

    // Makes room for so many more pictures of so many pixels in all.
    void reserve(std::size_t count, std::size_t pixels) {
        entries_.reserve(entries_.size() + count);
        pixels_.reserve(pixels_.size() + 3 * pixels);
    }

    // Copies a picture into the set. Grey becomes equal red, green and blue; alpha is dropped.
    // Fails, and leaves the set as it was, where check_image() refuses the picture (ErrorCode::image) or the label is
    // not in [0, classes()) (ErrorCode::argument).
    Status add(const ImageView& image, int label) {
        if (const Status checked = check_image(image); !checked)
            return Error{checked.error().code, which(size()) + ": " + checked.error().message};
        if (label < 0 || label >= classes())
            return Error{ErrorCode::argument, which(size()) + " has the label " + std::to_string(label) +
                                                  ", and the labels of " + std::to_string(classes()) +
                                                  " classes are 0 to " + std::to_string(classes() - 1)};
        entries_.push_back({pixels_.size(), image.width, image.height, label});
        const std::size_t row_bytes = 3 * static_cast<std::size_t>(image.width);
        pixels_.resize(pixels_.size() + row_bytes * static_cast<std::size_t>(image.height));
        std::uint8_t* to = pixels_.data() + entries_.back().offset;
        for (int y = 0; y < image.height; ++y, to += row_bytes) copy_row(image, y, to);
        return std::monostate{};
    }

    // "NAME, picture 7": how errors speak of a picture, counted from 0.
    std::string which(std::size_t i) const { return name_ + ", picture " + std::to_string(i); }

private:
    struct Entry {
        std::size_t offset;  // bytes in front of the picture's
        int width, height;   // pixels
        int label;
    };

    static void copy_row(const ImageView& image, int y, std::uint8_t* to) {
        const std::uint8_t* from = image.row(y);
        if (image.channels == 3) {
            std::memcpy(to, from, 3 * static_cast<std::size_t>(image.width));
            return;
        }
        const int other = image.channels == 1 ? 0 : 1;
        for (int x = 0; x < image.width; ++x, from += image.channels, to += 3) {
            to[0] = from[0];
            to[1] = from[other];
            to[2] = from[2 * other];
        }
    }

    std::string name_;
    std::vector<std::string> class_names_;
    std::vector<Entry> entries_;
    std::vector<std::uint8_t> pixels_;
};

// How many pictures each class has.
inline std::vector<std::size_t> count_by_class(const Pictures& pictures) {
    std::vector<std::size_t> counts(pictures.class_names().size());
    for (std::size_t i = 0; i < pictures.size(); ++i) ++counts[static_cast<std::size_t>(pictures.label(i))];
    return counts;
}

// Whether a network can be trained on the set: there are pictures, at least two classes, none of them empty, and no
// more pictures than the order of an epoch can count (2^32 - 1). Fails with ErrorCode::argument and the first of these
// that is not so.
inline Status check_training_set(const Pictures& pictures) {
    const auto wrong = [&](const std::string& why) { return Error{ErrorCode::argument, pictures.name() + why}; };
    if (pictures.size() == 0) return wrong(" has no pictures");
    if (pictures.size() > std::numeric_limits<std::uint32_t>::max()) return wrong(" has more than 4294967295 pictures");
    if (pictures.classes() < 2)
        return wrong(" has only one class, '" + pictures.class_names()[0] + "'; there is nothing to tell apart");
    const std::vector<std::size_t> counts = count_by_class(pictures);
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] == 0)
            return wrong(" has no picture of class " + std::to_string(i) + " ('" + pictures.class_names()[i] + "')");
    return std::monostate{};
}

// Whether a network trained on `training` can be judged by `evaluation`: it has pictures, and the same classes in the
// same order. It need not have pictures of each. Fails with ErrorCode::mismatch, or ErrorCode::argument where it is
// empty.
inline Status check_evaluation_set(const Pictures& evaluation, const Pictures& training) {
    if (evaluation.size() == 0) return Error{ErrorCode::argument, evaluation.name() + " has no pictures"};
    const auto wrong = [](std::string why) { return Error{ErrorCode::mismatch, std::move(why)}; };
    if (evaluation.classes() != training.classes())
        return wrong(evaluation.name() + " has " + std::to_string(evaluation.classes()) + " classes, and " +
                     training.name() + " has " + std::to_string(training.classes()));
    for (std::size_t i = 0; i < training.class_names().size(); ++i)
        if (evaluation.class_names()[i] != training.class_names()[i])
            return wrong("class " + std::to_string(i) + " is '" + evaluation.class_names()[i] + "' in " +
                         evaluation.name() + " and '" + training.class_names()[i] + "' in " + training.name());
    return std::monostate{};
}

// Mean and deviation of all pixels of a set by channel, as shares of 255: what Recipe::mean and Recipe::deviation take.
struct ChannelStatistics {
    std::array<float, 3> mean;
    std::array<float, 3> deviation;  // of the whole set, not the mean of each picture's
};

// Every pixel counts as much, large pictures more than small ones. A channel without any variation gets the deviation
// 1, so that one can divide by it; a set without pictures gets means of 0.
inline ChannelStatistics measure_channels(const Pictures& pictures) {
    std::uint64_t count = 0;
    std::array<std::uint64_t, 3> sum{}, squares{};
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        const ImageView image = pictures.picture(i);
        const std::size_t pixels = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
        count += pixels;
        for (std::size_t at = 0; at < 3 * pixels; ++at) {
            const std::uint64_t byte = image.data[at];
            sum[at % 3] += byte;
            squares[at % 3] += byte * byte;
        }
    }
    ChannelStatistics found{{}, {1.0F, 1.0F, 1.0F}};
    for (std::size_t c = 0; c < 3 && count > 0; ++c) {
        const double mean = static_cast<double>(sum[c]) / static_cast<double>(count);
        const double variance = static_cast<double>(squares[c]) / static_cast<double>(count) - mean * mean;
        found.mean[c] = static_cast<float>(mean / 255.0);
        if (variance > 1e-9) found.deviation[c] = static_cast<float>(std::sqrt(variance) / 255.0);
    }
    return found;
}

}  // namespace effv2::training::data
