// effv2 explain: where in a picture a class is seen.
#include <charconv>
#include <cstdio>
#include <memory>
#include <vector>

#include "apart.hpp"
#include "classifier.hpp"
#include "command.hpp"
#include "common/decode.hpp"
#include "common/encode_png.hpp"
#include "common/instances.hpp"
#include "heat.hpp"

namespace cli {

namespace {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;

struct ExplainSettings {
    ClassifierOptions classifier;
    std::string named, image, output;
};

// The class that the command line names: by its label, or else by its number.
Result<int> find_class(const std::string& named, const std::vector<std::string>& labels, int classes) {
    std::vector<int> found;
    for (std::size_t i = 0; i < labels.size(); ++i)
        if (labels[i] == named) found.push_back(static_cast<int>(i));
    if (found.size() > 1)
        return Error{ErrorCode::argument, "--class '" + named + "': classes " + std::to_string(found[0]) + " and " +
                                              std::to_string(found[1]) + " have this name; please give the number"};
    if (found.size() == 1) return found[0];
    int index = -1;
    const char* const end = named.data() + named.size();
    const auto [at, error] = std::from_chars(named.data(), end, index);
    if (error == std::errc{} && at == end && index >= 0 && index < classes) return index;
    return Error{ErrorCode::argument, "--class '" + named + "': expected " +
                                          (labels.empty() ? "" : "the name of a class or ") + "a number from 0 to " +
                                          std::to_string(classes - 1)};
}

// The class that is asked for, or the likeliest, and its probability.
Result<examples::Guess> choose_class(const std::string& named, const Classifier& classifier) {
    const int classes = classifier.network.architecture().classes;
    const Result<std::vector<examples::Guess>> all = classifier.top(named.empty() ? 1 : classes);
    if (!all) return all.error();
    if (named.empty()) return all->front();
    const Result<int> index = find_class(named, classifier.labels, classes);
    if (!index) return index.error();
    for (const examples::Guess& guess : *all)
        if (guess.index == *index) return guess;
    return all->front();
}

Status explain(const ExplainSettings& settings, Classifier& classifier) {
    const effv2::Architecture& a = classifier.network.architecture();
    const effv2::MapShape shape = effv2::last_map_shape(a);
    std::vector<float> last_map(shape.floats()), map(static_cast<std::size_t>(shape.size.pixels()));
    if (Status ran = classifier.run(settings.image, last_map); !ran) return ran;
    const Result<examples::Guess> guess = choose_class(settings.named, classifier);
    if (!guess) return guess.error();
    if (Status made = effv2::class_map(a, classifier.weights, last_map, guess->index, map); !made) return made;

    const Result<effv2::Image> picture = examples::decode_file(settings.image);
    if (!picture) return picture.error();
    const effv2::Area area = effv2::input_area(picture->view(), classifier.recipe);
    if (Status written = examples::encode_png(settings.output, draw_heat(*picture, map, shape.size, area)); !written)
        return written;
    std::printf("%s\n", settings.image.c_str());
    examples::print_guess(*guess, classifier.labels);
    return std::monostate{};
}

int run(const ExplainSettings& settings) {
    const ClassifierOptions& given = settings.classifier;
    if (const Status apart = check_apart({settings.output}, {settings.image, given.weights.path, given.labels}); !apart)
        return fail(apart.error());
    examples::Cores cores = cores_of(settings.classifier.threads);
    Result<Classifier> classifier = Classifier::load(settings.classifier, cores);
    if (!classifier) return fail(classifier.error());
    const Status done = explain(settings, *classifier);
    return done ? success : fail(done.error());
}

}  // namespace

Action declare_explain(Options& options) {
    const auto settings = std::make_shared<ExplainSettings>();
    add_classifier(options, settings->classifier);
    options.text({"--class", "CLASS", "the class to look for: its name or number (default: the likeliest)"},
                 settings->named);
    options.text({"image", "IMAGE", "the picture: JPEG, PNG or WebP", Need::required}, settings->image);
    options.text({"--output", "MAP.png", "the picture with the class's map over it", Need::required}, settings->output);
    return [settings] { return run(*settings); };
}

}  // namespace cli
