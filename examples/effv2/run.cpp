// effv2 run: a network on tensors. Pictures are read, run and written a few at a time, so that memory does not grow
// with the batch.
#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include "apart.hpp"
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

struct ForwardSettings {
    WeightsFile weights;
    std::string variant, padding, input, output, features, maps;
    int threads = 0;
};

// One output of the network and the file that it goes to.
class Sink {
public:
    // Which of the spans of `outputs` it is.
    using Slot = std::span<float>& (*)(effv2::Outputs& outputs);

    // `shape` is that of all pictures; `group` of them are in memory at one time.
    static Result<Sink> create(const std::string& path, const examples::Shape& shape, std::size_t group, Slot slot) {
        Result<NpyWriter> file = NpyWriter::create(path, shape);
        if (!file) return file.error();
        std::size_t floats = 1;
        for (std::size_t i = 1; i < shape.size(); ++i) floats *= shape[i];
        return Sink(std::move(*file), floats, group, slot);
    }

    // Where the output of `count` pictures goes.
    void offer(effv2::Outputs& outputs, std::size_t count) {
        slot_(outputs) = std::span(values_).first(count * floats_);
    }
    Status write(std::size_t count) { return file_.write(std::span(values_).first(count * floats_)); }
    Status finish() { return file_.finish(); }

private:
    Sink(NpyWriter file, std::size_t floats, std::size_t group, Slot slot)
        : file_(std::move(file)), floats_(floats), values_(group * floats), slot_(slot) {}

    NpyWriter file_;
    std::size_t floats_;  // of one picture
    std::vector<float> values_;
    Slot slot_;
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
    const auto fits = [](std::size_t n) { return n >= 8 && n <= 8192; };
    if (!fits(shape[2]) || !fits(shape[3]))
        return Error{ErrorCode::mismatch, input.path() + ": has pictures of " + std::to_string(shape[2]) + "x" +
                                              std::to_string(shape[3]) + " pixels, but 8 to 8192 a side are possible"};
    return Pictures{shape[0], static_cast<int>(shape[2]), static_cast<int>(shape[3])};
}

template <std::size_t m>
std::span<float>& map_slot(effv2::Outputs& outputs) {
    return outputs.maps[m];
}

std::string map_file(const ForwardSettings& settings, std::size_t m) {
    return settings.maps + "_" + std::to_string(effv2::feature_strides[m]) + ".npy";
}

Status check_files(const ForwardSettings& settings) {
    std::vector<std::string> outputs{settings.output, settings.features};
    for (std::size_t m = 0; m < effv2::feature_strides.size() && !settings.maps.empty(); ++m)
        outputs.push_back(map_file(settings, m));
    return check_apart(outputs, {settings.input, settings.weights.path});
}

// The files that were asked for.
Result<std::vector<Sink>> open_sinks(const ForwardSettings& settings, const effv2::Architecture& a, std::size_t count,
                                     std::size_t group) {
    std::vector<Sink> sinks;
    Status status = std::monostate{};
    const auto open = [&](const std::string& path, const examples::Shape& shape, Sink::Slot slot) {
        if (!status) return;
        Result<Sink> sink = Sink::create(path, shape, group, slot);
        if (sink)
            sinks.push_back(std::move(*sink));
        else
            status = sink.error();
    };
    const auto size = [](int n) { return static_cast<std::size_t>(n); };
    open(settings.output, {count, size(a.classes)}, [](effv2::Outputs& o) -> std::span<float>& { return o.logits; });
    if (!settings.features.empty())
        open(settings.features, {count, size(a.head)},
             [](effv2::Outputs& o) -> std::span<float>& { return o.features; });
    constexpr Sink::Slot slots[] = {map_slot<0>, map_slot<1>, map_slot<2>, map_slot<3>};
    for (std::size_t m = 0; m < std::size(slots) && !settings.maps.empty(); ++m) {
        const effv2::MapShape map = effv2::feature_map_shape(a, m);
        open(map_file(settings, m), {count, size(map.channels), size(map.size.height), size(map.size.width)}, slots[m]);
    }
    if (!status) return status.error();
    return sinks;
}

Status run_all(effv2::Network& network, NpyReader& input, std::size_t count, std::size_t group,
               std::vector<Sink>& sinks) {
    const std::size_t picture = 3 * static_cast<std::size_t>(network.architecture().input.pixels());
    std::vector<float> memory(group * picture);
    for (std::size_t done = 0; done < count; done += group) {
        const std::size_t now = std::min(group, count - done);
        const std::span<float> pictures = std::span(memory).first(now * picture);
        effv2::Outputs outputs;
        for (Sink& sink : sinks) sink.offer(outputs, now);
        if (Status read = input.read(pictures); !read) return read;
        if (Status ran = network.forward(pictures, static_cast<int>(now), outputs); !ran) return ran;
        for (Sink& sink : sinks)
            if (Status written = sink.write(now); !written) return written;
    }
    for (Sink& sink : sinks)
        if (Status finished = sink.finish(); !finished) return finished;
    return std::monostate{};
}

int run(const ForwardSettings& settings) {
    if (const Status apart = check_files(settings); !apart) return fail(apart.error());
    Result<NpyReader> input = NpyReader::open(settings.input);
    if (!input) return fail(input.error());
    const Result<Pictures> pictures = check_input(*input);
    if (!pictures) return fail(pictures.error());

    Result<effv2::LoadedNetwork> loaded = load(settings.weights, settings.variant, settings.padding);
    if (!loaded) return fail(loaded.error());
    const effv2::Architecture a = loaded->identity.architecture.with_size(pictures->height, pictures->width);
    examples::Cores cores = settings.threads > 0 ? examples::Cores(settings.threads) : examples::Cores();
    Result<effv2::Network> network = effv2::Network::make(a, std::move(loaded->weights), cores);
    if (!network) return fail(network.error());

    // As many pictures at a time as run side by side.
    const std::size_t group = std::min(pictures->count, static_cast<std::size_t>(cores.threads()));
    Result<std::vector<Sink>> sinks = open_sinks(settings, a, pictures->count, group);
    if (!sinks) return fail(sinks.error());
    const Status done = run_all(*network, *input, pictures->count, group, *sinks);
    return done ? success : fail(done.error());
}

}  // namespace

Action declare_run(Options& options) {
    const auto settings = std::make_shared<ForwardSettings>();
    options.weights(settings->weights, Need::required);
    options.expected_variant(settings->variant);
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
