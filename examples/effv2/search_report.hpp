// What came out of a search, for people: lines, a table, charts.
#pragma once

#include <string>
#include <vector>

#include "search_log.hpp"

namespace cli {

// One line of a trial: accuracy, step time, parameters and reward, and then the architecture.
std::string trial_line(const TriedArchitecture& tried, const TriedArchitecture& backbone);

// The best trials by reward, and those that no other beats in accuracy and step time. There is at least one.
std::string search_table(const std::vector<TriedArchitecture>& trials);

// The trial with the highest reward, the first of those that share it. There is at least one.
const TriedArchitecture& best_of(const std::vector<TriedArchitecture>& trials);

// Writes search.svg (accuracy over step time) and reward.svg (over trials) to a folder, which is made where it is
// missing. Fails where a file cannot be written.
effv2::Status write_search_charts(const std::vector<TriedArchitecture>& trials, const std::string& folder);

}  // namespace cli
