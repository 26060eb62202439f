// PNG by libpng, every kind of pixel turned into 8-bit red, green and blue.
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstring>

#include "decode_formats.hpp"

namespace examples {

namespace {

// libpng's state. It reports errors by a function that must not return: here, one that jumps back into guarded().
// Nothing that such a jump passes over has a destructor; everything that must be freed belongs to this class or its
// user.
class PngReader {
public:
    explicit PngReader(Bytes bytes) : bytes_(bytes) {
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, [](png_structp, png_const_charp) {});
        if (png_ != nullptr) info_ = png_create_info_struct(png_);
    }
    PngReader(const PngReader&) = delete;
    PngReader& operator=(const PngReader&) = delete;
    ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

    // Reads up to the pixels. Then width() and height() hold.
    bool read_header() {
        if (info_ == nullptr) return false;
        return guarded([this] {
            // Sizes are for make_picture to judge, with its own words.
            png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
            png_set_read_fn(png_, this, read);
            png_read_info(png_, info_);
        });
    }

    // Writes height() rows of width() * 3 bytes to `to`, and checks that the file is complete.
    bool read_pixels(std::uint8_t* to) {
        return guarded([this, to] {
            choose_transforms();
            const int passes = png_set_interlace_handling(png_);
            png_read_update_info(png_, info_);
            if (png_get_rowbytes(png_, info_) != std::size_t{3} * width()) png_error(png_, "unknown kind of pixel");
            for (int pass = 0; pass < passes; ++pass)
                for (std::size_t y = 0; y < height(); ++y) png_read_row(png_, to + y * 3 * width(), nullptr);
            png_read_end(png_, nullptr);
        });
    }

    std::uint32_t width() const { return png_get_image_width(png_, info_); }
    std::uint32_t height() const { return png_get_image_height(png_, info_); }

    // Why something came back false.
    effv2::Error error(std::string_view name) const {
        return cut_short_ ? examples::cut_short(name, "PNG", bytes_.size()) : damaged(name, "PNG", message_.data());
    }

private:
    // Of 16 bits, the upper 8 are kept. Pillow does so for colour; its 16-bit greys it clips at 255 on the way to RGB,
    // which leaves nothing but white, so greys are taken as colours are here.
    void choose_transforms() {
        const int type = png_get_color_type(png_, info_);
        if (type == PNG_COLOR_TYPE_PALETTE) complete_palette();
        png_set_strip_16(png_);
        png_set_packing(png_);
        if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
        if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
        if (type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png_);
        png_set_strip_alpha(png_);
    }

    // Pixels may name colours behind the palette's end, which Pillow makes grey.
    void complete_palette() {
        png_colorp given = nullptr;
        int count = 0;
        png_get_PLTE(png_, info_, &given, &count);
        std::array<png_color, 256> palette;
        for (std::size_t i = 0; i < palette.size(); ++i) {
            const auto grey = static_cast<png_byte>(i);
            palette[i] = i < static_cast<std::size_t>(count) ? given[i] : png_color{grey, grey, grey};
        }
        png_set_PLTE(png_, info_, palette.data(), 1 << png_get_bit_depth(png_, info_));
    }

    [[noreturn]] static void fail(png_structp png, png_const_charp message) {
        auto& reader = *static_cast<PngReader*>(png_get_error_ptr(png));
        std::strncpy(reader.message_.data(), message, reader.message_.size() - 1);
        std::longjmp(reader.back_, 1);
    }

    static void read(png_structp png, png_bytep to, std::size_t count) {
        auto& reader = *static_cast<PngReader*>(png_get_io_ptr(png));
        if (count > reader.bytes_.size() - reader.at_) {
            reader.cut_short_ = true;
            png_error(png, "no more bytes");
        }
        std::memcpy(to, reader.bytes_.data() + reader.at_, count);
        reader.at_ += count;
    }

    // Runs what calls libpng; false where it failed.
    template <class Body>
    bool guarded(Body body) {
        if (setjmp(back_) != 0) return false;
        body();
        return true;
    }

    Bytes bytes_;
    std::size_t at_ = 0;
    png_structp png_ = nullptr;
    png_infop info_ = nullptr;
    std::jmp_buf back_;
    std::array<char, 200> message_{"libpng cannot start"};
    bool cut_short_ = false;
};

}  // namespace

effv2::Result<effv2::Image> decode_png(Bytes bytes, std::string_view name) {
    PngReader reader(bytes);
    if (!reader.read_header()) return reader.error(name);
    effv2::Result<effv2::Image> picture = make_picture(reader.width(), reader.height(), name);
    if (!picture) return picture;
    if (!reader.read_pixels(picture->pixels.data())) return reader.error(name);
    return picture;
}

}  // namespace examples
