#include "common/decode.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "examples/decode_goldens.hpp"
#include "image/pictures.hpp"

using examples::decode_bytes;
using examples::decode_file;

namespace {

std::vector<std::uint8_t> from_hex(std::string_view text) {
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

std::vector<std::uint8_t> content(std::string_view name) {
    for (const examples::goldens::File& file : examples::goldens::files)
        if (file.name == name) return from_hex(file.content);
    FAIL("no golden of that name");
    return {};
}

std::string complaint(const std::vector<std::uint8_t>& bytes) {
    const effv2::Result<effv2::Image> image = decode_bytes(bytes, "photo");
    return image ? "" : image.error().message;
}

// A file that is gone again at the end.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::vector<std::uint8_t>& bytes) {
        std::ofstream file(path_, std::ios::binary);
        for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_ = std::filesystem::temp_directory_path() / "effv2_decode_test.picture";
};

}  // namespace

TEST_CASE("files of every kind decode to Pillow's pixels") {
    for (const examples::goldens::File& file : examples::goldens::files) {
        CAPTURE(file.name);
        const effv2::Result<effv2::Image> image = decode_bytes(from_hex(file.content), "photo");
        REQUIRE(image);
        CHECK(image->width == file.width);
        CHECK(image->height == file.height);
        REQUIRE(image->channels == 3);
        CHECK(effv2::hash(image->pixels) == file.hash);
        for (std::size_t c = 0; c < 3; ++c) CHECK(image->pixels[image->pixels.size() - 3 + c] == file.last[c]);
    }
}

TEST_CASE("a file that is cut short anywhere is an error") {
    for (const examples::goldens::File& file : examples::goldens::files) {
        CAPTURE(file.name);
        std::vector<std::uint8_t> bytes = from_hex(file.content);
        while (bytes.size() > 12) {
            bytes.pop_back();
            const std::string expected = " file that is cut short: it ends at byte " + std::to_string(bytes.size()) +
                                         ", before its picture does";
            REQUIRE(complaint(bytes).ends_with(expected));
        }
    }
}

TEST_CASE("a damaged file is an error, or a picture, but never harm") {
    std::uint64_t counter = 0;
    const auto dice = [&counter](std::size_t sides) { return effv2::splitmix64(counter++) % sides; };
    for (const examples::goldens::File& file : examples::goldens::files) {
        const std::vector<std::uint8_t> sound = from_hex(file.content);
        for (int round = 0; round < 50; ++round) {
            std::vector<std::uint8_t> bytes = sound;
            for (int i = 0; i < 3; ++i) bytes[dice(bytes.size())] = static_cast<std::uint8_t>(dice(256));
            const effv2::Result<effv2::Image> image = decode_bytes(bytes, "photo");
            if (!image) CHECK(image.error().message.starts_with("photo "));
        }
    }
}

TEST_CASE("a JPEG of scans without end is refused") {
    const std::vector<std::uint8_t> sound = content("jpeg_progressive_444");
    const auto marks = [&](std::uint8_t mark) {
        std::vector<std::ptrdiff_t> found;
        for (std::size_t i = 0; i + 1 < sound.size(); ++i)
            if (sound[i] == 0xff && sound[i + 1] == mark) found.push_back(static_cast<std::ptrdiff_t>(i));
        return found;
    };
    const auto scan = sound.begin() + marks(0xda).back(), end = sound.begin() + marks(0xd9).back();
    for (const int times : {10, 200}) {
        std::vector<std::uint8_t> bytes(sound.begin(), end);
        for (int i = 0; i < times; ++i) bytes.insert(bytes.end(), scan, end);
        bytes.insert(bytes.end(), {0xff, 0xd9});
        CHECK(complaint(bytes) == (times == 10 ? "" : "photo is a damaged JPEG file: it has more than 100 scans"));
    }
}

TEST_CASE("what is no picture is refused with a sentence") {
    using namespace examples::goldens;
    CHECK(complaint({}) == "photo is empty: a JPEG, PNG or WebP file was expected");
    CHECK(complaint({'P', '5', '\n', '1', ' ', '1', '\n', '9', '9'}) ==
          "photo is not a picture: a JPEG, PNG or WebP file was expected, and it starts with 50 35 0a 31 20 31 0a 39");
    CHECK(complaint({0xff, 0xd8, 0xff, 0xd9}) == "photo is a damaged JPEG file: JPEG datastream contains no image");
    CHECK(
        complaint({'R', 'I', 'F', 'F', 4, 0, 0, 0, 'W', 'E', 'B', 'P'}).starts_with("photo is a damaged WebP file: "));
    CHECK(complaint(from_hex(animated_webp)) == "photo is an animated WebP file, and only still pictures are read");
    CHECK(complaint(from_hex(huge_png)) ==
          "photo has 100000x100000 pixels, more than the limits of 268435456 in all and 16777216 a side");
    CHECK(complaint(from_hex(png_without_rows)) == "photo is a damaged PNG file: Not enough image data");
    CHECK(complaint(from_hex(png_without_palette)).starts_with("photo is a damaged PNG file: "));
}

TEST_CASE("files are told by their content, and missing ones by their name") {
    const TemporaryFile file(content("png_rgb_16"));
    const effv2::Result<effv2::Image> image = decode_file(file.path());
    REQUIRE(image);
    CHECK(image->width == 3);

    const effv2::Result<effv2::Image> missing = decode_file("no/such/photo.jpg");
    REQUIRE(!missing);
    CHECK(missing.error().code == effv2::ErrorCode::file);
    CHECK(missing.error().message == "no/such/photo.jpg cannot be opened: No such file or directory");
    const effv2::Result<effv2::Image> folder = decode_file(std::filesystem::temp_directory_path().string());
    REQUIRE(!folder);
    CHECK(folder.error().code == effv2::ErrorCode::file);
}
