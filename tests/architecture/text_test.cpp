// Architectures as text: what the grammar means, what it refuses and how it says so, and that nothing is lost.
#include "effv2/architecture/text.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace effv2;

namespace {

static_assert(make_architecture("b0") == variants::b0);
static_assert(make_architecture("xl; classes 10; size 64") == variants::xl.with_classes(10).with_size(64));
static_assert(make_architecture("stem 16/1; fused 2 c16; fused 3/2 e4 c32; mbconv 4/2 k5 e4 c64; head 512; classes 10; "
                                "size 32x48; padding symmetric; convolutions direct; winograd 7") ==
              Architecture{.stem = 16,
                           .stem_stride = 1,
                           .stages = {fused(2, 1, 1, 16), fused(3, 2, 4, 32), mbconv(4, 2, 4, 64, 5)},
                           .head = 512,
                           .classes = 10,
                           .input = {32, 48},
                           .padding = Padding::symmetric,
                           .convolutions = Convolutions::direct,
                           .winograd_tile = 7});
// Defaults, any order, any spaces.
static_assert(make_architecture("\tclasses 3;head 40 ; mbconv 1 c 8\nse 0 ; stem 8 ") ==
              Architecture{.stem = 8, .stages = {mbconv(1, 1, 1, 8, 3, 0)}, .head = 40, .classes = 3});

class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    // In [low, high].
    int integer(int low, int high) {
        return low + static_cast<int>(engine_() % static_cast<std::uint32_t>(high - low + 1));
    }

private:
    std::mt19937 engine_;
};

Architecture random_architecture(Random& random) {
    Architecture a{.stem = random.integer(1, 4096),
                   .stem_stride = random.integer(1, 2),
                   .head = random.integer(1, 16384),
                   .classes = random.integer(1, 1000000),
                   .input = {random.integer(32, 8192), random.integer(32, 8192)},
                   .padding = random.integer(0, 1) == 0 ? Padding::same : Padding::symmetric,
                   .convolutions = random.integer(0, 1) == 0 ? Convolutions::fast : Convolutions::direct,
                   .winograd_tile = random.integer(6, 7)};
    if (random.integer(0, 1) == 0) a.input.width = a.input.height;
    const int stages = random.integer(1, max_stages);
    for (int s = 0; s < stages; ++s) {
        const int repeats = random.integer(1, 1000), stride = random.integer(1, 2), expansion = random.integer(1, 8);
        const int channels = random.integer(1, 4096), kernel = 3 + 2 * random.integer(0, 2);
        a.stages[s] = random.integer(0, 1) == 0
                          ? fused(repeats, stride, expansion, channels, kernel)
                          : mbconv(repeats, stride, expansion, channels, kernel, random.integer(0, 64));
    }
    return a;
}

void check_round_trip(const Architecture& a) {
    const std::string text = format_architecture(a);
    CAPTURE(text);
    const Result<Architecture> parsed = parse_architecture(text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == a);
}

// The sentence with which a text is refused.
std::string refusal(std::string_view text) {
    const Result<Architecture> parsed = parse_architecture(text);
    if (parsed) return "";
    CHECK(parsed.error().code == ErrorCode::argument);
    return parsed.error().message;
}

// A text is taken or refused with a sentence that can be shown, whatever it is.
void check_sane(const std::string& text) {
    const Result<Architecture> parsed = parse_architecture(text);
    if (parsed) {
        CHECK(find_problem(*parsed).flaw == Flaw::none);
        check_round_trip(*parsed);
        return;
    }
    CHECK(parsed.error().message.size() < 300);
    for (const char c : parsed.error().message) CHECK((c >= ' ' && c < 0x7f));
}

TEST_CASE("an architecture is one line, complete") {
    CHECK(format_architecture(variants::b0) ==
          "stem 32/2; fused 1/1 k3 e1 c16; fused 2/2 k3 e4 c32; fused 2/2 k3 e4 c48; mbconv 3/2 k3 e4 c96 se4; "
          "mbconv 5/1 k3 e6 c112 se4; mbconv 8/2 k3 e6 c192 se4; head 1280; classes 1000; size 224; padding same; "
          "winograd 7");
    CHECK(format_architecture(variants::b0.with_size(64, 96).with_convolutions(Convolutions::direct))
              .ends_with("size 64x96; padding same; convolutions direct; winograd 7"));
}

TEST_CASE("texts give the same architecture again") {
    for (const NamedVariant& variant : named_variants) {
        check_round_trip(variant.architecture);
        check_round_trip(variant.architecture.with_padding(Padding::symmetric).with_classes(1));
        CHECK(*parse_architecture(variant.name) == variant.architecture);
    }
    Random random(1);
    for (int i = 0; i < 500; ++i) check_round_trip(random_architecture(random));
}

