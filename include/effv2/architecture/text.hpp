// An architecture as a line of text, as people type it and weight files keep it, and back:
//
//     stem 32/2; fused 1/1 k3 e1 c16; fused 2/2 k3 e4 c32; mbconv 3/2 k3 e4 c96 se4; head 1280; classes 10; size 64
//
// Entries have a ';' between them:
//
//     stem CHANNELS[/STRIDE]             the stem; its stride is 2 if it is left out
//     fused BLOCKS[/STRIDE] ATTRIBUTES   a stage of Fused-MBConv blocks; the stride, of the first, is 1 if left out
//     mbconv BLOCKS[/STRIDE] ATTRIBUTES  a stage of MBConv blocks
//     head CHANNELS                      1280 if left out
//     classes N                          1000 if left out
//     size N, size HEIGHTxWIDTH          of the input in pixels, 224 if left out
//     padding same, padding symmetric    same if left out
//     convolutions fast, ... direct      fast if left out
//     winograd N                         outputs of Winograd's tiles along each axis, 6 if left out
//
// A stage's attributes are, in any order: cN output channels, which must be there; kN the kernel (k3 if left out); eN
// the expansion (e1); seN squeeze-excite to a share of the input's channels, 1 / N (mbconv: se4; se0 is none). The
// first entry may be a released variant's name instead, whose stem and stages then stay: "b0; classes 10; size 64".
// Stages come in their order, the other entries in any, each once.
#pragma once

#include <string>
#include <string_view>

#include "effv2/architecture/check.hpp"
#include "effv2/architecture/variants.hpp"
#include "effv2/error.hpp"
#include "effv2/words.hpp"

namespace effv2 {

namespace detail {

class ArchitectureReader {
public:
    constexpr explicit ArchitectureReader(std::string_view text) : words_(text) {}

    constexpr bool read() {
        do
            if (!read_entry()) return false;
        while (words_.accept(';'));
        return words_.at_end() || words_.fail("';' or the end");
    }

    constexpr const Architecture& architecture() const { return architecture_; }
    const WordReader& words() const { return words_; }

private:
    static constexpr std::string_view entry_names =
        "stem, fused, mbconv, head, classes, size, padding, convolutions or winograd";
    static constexpr std::string_view first_names =
        "a variant, stem, fused, mbconv, head, classes, size, padding, convolutions or winograd";
    // What may be there once; bits of seen_.
    enum Seen : unsigned {
        variant = 1,
        stem = 2,
        head = 4,
        classes = 8,
        size = 16,
        padding = 32,
        convolutions = 64,
        winograd = 128
    };

    constexpr bool read_entry() {
        Architecture& a = architecture_;
        const std::string_view name = words_.word();
        if (const NamedVariant* const known = find_variant(name); known != nullptr && first_) {
            a = known->architecture;
            first_ = false;
            seen_ |= variant | stem;
            return true;
        }
        const bool first = first_;
        first_ = false;
        if (name == "fused") return read_stage(BlockKind::fused, name);
        if (name == "mbconv") return read_stage(BlockKind::mbconv, name);
        if (name == "stem") return once(stem, name) && words_.number(a.stem) && read_stride(a.stem_stride);
        if (name == "head") return once(head, name) && words_.number(a.head);
        if (name == "classes") return once(classes, name) && words_.number(a.classes);
        if (name == "size") return once(size, name) && read_size();
        if (name == "winograd") return once(winograd, name) && words_.number(a.winograd_tile);
        bool second = false;
        if (name == "padding") {
            if (!once(padding, name) || !words_.choice("same", "symmetric", "same or symmetric", second)) return false;
            a.padding = second ? Padding::symmetric : Padding::same;
            return true;
        }
        if (name == "convolutions") {
            if (!once(convolutions, name) || !words_.choice("fast", "direct", "fast or direct", second)) return false;
            a.convolutions = second ? Convolutions::direct : Convolutions::fast;
            return true;
        }
        return words_.fail(first ? first_names : entry_names, name);
    }

    constexpr bool once(Seen what, std::string_view name) {
        if ((seen_ & variant) != 0 && what == stem) return words_.fail("no stem, which the variant has", name);
        if ((seen_ & what) != 0) return words_.fail("every entry but stages only once", name);
        seen_ |= what;
        return true;
    }

    constexpr bool read_stride(int& stride) { return !words_.accept('/') || words_.number(stride); }

    constexpr bool read_size() {
        Extent& input = architecture_.input;
        if (!words_.number(input.height)) return false;
        input.width = input.height;
        return !words_.accept('x') || words_.number(input.width);
    }

