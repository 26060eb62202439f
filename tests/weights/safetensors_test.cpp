#include "effv2/weights/safetensors.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "weights/sample_files.hpp"

using namespace effv2;
using effv2_test::as_bytes;
using effv2_test::header_refusal;
using effv2_test::refusal;
using effv2_test::safetensors_bytes;

namespace {

// A header with one tensor 'a'.
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return "{\"a\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":" + std::string(shape) +
           ",\"data_offsets\":" + std::string(offsets) + "}}";
}

// A header with F32 vectors of those names and byte ranges.
struct Vector {
    std::string_view name;
    std::uint64_t begin, end;
};
std::string vectors(std::initializer_list<Vector> list) {
    std::string json = "{";
    for (const Vector& v : list) {
        json.append(json.size() > 1 ? "," : "").append("\"").append(v.name).append("\":{\"dtype\":\"F32\",\"shape\":[");
        json +=
            std::to_string((v.end - v.begin) / 4) + "],\"data_offsets\":" + detail::range_text(v.begin, v.end) + "}";
    }
    return json + "}";
}

}  // namespace

TEST_CASE("a sound file opens, in memory and from the disk") {
    const std::string json = R"({ "b":{"shape":[2],"data_offsets":[0,4],"dtype":"F16"},
        "__metadata__":{"format":"pt","k":"v\u00e9"}, "a.\"x":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},
        "n":{"dtype":"I64","shape":[],"data_offsets":[12,20]},
        "e":{"dtype":"F32","shape":[3,0],"data_offsets":[20,20]}}  )";
    std::string bytes = safetensors_bytes(json) + std::string("\x00\x3c\x00\xc0\x00\x00\x80\x3f\x00\x00\x00\xc0", 12) +
                        std::string("\x07\0\0\0\0\0\0\0", 8);
    const effv2_test::TemporaryFolder folder;
    effv2_test::write_file(folder / "x.safetensors", bytes);
    std::string shifted = " " + bytes;  // at an odd address
    for (int way = 0; way < 3; ++way) {
        CAPTURE(way);
        auto opened = way == 0   ? SafeTensors::open(folder / "x.safetensors")
                      : way == 1 ? SafeTensors::from_bytes(as_bytes(bytes), "x")
                                 : SafeTensors::from_bytes(as_bytes(shifted).subspan(1));
        REQUIRE(opened.has_value());
        const SafeTensors file = std::move(*opened);
        CHECK(file.name() == (way == 0 ? folder / "x.safetensors" : way == 1 ? "x" : "weights in memory"));
        REQUIRE(file.entries().size() == 4);
        CHECK(file.entries()[0].name == "a.\"x");
        CHECK(file.entries()[3].name == "n");
        CHECK(file.find("c") == nullptr);
        CHECK(file.find("") == nullptr);
        const TensorEntry* const a = file.find("a.\"x");
        REQUIRE(a != nullptr);
        CHECK(a->dtype == DType::f32);
        CHECK(a->shape == std::vector<std::uint64_t>{1, 2});
        CHECK(file.bytes(*a).size() == 8);
        float values[3];
        file.read(*a, 0, values);
        CHECK((values[0] == 1.0f && values[1] == -2.0f && values[2] == 0.0f));
        file.release(*a);
        file.read(*a, 1, values);
        CHECK((values[0] == -2.0f && values[1] == 0.0f && values[2] == 0.0f));
        file.read(*file.find("b"), 0, values);
        CHECK((values[0] == 1.0f && values[1] == -2.0f && values[2] == 0.0f));
        file.read(*file.find("n"), 0, values);  // a count, not a weight
        CHECK(values[0] == 0.0f);
        file.read(*a, SIZE_MAX, values);
        CHECK(values[0] == 0.0f);
        CHECK(file.find("e")->shape == std::vector<std::uint64_t>{3, 0});
        CHECK(file.metadata().size() == 2);
        CHECK(file.metadata("k") == "v\xc3\xa9");
        CHECK_FALSE(file.metadata("none").has_value());
    }
}

TEST_CASE("a file may hold no tensors") {
    CHECK(header_refusal("{}").empty());
    CHECK(header_refusal(R"({"__metadata__":{}})").empty());
}

TEST_CASE("lengths that lie") {
    CHECK(refusal("") == "w.safetensors: has 0 bytes, fewer than the 8 of a header length");
    CHECK(refusal("1234567") == "w.safetensors: has 7 bytes, fewer than the 8 of a header length");
    CHECK(refusal(std::string("\x05\0\0\0\0\0\0\0{}", 10)) ==
          "w.safetensors: claims a header of 5 bytes, but only 2 follow");
    CHECK(refusal(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)) ==
          "w.safetensors: claims a header of 18446744073709551615 bytes, more than the allowed 100000000");
    CHECK(refusal(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)) ==
          "w.safetensors: claims a header of 100000001 bytes, more than the allowed 100000000");
    CHECK(refusal(std::string("\x02\0\0\0\0\0\0\0{}x", 11)) ==
          "w.safetensors: bytes [0, 1] at the end of the data belong to no tensor");
}

