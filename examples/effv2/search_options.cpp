#include "search_options.hpp"

#include <utility>

#include "effv2/words.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using namespace effv2::search;

namespace {

void add_space(Options& options, SearchOptions& search) {
    options.group("What a stage may be; the backbone has the rest");
    options.choice({"--kinds", "WHICH", "fused, mbconv or both (default: both)"}, search.kinds,
                   {"fused", "mbconv", "both"});
    options.text({"--kernels", "LIST", "3, 5 and 7, with commas between them (default: 3,5)"}, search.kernels);
    options.text({"--expansions", "LIST", "1 to 8 (default: 1,4,6)"}, search.expansions);
    options.text({"--layers", "LIST", "blocks more or less than the backbone's (default: -1,0,1)"}, search.layers);
    options.number({"--most-parameters", "MILLIONS", "nothing larger is tried (default: any)"}, search.most_parameters,
                   0.0, 1e6);
    options.number({"--most-macs", "MILLIONS", "nor what needs more multiply-accumulates a picture (default: any)"},
                   search.most_macs, 0.0, 1e9);
}

void add_run(Options& options, SearchOptions& search) {
    TrainOptions& train = search.train;
    options.group("Run");
    options.text({"--output", "FOLDER", "where log, charts and the best architecture go", Need::required},
                 train.output);
    options.flag("--resume", train.resume, "go on where the search in FOLDER was ended, or with more --trials");
    options.number({"--trials", "N", "architectures to try, the backbone among them (default: 30; the paper: 1000)"},
                   search.trials, 1, 1000000);
    options.number({"--epochs", "N", "each is trained for so many passes over the pictures (default: 10)"},
                   train.epochs, 0.0, 1e6);
    add_step(options, train);
    options.choice({"--sampler", "S", "evolution or random (default: evolution)"}, search.sampler,
                   {"evolution", "random"});
    options.number({"--population", "N", "evolution: the last trials, from which it takes (default: 16)"},
                   search.population, 1, 1000000);
    options.number({"--tournament", "N", "evolution: of these, drawn to change the best of them (default: 4)"},
                   search.tournament, 1, 1000000);
    options.number({"--step-power", "W", "the reward is accuracy * step time^W * parameters^V (default: -0.07)"},
                   search.step_power, -100.0, 100.0);
    options.number({"--parameter-power", "V", "(default: -0.05)"}, search.parameter_power, -100.0, 100.0);
}

// Whole numbers with commas between them, such as "-1,0,1".
Result<Choices> read_list(const char* option, const std::string& text) {
    effv2::detail::WordReader words(text);
    Choices list;
    bool sound = true;
    do {
        const bool negative = words.accept('-');
        int value = 0;
        sound = words.number(value, "whole numbers with commas between them");
        if (sound) list.add(negative ? -value : value);
    } while (sound && words.accept(','));
    if (sound && !words.at_end()) sound = words.fail("',' or the end");
    if (!sound) return Error{ErrorCode::argument, std::string(option) + " " + words.problem()};
    return list;
}

}  // namespace

void add_search_options(Options& options, SearchOptions& search) {
    TrainOptions& train = search.train;
    train.epochs = 10.0, train.stages = 1;
    options.group("Pictures and backbone");
    add_pictures(options, train);
    options.number({"--held-out", "SHARE", "of the pictures, to judge by (default: 0.1)"}, search.held_out, 1e-6, 0.9);
    options.network(train.variant, train.architecture);
    add_space(options, search);
    add_run(options, search);
    add_schooling(options, train);
}

Result<SearchSpace> choose_space(const SearchOptions& options, const effv2::Architecture& backbone) {
    CommonChoices choices{.fused = options.kinds != "mbconv", .mbconv = options.kinds != "fused"};
    const std::pair<const char*, std::pair<const std::string*, Choices*>> lists[] = {
        {"--kernels", {&options.kernels, &choices.kernels}},
        {"--expansions", {&options.expansions, &choices.expansions}},
        {"--layers", {&options.layers, &choices.layers}}};
    for (const auto& [name, of] : lists) {
        const Result<Choices> list = read_list(name, *of.first);
        if (!list) return list.error();
        *of.second = *list;
    }
    if (choices.layers.count > max_choices)
        return Error{ErrorCode::argument, "--layers has " + std::to_string(choices.layers.count) +
                                              " numbers; expected at most " + std::to_string(max_choices)};
    const SearchSpace space = make_space(backbone, choices);
    if (effv2::Status sound = check(space); !sound) return sound.error();
    return space;
}

ProposalSettings choose_proposal(const SearchOptions& options) {
    constexpr double million = 1e6;
    ProposalSettings settings;
    settings.sampler = options.sampler == "random" ? Sampler::random : Sampler::evolution;
    settings.population = options.population, settings.tournament = options.tournament;
    settings.seed = static_cast<std::uint64_t>(options.train.seed);
    if (options.most_parameters >= 0.0)
        settings.limits.parameters = static_cast<std::int64_t>(options.most_parameters * million);
    if (options.most_macs >= 0.0) settings.limits.macs = static_cast<std::int64_t>(options.most_macs * million);
    return settings;
}

}  // namespace cli
