// From logits to the likeliest classes, with their names where a label file is given.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "effv2/error.hpp"

namespace examples {

struct Guess {
    int index;           // of the class
    double probability;  // its share of the softmax
};

// The `count` likeliest classes (fewer where there are fewer), the likeliest first; of equal ones the first. Fails
// where a logit is not a number, as from broken weights.
effv2::Result<std::vector<Guess>> top(std::span<const float> logits, int count);

// The names of `classes` classes from a text file, a line a class. Fails where it has more or fewer lines.
effv2::Result<std::vector<std::string>> read_labels(const std::string& path, int classes);

// Fit for a terminal: with question marks for control characters.
std::string printable(std::string text);

// "  93.1 %  tench"; without labels the class's number stands for its name.
void print_guess(const Guess& guess, std::span<const std::string> labels);

}  // namespace examples
