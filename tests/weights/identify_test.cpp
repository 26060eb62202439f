#include "effv2/weights/identify.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "weights/sample_files.hpp"

using namespace effv2;
using effv2_test::Change;
using effv2_test::write_hollow_file;

namespace {

// The identity of a file made for the test.
Result<Identity> identify_hollow(const Architecture& a, Naming naming, std::string_view metadata = "",
                                 const std::vector<Change>& changes = {}, const WeightOptions& options = {}) {
    const effv2_test::TemporaryFolder folder;
    write_hollow_file(folder / "w", a, naming, metadata, changes);
    const auto file = SafeTensors::open(folder / "w");
    REQUIRE(file.has_value());
    auto identity = identify(*file, options);
    if (identity) return identity;
    CHECK(identity.error().message.starts_with(file->name() + ": "));
    return Error{identity.error().code, identity.error().message.substr(file->name().size() + 2)};
}

}  // namespace

TEST_CASE("all variants are told apart, under both namings, for any class count") {
    for (const NamedVariant& variant : named_variants)
        for (const Naming naming : {Naming::timm, Naming::torchvision})
            for (const int classes : {1, 1000, 21843}) {
                CAPTURE(variant.name);
                const auto found = identify_hollow(variant.architecture.with_classes(classes), naming);
                REQUIRE(found.has_value());
                CHECK(found->variant == variant.name);
                CHECK(found->architecture.classes == classes);
                CHECK(found->architecture.block_count() == variant.architecture.block_count());
                CHECK(found->scheme == (naming == Naming::timm ? schemes::timm_tf : schemes::torchvision));
                CHECK(found->architecture.padding == found->scheme.padding);
                CHECK(found->tag.empty());
            }
}

TEST_CASE("metadata and options refine what names leave open") {
    const auto keras = identify_hollow(variants::b1, Naming::timm, R"("effv2.scheme":"keras","effv2.tag":"in1k")");
    REQUIRE(keras.has_value());
    CHECK(keras->scheme == schemes::keras);
    CHECK(keras->tag == "in1k");
    const auto timm = identify_hollow(variants::s, Naming::timm, R"("effv2.scheme":"timm","effv2.variant":"s")");
    REQUIRE(timm.has_value());
    CHECK(timm->architecture.padding == Padding::symmetric);
    CHECK(timm->scheme.epsilon == 1e-5f);
    const auto asked = identify_hollow(variants::b0, Naming::timm, "", {}, {.padding = Padding::symmetric});
    REQUIRE(asked.has_value());
    CHECK(asked->architecture.padding == Padding::symmetric);
    CHECK(asked->scheme.epsilon == 1e-3f);
}

TEST_CASE("batch counters and half types do not matter") {
    const auto found = identify_hollow(variants::b0, Naming::torchvision, "",
                                       {{"features.0.1.num_batches_tracked", "I64", {}},
                                        {"features.0.0.weight", "F16", {32, 3, 3, 3}},
                                        {"classifier.1.bias", "BF16", {1000}}});
    REQUIRE(found.has_value());
    CHECK(found->variant == "b0");
}

TEST_CASE("what is no variant is refused, with the closest one named") {
    const auto message = [](const Architecture& a, Naming naming, std::string_view metadata,
                            const std::vector<Change>& changes, const WeightOptions& options = {}) {
        const auto found = identify_hollow(a, naming, metadata, changes, options);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == ErrorCode::mismatch);
        return found.error().message;
    };
    CHECK(message(variants::s, Naming::timm, "", {{"bn1.bias", "", {}}}) ==
          "is none of the released variants; closest is s, of which 671 of 672 tensors fit: 1 tensor does not fit "
          "(timm's "
          "names): bn1.bias is missing, expected [24]");
    CHECK(message(variants::b0, Naming::timm, "", {{"classifier.weight", "F32", {1000, 1281}}, {"extra\\n", "U8", {2}}})
              .find("closest is b0, of which 360 of 361 tensors fit: 2 tensors do not fit (timm's names): "
                    "classifier.weight has shape [1000, 1281], expected [1000, 1280]; 'extra\\x0a' [2] is not known") !=
          std::string::npos);
    CHECK(message(variants::b0, Naming::timm, R"("effv2.tag":"in22k")", {}) ==
          "its metadata effv2.tag is 'in22k'; expected in1k, in21k or in21k_ft_in1k");
    CHECK(message(variants::b0, Naming::timm, R"("effv2.variant":"b1")", {}) ==
          "its metadata names the variant 'b1', but its tensors are those of b0");
    CHECK(message(variants::b0, Naming::torchvision, "", {}, {.padding = Padding::same})
              .find("needs symmetric padding") != std::string::npos);
    CHECK(message(effv2_test::odd_network, Naming::timm, "", {}).find("closest is") != std::string::npos);
}

TEST_CASE("names of neither library are refused") {
    const auto message = [](const std::string& json, std::size_t size) {
        const std::string bytes = effv2_test::safetensors_bytes(json, size);
        const auto file = SafeTensors::from_bytes(effv2_test::as_bytes(bytes), "w");
        REQUIRE(file.has_value());
        const auto found = identify(*file);
        REQUIRE_FALSE(found.has_value());
        return found.error().message;
    };
    const std::string start =
        "w: is no EfficientNetV2 under timm's or torchvision's names: it has neither conv_stem.weight nor "
        "features.0.0.weight";
    CHECK(message("{}", 0) == start);
    CHECK(message(R"({"z":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1) == start + ", only 'z'");
    std::string many = "{";
    for (int i = 0; i < 5; ++i)
        many += "\"t" + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},";
    many.back() = '}';
    CHECK(message(many, 0) == start + ", only 't0', 't1', 't2' and 2 more");
}
