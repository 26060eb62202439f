// What surrounds the eight programs named after variants: their arguments, their answer and their error.
#pragma once

#include <exception>
#include <span>
#include <string>

#include "common/cores.hpp"
#include "common/decode.hpp"
#include "common/instances.hpp"

namespace examples {

// PROGRAM WEIGHTS IMAGE [LABELS]; anything else ends the program with a line on stderr and exit status 2.
struct Arguments {
    Arguments(int argc, char** argv);
    std::string weights, image, labels;
};

// Prints the five likeliest classes, a line each.
void print_top_five(std::span<const float> logits, const std::string& labels);

// Says on stderr what was wrong, and gives the exit status for it.
int fail(const std::exception& error);

}  // namespace examples
