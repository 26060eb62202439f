#include "effv2/weights/mapped_file.hpp"

#include <doctest/doctest.h>

#include <string>

#include "weights/sample_files.hpp"

using namespace effv2;

namespace {

std::string text(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// The system's kilobytes of file pages that this process holds, -1 where it does not say.
long resident_file_pages() {
    const std::string status = effv2_test::file_text("/proc/self/status");
    const std::size_t at = status.find("RssFile:");
    return at == std::string::npos ? -1 : std::atol(status.c_str() + at + 8);
}

// Bytes read one by one, so that each page is touched.
unsigned sum(std::span<const std::byte> bytes) {
    unsigned total = 0;
    for (const std::byte b : bytes) total += std::to_integer<unsigned>(b);
    return total;
}

}  // namespace

TEST_CASE("a file is mapped, moved and unmapped") {
    const effv2_test::TemporaryFolder folder;
    effv2_test::write_file(folder / "a", "hello");
    effv2_test::write_file(folder / "b", "other");
    auto a = MappedFile::open(folder / "a");
    auto b = MappedFile::open(folder / "b");
    REQUIRE(a.has_value());
    REQUIRE(b.has_value());
    CHECK(text(*a) == "hello");
    MappedFile moved = std::move(*a);
    CHECK(text(moved) == "hello");
    moved = std::move(*b);
    CHECK(text(moved) == "other");
}

TEST_CASE("what cannot be mapped is refused by name") {
    const effv2_test::TemporaryFolder folder;
    const auto refusal = [&](const std::string& path) {
        const auto file = MappedFile::open(path);
        REQUIRE_FALSE(file.has_value());
        CHECK(file.error().code == ErrorCode::file);
        return file.error().message;
    };
    const std::string missing = folder / "missing", empty = folder / "empty", pipe = folder / "pipe";
    CHECK(refusal(missing) == missing + ": cannot be opened: No such file or directory");
    effv2_test::write_file(empty, "");
    CHECK(refusal(empty) == empty + ": is empty");
    const std::string directory = folder / ".";
    CHECK(refusal(directory) == directory + ": is a directory, not a file");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(refusal(pipe) == pipe + ": is not a regular file");
    if (geteuid() != 0) {  // the superuser may read everything
        effv2_test::write_file(folder / "locked", "x");
        chmod((folder / "locked").c_str(), 0);
        CHECK(refusal(folder / "locked") == (folder / "locked") + ": cannot be opened: Permission denied");
    }
}

TEST_CASE("the reader behind systems without maps reads the same and refuses the same") {
    const effv2_test::TemporaryFolder folder;
    const std::string large(200000, 'x');
    effv2_test::write_file(folder / "large", large);
    CHECK(effv2_test::file_text(folder / "large") == large);
    effv2_test::write_file(folder / "block", large.substr(0, 65536));  // as long as its buffer
    CHECK(effv2_test::file_text(folder / "block").size() == 65536);
    effv2_test::write_file(folder / "empty", "");
    CHECK(detail::read_file(folder / "empty").error().message == (folder / "empty") + ": is empty");
    CHECK(detail::read_file(folder / "none").error().message ==
          (folder / "none") + ": cannot be opened: No such file or directory");
    CHECK(detail::read_file(folder / ".").error().message == (folder / ".") + ": cannot be read: Is a directory");
}

TEST_CASE("released pages leave memory and can be read again") {
    const effv2_test::TemporaryFolder folder;
    constexpr std::size_t size = std::size_t{32} << 20;
    effv2_test::write_file(folder / "big", std::string(size, '\1'));
    const auto file = MappedFile::open(folder / "big");
    REQUIRE(file.has_value());
    const long before = resident_file_pages();
    CHECK(sum(file->bytes()) == size);
    const long touched = resident_file_pages();
    file->release(100, size - 100);
    const long released = resident_file_pages();
    if (before >= 0) {
        CHECK(touched - before > 30000);
        CHECK(released - before < 1000);
    }
    CHECK(sum(file->bytes()) == size);
    file->release(0, size + 1);  // ranges outside the file do nothing
    file->release(size + 1, 0);
    file->release(SIZE_MAX, SIZE_MAX);
    file->release(5, 10);
    CHECK(sum(file->bytes()) == size);
}
