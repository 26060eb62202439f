#include "effv2/weights/load.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "effv2/weights/formula.hpp"
#include "weights/sample_files.hpp"

using namespace effv2;
using effv2_test::Change;
using effv2_test::odd_network;
using effv2_test::write_hollow_file;

namespace {

// The message with which a file made for the test is refused, without its path.
std::string refusal(const Architecture& in_file, const Architecture& wanted, const std::vector<Change>& changes = {},
                    Naming naming = Naming::timm, std::string_view metadata = "", const WeightOptions& options = {}) {
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", in_file, naming, metadata, changes);
    auto file = SafeTensors::open(folder / "w");
    REQUIRE(file.has_value());
    const auto source = open_weights(std::move(*file), wanted, options);
    if (source) return "";
    CHECK(source.error().code == ErrorCode::mismatch);
    CHECK(source.error().message.starts_with((folder / "w") + ": "));
    return source.error().message.substr((folder / "w").size() + 2);
}

}  // namespace

TEST_CASE("a network written by formula reads back, in both namings") {
    const effv2_test::TemporaryFolder folder;
    for (const Scheme& scheme : {schemes::timm_tf, schemes::torchvision}) {
        const Architecture a = odd_network.with_padding(scheme.padding);
        const FormulaSource formula;
        REQUIRE(write_weights(folder / "w", a, formula, scheme).has_value());
        auto file = SafeTensors::open(folder / "w");
        REQUIRE(file.has_value());
        const auto source = open_weights(std::move(*file), a);
        REQUIRE(source.has_value());
        CHECK(source->scheme() == scheme);
        CHECK(source->epsilon() == 1e-3f);
        CHECK(source->file().name() == folder / "w");
        for_each_tensor(a, [&](const Tensor& tensor) {
            const std::size_t n = tensor.shape.elements(), half = n / 2;
            std::vector<float> expected(n), found(n);
            formula.read(tensor, 0, expected);
            source->read(tensor, 0, std::span(found).first(half));
            source->done(tensor);
            source->read(tensor, half, std::span(found).subspan(half));
            CHECK(expected == found);
        });
    }
}

TEST_CASE("a tensor that was not checked reads as zeros") {
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", odd_network, Naming::timm);
    auto file = SafeTensors::open(folder / "w");
    REQUIRE(file.has_value());
    const auto source = open_weights(std::move(*file), odd_network);
    REQUIRE(source.has_value());
    Tensor tensor{Layer::depthwise, Part::weight, {}, {}};
    tensor.block.stage = 99;
    float value = 5.0f;
    source->read(tensor, 0, {&value, 1});
    source->done(tensor);
    CHECK(value == 0.0f);
}

TEST_CASE("files from memory, of half types and with batch counters are taken") {
    CHECK(refusal(odd_network, odd_network,
                  {{"bn1.num_batches_tracked", "I64", {}},
                   {"blocks.0.0.bn1.num_batches_tracked", "I64", {}},
                   {"conv_stem.weight", "BF16", {8, 3, 3, 3}},
                   {"bn1.weight", "F16", {8}}})
              .empty());
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", odd_network, Naming::timm);
    const std::string bytes = effv2_test::file_text(folder / "w");
    auto file = SafeTensors::from_bytes(effv2_test::as_bytes(bytes));
    REQUIRE(file.has_value());
    CHECK(open_weights(std::move(*file), odd_network).has_value());
}

