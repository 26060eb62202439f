// How well weights do on a set of pictures: through packed inference, as those who will use them run them.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "effv2/image/preprocess.hpp"
#include "effv2/network/model.hpp"
#include "effv2/training/data/batches.hpp"
#include "effv2/weights/pack.hpp"

namespace effv2::training {

// Whether an evaluation counts which class was taken for which: the square of the classes, 1.9 GB for ImageNet-21k's.
enum class Confusion { left_out, counted };

// The answers of a network to a set of pictures. Of classes with equal logits, the first comes first.
struct Evaluation {
    int classes = 0;
    std::size_t pictures = 0, first = 0, first_five = 0;  // answered right at the first, at one of the first five
    double loss = 0.0;                                    // mean cross-entropy, nats
    std::vector<std::uint32_t> confusion;                 // (true class, first answer): how many; or empty

    double top1() const { return static_cast<double>(first) / static_cast<double>(pictures); }
    double top5() const { return static_cast<double>(first_five) / static_cast<double>(pictures); }
};

namespace detail {

// The logits are finite.
inline void judge(std::span<const float> logits, int label, Evaluation& to) {
    const float of_label = logits[static_cast<std::size_t>(label)];
    const auto at_label = logits.begin() + label;
    const auto better = std::count_if(logits.begin(), at_label, [&](float v) { return v >= of_label; }) +
                        std::count_if(at_label, logits.end(), [&](float v) { return v > of_label; });
    const auto answer = std::max_element(logits.begin(), logits.end()) - logits.begin();
    const double largest = static_cast<double>(logits[static_cast<std::size_t>(answer)]);
    double sum = 0.0;
    for (const float value : logits) sum += std::exp(static_cast<double>(value) - largest);
    to.loss += std::log(sum) + largest - static_cast<double>(of_label);
    to.first += answer == label;
    to.first_five += better < 5;
    if (!to.confusion.empty())
        ++to.confusion[static_cast<std::size_t>(label) * logits.size() + static_cast<std::size_t>(answer)];
    ++to.pictures;
}

}  // namespace detail

// Runs the network over all pictures, in batches.
//
// Fails where fill_evaluation() and Network::forward() do, with ErrorCode::mismatch for another number of classes, and
// with ErrorCode::format for weights whose logits are not all numbers.
template <class Arch>
Result<Evaluation> evaluate(BasicNetwork<Arch>& network, const data::Pictures& pictures, const Recipe& recipe,
                            Executor& executor, Confusion confusion = Confusion::left_out) {
    const int classes = network.architecture().classes;
    if (classes != pictures.classes())
        return Error{ErrorCode::mismatch, "the network has " + std::to_string(classes) + " classes, but " +
                                              pictures.name() + " has " + std::to_string(pictures.classes())};
    Evaluation result;
    result.classes = classes;
    const auto width = static_cast<std::size_t>(classes);
    if (confusion == Confusion::counted) result.confusion.assign(width * width, 0);
    const std::size_t batch = std::clamp<std::size_t>(pictures.size(), 1, 64);
    std::vector<float> inputs(batch * input_elements(recipe)), logits(batch * width);
    for (std::size_t first = 0; first < pictures.size(); first += batch) {
        const std::size_t count = std::min(batch, pictures.size() - first);
        const std::span<float> input = std::span(inputs).first(count * input_elements(recipe));
        if (Status filled = data::fill_evaluation(executor, pictures, first, count, recipe, input); !filled)
            return filled.error();
        Outputs outputs;
        outputs.logits = std::span(logits).first(count * width);
        if (Status ran = network.forward(input, static_cast<int>(count), outputs); !ran) return ran.error();
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<const float> answers = std::span(logits).subspan(i * width, width);
            if (!std::all_of(answers.begin(), answers.end(), [](float value) { return std::isfinite(value); }))
                return Error{ErrorCode::format, "the network's answers to picture " + std::to_string(first + i) +
                                                    " of " + pictures.name() + " are not all numbers"};
            detail::judge(answers, pictures.label(first + i), result);
        }
    }
    result.loss /= static_cast<double>(std::max<std::size_t>(1, pictures.size()));
    return result;
}

}  // namespace effv2::training
