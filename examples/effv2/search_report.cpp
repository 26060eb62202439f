#include "search_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "chart.hpp"
#include "effv2/architecture/text.hpp"
#include "train_folder.hpp"

namespace cli {

using effv2::Status;

namespace {

// The part of an architecture's text that candidates of a search do not share: the stages.
std::string stages_of(const effv2::Architecture& a) {
    const std::string text = effv2::format_architecture(a);
    const std::size_t first = text.find(';') + 2;
    return text.substr(first, text.find("; head") - first);
}

constexpr const char* heading = "top-1 %  step time  parameters  reward\n";

std::string rows(const std::vector<TriedArchitecture>& trials, const std::vector<std::size_t>& of) {
    std::string text;
    for (const std::size_t i : of) {
        text += trial_line(trials[i], trials.front());
        text += i == 0 ? "  (the backbone)\n" : "\n";
    }
    return text;
}

}  // namespace

std::string trial_line(const TriedArchitecture& tried, const TriedArchitecture& backbone) {
    std::array<char, 96> numbers{};
    std::snprintf(numbers.data(), numbers.size(), "%7.2f  %9.3f  %10.3f  %6.4f  ", 100.0 * tried.trial.accuracy,
                  tried.trial.step_time,
                  static_cast<double>(tried.parameters) / static_cast<double>(backbone.parameters), tried.trial.reward);
    return numbers.data() + stages_of(tried.trial.architecture);
}

std::string search_table(const std::vector<TriedArchitecture>& trials) {
    std::vector<std::size_t> order(trials.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return trials[a].trial.reward > trials[b].trial.reward; });
    order.resize(std::min<std::size_t>(order.size(), 5));
    return std::string("The best by reward; step time and parameters are the backbone's share:\n\n") + heading +
           rows(trials, order) + "\nThose that no other beats in accuracy and step time:\n\n" + heading +
           rows(trials, effv2::search::find_front(results_of(trials)));
}

const TriedArchitecture& best_of(const std::vector<TriedArchitecture>& trials) {
    return *std::max_element(trials.begin(), trials.end(), [](const TriedArchitecture& a, const TriedArchitecture& b) {
        return a.trial.reward < b.trial.reward;
    });
}

Status write_search_charts(const std::vector<TriedArchitecture>& trials, const std::string& folder) {
    const auto at = [&](std::size_t i) {
        return ChartPoint{trials[i].trial.step_time, 100.0 * trials[i].trial.accuracy};
    };
    ChartSeries tried{"tried", {}, Marks::points}, front{"not beaten", {}, Marks::dots};
    ChartSeries rewards{"reward", {}, Marks::points}, highest{"highest so far", {}, Marks::steps};
    double best = 0.0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (!trials[i].failure.empty()) continue;
        const double number = static_cast<double>(i + 1);
        best = std::max(best, trials[i].trial.reward);
        tried.points.push_back(at(i));
        rewards.points.push_back({number, trials[i].trial.reward});
        highest.points.push_back({number, best});
    }
    for (const std::size_t i : effv2::search::find_front(results_of(trials))) front.points.push_back(at(i));
    const Chart by_time{"Accuracy and step time of what was tried",
                        "time of a training step, over the backbone's",
                        "right at first, %",
                        {tried, front, {"backbone", {at(0)}, Marks::points}},
                        false};
    const Chart by_trial{"Reward", "trial", "reward", {rewards, highest}, false};
    if (Status made = make_folder(folder); !made) return made;
    if (Status written = replace_file(folder + "/search.svg", draw(by_time)); !written) return written;
    return replace_file(folder + "/reward.svg", draw(by_trial));
}

}  // namespace cli
