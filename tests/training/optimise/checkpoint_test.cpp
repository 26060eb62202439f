#include "effv2/training/optimise/checkpoint.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "weights/file_size_limit.hpp"
#include "weights/sample_files.hpp"

using namespace effv2;
using namespace effv2::training;
using effv2_test::file_text;
using effv2_test::FileSizeLimit;
using effv2_test::TemporaryFolder;
using effv2_test::write_file;

namespace {

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Three sections, none of whose lengths fits a block; `step` tells one checkpoint from another.
Status write_sample(const std::string& path, std::uint64_t step, std::size_t floats = 21) {
    std::vector<float> weights(floats);
    std::iota(weights.begin(), weights.end(), static_cast<float>(step));
    const CheckpointSection sections[] = {{"weights", std::span<const float>(weights)},
                                          {"step", std::span<const std::uint64_t>(&step, 1)},
                                          {"recipe", "b0, 10 epochs"}};
    return write_checkpoint(path, sections);
}

// The step of a checkpoint whose weights agree with it.
std::uint64_t step_of(const Checkpoint& checkpoint) {
    const Result<std::uint64_t> step = checkpoint.number("step");
    REQUIRE(step.has_value());
    const auto weights = checkpoint.floats("weights");
    REQUIRE(weights.has_value());
    for (std::size_t i = 0; i < weights->size(); ++i)
        REQUIRE((*weights)[i] == static_cast<float>(*step) + static_cast<float>(i));
    return *step;
}

std::string message(const Result<Checkpoint>& result) { return result ? "" : result.error().message; }

// A file's words with one replaced, and the checksum that then belongs to them.
std::string with_word(std::string bytes, std::size_t at, std::uint64_t word) {
    std::memcpy(bytes.data() + at, &word, 8);
    Checksum checksum;
    checksum.add(effv2_test::as_bytes(bytes).first(bytes.size() - 8));
    const std::uint64_t sum = checksum.value();
    std::memcpy(bytes.data() + bytes.size() - 8, &sum, 8);
    return bytes;
}

}  // namespace

TEST_CASE("sections come back as they were written") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    const std::vector<float> floats{1.5f, -0.0f, 3e38f, 0x1p-149f, 5.0f}, block(16, 7.0f), none;
    const std::vector<std::uint64_t> numbers{0, UINT64_MAX, 42};
    const CheckpointSection sections[] = {{"floats", std::span<const float>(floats)},
                                          {"a whole block", std::span<const float>(block)},
                                          {"none", std::span<const float>(none)},
                                          {"numbers", std::span<const std::uint64_t>(numbers)},
                                          {"text", "line\n\0 end"}};
    REQUIRE(write_checkpoint(path, sections).has_value());
    const Result<Checkpoint> read = read_checkpoint(path);
    REQUIRE_MESSAGE(read.has_value(), message(read));
    CHECK(read->path() == path);
    CHECK(read->note() == "");
    CHECK(read->sections().size() == 5);
    CHECK(std::memcmp(read->floats("floats")->data(), floats.data(), 20) == 0);
    CHECK(read->floats("floats")->size() == 5);
    CHECK(reinterpret_cast<std::uintptr_t>(read->floats("a whole block")->data()) % 64 == 0);
    CHECK(read->floats("none")->empty());
    std::vector<std::uint64_t> found(3);
    REQUIRE(read->read("numbers", std::span<std::uint64_t>(found)).has_value());
    CHECK(found == numbers);
    CHECK(read->bytes("text")->size() == 5);  // a literal's text ends at its first zero
    CHECK(read->has("text"));
    CHECK_FALSE(read->has("tex"));
    CHECK_FALSE(exists(path + ".partial0"));
    CHECK_FALSE(exists(path + ".aside"));
    CHECK_FALSE(exists(previous_checkpoint(path)));
    REQUIRE(write_checkpoint(folder / "empty", {}).has_value());
    CHECK(read_checkpoint(folder / "empty")->sections().empty());
}

TEST_CASE("the checkpoint before is kept") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    for (std::uint64_t step = 1; step <= 3; ++step) {
        REQUIRE(write_sample(path, step).has_value());
        CHECK(step_of(*Checkpoint::open(path)) == step);
        if (step > 1) CHECK(step_of(*Checkpoint::open(previous_checkpoint(path))) == step - 1);
        CHECK_FALSE(exists(path + ".aside"));
    }
    // What is open stays as it is while newer ones take its name.
    const Result<Checkpoint> open = read_checkpoint(path);
    REQUIRE(write_sample(path, 4).has_value());
    REQUIRE(write_sample(path, 5).has_value());
    CHECK(step_of(*open) == 3);
}

