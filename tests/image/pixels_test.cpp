#include "effv2/image/pixels.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

using namespace effv2;

namespace {

constexpr std::array<std::uint8_t, 24> bytes{};

std::string complaint(const ImageView& image) {
    const Status status = check_image(image);
    if (status) return "";
    CHECK(status.error().code == ErrorCode::image);
    return status.error().message;
}

}  // namespace

TEST_CASE("a view of pixels needs exactly the bytes of its shape") {
    const Result<ImageView> view = view_pixels(bytes, 4, 2, 3);
    REQUIRE(view);
    CHECK(view->row_stride == 12);
    CHECK(view->row(1) == bytes.data() + 12);
    CHECK(view_pixels(bytes, 3, 2, 4));
    CHECK(view_pixels(bytes, 24, 1, 1));
    const Result<ImageView> longer = view_pixels(bytes, 4, 3, 3);
    REQUIRE(!longer);
    CHECK(longer.error().message == "a picture of 4x3x3 takes 36 bytes, not 24");
    CHECK(!view_pixels(bytes, 4, 1, 3));
    CHECK(!view_pixels({}, 4, 1, 3));
}

TEST_CASE("a sound view passes, rows apart or bottom-up too") {
    CHECK(complaint({bytes.data(), 4, 2, 3, 12}).empty());
    CHECK(complaint({bytes.data(), 3, 2, 3, 12}).empty());
    CHECK(complaint({bytes.data() + 12, 4, 2, 3, -12}).empty());
    CHECK(complaint({bytes.data(), 8, 1, 3, 0}).empty());
}

TEST_CASE("an unsound view is refused with what is wrong with it") {
    CHECK(complaint({bytes.data(), 0, 2, 3, 12}) == "a picture has 1 to 16777216 pixels a side, not 0x2");
    CHECK(complaint({bytes.data(), 2, -1, 3, 12}) == "a picture has 1 to 16777216 pixels a side, not 2x-1");
    CHECK(!complaint({bytes.data(), std::numeric_limits<int>::max(), 1, 3, 0}).empty());
    CHECK(complaint({bytes.data(), 4, 2, 2, 12}) == "a picture has 1 (grey), 3 (RGB) or 4 (RGBA) channels, not 2");
    CHECK(complaint({nullptr, 4, 2, 3, 12}) == "the picture has no pixels: its data pointer is null");
    CHECK(complaint({bytes.data(), 4, 2, 3, 11}) ==
          "rows of 4 pixels of 3 channels lie at least 12 bytes apart, not 11");
    CHECK(!complaint({bytes.data(), 4, 2, 3, -11}).empty());
}