TEST_CASE("what is no text of an architecture is refused with its place") {
    const std::string_view entries = "stem, fused, mbconv, head, classes, size, padding, convolutions or winograd";
    const auto at = [](int place, std::string_view expected, std::string_view found) {
        return "the architecture's text at character " + std::to_string(place) + ": expected " + std::string(expected) +
               ", found " + std::string(found);
    };
    CHECK(refusal("") == at(1, "a variant, " + std::string(entries), "the end"));
    CHECK(refusal("b4; classes 3") == at(1, "a variant, " + std::string(entries), "'b4'"));
    CHECK(refusal("b0; clases 10") == at(5, entries, "'clases'"));
    CHECK(refusal("b0; s") == at(5, entries, "'s'"));
    CHECK(refusal("b0;") == at(4, entries, "the end"));
    CHECK(refusal("b0;; classes 10") == at(4, entries, "';'"));
    CHECK(refusal("b0; \xc3\xa9") == at(5, entries, "the byte 0xc3"));
    CHECK(refusal("b0 classes 10") == at(4, "';' or the end", "'classes'"));
    CHECK(refusal("b0; classes") == at(12, "a whole number below 1000000000", "the end"));
    CHECK(refusal("b0; classes -3") == at(13, "a whole number below 1000000000", "'-3'"));
    CHECK(refusal("b0; classes 1000000000; size 64") == at(13, "a whole number below 1000000000", "'1000000000'"));
    CHECK(refusal("b0; classes 10; classes 12") == at(17, "every entry but stages only once", "'classes'"));
    CHECK(refusal("b0; stem 3") == at(5, "no stem, which the variant has", "'stem'"));
    CHECK(refusal("b0; fused 1 c8") == at(5, "no stages, which the variant has", "'fused'"));
    CHECK(refusal("b0; size 64x") == at(13, "a whole number below 1000000000", "the end"));
    CHECK(refusal("b0; padding valid") == at(13, "same or symmetric", "'valid'"));
    CHECK(refusal("b0; convolutions Fast") == at(18, "fast or direct", "'Fast'"));
    CHECK(refusal("stem 8; fused 0 c8") == at(15, "1 to 1000 blocks", "'0'"));
    CHECK(refusal("stem 8; fused 1001 c8") == at(15, "1 to 1000 blocks", "'1001'"));
    CHECK(refusal("stem 8; fused 1/ c8") == at(18, "a whole number below 1000000000", "'c8'"));
    CHECK(refusal("stem 8; fused 1 k3") == at(19, "c and the number of the stage's output channels", "the end"));
    CHECK(refusal("stem 8; fused 1 c8 q3") == at(20, "c, k, e or se and a number", "'q3'"));
    CHECK(refusal("stem 8; fused 1 c8 c9") == at(20, "each of c, k, e and se only once", "'c9'"));
    std::string many = "stem 8";
    for (int i = 0; i < 12; ++i) many += "; fused 1 c8";
    CHECK(refusal(many).empty());
    CHECK(refusal(many + "; fused 1 c8") == at(153, "no more than 12 stages", "'fused'"));
    CHECK(refusal("b0; " + std::string(100, 'x')) == at(5, entries, "'" + std::string(24, 'x') + "'"));
}

TEST_CASE("what is unsound is refused with the reason") {
    CHECK(refusal("stem 8; head 4") == "the architecture: an architecture needs at least one stage");
    CHECK(refusal("fused 1 c8") == "the architecture: the stem needs 1 to 4096 channels, found 0");
    CHECK(refusal("stem 8/3; fused 1 c8") == "the architecture: the stem's stride must be 1 or 2, found 3");
    CHECK(refusal("stem 8; fused 1 c8; mbconv 1 k4 c8") ==
          "the architecture: a stage's kernel must be 3, 5 or 7, found 4 in stage 2");
    CHECK(refusal("stem 8; fused 1 c8 se4") ==
          "the architecture: a Fused-MBConv stage has no squeeze-excite: its se_divisor must be 0, found 4 in stage 1");
    CHECK(refusal("b0; size 8193x64") ==
          "the architecture: " + std::string(explain(Flaw::input_size)) + ", found 8193");
    CHECK(refusal("b0; classes 0") == "the architecture: the classifier needs 1 to 1000000 classes, found 0");
}

TEST_CASE("cut and damaged texts do no harm") {
    const std::string sound = format_architecture(variants::s.with_size(300, 200)) + "; convolutions direct";
    for (std::size_t length = 0; length <= sound.size(); ++length) check_sane(sound.substr(0, length));
    Random random(2);
    const std::string_view pieces = "0123456789;/x ckesmbfud\n\xff";
    for (int i = 0; i < 20000; ++i) {
        std::string text = sound;
        for (int edit = random.integer(1, 4); edit > 0; --edit) {
            const auto place = static_cast<std::size_t>(random.integer(0, static_cast<int>(text.size()) - 1));
            const int kind = random.integer(0, 3);
            const char piece =
                kind == 0 ? static_cast<char>(random.integer(0, 255))
                          : pieces[static_cast<std::size_t>(random.integer(0, static_cast<int>(pieces.size()) - 1))];
            if (kind == 1)
                text.erase(place, 1);
            else if (kind == 2)
                text.insert(place, 1, piece);
            else
                text[place] = piece;
        }
        check_sane(text);
    }
}

}  // namespace
