// IDX, the format of MNIST and Fashion-MNIST (described at the MNIST database's page): a magic number whose third byte
// is the kind of the elements and whose fourth is the number of dimensions, the dimensions as big-endian 32-bit
// numbers, the elements. Only 8-bit elements are read, already decompressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/training/data/pictures.hpp"

namespace effv2::training::data {

// The grey pictures of an IDX file; views its bytes.
struct IdxImages {
    std::size_t count;
    int width, height;                    // pixels
    std::span<const std::uint8_t> bytes;  // count x height x width

    ImageView picture(std::size_t i) const {
        const std::size_t one = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        return {bytes.data() + i * one, width, height, 1, width};
    }
};

namespace idx_detail {

inline constexpr std::uint32_t images_magic = 0x803;  // bytes in three dimensions
inline constexpr std::uint32_t labels_magic = 0x801;  // bytes in one

inline std::uint32_t read_number(std::span<const std::uint8_t> bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | bytes[i];
    return number;
}

inline std::string as_hex(std::uint32_t number) {
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[number >> shift & 15U];
    return text;
}

inline std::string explain_magic(std::uint32_t found, std::uint32_t wanted) {
    if (found >> 16 == 0x1f8b) return "; it is compressed by gzip, and is read decompressed only";
    if (found == images_magic && wanted == labels_magic) return "; these are pictures";
    if (found == labels_magic && wanted == images_magic) return "; these are labels";
    return "";
}

// The dimensions in the header of a file with this magic number. Afterwards the file has exactly the bytes that it
// promises, and at least one dimension of 0 stands for no elements.
inline Result<std::vector<std::uint32_t>> read_header(std::span<const std::uint8_t> bytes, std::string_view name,
                                                      std::uint32_t magic) {
    const auto wrong = [name](const std::string& why) {
        return Error{ErrorCode::format, std::string(name) + ": " + why};
    };
    const std::size_t dimensions = magic & 0xffU;
    const std::size_t header = 4 + 4 * dimensions;
    if (bytes.size() >= 4)
        if (const std::uint32_t found = read_number(bytes, 0); found != magic)
            return wrong("an IDX file of " + std::string(magic == images_magic ? "pictures" : "labels") +
                         " begins with " + as_hex(magic) + ", not " + as_hex(found) + explain_magic(found, magic));
    if (bytes.size() < header)
        return wrong("the IDX header takes " + std::to_string(header) + " bytes, and the file has " +
                     std::to_string(bytes.size()));
    std::vector<std::uint32_t> sizes;
    // Divides rather than multiplies: three sizes of 32 bits overflow.
    std::uint64_t left = bytes.size() - header;
    std::string product;
    for (std::size_t i = 0; i < dimensions; ++i) {
        sizes.push_back(read_number(bytes, 4 + 4 * i));
        if (i > 0) product += 'x';
        product += std::to_string(sizes.back());
    }
    bool fits = true, empty = false;
    for (const std::uint32_t size : sizes) empty = empty || size == 0;
    for (const std::uint32_t size : sizes) {
        fits = fits && !empty && left % size == 0;
        if (fits) left /= size;
    }
    if (empty ? bytes.size() != header : !fits || left != 1)
        return wrong("the IDX header promises " + product + " bytes behind it, and the file has " +
                     std::to_string(bytes.size() - header));
    return sizes;
}

}  // namespace idx_detail

// Reads an IDX file of pictures (magic number 0x803). `name` stands for the file in errors; the bytes must outlive the
// result. Fails with ErrorCode::format for another magic number, for more or fewer bytes than the header promises, and
// for pictures of no pixels or of more than max_image_side a side.
inline Result<IdxImages> parse_idx_images(std::span<const std::uint8_t> bytes, std::string_view name) {
    const auto sizes = idx_detail::read_header(bytes, name, idx_detail::images_magic);
    if (!sizes) return sizes.error();
    const std::uint32_t height = (*sizes)[1], width = (*sizes)[2];
    constexpr auto most = static_cast<std::uint32_t>(max_image_side);
    if (height < 1 || width < 1 || height > most || width > most)
        return Error{ErrorCode::format, std::string(name) + ": pictures have 1 to " + std::to_string(most) +
                                            " pixels a side, not " + std::to_string(width) + "x" +
                                            std::to_string(height)};
    return IdxImages{(*sizes)[0], static_cast<int>(width), static_cast<int>(height), bytes.subspan(16)};
}

// Reads an IDX file of labels (magic number 0x801): one byte each. Errors as for parse_idx_images().
inline Result<std::span<const std::uint8_t>> parse_idx_labels(std::span<const std::uint8_t> bytes,
                                                              std::string_view name) {
    const auto sizes = idx_detail::read_header(bytes, name, idx_detail::labels_magic);
    if (!sizes) return sizes.error();
    return bytes.subspan(8);
}

// One of the two files of an IDX set.
struct NamedBytes {
    std::string name;                     // stands for the file in errors
    std::span<const std::uint8_t> bytes;  // of the whole file, decompressed
};

// Adds the pictures of a pair of IDX files to a set, grey widened to three channels. Fails, and leaves the set as it
// was, where either file is not sound, where they hold different numbers (ErrorCode::mismatch), and for a label that
// the set has no class for (ErrorCode::format).
inline Status add_idx(Pictures& set, const NamedBytes& images, const NamedBytes& labels) {
    const auto pictures = parse_idx_images(images.bytes, images.name);
    if (!pictures) return pictures.error();
    const auto marks = parse_idx_labels(labels.bytes, labels.name);
    if (!marks) return marks.error();
    if (pictures->count != marks->size())
        return Error{ErrorCode::mismatch, images.name + " has " + std::to_string(pictures->count) + " pictures, and " +
                                              labels.name + " has " + std::to_string(marks->size()) + " labels"};
    for (std::size_t i = 0; i < marks->size(); ++i)
        if ((*marks)[i] >= set.classes())
            return Error{ErrorCode::format, labels.name + ": label " + std::to_string(i) + " is " +
                                                std::to_string((*marks)[i]) + ", and there are " +
                                                std::to_string(set.classes()) + " classes"};
    set.reserve(pictures->count, pictures->bytes.size());
    for (std::size_t i = 0; i < marks->size(); ++i)
        if (Status added = set.add(pictures->picture(i), (*marks)[i]); !added) return added;
    return std::monostate{};
}

}  // namespace effv2::training::data
