// The binary versions of CIFAR-10 and CIFAR-100 (described at the page of the CIFAR-10 dataset): records of one or two
// bytes of labels and a picture of 32x32 pixels in planes red, green, blue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "effv2/error.hpp"
#include "effv2/training/data/pictures.hpp"

namespace effv2::training::data {

namespace cifar_detail {

inline constexpr int side = 32;
inline constexpr std::size_t plane = std::size_t{side} * side;

// Records of `labels` bytes of labels, the class in the byte `label`, and three planes.
inline Status add_records(Pictures& set, std::span<const std::uint8_t> bytes, std::string_view name, std::size_t labels,
                          std::size_t label) {
    const auto wrong = [name](const std::string& why) {
        return Error{ErrorCode::format, std::string(name) + ": " + why};
    };
    const std::size_t record = labels + 3 * plane;
    if (bytes.empty() || bytes.size() % record != 0)
        return wrong("records of " + std::to_string(record) + " bytes make no file of " + std::to_string(bytes.size()) +
                     " bytes");
    const std::size_t count = bytes.size() / record;
    for (std::size_t i = 0; i < count; ++i)
        if (const int found = bytes[i * record + label]; found >= set.classes())
            return wrong("record " + std::to_string(i) + " has the label " + std::to_string(found) +
                         ", and there are " + std::to_string(set.classes()) + " classes");
    set.reserve(count, count * plane);
    std::array<std::uint8_t, 3 * plane> pixels;
    for (std::size_t i = 0; i < count; ++i) {
        const std::span<const std::uint8_t> planes = bytes.subspan(i * record + labels, 3 * plane);
        for (std::size_t at = 0; at < plane; ++at)
            for (std::size_t c = 0; c < 3; ++c) pixels[3 * at + c] = planes[c * plane + at];
        if (Status added = set.add({pixels.data(), side, side, 3, 3 * side}, bytes[i * record + label]); !added)
            return added;
    }
    return std::monostate{};
}

}  // namespace cifar_detail

// Adds the records of a file of CIFAR-10 (data_batch_1.bin, ...): a byte of label, 3072 of pixels. `name` stands for
// the file in errors. Fails with ErrorCode::format, and leaves the set as it was, where the bytes are not whole records
// or a label has no class in the set.
inline Status add_cifar10(Pictures& set, std::span<const std::uint8_t> bytes, std::string_view name) {
    return cifar_detail::add_records(set, bytes, name, 1, 0);
}

// Which of CIFAR-100's two labels is the class: one of 20 coarse or one of 100 fine.
enum class CifarLabel : std::uint8_t { coarse, fine };

// Adds the records of a file of CIFAR-100 (train.bin, test.bin): a coarse label, a fine label, 3072 bytes of pixels.
// Errors as for add_cifar10().
inline Status add_cifar100(Pictures& set, std::span<const std::uint8_t> bytes, std::string_view name,
                           CifarLabel label = CifarLabel::fine) {
    return cifar_detail::add_records(set, bytes, name, 2, label == CifarLabel::coarse ? 0 : 1);
}

}  // namespace effv2::training::data