TEST_CASE("a header begins with its brace") {
    CHECK(refusal(std::string("\x03\0\0\0\0\0\0\0 {}", 11)) ==
          "w.safetensors: its header begins with a space; expected '{'");
}

TEST_CASE("other formats are recognised") {
    CHECK(refusal(std::string("PK\x03\x04\0\0\0\0\0\0", 10)).find("weights/convert_pth.py") != std::string::npos);
    CHECK(refusal("\x80\x02}q\x01X\x01\x02\x03\x04").find("weights/convert_pth.py") != std::string::npos);
    CHECK(refusal("\x89HDF\r\n\x1a\n....").find("weights/convert_keras.py") != std::string::npos);
    CHECK(refusal("version https://git-lfs.github.com/spec/v1").find("Git LFS pointer") != std::string::npos);
}

TEST_CASE("headers that are not the JSON that the format has") {
    CHECK(header_refusal("") ==
          "w.safetensors: header, byte 8: expected '{' to open the header, found the end of the text");
    CHECK(header_refusal("[]") == "w.safetensors: header, byte 8: expected '{' to open the header, found '['");
    CHECK(header_refusal("{\"a\":1}") ==
          "w.safetensors: header, byte 13: expected '{' to open a tensor's description, found '1'");
    CHECK(header_refusal("{\"a\":[[[[") ==
          "w.safetensors: header, byte 13: expected '{' to open a tensor's description, found '['");
    CHECK(header_refusal("{}{}") == "w.safetensors: header, byte 10: expected nothing more, found '{'");
    CHECK(header_refusal(std::string("{}\0", 3)) ==
          "w.safetensors: header, byte 10: expected nothing more, found '\\x00'");
    CHECK(header_refusal("{\"a\":{}}") == "w.safetensors: header, byte 15: tensor 'a' has no dtype");
    CHECK(header_refusal(R"({"a":{"dtype":"F32"}})") == "w.safetensors: header, byte 28: tensor 'a' has no shape");
    CHECK(header_refusal(R"({"a":{"dtype":"F32","shape":[]}})") ==
          "w.safetensors: header, byte 39: tensor 'a' has no data_offsets");
    CHECK(header_refusal(R"({"a":{"dtype":"F32","dtype":"F32"}})") ==
          "w.safetensors: header, byte 36: tensor 'a': 'dtype' appears twice");
    CHECK(header_refusal(R"({"a":{"strides":[1]}})") ==
          "w.safetensors: header, byte 24: tensor 'a': unknown key 'strides' "
          "(expected dtype, shape, data_offsets)");
    CHECK(header_refusal(R"({"a":{"dtype":5}})") ==
          "w.safetensors: header, byte 22: expected a dtype in quotes, found '5'");
    CHECK(header_refusal(R"({"__metadata__":{"a":1}})") ==
          "w.safetensors: header, byte 29: expected a metadata value in quotes, found '1'");
    CHECK(header_refusal(R"({"__metadata__":null})") ==
          "w.safetensors: header, byte 24: expected '{' to open '__metadata__', found 'n'");
    CHECK(header_refusal(R"({"__metadata__":{"a":"1","a":"2"}})") ==
          "w.safetensors: header, byte 40: the metadata key 'a' appears twice");
    CHECK(header_refusal(R"({"__metadata__":{},"__metadata__":{}})") ==
          "w.safetensors: header, byte 42: '__metadata__' appears twice");
    CHECK(header_refusal("{\"\xff\":{}}") == "w.safetensors: header, byte 10: a string is not valid UTF-8 ('\\xff')");
}

TEST_CASE("dtypes and shapes that cannot be") {
    CHECK(header_refusal(one("F99", "[1]", "[0,4]"), 4) ==
          "w.safetensors: header, byte 27: tensor 'a': unknown dtype 'F99'");
    CHECK(header_refusal(one("F32", "[-1]", "[0,4]"), 4) == "w.safetensors: header, byte 37: a dimension is negative");
    CHECK(header_refusal(one("F32", "[1.5]", "[0,4]"), 4) ==
          "w.safetensors: header, byte 37: a dimension is not written as a whole number");
    CHECK(header_refusal(one("F32", "[99999999999999999999]", "[0,4]"), 4) ==
          "w.safetensors: header, byte 37: a dimension is beyond 64 bits");
    CHECK(header_refusal(one("F32", "7", "[0,4]"), 4) ==
          "w.safetensors: header, byte 36: expected '[' to open a shape, found '7'");
    CHECK(header_refusal(one("F32", "[4294967296,4294967296]", "[0,4]"), 4) ==
          "w.safetensors: tensor 'a': shape [4294967296, 4294967296] of F32 is beyond 64-bit sizes");
    CHECK(header_refusal(one("F32", "[2305843009213693952]", "[0,0]"), 0) ==
          "w.safetensors: tensor 'a': shape [2305843009213693952] of F32 is beyond 64-bit sizes");
    CHECK(header_refusal(one("F4", "[3]", "[0,1]"), 1) ==
          "w.safetensors: tensor 'a': shape [3] of F4 does not fill whole bytes");
    CHECK(header_refusal(one("F4", "[2]", "[0,1]"), 1).empty());
    CHECK(header_refusal(one("U8", "[1,2,3,4,5,6,7,8,9,10]", "[0,1]"), 1) ==
          "w.safetensors: tensor 'a': shape [1, 2, 3, 4, 5, 6, 7, 8, ...] of U8 takes 3628800 bytes, but data_offsets "
          "[0, 1] hold 1");
    std::string many = "[1";
    for (int i = 0; i < 64; ++i) many += ",1";
    CHECK(header_refusal(one("U8", many + "]", "[0,1]"), 1) ==
          "w.safetensors: header, byte 164: tensor 'a' has more than 64 dimensions");
}