TEST_CASE("a file cut anywhere is found out, and the one before stands in") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt", alone = folder / "alone";
    REQUIRE(write_sample(path, 1).has_value());
    REQUIRE(write_sample(path, 2).has_value());
    const std::string whole = file_text(path);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_file(path, whole.substr(0, length));
        const Result<Checkpoint> cut = Checkpoint::open(path);
        REQUIRE_FALSE(cut.has_value());
        CHECK(cut.error().message.starts_with(path + (length == 0   ? ": is empty"
                                                      : length < 72 ? ": is no whole checkpoint: it has only "
                                                                    : ": is cut short: by its header it has ")));
        const Result<Checkpoint> read = read_checkpoint(path);
        REQUIRE(read.has_value());
        CHECK(step_of(*read) == 1);
        CHECK(read->path() == path + ".previous");
        CHECK(read->note() == cut.error().message + "; " + path + ".previous is used in its place");
        write_file(alone, whole.substr(0, length));
        CHECK(message(read_checkpoint(alone))
                  .ends_with(alone + ".previous: cannot be opened: No such file or directory"));
    }
    write_file(path, whole + "x");
    CHECK(message(Checkpoint::open(path)) == path + ": is damaged: by its header it has " +
                                                 std::to_string(whole.size()) + " bytes, found " +
                                                 std::to_string(whole.size() + 1));
    std::remove(path.c_str());
    const Result<Checkpoint> read = read_checkpoint(path);
    REQUIRE(read.has_value());
    CHECK(step_of(*read) == 1);
    CHECK(read->note().starts_with(path + ": cannot be opened"));
}

TEST_CASE("every flipped bit is found out") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    REQUIRE(write_sample(path, 2).has_value());
    const std::string whole = file_text(path);
    for (std::size_t byte = 0; byte < whole.size(); ++byte)
        for (int bit = 0; bit < 8; ++bit) {
            std::string bytes = whole;
            bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
            const auto parsed = optimise::parse_checkpoint(path, effv2_test::as_bytes(bytes));
            REQUIRE_FALSE(parsed.has_value());
            CHECK(parsed.error().code == ErrorCode::format);
            if (bit == 0) {
                write_file(path, bytes);
                const Result<Checkpoint> read = read_checkpoint(path);
                REQUIRE(read.has_value());
                CHECK(step_of(*read) == 1);
                CHECK(read->note().ends_with("; " + path + ".previous is used in its place"));
            }
        }
    // Zeros in place of a block, blocks in another order.
    const std::string first = whole.substr(64, 64), second = whole.substr(128, 64);
    for (const std::string& replacement : {std::string(128, '\0'), second + first}) {
        std::string bytes = whole;
        bytes.replace(64, 128, replacement);
        CHECK_FALSE(optimise::parse_checkpoint(path, effv2_test::as_bytes(bytes)).has_value());
    }
}

TEST_CASE("a damaged checkpoint is not kept as the one before") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    REQUIRE(write_sample(path, 2).has_value());
    std::string bytes = file_text(path);
    bytes[200] = static_cast<char>(bytes[200] ^ 1);
    write_file(path, bytes);
    CHECK(step_of(*read_checkpoint(path)) == 1);
    REQUIRE(write_sample(path, 3).has_value());
    CHECK(step_of(*Checkpoint::open(path)) == 3);
    CHECK(step_of(*Checkpoint::open(previous_checkpoint(path))) == 1);
}

TEST_CASE("other versions and machines are named, and nothing older stands in") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    REQUIRE(write_sample(path, 2).has_value());
    const std::string whole = file_text(path);
    write_file(path, with_word(whole, 8, 7));
    CHECK(message(read_checkpoint(path)) == path + ": is a checkpoint of version 7, expected 1");
    CHECK(read_checkpoint(path).error().code == ErrorCode::mismatch);
    const std::uint64_t magic = optimise::word_at(effv2_test::as_bytes(whole), 0);
    write_file(path, with_word(whole, 0, optimise::other_byte_order(magic)));
    CHECK(message(read_checkpoint(path)) == path + ": is a checkpoint from a machine of the other byte order");
    write_file(path, std::string(100, 'x'));
    CHECK(message(Checkpoint::open(path)) == path + ": is no checkpoint, or damaged: it does not begin as one");
}

TEST_CASE("a table that does not fit its file is refused, whatever it says") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    const std::string whole = file_text(path);
    // Sections, bytes of the table; of the first section: kind, bytes, place, bytes of the name.
    for (const std::size_t at : {24u, 32u, 64u, 72u, 80u, 88u})
        for (const std::uint64_t word :
             {std::uint64_t{9}, std::uint64_t{1} << 20, UINT64_MAX, UINT64_MAX - 63, UINT64_MAX / 2}) {
            const std::string bytes = with_word(whole, at, word);
            const auto parsed = optimise::parse_checkpoint(path, effv2_test::as_bytes(bytes));
            if (at == 88 && word == 9) continue;  // a longer name, in the zeros after it
            REQUIRE_FALSE(parsed.has_value());
            CHECK(parsed.error().message == path + ": has a table of sections that does not fit the file");
        }
}

