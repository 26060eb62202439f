// effv2 classify: pictures in, the likeliest classes out.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "classifier.hpp"
#include "command.hpp"

namespace cli {

namespace {

using effv2::Result;
using effv2::Status;
using nlohmann::ordered_json;

struct ClassifySettings {
    ClassifierOptions classifier;
    int top = 5;
    bool json = false;
    std::vector<std::string> images;
};

using Labels = std::vector<std::string>;

void print_text(const std::string& image, const std::vector<examples::Guess>& guesses, const Labels& labels) {
    std::printf("%s\n", image.c_str());
    for (const examples::Guess& guess : guesses) examples::print_guess(guess, labels);
}

ordered_json as_json(const std::string& image, const std::vector<examples::Guess>& guesses, const Labels& labels) {
    ordered_json top = ordered_json::array();
    for (const examples::Guess& guess : guesses) {
        ordered_json entry = {{"index", guess.index}};
        if (!labels.empty()) entry["label"] = labels[static_cast<std::size_t>(guess.index)];
        entry["probability"] = guess.probability;
        top.push_back(std::move(entry));
    }
    return {{"image", image}, {"top", std::move(top)}};
}

Result<std::vector<examples::Guess>> classify(Classifier& classifier, const std::string& image, int count) {
    if (const Status ran = classifier.run(image); !ran) return ran.error();
    Result<std::vector<examples::Guess>> guesses = classifier.top(count);
    if (!guesses) return effv2::Error{guesses.error().code, image + ": " + guesses.error().message};
    return guesses;
}

// All pictures, whatever becomes of each: one that fails is reported and left out.
int classify_all(const ClassifySettings& settings, Classifier& classifier) {
    int status = success;
    ordered_json all = ordered_json::array();
    for (const std::string& image : settings.images) {
        const Result<std::vector<examples::Guess>> guesses = classify(classifier, image, settings.top);
        if (!guesses)
            status = fail(guesses.error());
        else if (settings.json)
            all.push_back(as_json(image, *guesses, classifier.labels));
        else
            print_text(image, *guesses, classifier.labels);
    }
    // File names and labels need not be UTF-8, but JSON must.
    if (settings.json) std::printf("%s\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    return status;
}

int run(const ClassifySettings& settings) {
    examples::Cores cores = cores_of(settings.classifier.threads);
    Result<Classifier> classifier = Classifier::load(settings.classifier, cores);
    return classifier ? classify_all(settings, *classifier) : fail(classifier.error());
}

}  // namespace

Action declare_classify(Options& options) {
    const auto settings = std::make_shared<ClassifySettings>();
    add_classifier(options, settings->classifier);
    options.number({"--top", "K", "how many classes to name (default: 5)"}, settings->top, 1, 1000000);
    options.flag("--json", settings->json, "print one JSON array");
    options.texts({"images", "IMAGE...", "pictures: JPEG, PNG or WebP", Need::required}, settings->images);
    return [settings] { return run(*settings); };
}

}  // namespace cli
