#include "command.hpp"

#include <cstdio>

namespace cli {

int fail(const effv2::Error& error) {
    std::fprintf(stderr, "effv2: %s\n", error.message.c_str());
    return bad_input;
}

int wrong_usage(const char* sentence) {
    std::fprintf(stderr, "effv2: %s (effv2 SUBCOMMAND --help lists the options)\n", sentence);
    return bad_usage;
}

effv2::Architecture architecture_of(const std::string& variant, int size, int classes) {
    effv2::Architecture a = effv2::find_variant(variant)->architecture;
    if (size > 0) a = a.with_size(size);
    if (classes > 0) a = a.with_classes(classes);
    return a;
}

effv2::Padding padding_of(const std::string& name) {
    return name == "same" ? effv2::Padding::same : effv2::Padding::symmetric;
}

}  // namespace cli
