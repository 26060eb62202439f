#include "effv2/weights/json_reader.hpp"

#include <doctest/doctest.h>

#include <string>

using effv2::detail::JsonReader;

namespace {

// A string's value, or the problem with it.
std::string string_or_problem(std::string_view text) {
    JsonReader reader(text, 0);
    std::string value;
    return reader.read_string(value, "a text") && reader.finish() ? value : reader.problem();
}

std::string number_or_problem(std::string_view text) {
    JsonReader reader(text, 100);
    std::uint64_t value = 0;
    return reader.read_unsigned(value, "a size") && reader.finish() ? std::to_string(value) : reader.problem();
}

std::string object_or_problem(std::string_view text) {
    JsonReader reader(text, 0);
    std::string keys;
    const bool read = reader.read_object("the list", [&](const std::string& key) {
        keys += key;
        return reader.read_array("the numbers", [&] {
            std::uint64_t value = 0;
            const bool is_number = reader.read_unsigned(value, "a number");
            keys += std::to_string(value);
            return is_number;
        });
    });
    return read && reader.finish() ? keys : reader.problem();
}

}  // namespace

TEST_CASE("strings are decoded") {
    CHECK(string_or_problem(R"("")").empty());
    CHECK(string_or_problem(R"( "a b" )") == "a b");
    CHECK(string_or_problem(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
    CHECK(string_or_problem(R"("\u0041\u00e9\u20AC\ud83d\ude00")") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(string_or_problem("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(string_or_problem(R"("\u0000")") == std::string(1, '\0'));
}

TEST_CASE("broken strings are refused with their position") {
    CHECK(string_or_problem("") == "byte 0: expected a text, found the end of the text");
    CHECK(string_or_problem("x") == "byte 0: expected a text, found 'x'");
    CHECK(string_or_problem("  \"abc") == "byte 2: a string has no closing quote");
    CHECK(string_or_problem(R"("ab\)") == "byte 3: a string has an unknown escape");
    CHECK(string_or_problem(R"("\x41")") == "byte 1: a string has an unknown escape");
    CHECK(string_or_problem(R"("\u12)") == "byte 1: \\u needs four hexadecimal digits");
    CHECK(string_or_problem(R"("\u12g4")") == "byte 1: \\u needs four hexadecimal digits");
    CHECK(string_or_problem(R"("\ud83d")") == "byte 1: \\u has half a surrogate pair");
    CHECK(string_or_problem(R"("\ud83dA")") == "byte 1: \\u has half a surrogate pair");
    CHECK(string_or_problem(R"("\ud83d\u0041")") == "byte 1: \\u has half a surrogate pair");
    CHECK(string_or_problem(R"("\ude00")") == "byte 1: \\u has half a surrogate pair");
    CHECK(string_or_problem("\"a\nb\"") == "byte 2: a string has a raw control character ('\\x0a')");
    CHECK(string_or_problem("\"\x80\"") == "byte 1: a string is not valid UTF-8 ('\\x80')");
    for (const char* broken :
         {"\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xf0\x8f\xbf\xbf\"",
          "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xc3\"", "\"\xe2\x82\"", "\"\xff\""})
        CHECK(string_or_problem(broken).find("byte 1: a string is not valid UTF-8") == 0);
    CHECK(string_or_problem("\"\xf0\x9f\x98") == "byte 1: a string is not valid UTF-8 ('\\xf0')");
}

TEST_CASE("whole numbers are read, all else is refused") {
    CHECK(number_or_problem("0") == "0");
    CHECK(number_or_problem(" 42 ") == "42");
    CHECK(number_or_problem("18446744073709551615") == "18446744073709551615");
    CHECK(number_or_problem("18446744073709551616") == "byte 100: a size is beyond 64 bits");
    CHECK(number_or_problem("99999999999999999999999") == "byte 100: a size is beyond 64 bits");
    CHECK(number_or_problem(" -1") == "byte 101: a size is negative");
    CHECK(number_or_problem("007") == "byte 100: a size has a leading zero");
    CHECK(number_or_problem("1.0") == "byte 100: a size is not written as a whole number");
    CHECK(number_or_problem("1e3") == "byte 100: a size is not written as a whole number");
    CHECK(number_or_problem("+1") == "byte 100: expected a size as a whole number, found '+'");
    CHECK(number_or_problem("\"1\"") == "byte 100: expected a size as a whole number, found '\"'");
    CHECK(number_or_problem("") == "byte 100: expected a size as a whole number, found the end of the text");
    CHECK(number_or_problem("1 2") == "byte 102: expected nothing more, found '2'");
}

TEST_CASE("objects and arrays") {
    CHECK(object_or_problem("{}").empty());
    CHECK(object_or_problem(" { \"a\" : [ ] ,\t\"b\":[1,2 , 3]}\r\n") == "ab123");
    CHECK(object_or_problem("") == "byte 0: expected '{' to open the list, found the end of the text");
    CHECK(object_or_problem("[") == "byte 0: expected '{' to open the list, found '['");
    CHECK(object_or_problem("{") == "byte 1: expected a key in quotes, found the end of the text");
    CHECK(object_or_problem("{a:1}") == "byte 1: expected a key in quotes, found 'a'");
    CHECK(object_or_problem("{\"a\" 1}") == "byte 5: expected ':' after the key 'a', found '1'");
    CHECK(object_or_problem("{\"a\":1}") == "byte 5: expected '[' to open the numbers, found '1'");
    CHECK(object_or_problem("{\"a\":[1}") == "byte 7: expected ',' or ']' in the numbers, found '}'");
    CHECK(object_or_problem("{\"a\":[1,]}") == "byte 8: expected a number as a whole number, found ']'");
    CHECK(object_or_problem("{\"a\":[]") == "byte 7: expected ',' or '}' in the list, found the end of the text");
    CHECK(object_or_problem("{\"a\":[],}") == "byte 8: expected a key in quotes, found '}'");
    CHECK(object_or_problem("{}x") == "byte 2: expected nothing more, found 'x'");
    CHECK(object_or_problem("{}\x01") == "byte 2: expected nothing more, found '\\x01'");
}

TEST_CASE("texts are quoted so that they can be shown") {
    using effv2::detail::in_quotes;
    CHECK(in_quotes("bn1.weight") == "'bn1.weight'");
    CHECK(in_quotes("a\nb\x1b\x7f\xff") == "'a\\x0ab\\x1b\\x7f\\xff'");
    CHECK(in_quotes("\xe2\x82\xac") == "'\xe2\x82\xac'");
    CHECK(in_quotes(std::string(1000, 'a')) == "'" + std::string(99, 'a') + "...'");
}
