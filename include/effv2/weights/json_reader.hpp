// A strict JSON reader for small, flat documents such as a safetensors header: objects, strings and whole numbers,
// pulled one after the other by a caller who knows what must come next. Whatever else comes is an error with its byte
// position; nothing is skipped, so nothing in the text can make the reader recurse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "effv2/weights/text.hpp"

namespace effv2::detail {

class JsonReader {
public:
    // `origin` is added to positions in messages: where the text begins in its file.
    JsonReader(std::string_view text, std::size_t origin) : text_(text), origin_(origin) {}

    // All that read return whether they succeeded; problem() says why the first of them did not.
    const std::string& problem() const { return problem_; }

    bool fail(std::string why) { return fail_at(at_, std::move(why)); }

    // Skips white space, then consumes `wanted` if it is there.
    bool accept(char wanted) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    // Fails with what was wanted and what is there instead.
    bool fail_expecting(std::string_view wanted, std::string_view where = {}) {
        return fail("expected " + std::string(wanted) + std::string(where) + ", found " + found());
    }

    // An object, named `what` in messages: calls member(key) behind each "key": for the value to be read.
    template <class Member>
    bool read_object(std::string_view what, Member member) {
        if (!accept('{')) return fail_expecting("'{' to open ", what);
        if (accept('}')) return true;
        std::string key;
        do {
            if (!read_string(key, "a key in quotes")) return false;
            if (!accept(':')) return fail_expecting("':' after the key ", in_quotes(key));
            if (!member(key)) return false;
        } while (accept(','));
        return accept('}') || fail_expecting("',' or '}' in ", what);
    }

    // An array, named `what` in messages: calls element() at the start of each element.
    template <class Element>
    bool read_array(std::string_view what, Element element) {
        if (!accept('[')) return fail_expecting("'[' to open ", what);
        if (accept(']')) return true;
        do {
            if (!element()) return false;
        } while (accept(','));
        return accept(']') || fail_expecting("',' or ']' in ", what);
    }

    // A string, decoded to UTF-8.
    bool read_string(std::string& out, std::string_view what) {
        out.clear();
        if (!accept('"')) return fail_expecting(what);
        const std::size_t start = at_ - 1;
        while (at_ < text_.size()) {
            const unsigned char c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') return ++at_, true;
            if (c < 0x20) return fail("a string has a raw control character (" + found() + ")");
            if (c == '\\') {
                if (!read_escape(out)) return false;
                continue;
            }
            const int length = utf8_length(text_.substr(at_, 4));
            if (length == 0) return fail("a string is not valid UTF-8 (" + found() + ")");
            out.append(text_, at_, static_cast<std::size_t>(length));
            at_ += static_cast<std::size_t>(length);
        }
        return fail_at(start, "a string has no closing quote");
    }

    // A whole number from 0 to 2^64 - 1, written without fraction or exponent.
    bool read_unsigned(std::uint64_t& out, std::string_view what) {
        skip_space();
        const std::size_t start = at_;
        if (at_ < text_.size() && text_[at_] == '-') return fail(std::string(what) + " is negative");
        if (!is_digit()) return fail_expecting(what, " as a whole number");
        out = 0;
        for (; is_digit(); ++at_) {
            const std::uint64_t digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (out > (UINT64_MAX - digit) / 10) return fail_at(start, std::string(what) + " is beyond 64 bits");
            out = out * 10 + digit;
        }
        if (text_[start] == '0' && at_ - start > 1) return fail_at(start, std::string(what) + " has a leading zero");
        if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E'))
            return fail_at(start, std::string(what) + " is not written as a whole number");
        return true;
    }

    // Nothing but white space may be left.
    bool finish() {
        skip_space();
        return at_ == text_.size() || fail_expecting("nothing more");
    }

private:
    bool fail_at(std::size_t at, std::string why) {
        if (problem_.empty()) problem_ = "byte " + std::to_string(origin_ + at) + ": " + std::move(why);
        return false;
    }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
    }

    bool is_digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }

    // What stands at the current position, for messages.
    std::string found() const {
        if (at_ == text_.size()) return "the end of the text";
        const int length = utf8_length(text_.substr(at_, 4));
        return in_quotes(text_.substr(at_, length > 0 ? static_cast<std::size_t>(length) : 1));
    }

    bool read_escape(std::string& out) {
        const std::size_t start = at_++;
        const char c = at_ < text_.size() ? text_[at_++] : '\0';
        switch (c) {
            case '"':
            case '\\':
            case '/':
                out += c;
                return true;
            case 'b':
                out += '\b';
                return true;
            case 'f':
                out += '\f';
                return true;
            case 'n':
                out += '\n';
                return true;
            case 'r':
                out += '\r';
                return true;
            case 't':
                out += '\t';
                return true;
            case 'u':
                return read_code_point(out, start);
            default:
                return fail_at(start, "a string has an unknown escape");
        }
    }

    // Behind "\u": four hexadecimal digits, and a second such escape where they are the first half of a surrogate pair.
    bool read_code_point(std::string& out, std::size_t start) {
        std::uint32_t code = 0, low = 0;
        if (!read_hex(code)) return fail_at(start, "\\u needs four hexadecimal digits");
        if (code >= 0xd800 && code <= 0xdfff) {
            const bool pair = code < 0xdc00 && text_.substr(at_, 2) == "\\u";
            at_ += pair ? 2 : 0;
            if (!pair || !read_hex(low) || low < 0xdc00 || low > 0xdfff)
                return fail_at(start, "\\u has half a surrogate pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        append_utf8(out, code);
        return true;
    }

    bool read_hex(std::uint32_t& value) {
        value = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = at_ < text_.size() ? text_[at_] : '\0';
            const char lower = static_cast<char>(c | 0x20);
            if (c >= '0' && c <= '9')
                value = value * 16 + static_cast<std::uint32_t>(c - '0');
            else if (lower >= 'a' && lower <= 'f')
                value = value * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
            else
                return false;
        }
        return true;
    }

    static void append_utf8(std::string& out, std::uint32_t code) {
        const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | (code >> 6));
            tail(0);
        } else if (code < 0x10000) {
            out += static_cast<char>(0xe0 | (code >> 12));
            tail(6), tail(0);
        } else {
            out += static_cast<char>(0xf0 | (code >> 18));
            tail(12), tail(6), tail(0);
        }
    }

    std::string_view text_;
    std::size_t origin_;
    std::size_t at_ = 0;
    std::string problem_;
};

}  // namespace effv2::detail
