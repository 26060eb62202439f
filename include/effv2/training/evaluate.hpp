// How well weights do on a set of pictures: through packed inference, as those who will use them run them.
#pragma once

#include <algorithm>
#include <vector>

#include "effv2/image/preprocess.hpp"
#include "effv2/network/model.hpp"
#include "effv2/training/data/batches.hpp"
#include "effv2/weights/pack.hpp"

namespace effv2::training {

// The answers of a network to a set of pictures.
struct Evaluation {
    int classes = 0;
    std::size_t pictures = 0, first = 0, first_five = 0;  // answered right at the first, at one of the first five
    double loss = 0.0;                                    // mean cross-entropy, nats
    std::vector<std::uint32_t> confusion;                 // (true class, first answer): how many

    double top1() const { return static_cast<double>(first) / static_cast<double>(pictures); }
    double top5() const { return static_cast<double>(first_five) / static_cast<double>(pictures); }
};

namespace detail {

inline void judge(std::span<const float> logits, int label, Evaluation& to) {
    const float of_label = logits[static_cast<std::size_t>(label)];
    const auto better = std::count_if(logits.begin(), logits.end(), [&](float v) { return v > of_label; });
    const auto answer = std::max_element(logits.begin(), logits.end()) - logits.begin();
    const double largest = static_cast<double>(logits[static_cast<std::size_t>(answer)]);
    double sum = 0.0;
    for (const float value : logits) sum += std::exp(static_cast<double>(value) - largest);
    to.loss += std::log(sum) + largest - static_cast<double>(of_label);
    to.first += answer == label;
    to.first_five += better < 5;
    ++to.confusion[static_cast<std::size_t>(label) * logits.size() + static_cast<std::size_t>(answer)];
    ++to.pictures;
}

}  // namespace detail

// Runs the network over all pictures, in batches.
//
// Fails where fill_evaluation() and Network::forward() do, and with ErrorCode::mismatch for another number of classes.
inline Result<Evaluation> evaluate(Network& network, const data::Pictures& pictures, const Recipe& recipe,
                                   Executor& executor) {
    const int classes = network.architecture().classes;
    if (classes != pictures.classes())
        return Error{ErrorCode::mismatch, "the network has " + std::to_string(classes) + " classes, but " +
                                              pictures.name() + " has " + std::to_string(pictures.classes())};
    Evaluation result;
    result.classes = classes;
    const auto width = static_cast<std::size_t>(classes);
    result.confusion.assign(width * width, 0);
    constexpr std::size_t batch = 64;
    std::vector<float> inputs(batch * input_elements(recipe)), logits(batch * width);
    for (std::size_t first = 0; first < pictures.size(); first += batch) {
        const std::size_t count = std::min(batch, pictures.size() - first);
        const std::span<float> input = std::span(inputs).first(count * input_elements(recipe));
        if (Status filled = data::fill_evaluation(executor, pictures, first, count, recipe, input); !filled)
            return filled.error();
        Outputs outputs;
        outputs.logits = std::span(logits).first(count * width);
        if (Status ran = network.forward(input, static_cast<int>(count), outputs); !ran) return ran.error();
        for (std::size_t i = 0; i < count; ++i)
            detail::judge(std::span(logits).subspan(i * width, width), pictures.label(first + i), result);
    }
    result.loss /= static_cast<double>(std::max<std::size_t>(1, pictures.size()));
    return result;
}

}  // namespace effv2::training
