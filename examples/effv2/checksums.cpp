#include "checksums.hpp"

#include <array>
#include <cstdio>

#include "effv2/training/optimise/checksum.hpp"
#include "effv2/weights/mapped_file.hpp"

namespace cli {

using effv2::training::Checksum;

namespace {

std::string in_hexadecimal(const Checksum& sum) {
    std::array<char, 17> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(sum.value()));
    return digits.data();
}

}  // namespace

std::string checksum_pictures(const effv2::training::data::Pictures& pictures) {
    Checksum sum;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        const effv2::ImageView image = pictures.picture(i);
        const std::array<int, 3> facts{image.width, image.height, pictures.label(i)};
        sum.add_padded(std::as_bytes(std::span(facts)));
        const auto rows = static_cast<std::size_t>(image.height);
        sum.add_padded(std::as_bytes(std::span(image.data, static_cast<std::size_t>(image.row_stride) * rows)));
    }
    return in_hexadecimal(sum);
}

effv2::Result<std::string> checksum_file(const std::string& path) {
    const effv2::Result<effv2::MappedFile> file = effv2::MappedFile::open(path);
    if (!file) return file.error();
    Checksum sum;
    sum.add_padded(file->bytes());
    return in_hexadecimal(sum);
}

}  // namespace cli
