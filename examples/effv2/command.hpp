// What main.cpp and the subcommands share.
#pragma once

#include <functional>
#include <string>

#include "effv2/architecture/variants.hpp"
#include "effv2/error.hpp"
#include "options.hpp"

namespace cli {

// Runs a subcommand and gives the program's exit status.
using Action = std::function<int()>;

// The exit statuses: a wrong command line is told from a right one with bad input, and both from work that a signal
// ended, where nothing is wrong.
inline constexpr int success = 0, bad_input = 1, bad_usage = 2, was_stopped = 3;

// Each declares a subcommand's options and returns what runs it once they are parsed.
Action declare_info(Options& options);
Action declare_classify(Options& options);
Action declare_explain(Options& options);
Action declare_run(Options& options);
Action declare_preprocess(Options& options);
Action declare_bench(Options& options);
Action declare_formula(Options& options);
Action declare_train(Options& options);
Action declare_eval(Options& options);
Action declare_plot(Options& options);
Action declare_search(Options& options);

// Says on stderr what was wrong, and gives the exit status for it.
int fail(const effv2::Error& error);

// The same for a command line that no parser could have found wrong.
int wrong_usage(const char* sentence);

// The variant of a name that the command line has checked, with another size or number of classes where they are not 0.
effv2::Architecture architecture_of(const std::string& variant, int size, int classes);

// The padding of a name that the command line has checked.
effv2::Padding padding_of(const std::string& name);

}  // namespace cli
