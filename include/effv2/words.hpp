// A reader of short texts that people type and files keep, such as "stem 32/2; head 1280" (architecture/text.hpp,
// image/recipe_text.hpp): words and numbers, pulled one after the other by a caller who knows what must come next.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace effv2::detail {

// All that read return whether they succeeded, and leave the place of what did not fit for problem().
class WordReader {
public:
    constexpr explicit WordReader(std::string_view text) : text_(text) {}

    constexpr bool at_end() {
        skip_space();
        return at_ == text_.size();
    }

    // Consumes `wanted` if it comes next.
    constexpr bool accept(char wanted) {
        if (at_end() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    // The small letters, digits and underscores that come next; none give an empty word.
    constexpr std::string_view word() { return run(is_of_word); }

    // The small letters that come next, as in front of a number.
    constexpr std::string_view letters() { return run(is_letter); }

    // What comes next of a decimal number, for a conversion that knows what it is.
    constexpr std::string_view decimal() { return run(is_of_decimal); }

    // A whole number in [lowest, highest], which `expected` puts into words.
    constexpr bool number(int& into, std::string_view expected = "a whole number below 1000000000", int lowest = 0,
                          int highest = 999999999) {
        const std::string_view digits = run(is_digit);
        if (digits.empty() || digits.size() > 9) return fail(expected, digits);
        int value = 0;
        for (const char c : digits) value = value * 10 + (c - '0');
        if (value < lowest || value > highest) return fail(expected, digits);
        into = value;
        return true;
    }

    // Remembers what was expected: where the reader is, or, if it has consumed it already, where `instead` begins.
    constexpr bool fail(std::string_view expected, std::string_view instead = {}) {
        skip_space();
        if (!instead.empty()) at_ = static_cast<std::size_t>(instead.data() - text_.data());
        expected_ = expected;
        return false;
    }

    // Whether a word is one of two, of which `second` is told.
    constexpr bool choice(std::string_view one, std::string_view other, std::string_view expected, bool& second) {
        const std::string_view found = word();
        second = found == other;
        return second || found == one || fail(expected, found);
    }

    // "at character 7: expected a whole number below 1000000000, found 'x'"
    std::string problem() const {
        return "at character " + std::to_string(at_ + 1) + ": expected " + std::string(expected_) + ", found " +
               found();
    }

private:
    static constexpr bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
    static constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
    static constexpr bool is_of_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
    static constexpr bool is_of_decimal(char c) { return is_digit(c) || c == '.' || c == 'e' || c == '-' || c == '+'; }

    constexpr void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
    }

    constexpr std::string_view run(bool (*belongs)(char)) {
        skip_space();
        const std::size_t start = at_;
        while (at_ < text_.size() && belongs(text_[at_])) ++at_;
        return text_.substr(start, at_ - start);
    }

    // What stands at the reader's place, fit to be shown: a file's text may be anything.
    std::string found() const {
        constexpr std::string_view digits = "0123456789abcdef";
        constexpr std::size_t limit = 24;
        if (at_ >= text_.size()) return "the end";
        const auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
        if (!is_plain(text_[at_])) {
            const auto byte = static_cast<unsigned char>(text_[at_]);
            return std::string("the byte 0x") + digits[byte >> 4] + digits[byte & 15];
        }
        std::size_t end = at_ + 1;
        while (end < text_.size() && end - at_ < limit && is_plain(text_[end]) && text_[end] != ';') ++end;
        std::string out = "'";
        return out.append(text_.substr(at_, end - at_)).append("'");
    }

    std::string_view text_, expected_;
    std::size_t at_ = 0;
};

}  // namespace effv2::detail