    constexpr bool read_stage(BlockKind kind, std::string_view name) {
        if ((seen_ & variant) != 0) return words_.fail("no stages, which the variant has", name);
        if (count_ == max_stages) return words_.fail("no more than 12 stages", name);
        Stage& stage = architecture_.stages[count_++];
        stage.kind = kind;
        if (kind == BlockKind::mbconv) stage.se_divisor = 4;
        if (!words_.number(stage.repeats, "1 to 1000 blocks", 1, max_repeats)) return false;
        return read_stride(stage.stride) && read_attributes(stage);
    }

    constexpr bool read_attributes(Stage& stage) {
        constexpr std::string_view names[] = {"c", "k", "e", "se"};
        int* const values[] = {&stage.channels, &stage.kernel, &stage.expansion, &stage.se_divisor};
        bool given[4]{};
        for (;;) {
            const std::string_view name = words_.letters();
            if (name.empty()) break;
            int which = 0;
            while (which < 4 && names[which] != name) ++which;
            if (which == 4) return words_.fail("c, k, e or se and a number", name);
            if (given[which]) return words_.fail("each of c, k, e and se only once", name);
            given[which] = true;
            if (!words_.number(*values[which])) return false;
        }
        return given[0] || words_.fail("c and the number of the stage's output channels");
    }

    WordReader words_;
    Architecture architecture_;
    unsigned seen_ = 0;
    int count_ = 0;      // stages
    bool first_ = true;  // no entry was read yet
};

inline void add_number(std::string& out, const char* name, int number) {
    out.append(name).append(std::to_string(number));
}

inline void add_stage_text(std::string& out, const Stage& stage) {
    add_number(out, stage.kind == BlockKind::fused ? "; fused " : "; mbconv ", stage.repeats);
    add_number(out, "/", stage.stride);
    add_number(out, " k", stage.kernel);
    add_number(out, " e", stage.expansion);
    add_number(out, " c", stage.channels);
    // The default is left out only where nothing else can be.
    if (stage.kind == BlockKind::mbconv || stage.se_divisor != 0) add_number(out, " se", stage.se_divisor);
}

// The name of this function is what a compiler shows for a text that is no architecture.
inline void this_text_is_no_sound_architecture() {}

}  // namespace detail

// A flaw with the number that was found, and in which stage, counted from 1.
inline std::string explain(const Problem& problem) {
    std::string sentence = explain(problem.flaw);
    if (problem.flaw != Flaw::none && problem.flaw != Flaw::no_stage)
        sentence += ", found " + std::to_string(problem.found);
    if (problem.stage >= 0) sentence += " in stage " + std::to_string(problem.stage + 1);
    return sentence;
}

// The architecture of a text, checked. Fails (ErrorCode::argument) with the place in the text where it is no
// architecture, what was expected and what was found there, or with explain()'s sentence where the architecture is
// unsound.
inline Result<Architecture> parse_architecture(std::string_view text) {
    detail::ArchitectureReader reader(text);
    if (!reader.read()) return Error{ErrorCode::argument, "the architecture's text " + reader.words().problem()};
    const Problem problem = find_problem(reader.architecture());
    if (problem.flaw == Flaw::none) return reader.architecture();
    return Error{ErrorCode::argument, "the architecture: " + explain(problem)};
}

// The same at compile time, for Model: a text that is wrong does not compile.
consteval Architecture make_architecture(std::string_view text) {
    detail::ArchitectureReader reader(text);
    if (!reader.read() || find_problem(reader.architecture()).flaw != Flaw::none)
        detail::this_text_is_no_sound_architecture();
    return reader.architecture();
}

// The text of an architecture, with nothing left out that has a default, so that it means the same to all readers (only
// fast convolutions and Winograd's tiles of six are not mentioned). parse_architecture() gives the same value again, if
// it is sound and no stage has more than a thousand blocks.
inline std::string format_architecture(const Architecture& a) {
    std::string out;
    detail::add_number(out, "stem ", a.stem);
    detail::add_number(out, "/", a.stem_stride);
    for (int i = 0; i < a.stage_count(); ++i) detail::add_stage_text(out, a.stages[i]);
    detail::add_number(out, "; head ", a.head);
    detail::add_number(out, "; classes ", a.classes);
    detail::add_number(out, "; size ", a.input.height);
    if (a.input.width != a.input.height) detail::add_number(out, "x", a.input.width);
    out += a.padding == Padding::same ? "; padding same" : "; padding symmetric";
    if (a.convolutions == Convolutions::direct) out += "; convolutions direct";
    if (a.winograd_tile != Architecture{}.winograd_tile) detail::add_number(out, "; winograd ", a.winograd_tile);
    return out;
}

}  // namespace effv2
