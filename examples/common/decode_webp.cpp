// WebP by libwebp, lossy and lossless.
#include <webp/decode.h>

#include <cstddef>

#include "decode_formats.hpp"

namespace examples {

namespace {

effv2::Error failure(VP8StatusCode status, Bytes bytes, std::string_view name) {
    switch (status) {
        case VP8_STATUS_NOT_ENOUGH_DATA:
        case VP8_STATUS_SUSPENDED:
            return cut_short(name, "WebP", bytes.size());
        case VP8_STATUS_OUT_OF_MEMORY:
            return damaged(name, "WebP", "libwebp ran out of memory");
        case VP8_STATUS_UNSUPPORTED_FEATURE:
            return damaged(name, "WebP", "it uses a feature that libwebp lacks");
        default:
            return damaged(name, "WebP", "libwebp cannot make sense of it");
    }
}

// A RIFF file says how long it is: libwebp does not mind if less is there, as long as the pixels are.
bool is_cut_short(Bytes bytes) {
    std::size_t said = 0;
    for (std::size_t i = 8; i-- > 4;) said = said << 8 | bytes[i];
    return bytes.size() < said + 8;
}

}  // namespace

effv2::Result<effv2::Image> decode_webp(Bytes bytes, std::string_view name) {
    if (is_cut_short(bytes)) return cut_short(name, "WebP", bytes.size());
    WebPDecoderConfig config;
    if (WebPInitDecoderConfig(&config) == 0) return damaged(name, "WebP", "libwebp is of another version");
    const VP8StatusCode header = WebPGetFeatures(bytes.data(), bytes.size(), &config.input);
    if (header != VP8_STATUS_OK) return failure(header, bytes, name);
    if (config.input.has_animation != 0)
        return effv2::Error{effv2::ErrorCode::format,
                            std::string(name) + " is an animated WebP file, and only still pictures are read"};
    effv2::Result<effv2::Image> picture = make_picture(static_cast<std::uint32_t>(config.input.width),
                                                       static_cast<std::uint32_t>(config.input.height), name);
    if (!picture) return picture;

    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {picture->pixels.data(), picture->width * 3, picture->pixels.size()};
    const VP8StatusCode status = WebPDecode(bytes.data(), bytes.size(), &config);
    if (status != VP8_STATUS_OK) return failure(status, bytes, name);
    return picture;
}

}  // namespace examples
