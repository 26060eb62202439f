#include "common/npy.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using examples::NpyReader;
using examples::NpyWriter;
using examples::Shape;

namespace {

// A file in the system's folder for such, gone at the end.
struct Scratch {
    explicit Scratch(const std::string& name)
        : path((std::filesystem::temp_directory_path() / ("effv2_npy_test_" + name)).string()) {}
    ~Scratch() { std::filesystem::remove(path); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    const std::string path;
};

// A version 1.0 file with that dictionary and so many bytes of data.
std::string file_with(const std::string& dictionary, std::size_t bytes) {
    std::string text("\x93NUMPY\x01\x00", 8);
    text += {static_cast<char>(dictionary.size() & 255), static_cast<char>(dictionary.size() >> 8)};
    return text + dictionary + std::string(bytes, '\0');
}

std::string error_of(const std::string& bytes) {
    const Scratch file("bad.npy");
    std::ofstream(file.path, std::ios::binary) << bytes;
    const effv2::Result<NpyReader> opened = NpyReader::open(file.path);
    if (opened) return "no error";
    CHECK(opened.error().message.starts_with(file.path + ": "));
    return opened.error().message.substr(file.path.size() + 2);
}

Shape shape_of(const std::string& dictionary, std::size_t bytes) {
    const Scratch file("good.npy");
    std::ofstream(file.path, std::ios::binary) << file_with(dictionary, bytes);
    const effv2::Result<NpyReader> opened = NpyReader::open(file.path);
    INFO(dictionary << (opened ? "" : opened.error().message));
    REQUIRE(opened.has_value());
    return opened->shape();
}

}  // namespace

TEST_CASE("what is written is read again, in pieces") {
    const Scratch file("round.npy");
    const std::array<float, 6> values{0.0F, -1.5F, 3e38F, 1e-40F, 5.0F, -0.0F};
    {
        effv2::Result<NpyWriter> writer = NpyWriter::create(file.path, {2, 3});
        REQUIRE(writer.has_value());
        CHECK(writer->write(std::span(values).first(2)).has_value());
        CHECK(writer->write(std::span(values).last(4)).has_value());
        CHECK(writer->finish().has_value());
    }
    CHECK(std::filesystem::file_size(file.path) == 128 + 6 * 4);
    effv2::Result<NpyReader> reader = NpyReader::open(file.path);
    REQUIRE(reader.has_value());
    CHECK(reader->shape() == Shape{2, 3});
    std::array<float, 6> back{};
    CHECK(reader->read(std::span(back).first(5)).has_value());
    CHECK(reader->read(std::span(back).last(1)).has_value());
    CHECK(back == values);
    CHECK_FALSE(reader->read(back).has_value());
}

TEST_CASE("a file that is not finished leaves nothing behind, and the older one as it was") {
    const Scratch file("dropped.npy");
    const auto drop = [&] {
        effv2::Result<NpyWriter> writer = NpyWriter::create(file.path, {4});
        REQUIRE(writer.has_value());
        REQUIRE(writer->write(std::vector<float>(4)).has_value());
    };
    drop();
    CHECK_FALSE(std::filesystem::exists(file.path));
    std::ofstream(file.path) << "older";
    drop();
    CHECK(std::filesystem::file_size(file.path) == 5);
    CHECK_FALSE(std::filesystem::exists(file.path + ".partial0"));
}

TEST_CASE("shapes are written as Python writes tuples") {
    CHECK(examples::shape_text({}) == "()");
    CHECK(examples::shape_text({5}) == "(5,)");
    CHECK(examples::shape_text({5, 6}) == "(5, 6)");
}

TEST_CASE("headers that NumPy or another writer could have made are read") {
    CHECK(shape_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n", 8) == Shape{1, 2});
    CHECK(shape_of("{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<f4\"}", 8) == Shape{2});
    CHECK(shape_of("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4) == Shape{});
    CHECK(shape_of("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}   \n", 0) == Shape{0, 3});
}

TEST_CASE("version 2.0 has a longer length field") {
    const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
    std::string bytes("\x93NUMPY\x02\x00", 8);
    bytes += std::string({static_cast<char>(dictionary.size()), '\0', '\0', '\0'}) + dictionary + std::string(4, '\0');
    CHECK(error_of(bytes) == "no error");
}

TEST_CASE("other types, orders and versions are refused by name") {
    CHECK(error_of(file_with("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8)) ==
          "holds numbers of type '<f8', but float32 in little-endian order, '<f4', is needed");
    CHECK(error_of(file_with("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4)) ==
          "holds numbers of type '>f4', but float32 in little-endian order, '<f4', is needed");
    CHECK(error_of(file_with("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4)) ==
          "is in Fortran order, but C order is needed (numpy.ascontiguousarray)");
    CHECK(error_of(std::string("\x93NUMPY\x03\x00\x10\x00\x00\x00", 12)) ==
          "has .npy version 3.0, but only 1.0 and 2.0 are read");
}

TEST_CASE("a file of another length than its shape's is refused") {
    const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    CHECK(error_of(file_with(dictionary, 15)) ==
          "float32 of shape (2, 2) take 16 bytes, but 15 follow (the file is cut short)");
    CHECK(error_of(file_with(dictionary, 17)) == "float32 of shape (2, 2) take 16 bytes, but 17 follow");
    CHECK(error_of(file_with("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4)) ==
          "its shape (4294967296, 4294967296) is beyond all files");
}

TEST_CASE("what is no .npy file is refused") {
    CHECK(error_of("") == "is no .npy file");
    CHECK(error_of("PK\x03\x04 an .npz file") == "is no .npy file");
    CHECK(error_of("\x93NUMPY") == "ends within its header");
    CHECK(error_of(std::string("\x93NUMPY\x01\x00\xff", 9)) == "ends within its header");
    CHECK(error_of(std::string("\x93NUMPY\x01\x00\x40\x00{'descr'", 18)) == "ends within its header");
    CHECK(error_of(std::string("\x93NUMPY\x02\x00\xff\xff\xff\x7f", 12)) ==
          "claims a header of 2147483647 bytes, more than the allowed 65536");
}

TEST_CASE("a header that is anything but the dictionary is refused") {
    const std::string sound = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
    REQUIRE(error_of(file_with(sound, 4)) == "no error");
    for (std::size_t length = 0; length < sound.size(); ++length)
        CHECK(error_of(file_with(sound.substr(0, length), 4)) == "its header is not one that NumPy writes");
    for (const char* bad :
         {"{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'shape': (1,)}",
          "{'fortran_order': False, 'shape': (1,)}", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
          "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 'x'}",
          "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x"})
        CHECK(error_of(file_with(bad, 4)) == "its header is not one that NumPy writes");
}

TEST_CASE("what cannot be opened says why") {
    const std::string folder = std::filesystem::temp_directory_path().string();
    const effv2::Result<NpyReader> directory = NpyReader::open(folder);
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error().message == folder + ": cannot be read: Is a directory");
    const effv2::Result<NpyReader> missing = NpyReader::open("/no/such/file.npy");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().message == "/no/such/file.npy: cannot be opened: No such file or directory");
    const effv2::Result<NpyWriter> nowhere = NpyWriter::create("/no/such/file.npy", {1});
    REQUIRE_FALSE(nowhere.has_value());
    CHECK(nowhere.error().message == "/no/such/file.npy: cannot be created: No such file or directory");
}
