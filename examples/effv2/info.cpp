// effv2 info: what a network is made of and what it costs, and what a weight file holds.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.hpp"
#include "effv2/architecture/cost.hpp"
#include "effv2/architecture/plan.hpp"
#include "effv2/architecture/text.hpp"
#include "info_file.hpp"

namespace cli {

namespace {

struct InfoSettings {
    std::string variant, architecture;
    WeightsFile weights;
    int size = 0, classes = 0;
    bool json = false;
};

// What is described.
struct Subject {
    std::string variant;  // empty for an architecture of one's own
    effv2::Architecture architecture;
    std::optional<FileFacts> file;  // that holds it
};

// The blocks of a stage, the stem, the head or the classifier.
struct Row {
    std::string name, kind;
    int repeats = 1, kernel = 1, stride = 1, expansion = 1;
    int in = 0, out = 0;
    effv2::Extent output{1, 1};
    std::int64_t parameters = 0, macs = 0;
};

// Parameters of the tensors that belong to a row.
template <class Belongs>
std::int64_t count_parameters(const effv2::Architecture& a, Belongs belongs) {
    std::int64_t sum = 0;
    effv2::for_each_tensor(a, [&](const effv2::Tensor& tensor) {
        if (tensor.trainable() && belongs(tensor)) sum += static_cast<std::int64_t>(tensor.shape.elements());
    });
    return sum;
}

Row end_row(const effv2::Architecture& a, const char* name, effv2::Layer layer, Row row) {
    row.name = name;
    row.kind = layer == effv2::Layer::classifier ? "dense" : "conv";
    row.parameters = count_parameters(a, [&](const effv2::Tensor& tensor) { return tensor.layer == layer; });
    row.macs = std::int64_t{row.kernel} * row.kernel * row.in * row.out * row.output.pixels();
    return row;
}

Row stage_row(const effv2::Architecture& a, int index) {
    const effv2::Stage& stage = a.stages[index];
    Row row;
    row.name = "stage " + std::to_string(index + 1);
    row.kind = stage.kind == effv2::BlockKind::fused ? "fused" : "mbconv";
    row.repeats = stage.repeats;
    row.kernel = stage.kernel;
    row.stride = stage.stride;
    row.expansion = stage.expansion;
    row.out = stage.channels;
    row.parameters = count_parameters(
        a, [&](const effv2::Tensor& tensor) { return tensor.in_block() && tensor.block.stage == index; });
    effv2::for_each_block(a, [&](const effv2::Block& block) {
        if (block.stage != index) return;
        if (block.index == 0) row.in = block.in;
        row.output = block.window.output;
        row.macs += effv2::block_macs(block);
    });
    return row;
}

std::vector<Row> make_rows(const effv2::Architecture& a) {
    const int last = effv2::final_channels(a);
    Row stem, head, classifier;
    stem.kernel = 3, stem.stride = a.stem_stride, stem.in = 3, stem.out = a.stem;
    stem.output = effv2::stem_window(a).output;
    head.in = last, head.out = a.head, head.output = effv2::final_size(a);
    classifier.in = a.head, classifier.out = a.classes;

    std::vector<Row> rows{end_row(a, "stem", effv2::Layer::stem, stem)};
    for (int i = 0; i < a.stage_count(); ++i) rows.push_back(stage_row(a, i));
    rows.push_back(end_row(a, "head", effv2::Layer::head, head));
    rows.push_back(end_row(a, "classifier", effv2::Layer::classifier, classifier));
    return rows;
}

struct Memory {
    std::size_t weights, arena, scratch;  // bytes
};

Memory measure(const effv2::Architecture& a) {
    effv2::PlanSummary plan;
    effv2::make_plan(a, plan, [](const effv2::PlannedBlock&) {});
    return {plan.weight_floats * sizeof(float), plan.picture_floats() * sizeof(float),
            plan.scratch_floats * sizeof(float)};
}

void print_json(const Subject& subject) {
    using nlohmann::ordered_json;
    const effv2::Architecture& a = subject.architecture;
    ordered_json stages = ordered_json::array();
    for (const Row& row : make_rows(a))
        stages.push_back({{"name", row.name},
                          {"kind", row.kind},
                          {"repeats", row.repeats},
                          {"kernel", row.kernel},
                          {"stride", row.stride},
                          {"expansion", row.expansion},
                          {"in", row.in},
                          {"out", row.out},
                          {"output", {row.output.height, row.output.width}},
                          {"parameters", row.parameters},
                          {"macs", row.macs}});
    const Memory memory = measure(a);
    const ordered_json variant = subject.variant.empty() ? ordered_json() : ordered_json(subject.variant);
    ordered_json all = {{"variant", variant},
                        {"architecture", effv2::format_architecture(a)},
                        {"input", {a.input.height, a.input.width}},
                        {"classes", a.classes},
                        {"parameters", effv2::parameters(a)},
                        {"macs", effv2::macs(a)},
                        {"weight_bytes", memory.weights},
                        {"arena_bytes", memory.arena},
                        {"scratch_bytes_per_thread", memory.scratch},
                        {"stages", stages}};
    if (subject.file) all["file"] = as_json(*subject.file);
    // A file's name need not be UTF-8, but JSON must.
    std::printf("%s\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

void print_table(const Subject& subject) {
    const effv2::Architecture& a = subject.architecture;
    if (subject.file) print_facts(*subject.file);
    std::printf("EfficientNetV2 %s, input %dx%d, %d classes\n\n",
                subject.variant.empty() ? "of one's own" : subject.variant.c_str(), a.input.height, a.input.width,
                a.classes);
    std::printf("%-10s  %-6s  %2s  %6s  %6s  %6s  %12s  %9s  %11s  %13s\n", "", "blocks", "n", "kernel", "stride",
                "expand", "channels", "output", "parameters", "MACs");
    for (const Row& row : make_rows(a)) {
        const std::string kernel = std::to_string(row.kernel) + "x" + std::to_string(row.kernel);
        const std::string channels = std::to_string(row.in) + " -> " + std::to_string(row.out);
        const std::string output = std::to_string(row.output.height) + "x" + std::to_string(row.output.width);
        std::printf("%-10s  %-6s  %2d  %6s  %6d  %6d  %12s  %9s  %11lld  %13lld\n", row.name.c_str(), row.kind.c_str(),
                    row.repeats, kernel.c_str(), row.stride, row.expansion, channels.c_str(), output.c_str(),
                    static_cast<long long>(row.parameters), static_cast<long long>(row.macs));
    }
    const Memory memory = measure(a);
    std::printf("\nparameters              %12lld\n", static_cast<long long>(effv2::parameters(a)));
    std::printf("multiply-accumulates    %12lld\n", static_cast<long long>(effv2::macs(a)));
    std::printf("packed weights          %12zu bytes\n", memory.weights);
    std::printf("arena of one picture    %12zu bytes\n", memory.arena);
    std::printf("scratch of each thread  %12zu bytes\n", memory.scratch);
}

effv2::Result<Subject> find_subject(const InfoSettings& settings) {
    if (!settings.weights.path.empty()) {
        effv2::Result<FileFacts> facts = read_facts(settings.weights);
        if (!facts) return facts.error();
        const effv2::Architecture a = facts->identity.architecture;
        return Subject{std::string(facts->identity.variant), a, std::move(*facts)};
    }
    const effv2::Result<effv2::Architecture> a =
        effv2::parse_architecture(settings.variant.empty() ? settings.architecture : settings.variant);
    if (!a) return a.error();
    return Subject{std::string(effv2::variant_name(*a)), *a, std::nullopt};
}

int run(const InfoSettings& settings) {
    const int named = !settings.variant.empty() + !settings.architecture.empty() + !settings.weights.path.empty();
    if (named != 1) return wrong_usage("info needs one of --variant, --architecture and --weights");
    if (settings.weights.path.empty() && !settings.weights.scheme.empty())
        return wrong_usage("--scheme goes with --weights");
    if (!settings.weights.path.empty() && settings.classes > 0)
        return wrong_usage("--classes: the weights have theirs");
    effv2::Result<Subject> subject = find_subject(settings);
    if (!subject) return fail(subject.error());
    effv2::Architecture& a = subject->architecture;
    if (settings.size > 0) a = a.with_size(settings.size);
    if (settings.classes > 0) a = a.with_classes(settings.classes);
    settings.json ? print_json(*subject) : print_table(*subject);
    return success;
}

}  // namespace

Action declare_info(Options& options) {
    const auto settings = std::make_shared<InfoSettings>();
    options.network(settings->variant, settings->architecture);
    options.weights(settings->weights, Need::optional);
    options.size(settings->size);
    options.classes(settings->classes);
    options.flag("--json", settings->json, "print one JSON object");
    return [settings] { return run(*settings); };
}

}  // namespace cli
