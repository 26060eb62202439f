#include "npy.hpp"

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;

static_assert(std::endian::native == std::endian::little, "the floats are taken from the file as they are");

namespace {

// Python's literals are longer than that only where somebody means harm.
constexpr std::size_t max_header = 65536;
constexpr std::string_view magic = "\x93NUMPY";

Error system_error(const std::string& path, const char* what) {
    return {ErrorCode::file, path + ": " + what + ": " + std::strerror(errno)};
}

// The header is a Python dictionary of three known keys, in any order, and spaces up to a line feed.
class HeaderParser {
public:
    explicit HeaderParser(std::string_view text) : rest_(text) {}

    // False where the text is anything else.
    bool parse() {
        if (!take('{')) return false;
        while (!take('}')) {
            if (!entry()) return false;
            if (take(',')) continue;
            if (!take('}')) return false;
            break;
        }
        skip_spaces();
        return rest_.empty() && has_descr_ && has_order_ && has_shape_;
    }

    std::string_view descr() const { return descr_; }
    bool fortran_order() const { return fortran_order_; }
    const Shape& shape() const { return shape_; }

private:
    void skip_spaces() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
    }
    bool take(char c) {
        skip_spaces();
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take(std::string_view word) {
        skip_spaces();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    bool entry() {
        std::string_view key;
        if (!text(key) || !take(':')) return false;
        if (key == "descr") return !std::exchange(has_descr_, true) && text(descr_);
        if (key == "fortran_order") return !std::exchange(has_order_, true) && truth(fortran_order_);
        return key == "shape" && !std::exchange(has_shape_, true) && tuple();
    }

    bool text(std::string_view& into) {
        const char quote = take('\'') ? '\'' : '"';
        if (quote == '"' && !take('"')) return false;
        const std::size_t end = rest_.find(quote);
        if (end == std::string_view::npos) return false;
        into = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return into.find('\\') == std::string_view::npos;
    }

    bool truth(bool& into) {
        into = take("True");
        return into || take("False");
    }

    bool tuple() {
        if (!take('(')) return false;
        while (!take(')')) {
            std::size_t number = 0;
            if (!digits(number)) return false;
            shape_.push_back(number);
            if (take(',')) continue;
            // Without a comma, one number in brackets is no tuple.
            return shape_.size() > 1 && take(')');
        }
        return true;
    }

    bool digits(std::size_t& into) {
        skip_spaces();
        std::size_t count = 0;
        for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
            if (into > std::numeric_limits<std::size_t>::max() / 10 - 9) return false;
            into = into * 10 + static_cast<std::size_t>(rest_[count] - '0');
        }
        rest_.remove_prefix(count);
        return count > 0;
    }

    std::string_view rest_;
    std::string_view descr_;
    bool fortran_order_ = false;
    Shape shape_;
    bool has_descr_ = false, has_order_ = false, has_shape_ = false;
};

// The header's text, or a sentence without the path.
Result<std::string> read_header(std::FILE* file) {
    const auto refuse = [](std::string why) { return Error{ErrorCode::format, std::move(why)}; };
    unsigned char start[12] = {};
    const std::size_t count = std::fread(start, 1, 8, file);
    if (std::memcmp(start, magic.data(), magic.size()) != 0) return refuse("is no .npy file");
    const unsigned major = start[6], minor = start[7];
    if (count == 8 && ((major != 1 && major != 2) || minor != 0))
        return refuse("has .npy version " + std::to_string(major) + "." + std::to_string(minor) +
                      ", but only 1.0 and 2.0 are read");
    const std::size_t width = major == 1 ? 2 : 4;
    std::size_t length = 0;
    if (count != 8 || std::fread(start + 8, 1, width, file) != width) return refuse("ends within its header");
    for (std::size_t i = width; i-- > 0;) length = length << 8 | start[8 + i];
    if (length > max_header)
        return refuse("claims a header of " + std::to_string(length) + " bytes, more than the allowed " +
                      std::to_string(max_header));
    std::string text(length, '\0');
    if (std::fread(text.data(), 1, length, file) != length) return refuse("ends within its header");
    return text;
}

// How many bytes the floats of a shape take, or nothing where that is beyond all files.
bool count_bytes(const Shape& shape, std::uint64_t& bytes) {
    constexpr std::uint64_t limit = std::uint64_t{1} << 60;
    bytes = sizeof(float);
    bool beyond = false;
    for (const std::size_t n : shape) {
        if (n == 0) return bytes = 0, true;
        beyond = beyond || bytes > limit / n;
        if (!beyond) bytes *= n;
    }
    return !beyond;
}

// Floats of that shape, and nothing else, must follow the header.
Status check_length(const std::string& path, std::FILE* file, const Shape& shape) {
    const long start = std::ftell(file);
    if (start < 0 || std::fseek(file, 0, SEEK_END) != 0) return system_error(path, "cannot be measured");
    const auto found = static_cast<std::uint64_t>(std::ftell(file) - start);
    if (std::fseek(file, start, SEEK_SET) != 0) return system_error(path, "cannot be read");
    std::uint64_t expected = 0;
    if (!count_bytes(shape, expected))
        return Error{ErrorCode::format, path + ": its shape " + shape_text(shape) + " is beyond all files"};
    if (found == expected) return std::monostate{};
    return Error{ErrorCode::format, path + ": float32 of shape " + shape_text(shape) + " take " +
                                        std::to_string(expected) + " bytes, but " + std::to_string(found) + " follow" +
                                        (found < expected ? " (the file is cut short)" : "")};
}

}  // namespace

std::string shape_text(const Shape& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    return text + (shape.size() == 1 ? ",)" : ")");
}

Result<NpyReader> NpyReader::open(const std::string& path) {
    const auto refuse = [&path](const std::string& why) { return Error{ErrorCode::format, path + ": " + why}; };
    detail::File file(std::fopen(path.c_str(), "rb"));
    if (!file) return system_error(path, "cannot be opened");
    errno = 0;
    const Result<std::string> text = read_header(file.get());
    if (std::ferror(file.get()) != 0) return system_error(path, "cannot be read");
    if (!text) return refuse(text.error().message);
    HeaderParser header(*text);
    if (!header.parse()) return refuse("its header is not one that NumPy writes");
    if (header.descr() != "<f4")
        return refuse("holds numbers of type '" + std::string(header.descr()) +
                      "', but float32 in little-endian order, '<f4', is needed");
    if (header.fortran_order()) return refuse("is in Fortran order, but C order is needed (numpy.ascontiguousarray)");
    if (Status length = check_length(path, file.get(), header.shape()); !length) return length.error();
    return NpyReader(path, std::move(file), header.shape());
}

Status NpyReader::read(std::span<float> into) {
    if (std::fread(into.data(), sizeof(float), into.size(), file_.get()) == into.size()) return std::monostate{};
    if (std::ferror(file_.get()) != 0) return system_error(path_, "cannot be read");
    return Error{ErrorCode::file, path_ + ": became shorter while it was read"};
}

Result<NpyWriter> NpyWriter::create(const std::string& path, const Shape& shape) {
    Result<effv2::detail::NewFile> file = effv2::detail::NewFile::create(path, effv2::detail::Links::followed);
    if (!file) return file.error();
    // The data begin at a multiple of 64 bytes, as NumPy has it: 10 bytes, the text, spaces, a line feed.
    std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
    text.append(63 - (10 + text.size()) % 64, ' ').append(1, '\n');
    std::string start(magic);
    start.append({'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)});
    start += text;
    if (Status written = file->write(std::as_bytes(std::span(start))); !written) return written.error();
    return NpyWriter(std::move(*file));
}

}  // namespace examples