TEST_CASE("nothing outside the table is taken for a part of it") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    // The table is one block, full to its end; the values after it look like one more entry.
    const std::string name(32, 'n');
    const std::vector<std::uint64_t> entry{3, 0, 128, 8, 0, 0, 0, 0};
    const CheckpointSection sections[] = {{name, std::span<const std::uint64_t>(entry)}};
    REQUIRE(write_checkpoint(path, sections).has_value());
    const std::string whole = file_text(path);
    CHECK(optimise::parse_checkpoint(path, effv2_test::as_bytes(whole)).has_value());
    const std::pair<std::size_t, std::uint64_t> changes[] = {
        {24, 2}, {80, 64}, {80, 0}, {80, 192}, {80, 130}, {88, 33}, {88, UINT64_MAX}, {88, UINT64_MAX - 7}, {72, 65}};
    for (const auto& change : changes) {
        // Copies, since clang 14 does not let doctest's lambda see a structured binding.
        const auto at = change.first;
        const auto word = change.second;
        const std::string bytes = with_word(whole, at, word);
        const auto parsed = optimise::parse_checkpoint(path, effv2_test::as_bytes(bytes));
        CHECK_FALSE_MESSAGE(parsed.has_value(), at, " ", word);
    }
}

TEST_CASE("a section that is not as expected is named") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    const Checkpoint checkpoint = *Checkpoint::open(path);
    std::vector<float> few(20, 8.0f);
    const Status short_read = checkpoint.read("weights", few);
    REQUIRE_FALSE(short_read.has_value());
    CHECK(short_read.error().code == ErrorCode::mismatch);
    CHECK(short_read.error().message == path + ": section 'weights' has 21 floats, expected 20");
    CHECK(few == std::vector<float>(20, 8.0f));
    CHECK(checkpoint.read("momentum", few).error().message == path + ": section 'momentum' is missing");
    CHECK(checkpoint.read("step", few).error().message ==
          path + ": section 'step' has 64-bit numbers, expected floats");
    CHECK(checkpoint.number("weights").error().message ==
          path + ": section 'weights' has floats, expected 64-bit numbers");
    CHECK(checkpoint.bytes("step").error().message == path + ": section 'step' has 64-bit numbers, expected bytes");
    CHECK(checkpoint.floats("nothing").error().message == path + ": section 'nothing' is missing");
}

TEST_CASE("what a file cannot hold is not written") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    const CheckpointSection twice[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}}, unnamed[] = {{"", "1"}};
    CHECK(write_checkpoint(path, twice).error().message == path + ": section 'a' is given twice");
    CHECK(write_checkpoint(path, unnamed).error().message == path + ": section '' needs a name");
    CHECK_FALSE(exists(path));
    const std::string nowhere = folder / "missing/run.ckpt";
    CHECK(write_sample(nowhere, 1).error().message == nowhere + ": cannot be created: No such file or directory");
}

TEST_CASE("a full disk at any byte leaves the last two checkpoints as they were") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    REQUIRE(write_sample(path, 2).has_value());
    const std::size_t size = file_text(path).size();
    for (std::size_t bytes = 1; bytes < size; bytes += bytes < size - 9 ? 37 : 1) {
        const FileSizeLimit full(bytes);
        const Status written = write_sample(path, 3);
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().message == path + ": cannot be written: File too large");
        CHECK(step_of(*Checkpoint::open(path)) == 2);
        CHECK(step_of(*Checkpoint::open(previous_checkpoint(path))) == 1);
        CHECK_FALSE(exists(path + ".partial0"));
        CHECK_FALSE(exists(path + ".aside"));
    }
    const FileSizeLimit enough(size);
    CHECK(write_sample(path, 3).has_value());
}

TEST_CASE("what a killed writer left behind is no hindrance") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    REQUIRE(write_sample(path, 1).has_value());
    write_file(path + ".partial0", "unfinished");
    write_file(path + ".aside", "old");
    REQUIRE(write_sample(path, 2).has_value());
    CHECK(step_of(*Checkpoint::open(path)) == 2);
    CHECK(step_of(*Checkpoint::open(previous_checkpoint(path))) == 1);
    CHECK_FALSE(exists(path + ".partial0"));
    CHECK_FALSE(exists(path + ".aside"));
}

TEST_CASE("a kill at any moment loses no checkpoint that was written") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.ckpt";
    std::uint64_t least = 0;
    for (int round = 0; round < 25; ++round) {
        int report[2];
        REQUIRE(pipe(report) == 0);
        const pid_t writer = fork();
        if (writer == 0) {
            for (std::uint64_t step = least + 1;; ++step)
                if (!write_sample(path, step, 5000) || write(report[1], &step, sizeof step) != sizeof step) _exit(1);
        }
        close(report[1]);
        std::this_thread::sleep_for(std::chrono::microseconds(1000 + 1370 * round));
        kill(writer, SIGKILL);
        waitpid(writer, nullptr, 0);
        for (std::uint64_t step = 0; read(report[0], &step, sizeof step) == sizeof step;) least = step;
        close(report[0]);
        if (least == 0 && !exists(path)) continue;
        const Result<Checkpoint> found = read_checkpoint(path);
        REQUIRE_MESSAGE(found.has_value(), message(found));
        CHECK(found->note() == "");
        const std::uint64_t step = step_of(*found);
        CHECK(step >= least);
        CHECK(step <= least + 1);  // written, but the writer did not live to say so
        least = step;
    }
    CHECK(least > 0);
}
