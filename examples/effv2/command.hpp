// What main.cpp and the subcommands share. A subcommand declares its options and returns what runs once they are parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "effv2/architecture/variants.hpp"
#include "effv2/error.hpp"
#include "effv2/weights/load_weights.hpp"

namespace cli {

// Runs a subcommand and gives the program's exit status.
using Action = std::function<int()>;

// The exit statuses: a wrong command line is told from a right one with bad input.
inline constexpr int success = 0, bad_input = 1, bad_usage = 2;

Action declare_info(CLI::App& app);
Action declare_classify(CLI::App& app);
Action declare_run(CLI::App& app);
Action declare_preprocess(CLI::App& app);
Action declare_bench(CLI::App& app);
Action declare_formula(CLI::App& app);

// Options that several subcommands have.
CLI::Option* add_variant(CLI::App& app, std::string& variant);
CLI::Option* add_threads(CLI::App& app, int& threads);
CLI::Option* add_size(CLI::App& app, int& size);
CLI::Option* add_classes(CLI::App& app, int& classes);
CLI::Option* add_padding(CLI::App& app, std::string& padding);

// Says on stderr what was wrong, and gives the exit status for it.
int fail(const effv2::Error& error);

// The architecture of a variant whose name the command line has checked.
const effv2::Architecture& architecture_of(const std::string& variant);

// The padding of that name, which the command line has checked.
effv2::Padding padding_of(const std::string& name);

// Weights and what they are. Fails where `variant` is not empty and the file holds another.
effv2::Result<effv2::LoadedNetwork> load(const std::string& path, const std::string& variant,
                                         const effv2::WeightOptions& options = {});

}  // namespace cli
