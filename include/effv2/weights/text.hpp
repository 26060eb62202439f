// Pieces of the sentences that the readers and checkers of weight files speak in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "effv2/architecture/tensors.hpp"

namespace effv2::detail {

// The length in bytes of the UTF-8 character at the start of `text`, or 0 where there is no valid one (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
constexpr int utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xbf; };
    const unsigned lead = byte(0), second = byte(1);
    if (text.empty()) return 0;
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// A text from a file in quotes, fit to be shown: control characters and broken UTF-8 as \xNN, at most about 100 bytes.
inline std::string in_quotes(std::string_view text) {
    constexpr std::size_t limit = 100;
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "'";
    while (!text.empty() && out.size() < limit) {
        const int length = utf8_length(text);
        const unsigned char c = static_cast<unsigned char>(text[0]);
        if (length == 0 || c < 0x20 || c == 0x7f)
            out.append("\\x").append(1, digits[c >> 4]).append(1, digits[c & 15]);
        else
            out.append(text.substr(0, static_cast<std::size_t>(length)));
        text.remove_prefix(length > 1 ? static_cast<std::size_t>(length) : 1);
    }
    return out.append(text.empty() ? "'" : "...'");
}

// Numbers as "[32, 3, 3, 3]", no more than `limit` of them.
template <class Number>
std::string list_text(std::span<const Number> numbers, std::size_t limit = SIZE_MAX) {
    std::string out = "[";
    for (std::size_t i = 0; i < numbers.size() && i < limit; ++i)
        out.append(i > 0 ? ", " : "").append(std::to_string(numbers[i]));
    return out.append(numbers.size() > limit ? ", ...]" : "]");
}

// A shape for messages, which a hostile file must not make endless.
template <class Dimension>
std::string shape_text(std::span<const Dimension> dims) {
    return list_text(dims, 8);
}

inline std::string shape_text(const Shape& shape) {
    return shape_text(std::span<const int>(shape.dims, static_cast<std::size_t>(shape.rank)));
}

inline std::string range_text(std::uint64_t begin, std::uint64_t end) {
    std::string out = "[";
    return out.append(std::to_string(begin)).append(", ").append(std::to_string(end)).append("]");
}

}  // namespace effv2::detail
