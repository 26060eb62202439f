// The lines of a training log, read back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "effv2/error.hpp"

namespace cli {

// A line; numbers that it does not have are NaN.
struct LogLine {
    std::string kind;  // settings, step or evaluation
    std::uint64_t step = 0;
    double size, learning_rate, loss, accuracy, top1;
    double batch, steps, images_per_second;
    std::string text;  // as it stands in the file
};

// All lines of a log in their order. What is no such line, as one that a killed process left unfinished, is left out.
// Fails where the file cannot be read.
effv2::Result<std::vector<LogLine>> read_log(const std::string& path);

}  // namespace cli
