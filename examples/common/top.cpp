#include "top.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>

namespace examples {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;

Result<std::vector<Guess>> top(std::span<const float> logits, int count) {
    if (!std::all_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); }))
        return Error{ErrorCode::mismatch, "the network's outputs are not all numbers: are the weights sound?"};
    const auto shown = std::min(static_cast<std::size_t>(count), logits.size());
    std::vector<int> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto likelier = [&](int a, int b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x > y || (x == y && a < b);
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(), likelier);
    order.resize(shown);

    const double highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0.0;
    for (const float logit : logits) sum += std::exp(logit - highest);
    std::vector<Guess> guesses;
    for (const int i : order) guesses.push_back({i, std::exp(logits[static_cast<std::size_t>(i)] - highest) / sum});
    return guesses;
}

Result<std::vector<std::string>> read_labels(const std::string& path, int classes) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (!file) return Error{ErrorCode::file, path + ": cannot be opened: " + std::strerror(errno)};
    std::vector<std::string> labels;
    std::string line;
    // More lines than classes are an error anyway; that keeps endless files out of the memory.
    constexpr std::size_t longest = 4096;
    int c = 0;
    while (labels.size() <= static_cast<std::size_t>(classes) && (c = std::getc(file.get())) != EOF) {
        if (c == '\n')
            labels.push_back(std::exchange(line, {}));
        else if (c != '\r')
            line += static_cast<char>(c);
        if (line.size() > longest) return Error{ErrorCode::format, path + ": is no list of labels, a line a class"};
    }
    if (std::ferror(file.get()) != 0) return Error{ErrorCode::file, path + ": cannot be read: " + std::strerror(errno)};
    if (!line.empty()) labels.push_back(std::move(line));
    constexpr std::string_view mark = "\xef\xbb\xbf";  // a byte order mark, which some editors begin UTF-8 with
    if (!labels.empty() && labels[0].starts_with(mark)) labels[0].erase(0, mark.size());
    if (labels.size() == static_cast<std::size_t>(classes)) return labels;
    const std::string found = c == EOF ? std::to_string(labels.size()) : "more";
    return Error{ErrorCode::mismatch, path + ": has " + found + " lines, but the weights have " +
                                          std::to_string(classes) + " classes (a line a class is needed)"};
}

std::string printable(std::string text) {
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

void print_guess(const Guess& guess, std::span<const std::string> labels) {
    std::printf("  %5.1f %%  ", 100.0 * guess.probability);
    if (labels.empty())
        std::printf("class %d\n", guess.index);
    else
        std::printf("%s\n", printable(labels[static_cast<std::size_t>(guess.index)]).c_str());
}

}  // namespace examples
