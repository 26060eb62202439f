// What the command line of effv2 search says: where the pictures are, what a candidate may be, how it is trained, and
// what it is worth.
#pragma once

#include <string>

#include "effv2/search/proposal.hpp"
#include "train_options.hpp"

namespace cli {

struct SearchOptions {
    // Pictures, backbone, folder, and how candidates are trained; those that a search has no use for keep their
    // defaults.
    TrainOptions train;
    double held_out = 0.1;
    // Space.
    std::string kinds = "both", kernels = "3,5", expansions = "1,4,6", layers = "-1,0,1";
    double most_parameters = -1.0, most_macs = -1.0;  // millions; negative: any
    // Search.
    int trials = 30;
    std::string sampler = "evolution";
    int population = 16, tournament = 4;
    double step_power = -0.07, parameter_power = -0.05;
};

void add_search_options(Options& options, SearchOptions& search);

// The space around a backbone. Fails with ErrorCode::argument for a list that is none, and where the space is unsound.
effv2::Result<effv2::search::SearchSpace> choose_space(const SearchOptions& options,
                                                       const effv2::Architecture& backbone);

effv2::search::ProposalSettings choose_proposal(const SearchOptions& options);

}  // namespace cli
