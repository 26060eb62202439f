// Files that describe themselves: what is written comes back, and a description that is not true is refused.
#include "effv2/weights/describe.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "effv2/weights/formula.hpp"
#include "effv2/weights/load.hpp"
#include "weights/sample_files.hpp"

using namespace effv2;
using effv2_test::odd_network;

namespace {

constexpr Recipe own_recipe = named_recipe("timm", "b3")->with_size(64);
const std::vector<std::string> ten_names{"null", "eins", "zwei", "drei", "vier", "f\xc3\xbcnf", "", "7", "8 ", "\"9\""};

// The identity of a file that is written with that metadata.
Result<Identity> identify_written(const Architecture& a, Metadata metadata, const Scheme& scheme = schemes::timm_tf,
                                  const WeightOptions& options = {}) {
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    REQUIRE(write_weights(path, a, FormulaSource(scheme.epsilon), scheme, std::move(metadata)).has_value());
    const auto file = SafeTensors::open(path);
    REQUIRE(file.has_value());
    Result<Identity> found = identify(*file, options);
    if (found) return found;
    CHECK(found.error().code == ErrorCode::mismatch);
    REQUIRE(found.error().message.starts_with(path + ": "));
    return Error{found.error().code, found.error().message.substr(path.size() + 2)};
}

std::string refusal(const Architecture& a, Metadata metadata, const Scheme& scheme = schemes::timm_tf,
                    const WeightOptions& options = {}) {
    const Result<Identity> found = identify_written(a, std::move(metadata), scheme, options);
    return found ? "" : found.error().message;
}

// The metadata of the odd network with one text changed.
Metadata changed(std::string_view key, std::string text) {
    Metadata metadata = describe_model(odd_network, own_recipe, ten_names);
    metadata.insert_or_assign(std::string(key), std::move(text));
    return metadata;
}

}  // namespace

TEST_CASE("a file of one's own architecture says all that is needed") {
    const Result<Identity> found = identify_written(odd_network, describe_model(odd_network, own_recipe, ten_names));
    REQUIRE(found.has_value());
    CHECK(found->variant.empty());
    CHECK(found->architecture == odd_network);
    CHECK(found->scheme == schemes::timm_tf);
    REQUIRE(found->recipe.has_value());
    CHECK(*found->recipe == own_recipe);
    CHECK(found->labels == ten_names);
}

TEST_CASE("both namings, both paddings, and a scheme that is left open") {
    const Architecture symmetric = odd_network.with_padding(Padding::symmetric);
    for (const Scheme& scheme : {schemes::timm, schemes::torchvision}) {
        const Result<Identity> found = identify_written(symmetric, describe_model(symmetric, own_recipe), scheme);
        REQUIRE(found.has_value());
        CHECK(found->architecture == symmetric);
        CHECK(found->scheme == scheme);
        CHECK(found->labels.empty());
    }
    Scheme open = schemes::timm_tf;
    open.name = {};
    open.padding = Padding::symmetric;
    const Result<Identity> found = identify_written(symmetric, describe_model(symmetric, own_recipe), open);
    REQUIRE(found.has_value());
    CHECK(found->architecture == symmetric);
    CHECK(found->scheme == open);
}

TEST_CASE("a released variant may describe itself, too") {
    const Architecture a = variants::b0.with_classes(10).with_size(160);
    Metadata metadata = describe_model(a, own_recipe, ten_names);
    metadata.emplace(metadata_keys::variant, "b0");
    const Result<Identity> found = identify_written(a, std::move(metadata));
    REQUIRE(found.has_value());
    CHECK(found->variant == "b0");
    CHECK(found->architecture == a);
    CHECK(found->labels == ten_names);
    // Recipe and labels alone are of use as well.
    Metadata without = describe_model(a, own_recipe, ten_names);
    without.erase(std::string(metadata_keys::architecture));
    const Result<Identity> released = identify_written(a, std::move(without));
    REQUIRE(released.has_value());
    CHECK(released->variant == "b0");
    CHECK(released->architecture == variants::b0.with_classes(10));
    CHECK(*released->recipe == own_recipe);
    CHECK(released->labels == ten_names);
}

TEST_CASE("the description is believed where tensors alone would mean something else") {
    // The tensors of b0, at another stride: no b0.
    Architecture a = variants::b0.with_classes(2);
    a.stem_stride = 1;
    const Result<Identity> found = identify_written(a, describe_model(a, own_recipe));
    REQUIRE(found.has_value());
    CHECK(found->variant.empty());
    CHECK(found->architecture == a);
    Metadata claiming = describe_model(a, own_recipe);
    claiming.emplace(metadata_keys::variant, "b0");
    CHECK(refusal(a, std::move(claiming)) ==
          "its metadata names the variant 'b0', but its tensors are of another architecture, which it describes");
}

