// The weights that a training run starts with.
#include <memory>
#include <utility>

#include "effv2/training/initial_values.hpp"
#include "effv2/training/whitened_stem.hpp"
#include "train_settings.hpp"

namespace cli {

using effv2::Layer;
using effv2::WeightSource;

namespace {

// Another source's weights, but for a new classifier.
class NewClassifier final : public WeightSource {
public:
    NewClassifier(std::shared_ptr<const WeightSource> body, std::uint64_t seed)
        : body_(std::move(body)), fresh_(seed) {}

    void read(const effv2::Tensor& tensor, std::size_t first, std::span<float> into) const override {
        if (tensor.layer == Layer::classifier)
            fresh_.read(tensor, first, into);
        else
            body_->read(tensor, first, into);
    }
    float epsilon() const override { return body_->epsilon(); }
    void done(const effv2::Tensor& tensor) const override {
        if (tensor.layer != Layer::classifier) body_->done(tensor);
    }

private:
    std::shared_ptr<const WeightSource> body_;
    effv2::training::InitialValues fresh_;
};

}  // namespace

std::shared_ptr<const WeightSource> first_weights(const TrainJob& job) {
    using namespace effv2::training;
    const TrainSettings& settings = job.settings;
    const std::uint64_t seed = settings.run.seed;
    if (settings.whitens) return std::make_shared<WhitenedStem>(job.pictures, settings.recipe, seed);
    if (!job.start.file) return std::make_shared<InitialValues>(seed);
    if (job.start.architecture.classes == settings.architecture.classes) return job.start.file;
    return std::make_shared<NewClassifier>(job.start.file, seed);
}

}  // namespace cli
