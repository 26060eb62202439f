// effv2 run: a network on tensors. Pictures are read, run and written one by one, so that memory does not grow with the
// batch.
#include <filesystem>
#include <memory>
#include <optional>

#include "command.hpp"
#include "common/cores.hpp"
#include "common/instances.hpp"
#include "common/npy.hpp"
#include "effv2/network/model.hpp"
#include "load.hpp"

namespace cli {

namespace {

using effv2::Error;
using effv2::ErrorCode;
using effv2::Result;
using effv2::Status;
using examples::NpyReader;
using examples::NpyWriter;

struct Settings {
    std::string weights, variant, padding, input, output, features, maps;
    int threads = 0;
};

// One output of the network and the file that it goes to.
class Sink {
public:
    // `shape` is that of the whole batch.
    static Result<Sink> create(const std::string& path, const std::string& input, const examples::Shape& shape) {
        std::error_code ignored;
        if (std::filesystem::equivalent(path, input, ignored))
            return Error{ErrorCode::argument, path + ": is the input, and would be overwritten while it is read"};
        Result<NpyWriter> file = NpyWriter::create(path, shape);
        if (!file) return file.error();
        std::size_t floats = 1;
        for (std::size_t i = 1; i < shape.size(); ++i) floats *= shape[i];
        return Sink(std::move(*file), floats);
    }

    std::span<float> values() { return values_; }
    Status write() { return file_.write(values_); }
    Status finish() { return file_.finish(); }

private:
    Sink(NpyWriter file, std::size_t floats) : file_(std::move(file)), values_(floats) {}

    NpyWriter file_;
    std::vector<float> values_;  // of one picture
};

// What the pictures of a file are.
struct Pictures {
    std::size_t count;
    int height, width;
};

Result<Pictures> check_input(const NpyReader& input) {
    const examples::Shape& shape = input.shape();
    if (shape.size() != 4 || shape[0] == 0 || shape[1] != 3)
        return Error{ErrorCode::mismatch, input.path() + ": has the shape " + examples::shape_text(shape) +
                                              ", but pictures have (N, 3, height, width)"};
    const auto fits = [](std::size_t n) { return n >= 32 && n <= 8192; };
    if (!fits(shape[2]) || !fits(shape[3]))
        return Error{ErrorCode::mismatch, input.path() + ": has pictures of " + std::to_string(shape[2]) + "x" +
                                              std::to_string(shape[3]) + " pixels, but 32 to 8192 a side are possible"};
    return Pictures{shape[0], static_cast<int>(shape[2]), static_cast<int>(shape[3])};
}

// The files that were asked for, and where a forward pass writes for them.
Result<std::vector<Sink>> open_sinks(const Settings& settings, const effv2::Architecture& a, std::size_t batch,
                                     effv2::Outputs& outputs) {
    std::vector<Sink> sinks;
    Status status = std::monostate{};
    const auto open = [&](const std::string& path, const examples::Shape& shape, std::span<float>& output) {
        if (!status) return;
        Result<Sink> sink = Sink::create(path, settings.input, shape);
        if (!sink) {
            status = sink.error();
            return;
        }
        output = sink->values();
        sinks.push_back(std::move(*sink));
    };
    open(settings.output, {batch, static_cast<std::size_t>(a.classes)}, outputs.logits);
    if (!settings.features.empty())
        open(settings.features, {batch, static_cast<std::size_t>(a.head)}, outputs.features);
    for (std::size_t m = 0; m < effv2::feature_strides.size() && !settings.maps.empty(); ++m) {
        const effv2::MapShape map = effv2::feature_map_shape(a, m);
        open(settings.maps + "_" + std::to_string(effv2::feature_strides[m]) + ".npy",
             {batch, static_cast<std::size_t>(map.channels), static_cast<std::size_t>(map.size.height),
              static_cast<std::size_t>(map.size.width)},
             outputs.maps[m]);
    }
    if (!status) return status.error();
    return sinks;
}

Status run_all(effv2::Network& network, NpyReader& input, std::size_t count, const effv2::Outputs& outputs,
               std::vector<Sink>& sinks) {
    std::vector<float> picture(3 * static_cast<std::size_t>(network.architecture().input.pixels()));
    for (std::size_t i = 0; i < count; ++i) {
        if (Status read = input.read(picture); !read) return read;
        if (Status ran = network.forward(picture, 1, outputs); !ran) return ran;
        for (Sink& sink : sinks)
            if (Status written = sink.write(); !written) return written;
    }
    for (Sink& sink : sinks)
        if (Status finished = sink.finish(); !finished) return finished;
    return std::monostate{};
}

int run(const Settings& settings) {
    Result<NpyReader> input = NpyReader::open(settings.input);
    if (!input) return fail(input.error());
    const Result<Pictures> pictures = check_input(*input);
    if (!pictures) return fail(pictures.error());

    effv2::WeightOptions given;
    if (!settings.padding.empty()) given.padding = padding_of(settings.padding);
    Result<effv2::LoadedNetwork> loaded = load(settings.weights, settings.variant, given);
    if (!loaded) return fail(loaded.error());
    const effv2::Architecture a = loaded->identity.architecture.with_size(pictures->height, pictures->width);
    examples::Cores cores = settings.threads > 0 ? examples::Cores(settings.threads) : examples::Cores();
    Result<effv2::Network> network = effv2::Network::make(a, std::move(loaded->weights), cores);
    if (!network) return fail(network.error());

    effv2::Outputs outputs;
    Result<std::vector<Sink>> sinks = open_sinks(settings, a, pictures->count, outputs);
    if (!sinks) return fail(sinks.error());
    const Status done = run_all(*network, *input, pictures->count, outputs, *sinks);
    return done ? success : fail(done.error());
}

}  // namespace

Action declare_run(Options& options) {
    const auto settings = std::make_shared<Settings>();
    options.weights(settings->weights);
    options.variant(settings->variant, Need::optional);
    options.padding(settings->padding);
    options.threads(settings->threads);
    options.text({"--input", "X.npy", "pictures: float32 (N, 3, height, width)", Need::required}, settings->input);
    options.text({"--output", "Y.npy", "logits: float32 (N, classes)", Need::required}, settings->output);
    options.text({"--features", "F.npy", "pooled features: float32 (N, head)"}, settings->features);
    options.text({"--maps", "PREFIX", "feature maps at strides 4, 8, 16, 32, in PREFIX_4.npy and so on"},
                 settings->maps);
    return [settings] { return run(*settings); };
}

}  // namespace cli