TEST_CASE("missing, misshapen, unreadable and unknown tensors are all listed") {
    CHECK(
        refusal(odd_network, odd_network,
                {{"conv_stem.weight", "F32", {8, 3, 3}},
                 {"bn1.bias", "", {}},
                 {"blocks.0.0.conv.weight", "F64", {8, 8, 3, 3}},
                 {"head.weight", "F32", {10, 2}}}) ==
        "4 tensors do not fit (timm's names): conv_stem.weight has shape [8, 3, 3], expected [8, 3, 3, 3]; bn1.bias is "
        "missing, expected [8]; blocks.0.0.conv.weight is of type F64, expected F32, F16 or BF16; 'head.weight' [10, "
        "2] "
        "is not known");
    CHECK(
        refusal(odd_network.with_classes(12), odd_network) ==
        "2 tensors do not fit (timm's names): classifier.weight has shape [12, 32], expected [10, 32]; classifier.bias "
        "has shape [12], expected [10]");
    // Expansion 1 in timm's own form has a convolution that is not in this library's.
    CHECK(refusal(odd_network, odd_network, {{"blocks.2.0.conv_pw.weight", "F32", {12, 12, 1, 1}}}) ==
          "1 tensor does not fit (timm's names): 'blocks.2.0.conv_pw.weight' [12, 12, 1, 1] is not known");
}

TEST_CASE("a wrong variant is named, and long lists are cut") {
    const std::string wrong = refusal(variants::s, variants::b0);
    CHECK(wrong.find(" tensors do not fit (timm's names): conv_stem.weight has shape [24, 3, 3, 3], expected "
                     "[32, 3, 3, 3]; ") != std::string::npos);
    CHECK(wrong.find("; and ") != std::string::npos);
    CHECK(wrong.ends_with(" more; the file is s with 1000 classes"));
    CHECK(wrong.size() < 3000);
    CHECK(refusal(variants::b0.with_classes(21843), variants::b0, {}, Naming::torchvision)
              .ends_with("the file is b0 with 21843 classes"));
    CHECK(refusal(variants::b3, variants::b2, {{"bn1.bias", "", {}}})
              .ends_with("the file comes closest to b3 with 1000 classes"));
}

TEST_CASE("what a file says of itself must be so") {
    CHECK(refusal(variants::b0, variants::b0, {}, Naming::timm, R"("effv2.variant":"b0")").empty());
    CHECK(refusal(variants::b0, variants::b0, {}, Naming::timm, R"("effv2.variant":"b1")") ==
          "its metadata names the variant 'b1', but its tensors are those of b0");
    CHECK(refusal(odd_network, odd_network, {}, Naming::timm, R"("effv2.labels":"one\ntwo\n")") ==
          "its metadata effv2.labels names 2 classes, but its classifier has 10");
}

TEST_CASE("padding must fit the scheme") {
    const Architecture symmetric = odd_network.with_padding(Padding::symmetric);
    CHECK(refusal(odd_network, symmetric).empty());
    CHECK(refusal(odd_network, symmetric, {}, Naming::torchvision).empty());
    CHECK(refusal(odd_network, odd_network, {}, Naming::torchvision)
              .find("needs symmetric padding, but SAME was asked") != std::string::npos);
    CHECK(refusal(odd_network, symmetric, {}, Naming::timm, R"("effv2.scheme":"keras")")
              .find("the scheme 'keras' needs SAME padding") == 0);
    CHECK(refusal(odd_network, odd_network, {}, Naming::timm, "", {.scheme = schemes::timm})
              .find("the scheme 'timm' needs symmetric padding") == 0);
    CHECK(refusal(odd_network, odd_network, {}, Naming::timm, "", {.padding = Padding::symmetric}) ==
          "symmetric padding was asked for, but the architecture has SAME");
}

TEST_CASE("epsilon comes from the scheme or from the caller") {
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", odd_network, Naming::timm);
    const Architecture symmetric = odd_network.with_padding(Padding::symmetric);
    const auto epsilon = [&](const WeightOptions& options) {
        const auto source = open_weights(*SafeTensors::open(folder / "w"), symmetric, options);
        REQUIRE(source.has_value());
        return source->epsilon();
    };
    CHECK(epsilon({}) == 1e-3f);
    CHECK(epsilon({.scheme = schemes::timm}) == 1e-5f);
    CHECK(epsilon({.epsilon = 1e-2f}) == 1e-2f);
}

TEST_CASE("an unsound architecture is refused") {
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", odd_network, Naming::timm);
    const auto source = open_weights(*SafeTensors::open(folder / "w"), Architecture{});
    REQUIRE_FALSE(source.has_value());
    CHECK(source.error().code == ErrorCode::argument);
}