TEST_CASE("how convolutions are computed is not described") {
    const Architecture direct = odd_network.with_convolutions(Convolutions::direct);
    CHECK(describe_model(direct, own_recipe) == describe_model(odd_network, own_recipe));
    const Architecture seven = odd_network.with_winograd_tile(7), six = odd_network.with_winograd_tile(6);
    CHECK(describe_model(seven, own_recipe) == describe_model(six, own_recipe));
    // It is read with the tile that fits, a variant with the variant's.
    const Architecture fits{.stem = 8, .stages = {fused(2, 1, 1, 8)}, .head = 8, .classes = 2, .input = {56, 56}};
    const Result<Identity> found = identify_written(fits, describe_model(fits, own_recipe));
    REQUIRE(found.has_value());
    CHECK(found->architecture == fits.with_winograd_tile(7));
}

TEST_CASE("a description that is not true is refused") {
    CHECK(refusal(odd_network, {}).starts_with("is none of the released variants"));
    CHECK(refusal(odd_network, changed(metadata_keys::architecture, "b0; classes")) ==
          "its metadata effv2.architecture is wrong: the architecture's text at character 12: expected a whole number "
          "below 1000000000, found the end");
    CHECK(refusal(odd_network, changed(metadata_keys::architecture, "stem 8/3; fused 1 c8")) ==
          "its metadata effv2.architecture is wrong: the architecture: the stem's stride must be 1 or 2, found 3");
    CHECK(
        refusal(odd_network, changed(metadata_keys::architecture, format_architecture(odd_network.with_classes(9)))) ==
        "its tensors are not those of the architecture that its metadata describes: 2 tensors do not fit (timm's "
        "names): classifier.weight has shape [10, 32], expected [9, 32]; classifier.bias has shape [10], expected "
        "[9]");
    CHECK(refusal(odd_network, changed(metadata_keys::architecture, "stem 8; fused 1 c8; head 32; classes 10"))
              .find("'blocks.3.1.conv_pwl.weight'") == std::string::npos);
    CHECK(refusal(odd_network, changed(metadata_keys::recipe, "size 32")) ==
          "its metadata effv2.recipe is wrong: the recipe's text at character 8: expected an entry fit, found the end");
    CHECK(refusal(odd_network, changed(metadata_keys::labels, "a\nb\n")) ==
          "its metadata effv2.labels names 2 classes, but its classifier has 10");
    CHECK(refusal(odd_network, changed(metadata_keys::labels, std::string(11, '\n'))).find("names 11 classes") !=
          std::string::npos);
    CHECK(refusal(odd_network, changed(metadata_keys::labels, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9")).empty());
}

TEST_CASE("the described padding must be that of scheme and caller") {
    const Architecture symmetric = odd_network.with_padding(Padding::symmetric);
    CHECK(refusal(odd_network, changed(metadata_keys::architecture, format_architecture(symmetric))) ==
          "its metadata describes an architecture with symmetric padding, but the scheme 'timm_tf' means SAME");
    CHECK(refusal(odd_network, describe_model(odd_network, own_recipe), schemes::timm_tf,
                  {.padding = Padding::symmetric}) ==
          "its metadata describes an architecture with SAME padding, but asked for was symmetric");
    CHECK(refusal(odd_network, describe_model(odd_network, own_recipe), schemes::timm_tf, {.padding = Padding::same})
              .empty());
}

TEST_CASE("a file is not opened for another architecture than it describes") {
    // The same tensors, computed otherwise.
    Architecture steps = odd_network;
    steps.stages[1].stride = 3 - steps.stages[1].stride;
    const Architecture symmetric = odd_network.with_padding(Padding::symmetric);
    const effv2_test::TemporaryFolder folder;
    const std::string path = folder / "w";
    Scheme open = schemes::timm_tf;
    for (const Architecture& described : {odd_network, steps, symmetric}) {
        open.name = {}, open.padding = described.padding;
        const Metadata metadata = describe_model(described, own_recipe, ten_names);
        REQUIRE(write_weights(path, described, FormulaSource(), open, metadata).has_value());
        for (const Architecture& wanted : {odd_network, steps, symmetric}) {
            const auto source = open_weights(*SafeTensors::open(path), wanted.with_size(96));
            CHECK(source.has_value() == (wanted == described));
            if (source) continue;
            CHECK(source.error().message == path +
                                                ": its tensors would fit, but its metadata describes another "
                                                "architecture: " +
                                                format_architecture(described));
        }
    }
}

TEST_CASE("line feeds cannot make one name two") {
    const std::vector<std::string> names{"a\nb", "\n"};
    CHECK(describe_model(odd_network, own_recipe, names).at(std::string(metadata_keys::labels)) == "a b\n \n");
}
