#include "common/program.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "common/top.hpp"

namespace examples {

Arguments::Arguments(int argc, char** argv) {
    if (argc < 3 || argc > 4) {
        std::fprintf(stderr, "usage: %s WEIGHTS IMAGE [LABELS]\n", argv[0]);
        std::exit(2);
    }
    weights = argv[1];
    image = argv[2];
    if (argc == 4) labels = argv[3];
}

void print_top_five(std::span<const float> logits, const std::string& labels) {
    std::vector<std::string> names;
    if (!labels.empty()) names = read_labels(labels, static_cast<int>(logits.size())).value();
    const std::vector<Guess> guesses = top(logits, 5).value();
    for (const Guess& guess : guesses) print_guess(guess, names);
}

int fail(const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}

}  // namespace examples
