#include "train_pictures.hpp"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "train_settings.hpp"

namespace cli {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
namespace data = effv2::training::data;

namespace {

bool is_utf8(const std::string& text) try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
} catch (const nlohmann::json::exception&) {
    return false;
}

// How picture files are read for a network whose pictures have `side` pixels.
examples::DatasetOptions reading(const TrainOptions& options, int side) {
    return {options.broken == "stop" ? examples::Broken::stop : examples::Broken::skip,
            options.reduce >= 0 ? options.reduce : 2 * side};
}

}  // namespace

Status check_places(const TrainOptions& options) {
    std::error_code ignored;
    if (!std::filesystem::exists(options.data, ignored))
        return Error{ErrorCode::file, options.data + ": cannot be read as a folder: there is nothing of that name"};
    for (const std::string& set : {options.data, options.test})
        if (!options.measure && !set.empty() && examples::is_within_classes(options.output, set))
            return Error{ErrorCode::argument, options.output + ": lies in " + set +
                                                  ", where every folder is a class; expected another --output"};
    return std::monostate{};
}

Result<examples::TrainingSet> load_training(const TrainOptions& options, const TrainStart& start,
                                            effv2::Executor& executor) {
    Result<examples::TrainingSet> set =
        examples::load_training_set(options.data, reading(options, largest_side(options, start)), executor);
    if (!set) return set;
    if (Status sound = data::check_training_set(set->pictures); !sound) return sound.error();
    // They will stand in weights and log.
    for (const std::string& name : set->pictures.class_names())
        if (!is_utf8(name) || name.find('\n') != std::string::npos)
            return Error{ErrorCode::format, options.data + ": has a class whose name is not one line of UTF-8"};
    return set;
}

Result<std::optional<data::Pictures>> load_test(const TrainOptions& options, const examples::TrainingSet& set, int size,
                                                effv2::Executor& executor) {
    const std::string& path = options.test.empty() ? options.data : options.test;
    if (options.test.empty() && !set.has_test) {
        std::fprintf(stderr, "effv2: %s has no test part, so nothing is evaluated; --test names one\n", path.c_str());
        return std::optional<data::Pictures>();
    }
    Result<data::Pictures> test =
        examples::load_test_set(path, set.pictures.class_names(), reading(options, size), executor);
    if (!test) return test.error();
    if (Status fits = check_evaluation_set(*test, set.pictures); !fits) return fits.error();
    return std::optional(std::move(*test));
}

}  // namespace cli
