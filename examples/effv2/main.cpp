// The effv2 command-line tool: one file beside this one for each subcommand.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <vector>

#include "command.hpp"

namespace {

struct Command {
    const char* name;
    const char* summary;
    cli::Action (*declare)(cli::Options& options);
};

constexpr Command commands[] = {
    {"info", "Print a network's stages, parameters, multiply-accumulates and memory", cli::declare_info},
    {"classify", "Name what pictures show", cli::declare_classify},
    {"explain", "Show where in a picture a class is seen", cli::declare_explain},
    {"run", "Run a network on a .npy tensor", cli::declare_run},
    {"train", "Train a network on pictures", cli::declare_train},
    {"eval", "Say how well weights do on labelled pictures", cli::declare_eval},
    {"plot", "Draw charts of a training log", cli::declare_plot},
    {"search", "Look for an architecture that learns well for its time and size", cli::declare_search},
    {"preprocess", "Turn a picture into a network's input", cli::declare_preprocess},
    {"bench", "Time the forward pass, with weights made from a formula", cli::declare_bench},
    {"formula", "Write a weight file made from a formula, for tests and trials", cli::declare_formula},
};

// Runs the subcommand that was named.
int run(int argc, char** argv) {
    CLI::App app{"EfficientNetV2 on CPUs", "effv2"};
    app.set_version_flag("--version", EFFV2_VERSION);
    app.require_subcommand(1);
    std::vector<cli::Action> actions;
    for (const Command& command : commands) {
        cli::Options options(*app.add_subcommand(command.name, command.summary));
        actions.push_back(command.declare(options));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wanted) {  // --help, --version
        return app.exit(wanted);
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "effv2: %s (effv2 --help lists the subcommands, effv2 SUBCOMMAND --help its options)\n",
                     error.what());
        return cli::bad_usage;
    }
    for (std::size_t i = 0; i < actions.size(); ++i)
        if (app.got_subcommand(commands[i].name)) return actions[i]();
    return cli::bad_usage;
}

}  // namespace

int main(int argc, char** argv) try {
    const int status = run(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        return cli::fail({effv2::ErrorCode::file, "standard output cannot be written"});
    return status;
} catch (const std::bad_alloc&) {
    return cli::fail({effv2::ErrorCode::argument, "there is not enough memory for that"});
} catch (const std::exception& error) {
    return cli::fail({effv2::ErrorCode::argument, error.what()});
}
