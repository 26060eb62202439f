// JPEG by libjpeg-turbo, with its default transform and upsampling, which are Pillow's too.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <vector>

// jpeglib.h needs size_t and FILE from above.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "decode_formats.hpp"

namespace examples {

namespace {

// libjpeg's state. It reports errors by a function that must not return: here, one that jumps back into guarded().
// Nothing that such a jump passes over has a destructor; everything that must be freed belongs to this class or its
// user.
class JpegReader {
public:
    explicit JpegReader(Bytes bytes) : bytes_(bytes) {
        state_.err = jpeg_std_error(&errors_);
        errors_.error_exit = [](j_common_ptr state) {
            auto& reader = *static_cast<JpegReader*>(state->client_data);
            state->err->format_message(state, reader.message_);
            std::longjmp(reader.back_, 1);
        };
        errors_.emit_message = [](j_common_ptr state, int level) {
            // Warnings pass as they do in Pillow, but for the one about bytes that are missing.
            if (level < 0 && state->err->msg_code == JWRN_JPEG_EOF)
                static_cast<JpegReader*>(state->client_data)->cut_short_ = true;
        };
        state_.client_data = this;
        progress_.progress_monitor = [](j_common_ptr state) {
            if (reinterpret_cast<j_decompress_ptr>(state)->input_scan_number <= most_scans) return;
            auto& reader = *static_cast<JpegReader*>(state->client_data);
            std::snprintf(reader.message_, sizeof reader.message_, "it has more than %d scans", most_scans);
            std::longjmp(reader.back_, 1);
        };
    }
    JpegReader(const JpegReader&) = delete;
    JpegReader& operator=(const JpegReader&) = delete;
    ~JpegReader() { jpeg_destroy_decompress(&state_); }

    // Reads up to the first scan. Then width(), height() and components() hold.
    bool read_header() {
        return guarded([this] {
            jpeg_create_decompress(&state_);
            state_.progress = &progress_;
            jpeg_mem_src(&state_, bytes_.data(), static_cast<unsigned long>(bytes_.size()));
            jpeg_read_header(&state_, TRUE);
            state_.out_color_space = state_.num_components == 4 ? JCS_CMYK : JCS_RGB;
        });
    }

    // Writes height() rows of width() * (3 or 4) bytes; calls row(y) for where to, and done(y) once it is filled.
    template <class Row, class Done>
    bool read_rows(Row row, Done done) {
        return guarded([&] {
            jpeg_start_decompress(&state_);
            while (state_.output_scanline < state_.output_height) {
                const JDIMENSION y = state_.output_scanline;
                JSAMPROW to = row(y);
                jpeg_read_scanlines(&state_, &to, 1);
                done(y);
            }
            jpeg_finish_decompress(&state_);
        });
    }

    std::uint32_t width() const { return state_.image_width; }
    std::uint32_t height() const { return state_.image_height; }
    int components() const { return state_.num_components; }

    // Why something came back false.
    effv2::Error error(std::string_view name) const {
        return cut_short_ ? examples::cut_short(name, "JPEG", bytes_.size()) : damaged(name, "JPEG", message_);
    }

private:
    // Runs what calls libjpeg. False where it failed or ran out of bytes: libjpeg only warns of that, and paints grey.
    template <class Body>
    bool guarded(Body body) {
        if (setjmp(back_) != 0) return false;
        body();
        return !cut_short_;
    }

    // A progressive picture has about ten; each costs as much as the whole picture, however short it is (libjpeg-turbo,
    // "Two Issues with the JPEG Standard").
    static constexpr int most_scans = 100;

    Bytes bytes_;
    jpeg_decompress_struct state_{};
    jpeg_progress_mgr progress_{};
    jpeg_error_mgr errors_{};
    std::jmp_buf back_;
    char message_[JMSG_LENGTH_MAX]{};
    bool cut_short_ = false;
};

// a * b / 255, rounded, for bytes (MULDIV255 in Pillow's ImagingUtils.h).
int scaled(int a, int b) {
    const int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

// Four inks to three colours as Pillow does it (cmyk2rgb in Convert.c). Bytes say how much of an ink is left out:
// Adobe's convention, which Pillow takes every four-channel JPEG to follow.
void convert_inks(const std::uint8_t* inks, std::size_t pixels, std::uint8_t* to) {
    for (std::size_t i = 0; i < pixels; ++i, inks += 4, to += 3)
        for (int c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>(inks[3] - scaled(255 - inks[c], inks[3]));
}

}  // namespace

effv2::Result<effv2::Image> decode_jpeg(Bytes bytes, std::string_view name) {
    JpegReader reader(bytes);
    if (!reader.read_header()) return reader.error(name);
    if (reader.components() != 1 && reader.components() != 3 && reader.components() != 4)
        return damaged(name, "JPEG",
                       "it has " + std::to_string(reader.components()) + " colour channels, not 1, 3 or 4");
    effv2::Result<effv2::Image> picture = make_picture(reader.width(), reader.height(), name);
    if (!picture) return picture;

    const std::size_t width = reader.width();
    std::uint8_t* const pixels = picture->pixels.data();
    std::vector<std::uint8_t> inks(reader.components() == 4 ? width * 4 : 0);
    std::uint8_t* const ink_row = inks.data();
    const bool complete =
        ink_row == nullptr
            ? reader.read_rows([=](std::size_t y) { return pixels + y * width * 3; }, [](std::size_t) {})
            : reader.read_rows([=](std::size_t) { return ink_row; },
                               [=](std::size_t y) { convert_inks(ink_row, width, pixels + y * width * 3); });
    if (!complete) return reader.error(name);
    return picture;
}

}  // namespace examples
