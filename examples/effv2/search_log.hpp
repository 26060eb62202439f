// The trials of a search, as lines of JSON and back.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/search/trial.hpp"

namespace cli {

// A trial and what else is known of it.
struct TriedArchitecture {
    effv2::search::Trial trial;
    std::int64_t parameters = 0, macs = 0;
    double loss = 0.0;                        // on the held-out pictures, nats
    double step_ms = 0.0, backbone_ms = 0.0;  // of a training step, each measured in turns with the other
    double seconds = 0.0;                     // that the trial took
    std::string failure;                      // why it could not be trained; else empty
};

// The line of trial `number`, counted from 1.
nlohmann::ordered_json describe_trial(std::size_t number, const TriedArchitecture& tried);

// The trials of a log, in their order; none where there is no log. Fails where it cannot be read, and for lines that
// are no search's.
effv2::Result<std::vector<TriedArchitecture>> read_trials(const std::string& log);

// As a search proposes by them.
std::vector<effv2::search::Trial> results_of(const std::vector<TriedArchitecture>& tried);

}  // namespace cli
