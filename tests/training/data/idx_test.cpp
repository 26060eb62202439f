#include "effv2/training/data/idx.hpp"

#include <doctest/doctest.h>

using namespace effv2;
using namespace effv2::training::data;

namespace {

using Bytes = std::vector<std::uint8_t>;

// A file with this header and `body` bytes 0, 1, 2 and so on behind it.
Bytes file(const std::vector<std::uint32_t>& header, std::size_t body) {
    Bytes made;
    for (const std::uint32_t number : header)
        for (int shift = 24; shift >= 0; shift -= 8) made.push_back(static_cast<std::uint8_t>(number >> shift));
    for (std::size_t i = 0; i < body; ++i) made.push_back(static_cast<std::uint8_t>(i));
    return made;
}

Bytes cut(Bytes bytes, std::size_t size) {
    bytes.resize(size);
    return bytes;
}

std::string images_error(const Bytes& bytes) {
    const auto parsed = parse_idx_images(bytes, "i.idx");
    return parsed ? "" : parsed.error().message;
}

std::string labels_error(const Bytes& bytes) {
    const auto parsed = parse_idx_labels(bytes, "l.idx");
    return parsed ? "" : parsed.error().message;
}

std::string set_error(const Bytes& images, const Bytes& labels, int classes) {
    Pictures set("a set", std::vector<std::string>(static_cast<std::size_t>(classes)));
    const Status added = add_idx(set, {"i.idx", images}, {"l.idx", labels});
    CHECK((added || set.size() == 0));
    return added ? "" : added.error().message;
}

}  // namespace

TEST_CASE("a pair of files becomes pictures of three channels with labels") {
    Pictures set("a set", std::vector<std::string>(3));
    const Bytes images = file({0x803, 3, 2, 4}, 24), labels = file({0x801, 3}, 3);
    REQUIRE(add_idx(set, {"i.idx", images}, {"l.idx", labels}));
    REQUIRE(set.size() == 3);
    CHECK(set.picture(2).width == 4);
    CHECK(set.picture(2).height == 2);
    for (int c = 0; c < 3; ++c) CHECK(set.picture(2).row(1)[3 * 3 + c] == 23);
    CHECK(set.label(2) == 2);
    REQUIRE(add_idx(set, {"i.idx", file({0x803, 0, 2, 4}, 0)}, {"l.idx", file({0x801, 0}, 0)}));
    CHECK(set.size() == 3);
}

TEST_CASE("wrong magic numbers are told from one another") {
    CHECK(images_error(file({0x801, 3}, 3)) ==
          "i.idx: an IDX file of pictures begins with 0x00000803, not 0x00000801; these are labels");
    CHECK(labels_error(file({0x803, 1, 1, 1}, 1)) ==
          "l.idx: an IDX file of labels begins with 0x00000801, not 0x00000803; these are pictures");
    CHECK(
        images_error(file({0x1f8b0808, 1, 1, 1}, 1)) ==
        "i.idx: an IDX file of pictures begins with 0x00000803, not 0x1f8b0808; it is compressed by gzip, and is read "
        "decompressed only");
    CHECK(labels_error(file({0xd01, 1}, 1)) == "l.idx: an IDX file of labels begins with 0x00000801, not 0x00000d01");
}

TEST_CASE("cut and overlong files are refused, however they are cut") {
    const Bytes images = file({0x803, 3, 2, 4}, 24), labels = file({0x801, 3}, 3);
    for (std::size_t size = 0; size < images.size(); ++size) CHECK(images_error(cut(images, size)) != "");
    for (std::size_t size = 0; size < labels.size(); ++size) CHECK(labels_error(cut(labels, size)) != "");
    CHECK(images_error({}) == "i.idx: the IDX header takes 16 bytes, and the file has 0");
    CHECK(images_error(cut(images, 15)) == "i.idx: the IDX header takes 16 bytes, and the file has 15");
    CHECK(images_error(cut(images, 39)) == "i.idx: the IDX header promises 3x2x4 bytes behind it, and the file has 23");
    CHECK(images_error(cut(images, 41)) == "i.idx: the IDX header promises 3x2x4 bytes behind it, and the file has 25");
    CHECK(images_error(cut(images, 64)) == "i.idx: the IDX header promises 3x2x4 bytes behind it, and the file has 48");
    CHECK(labels_error(cut(labels, 10)) == "l.idx: the IDX header promises 3 bytes behind it, and the file has 2");
}

TEST_CASE("huge and empty sizes are refused before anything is allocated") {
    CHECK(images_error(file({0x803, 0xffffffff, 0xffffffff, 0xffffffff}, 8)) ==
          "i.idx: the IDX header promises 4294967295x4294967295x4294967295 bytes behind it, and the file has 8");
    // Whose product is 0, and 8, in 64 bits.
    CHECK(images_error(file({0x803, 0x80000000, 0x80000000, 4}, 0)) != "");
    CHECK(images_error(file({0x803, 0x80000000, 0x80000000, 4}, 8)) != "");
    CHECK(labels_error(file({0x801, 0xffffffff}, 8)) ==
          "l.idx: the IDX header promises 4294967295 bytes behind it, and the file has 8");
    CHECK(images_error(file({0x803, 5, 0, 4}, 0)) == "i.idx: pictures have 1 to 16777216 pixels a side, not 4x0");
    CHECK(images_error(file({0x803, 0, 1, 0x2000000}, 0)) ==
          "i.idx: pictures have 1 to 16777216 pixels a side, not 33554432x1");
    CHECK(images_error(file({0x803, 0, 1, 1}, 1)) ==
          "i.idx: the IDX header promises 0x1x1 bytes behind it, and the file has 1");
}

TEST_CASE("pictures and labels belong together") {
    CHECK(set_error(file({0x803, 2, 1, 1}, 2), file({0x801, 3}, 3), 3) ==
          "i.idx has 2 pictures, and l.idx has 3 labels");
    CHECK(set_error(file({0x803, 3, 1, 1}, 3), file({0x801, 3}, 3), 2) ==
          "l.idx: label 2 is 2, and there are 2 classes");
    CHECK(set_error(file({0x801, 3}, 3), file({0x801, 3}, 3), 3) != "");
    CHECK(set_error(file({0x803, 3, 1, 1}, 3), file({0x803, 3, 1, 1}, 3), 3) != "");
    CHECK(set_error(file({0x803, 3, 1, 1}, 3), file({0x801, 3}, 3), 3) == "");
}