TEST_CASE("data offsets that lie") {
    CHECK(header_refusal(one("F32", "[1]", "[4,0]"), 4) ==
          "w.safetensors: tensor 'a': data_offsets [4, 0] end before they begin");
    CHECK(header_refusal(one("F32", "[2]", "[0,8]"), 7) ==
          "w.safetensors: tensor 'a': data_offsets [0, 8] reach beyond the data, which has 7 bytes (is the file "
          "truncated?)");
    CHECK(header_refusal(one("F32", "[2]", "[18446744073709551607,18446744073709551615]"), 8) ==
          "w.safetensors: tensor 'a': data_offsets [18446744073709551607, 18446744073709551615] reach beyond the data, "
          "which has 8 bytes (is the file truncated?)");
    CHECK(header_refusal(one("F16", "[2,2]", "[0,6]"), 6) ==
          "w.safetensors: tensor 'a': shape [2, 2] of F16 takes 8 bytes, but data_offsets [0, 6] hold 6");
    CHECK(header_refusal(one("F32", "[1]", "[0]"), 4) ==
          "w.safetensors: header, byte 58: tensor 'a': data_offsets needs two numbers");
    CHECK(header_refusal(one("F32", "[1]", "[0,4,4]"), 4) ==
          "w.safetensors: header, byte 61: tensor 'a': data_offsets has more than two numbers");
    CHECK(header_refusal(one("F32", "[1]", "[-4,0]"), 4) ==
          "w.safetensors: header, byte 56: a data offset is negative");
}

TEST_CASE("duplicates, overlaps and holes") {
    CHECK(header_refusal(vectors({{"a", 0, 4}, {"b", 4, 8}, {"a", 8, 12}}), 12) ==
          "w.safetensors: tensor 'a': its name appears twice");
    CHECK(header_refusal(vectors({{"a", 0, 8}, {"b", 4, 12}}), 12) ==
          "w.safetensors: tensor 'b': data_offsets [4, 12] overlap those of tensor 'a', [0, 8]");
    CHECK(header_refusal(vectors({{"a", 0, 8}, {"b", 0, 8}}), 8).find("overlap") != std::string::npos);
    CHECK(header_refusal(vectors({{"b", 8, 12}, {"a", 0, 4}}), 12) ==
          "w.safetensors: bytes [4, 8] of the data, before tensor 'b', belong to no tensor");
    CHECK(header_refusal(vectors({{"a", 4, 8}}), 8) ==
          "w.safetensors: bytes [0, 4] of the data, before tensor 'a', belong to no tensor");
    CHECK(header_refusal(vectors({{"a", 0, 4}}), 9) ==
          "w.safetensors: bytes [4, 9] at the end of the data belong to no tensor");
    CHECK(header_refusal(vectors({{"b", 4, 8}, {"a", 0, 4}, {"empty", 4, 4}}), 8).empty());
}

TEST_CASE("names that would not print are shown safely") {
    CHECK(header_refusal(R"({"\u001b[2J\n":{}})") ==
          "w.safetensors: header, byte 25: tensor '\\x1b[2J\\x0a' has no dtype");
    const std::string message = header_refusal("{\"" + std::string(100000, 'n') + "\":{}}");
    CHECK(message.size() < 300);
}

TEST_CASE("huge headers take time in proportion") {
    // Depth, a long string and a hundred thousand tensors: none may make the reader recurse or square its time.
    CHECK(header_refusal("{\"a\":" + std::string(10'000'000, '[')).find("found '['") != std::string::npos);
    CHECK(header_refusal(std::string(10'000'000, '{')).find("expected a key in quotes") != std::string::npos);
    CHECK(header_refusal("{\"" + std::string(10'000'000, 'x')).find("has no closing quote") != std::string::npos);
    std::string many = "{";
    for (int i = 0; i < 100'000; ++i)
        many += "\"t" + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[" + std::to_string(i) +
                "," + std::to_string(i + 1) + "]},";
    many.back() = '}';
    CHECK(header_refusal(many, 100'000).empty());
    CHECK(header_refusal(many, 100'001).find("belong to no tensor") != std::string::npos);
}

TEST_CASE("every truncation of a file is refused") {
    const std::string bytes = safetensors_bytes(vectors({{"a", 0, 8}, {"b", 8, 12}}), 12);
    REQUIRE(refusal(bytes).empty());
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(refusal(bytes.substr(0, size)).empty());
}
