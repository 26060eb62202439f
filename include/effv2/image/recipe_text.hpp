// A preprocessing recipe as a line of text, as weight files keep it, and back:
//
//     size 224; fit center; crop 0.875; filter bicubic; antialias yes; mean 0.485 0.456 0.406;
//     deviation 0.229 0.224 0.225
//
// Entries, with a ';' between them, in any order, each once:
//
//     size N                           pixels a side, 1 to 16384
//     fit center|squash|padded_crop|none
//     crop SHARE                       1 if left out
//     filter bilinear|bicubic
//     antialias yes|no                 yes if left out
//     mean R G B, deviation R G B      as shares of 255; both or none
//     normalization signed_byte        in place of mean and deviation
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "effv2/error.hpp"
#include "effv2/image/recipe.hpp"
#include "effv2/words.hpp"

namespace effv2 {

namespace image_detail {

class RecipeReader {
public:
    explicit RecipeReader(std::string_view text) : words_(text) {}

    bool read() {
        do
            if (!read_entry()) return false;
        while (words_.accept(';'));
        if (!words_.at_end()) return words_.fail("';' or the end");
        return check_complete();
    }

    const Recipe& recipe() const { return recipe_; }
    const detail::WordReader& words() const { return words_; }

private:
    enum Seen : unsigned {
        size = 1,
        fit = 2,
        crop = 4,
        filter = 8,
        antialias = 16,
        mean = 32,
        deviation = 64,
        signs = 128
    };

    bool read_entry() {
        const std::string_view name = words_.word();
        static_assert(max_input_side == 16384);  // as the sentence says
        if (name == "size")
            return once(size, name) && words_.number(recipe_.size, "1 to 16384 pixels a side", 1, max_input_side);
        if (name == "fit") return once(fit, name) && read_fit();
        if (name == "crop") return once(crop, name) && read_decimal(recipe_.crop_fraction, "a share above 0", true);
        if (name == "mean") return once(mean, name) && read_colour(recipe_.mean, "a number", false);
        if (name == "deviation")
            return once(deviation, name) && read_colour(recipe_.deviation, "a number above 0", true);
        if (name == "normalization") return once(signs, name) && read_normalization();
        bool second = false;
        if (name == "filter") {
            if (!once(filter, name) || !words_.choice("bilinear", "bicubic", "bilinear or bicubic", second))
                return false;
            recipe_.filter = second ? Filter::bicubic : Filter::bilinear;
            return true;
        }
        if (name == "antialias") {
            if (!once(antialias, name) || !words_.choice("yes", "no", "yes or no", second)) return false;
            recipe_.antialias = !second;
            return true;
        }
        return words_.fail("size, fit, crop, filter, antialias, mean, deviation or normalization", name);
    }

    bool once(Seen what, std::string_view name) {
        if ((seen_ & what) != 0) return words_.fail("every entry only once", name);
        seen_ |= what;
        return true;
    }

    bool has(unsigned what) const { return (seen_ & what) == what; }

    // What a recipe cannot do without.
    bool check_complete() {
        if (!has(size)) return words_.fail("an entry size");
        if (!has(fit)) return words_.fail("an entry fit");
        if (!has(filter)) return words_.fail("an entry filter");
        if (has(signs))
            return (seen_ & (mean | deviation)) == 0 || words_.fail("no mean or deviation with signed_byte");
        return has(mean | deviation) || words_.fail("entries mean and deviation, or normalization signed_byte");
    }

    bool read_fit() {
        const std::string_view name = words_.word();
        constexpr std::pair<std::string_view, Fit> fits[] = {
            {"center", Fit::center}, {"squash", Fit::squash}, {"padded_crop", Fit::padded_crop}, {"none", Fit::none}};
        for (const auto& [known, value] : fits)
            if (name == known) {
                recipe_.fit = value;
                return true;
            }
        return words_.fail("center, squash, padded_crop or none", name);
    }

    bool read_normalization() {
        const std::string_view name = words_.word();
        if (name != "signed_byte") return words_.fail("signed_byte", name);
        recipe_.normalization = Normalization::signed_byte;
        return true;
    }

    template <class Real>
    bool read_decimal(Real& into, std::string_view expected, bool positive) {
        const std::string_view text = words_.decimal();
        const char* const end = text.data() + text.size();
        Real value{};
        const auto [at, error] = std::from_chars(text.data(), end, value);
        if (text.empty() || error != std::errc{} || at != end || (positive && !(value > 0)))
            return words_.fail(expected, text);
        into = value;
        return true;
    }

    bool read_colour(std::array<float, 3>& into, std::string_view expected, bool positive) {
        for (float& value : into)
            if (!read_decimal(value, expected, positive)) return false;
        return true;
    }

    detail::WordReader words_;
    Recipe recipe_{.size = 0, .fit = Fit::center, .filter = Filter::bilinear};
    unsigned seen_ = 0;
};

// The shortest decimal that reads back as the same number, whatever the locale.
template <class Real>
std::string decimal_text(Real value) {
    std::array<char, 32> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc{} ? std::string(digits.data(), end) : std::string();
}

inline std::string colour_text(const std::array<float, 3>& colour) {
    return decimal_text(colour[0]) + " " + decimal_text(colour[1]) + " " + decimal_text(colour[2]);
}

constexpr std::string_view fit_name(Fit fit) {
    switch (fit) {
        case Fit::center:
            return "center";
        case Fit::squash:
            return "squash";
        case Fit::padded_crop:
            return "padded_crop";
        case Fit::none:
            return "none";
    }
    return "";
}

}  // namespace image_detail

// The recipe of a text. Fails (ErrorCode::argument) with the place in the text where it is no recipe, what was expected
// and what was found there.
inline Result<Recipe> parse_recipe(std::string_view text) {
    image_detail::RecipeReader reader(text);
    if (reader.read()) return reader.recipe();
    return Error{ErrorCode::argument, "the recipe's text " + reader.words().problem()};
}

// The text of a recipe, with nothing left out that has a default. parse_recipe() gives the same value again, to the
// last bit, for a recipe that preprocess() takes; but signed_byte's mean and deviation, which nothing uses, are left
// out.
inline std::string format_recipe(const Recipe& recipe) {
    std::string out("size ");
    out.append(std::to_string(recipe.size)).append("; fit ").append(image_detail::fit_name(recipe.fit));
    out.append("; crop ").append(image_detail::decimal_text(recipe.crop_fraction));
    out += recipe.filter == Filter::bilinear ? "; filter bilinear" : "; filter bicubic";
    out += recipe.antialias ? "; antialias yes" : "; antialias no";
    if (recipe.normalization == Normalization::signed_byte) return out + "; normalization signed_byte";
    out.append("; mean ").append(image_detail::colour_text(recipe.mean));
    return out.append("; deviation ").append(image_detail::colour_text(recipe.deviation));
}

}  // namespace effv2
