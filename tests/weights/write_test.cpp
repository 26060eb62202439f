#include "effv2/weights/write.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "effv2/architecture/variants.hpp"
#include "effv2/weights/formula.hpp"
#include "effv2/weights/load.hpp"
#include "weights/file_size_limit.hpp"
#include "weights/sample_files.hpp"

using namespace effv2;
using effv2_test::FileSizeLimit;

namespace {

const std::vector<std::uint64_t> three{3}, two_by_two{2, 2}, none{};

std::string refusal(const std::string& path, std::span<const NamedTensor> tensors, const Metadata& metadata = {},
                    ErrorCode code = ErrorCode::argument) {
    const Status written = write_safetensors(path, tensors, metadata);
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == code);
    return written.error().message;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

TEST_CASE("tensors and metadata come back as they were written") {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w.safetensors";
    const std::vector<float> a{1.0f, -0.0f, std::numeric_limits<float>::infinity()}, b{0x1p-149f, 2.0f, 3.0f, 4.0f},
        scalar{7.0f};
    const NamedTensor tensors[] = {{"z\"\\\n\x01\xc3\xa9", three, a}, {"b", two_by_two, b}, {"s", none, scalar}};
    const Metadata metadata{{"format", "pt"}, {"k\"", "v\x02\xe2\x82\xac"}};
    REQUIRE(write_safetensors(path, tensors, metadata).has_value());
    CHECK_FALSE(exists(path + ".partial0"));
    const auto file = SafeTensors::open(path);
    REQUIRE(file.has_value());
    CHECK(file->metadata() == metadata);
    CHECK(file->entries().size() == 3);
    for (const NamedTensor& tensor : tensors) {
        const TensorEntry* const entry = file->find(tensor.name);
        REQUIRE(entry != nullptr);
        CHECK(entry->dtype == DType::f32);
        CHECK(std::vector<std::uint64_t>(tensor.shape.begin(), tensor.shape.end()) == entry->shape);
        std::vector<float> values(tensor.values.size());
        file->read(*entry, 0, values);
        CHECK(std::memcmp(values.data(), tensor.values.data(), values.size() * sizeof(float)) == 0);
    }
    const std::string bytes = effv2_test::file_text(path);
    CHECK(detail::load_little_endian<std::uint64_t>(effv2_test::as_bytes(bytes).data()) % 8 == 0);
    const std::vector<std::uint64_t> deep(20, 1);
    const NamedTensor twenty_dimensions[] = {{"d", deep, scalar}};
    REQUIRE(write_safetensors(folder / "deep", twenty_dimensions).has_value());
    CHECK(SafeTensors::open(folder / "deep")->find("d")->shape == deep);
    CHECK(write_safetensors(folder / "empty", {}).has_value());
    CHECK(SafeTensors::open(folder / "empty").has_value());
}

TEST_CASE("what cannot be a safetensors file is not written") {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    const std::vector<float> values{1, 2, 3};
    const NamedTensor twice[] = {{"a", three, values}, {"b", three, values}, {"a", three, values}};
    CHECK(refusal(path, twice) == path + ": tensor 'a': its name is given twice");
    const NamedTensor reserved[] = {{"__metadata__", three, values}};
    CHECK(refusal(path, reserved) == path + ": tensor '__metadata__': the format keeps this name for itself");
    const NamedTensor misshapen[] = {{"a", two_by_two, values}};
    CHECK(refusal(path, misshapen) == path + ": tensor 'a': shape [2, 2] has 4 elements, but 3 values were given");
    const NamedTensor unreadable[] = {{"\xff", three, values}};
    CHECK(refusal(path, unreadable) == path + ": tensor '\\xff': its name is not valid UTF-8");
    CHECK(refusal(path, {}, {{"k", "\xc3"}}) == path + ": metadata 'k' is not valid UTF-8");
    const std::vector<std::uint64_t> huge{UINT64_MAX, 2};
    const NamedTensor overflowing[] = {{"a", huge, values}};
    CHECK(refusal(path, overflowing) == path + ": tensor 'a': its shape is beyond 64-bit sizes");
    CHECK(refusal(path, {}, {{"k", std::string(100'000'000, 'x')}}).find("more than readers allow") !=
          std::string::npos);
    CHECK_FALSE(exists(path));
}

TEST_CASE("a failure leaves the older file and no other") {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    const std::vector<std::uint64_t> shape{100000};
    const std::vector<float> values(100000, 1.0f);
    const NamedTensor tensors[] = {{"a", shape, values}};
    effv2_test::write_file(path, "older");
    {
        const FileSizeLimit limit(100000);
        CHECK(refusal(path, tensors, {}, ErrorCode::file) == path + ": cannot be written: File too large");
    }
    {
        const FileSizeLimit limit(1);  // the last bytes only fail when the buffer is emptied
        CHECK(refusal(path, {}, {}, ErrorCode::file) == path + ": cannot be written: File too large");
    }
    CHECK(effv2_test::file_text(path) == "older");
    CHECK_FALSE(exists(path + ".partial0"));
    const std::string nowhere = folder / "missing/w";
    CHECK(refusal(nowhere, tensors, {}, ErrorCode::file) == nowhere + ": cannot be created: No such file or directory");
    REQUIRE(mkdir((folder / "taken").c_str(), 0700) == 0);
    CHECK(refusal(folder / "taken", tensors, {}, ErrorCode::file) == (folder / "taken") + ": is a folder");
    CHECK_FALSE(exists((folder / "taken") + ".partial0"));
}

TEST_CASE("a device stays one") {
    CHECK(write_safetensors("/dev/null", {}).has_value());
    struct stat found {};
    REQUIRE(stat("/dev/null", &found) == 0);
    CHECK(S_ISCHR(found.st_mode));
    CHECK(refusal("/dev/full", {}, {}, ErrorCode::file).find("/dev/full: cannot be written: ") == 0);
}

TEST_CASE("unfinished files of others are left alone") {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    effv2_test::write_file(path + ".partial0", "someone's");
    REQUIRE(write_safetensors(path, {}).has_value());
    CHECK(effv2_test::file_text(path + ".partial0") == "someone's");
    for (int i = 1; i < 100; ++i) effv2_test::write_file(path + ".partial" + std::to_string(i), "x");
    CHECK(refusal(path, {}, {}, ErrorCode::file).find("too many unfinished files") != std::string::npos);
}

TEST_CASE("a released variant is written tensor by tensor and identified") {
    const effv2_test::TemporaryFolder folder;
    const Metadata metadata{{std::string(metadata_keys::variant), "b0"}, {std::string(metadata_keys::tag), "in1k"}};
    const Architecture a = variants::b0.with_padding(Padding::symmetric).with_classes(10);
    REQUIRE(write_weights(folder / "w", a, FormulaSource(1e-5f), schemes::timm, metadata).has_value());
    const auto file = SafeTensors::open(folder / "w");
    REQUIRE(file.has_value());
    const auto identity = identify(*file);
    REQUIRE(identity.has_value());
    CHECK(identity->variant == "b0");
    CHECK(identity->architecture.classes == 10);
    CHECK(identity->scheme == schemes::timm);
    CHECK(identity->tag == "in1k");
}

TEST_CASE("weights that contradict their scheme are not written") {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    const auto message = [&](const Architecture& a, float epsilon, const Scheme& scheme) {
        const Status written = write_weights(path, a, FormulaSource(epsilon), scheme);
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().code == ErrorCode::argument);
        return written.error().message;
    };
    CHECK(message(effv2_test::odd_network, 1e-3f, schemes::torchvision) ==
          path + ": the scheme 'torchvision' means symmetric padding, but the architecture has SAME");
    CHECK(message(effv2_test::odd_network, 1e-5f, schemes::keras) ==
          path + ": the scheme 'keras' means a batch-norm epsilon of 0.001000, but the weights have 0.000010");
    CHECK(message(Architecture{}, 1e-3f, schemes::keras) == path + ": an architecture needs at least one stage");
    CHECK_FALSE(exists(path));
    // A scheme of one's own has no name to record.
    Scheme own = schemes::timm_tf;
    own.name = {};
    REQUIRE(write_weights(path, effv2_test::odd_network, FormulaSource(), own).has_value());
    CHECK(SafeTensors::open(path)->metadata().empty());
    own.padding = Padding::symmetric;
    const Status symmetric = write_weights(path, effv2_test::odd_network.with_padding(Padding::symmetric),
                                           FormulaSource(), own, {{std::string(metadata_keys::scheme), "keras"}});
    CHECK(symmetric.error().message == path +
                                           ": the scheme 'keras' that its metadata names has other names or another "
                                           "padding than the weights");
    own.padding = Padding::same;
    own.epsilon = 1e-4f;
    CHECK(message(effv2_test::odd_network, 1e-4f, own) ==
          path +
              ": a file cannot record a batch-norm epsilon of 0.000100: a reader would take that of the scheme "
              "'timm_tf', 0.001000");
    own.name = "keras";
    CHECK(message(effv2_test::odd_network, 1e-4f, own).find("that of the scheme 'keras', 0.001000") !=
          std::string::npos);
}
