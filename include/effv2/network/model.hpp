// Model<A>: an architecture as a type. Shapes, cost, tensor table and memory plan are constants of the type, an unsound
// architecture does not compile. Network: the same for an architecture that is known only at run time, as tools need
// it.
#pragma once

#include <vector>

#include "effv2/architecture/cost.hpp"
#include "effv2/architecture/text.hpp"
#include "effv2/error.hpp"
#include "effv2/network/engine.hpp"
#include "effv2/network/packed_weights.hpp"

namespace effv2 {

namespace network {

// The executor of models that were given none.
inline Executor& default_executor() {
    static SerialExecutor serial;
    return serial;
}

// Whether weights that were packed for `packed` serve `a`: only the input size may differ, and tiles that neither uses.
constexpr bool fits(const Architecture& a, const Architecture& packed) {
    const Architecture here = a.with_size(packed.input.height, packed.input.width);
    const bool direct = here.convolutions == Convolutions::direct;  // no tiles at all
    return (direct ? here.with_winograd_tile(packed.winograd_tile) : here) == packed;
}

// Why they do not.
inline Error packed_otherwise(const Architecture& a, const Architecture& packed) {
    const auto way = [](const Architecture& of) {
        if (of.convolutions == Convolutions::direct) return std::string("direct convolutions");
        return "Winograd's tiles of " + std::to_string(of.winograd_tile) + " outputs";
    };
    if (!same_network(a.with_size(packed.input.height, packed.input.width), packed))
        return {ErrorCode::mismatch, "the weights were packed for another architecture"};
    return {ErrorCode::mismatch, "the weights were packed for " + way(packed) + ", the network has " + way(a)};
}

// The same for a pack that may have been moved from.
template <class Arch>
bool serves(const PackedWeights<Arch>& weights, const Architecture& a) {
    return weights.data() != nullptr && fits(a, weights.architecture());
}

// Why it does not.
template <class Arch>
Error cannot_serve(const PackedWeights<Arch>& weights, const Architecture& a) {
    if (weights.data() == nullptr) return {ErrorCode::argument, "the weights were moved from"};
    return packed_otherwise(a, weights.architecture());
}

inline Error wrong_size(const char* what, std::size_t expected, std::size_t found) {
    return {ErrorCode::argument,
            std::string(what) + ": expected " + std::to_string(expected) + " floats, found " + std::to_string(found)};
}

inline Error no_workspace() {
    return {ErrorCode::argument,
            "the network has no workspace: memory was short, its executor has no threads, or it was moved from"};
}

inline Buffer make_workspace(const PlanSummary& plan, const Executor& executor) {
    return executor.threads() < 1 ? Buffer() : Buffer(workspace_floats(plan, executor.threads()), Pages::small);
}

// Whether the executor has no more threads than when the workspace was made.
inline bool is_enough(const Buffer& workspace, const PlanSummary& plan, const Executor& executor) {
    return !workspace.empty() && executor.threads() >= 1 &&
           workspace_floats(plan, executor.threads()) <= workspace.size();
}

inline Error no_longer_enough(const Buffer& workspace) {
    if (workspace.empty()) return no_workspace();
    return {ErrorCode::argument, "the executor has another number of threads than when the network was made"};
}

// Whether pictures and outputs have the sizes that the architecture gives them.
inline Status check_sizes(const Architecture& a, std::size_t pictures, int batch, const Outputs& outputs) {
    const auto count = static_cast<std::size_t>(batch);
    const auto check = [&](std::span<float> span, std::size_t each) {
        return span.empty() || span.size() == each * count;
    };
    const std::size_t picture = std::size_t{3} * static_cast<std::size_t>(a.input.pixels());
    if (batch < 1) return Error{ErrorCode::argument, "the batch: expected 1 or more, found " + std::to_string(batch)};
    if (pictures != picture * count) return wrong_size("the input pictures", picture * count, pictures);
    const auto classes = static_cast<std::size_t>(a.classes), head = static_cast<std::size_t>(a.head);
    if (!check(outputs.logits, classes)) return wrong_size("logits", classes * count, outputs.logits.size());
    if (!check(outputs.features, head)) return wrong_size("features", head * count, outputs.features.size());
    for (std::size_t m = 0; m < feature_strides.size(); ++m) {
        const std::size_t floats = feature_map_shape(a, m).floats();
        if (check(outputs.maps[m], floats)) continue;
        const std::string name = "the feature map of stride " + std::to_string(feature_strides[m]);
        return wrong_size(name.c_str(), floats * count, outputs.maps[m].size());
    }
    const std::size_t last = last_map_shape(a).floats();
    if (!check(outputs.last_map, last)) return wrong_size("the last map", last * count, outputs.last_map.size());
    return std::monostate{};
}

}  // namespace network

// A network of the architecture A with its weights and a workspace of its own. Not for two threads at one time; models
// that share one PackedWeights may run beside each other.
template <Architecture A, class Arch = simd::NativeArch>
    requires(is_sound<A>)
class Model {
public:
    static constexpr Architecture architecture = A;
    static constexpr std::int64_t parameters = effv2::parameters(A);
    static constexpr std::int64_t macs = effv2::macs(A);
    static constexpr Plan plan = static_plan<A>.view();
    static constexpr std::size_t weight_bytes = plan->weight_floats * sizeof(float);
    static constexpr std::size_t arena_bytes = plan->picture_floats() * sizeof(float);
    static constexpr std::size_t input_floats = std::size_t{3} * static_cast<std::size_t>(A.input.pixels());
    using Weights = PackedWeights<Arch>;

    // The executor must outlive the model.
    explicit Model(Weights weights, Executor& executor = network::default_executor())
        : weights_(std::move(weights)),
          executor_(&executor),
          workspace_(network::make_workspace(*plan, executor)),
          logits_(static_cast<std::size_t>(A.classes)),
          serves_(network::serves(weights_, A)) {}

    // The logits of one picture, (3, height, width), valid until the next call. Empty if the picture has another size,
    // or where forward() would fail.
    std::span<const float> operator()(std::span<const float> picture) {
        Outputs outputs;
        outputs.logits = logits_;
        if (picture.size() != input_floats || !serves_ || !network::is_enough(workspace_, *plan, *executor_)) return {};
        effv2::forward<Arch>(plan, weights_.data(), workspace_.data(), *executor_, picture.data(), 1, outputs);
        return logits_;
    }

    // Any batch, and any of logits, features and maps. Fails (before any work) where a span has the wrong size, where
    // the weights were packed for another architecture or other convolutions (ErrorCode::mismatch), and where there was
    // no memory for the workspace, the model or its weights were moved from, or the executor has more threads than when
    // the model was made (ErrorCode::argument).
    Status forward(std::span<const float> pictures, int batch, const Outputs& outputs, Observer* observer = nullptr) {
        if (!network::is_enough(workspace_, *plan, *executor_)) return network::no_longer_enough(workspace_);
        if (!serves_) return network::cannot_serve(weights_, A);
        if (Status sizes = network::check_sizes(A, pictures.size(), batch, outputs); !sizes) return sizes;
        effv2::forward<Arch>(plan, weights_.data(), workspace_.data(), *executor_, pictures.data(), batch, outputs,
                             observer);
        return std::monostate{};
    }

private:
    Weights weights_;
    Executor* executor_;
    Buffer workspace_;
    std::vector<float> logits_;
    bool serves_;  // the weights were packed for A
};

// A network whose architecture is a run-time value.
template <class Arch = simd::NativeArch>
class BasicNetwork {
public:
    // Fails where the weights were packed for another architecture (its input size may differ) or other convolutions
    // (ErrorCode::mismatch), where the architecture is flawed, where memory is short, where the weights were moved
    // from, and for an executor without threads (ErrorCode::argument).
    static Result<BasicNetwork> make(const Architecture& a, PackedWeights<Arch> weights,
                                     Executor& executor = network::default_executor()) {
        if (const Problem problem = find_problem(a); problem.flaw != Flaw::none)
            return Error{ErrorCode::argument, explain(problem)};
        if (!network::serves(weights, a)) return network::cannot_serve(weights, a);
        BasicNetwork made(a, std::move(weights), executor);
        if (made.workspace_.empty()) return network::no_workspace();
        return made;
    }

    const Architecture& architecture() const { return summary_->architecture; }
    Plan plan() const { return {summary_.get(), blocks_}; }
    std::size_t workspace_bytes() const { return workspace_.size() * sizeof(float); }

    // As Model::forward.
    Status forward(std::span<const float> pictures, int batch, const Outputs& outputs, Observer* observer = nullptr) {
        if (workspace_.empty() || !network::is_enough(workspace_, *summary_, *executor_))
            return network::no_longer_enough(workspace_);
        if (Status sizes = network::check_sizes(architecture(), pictures.size(), batch, outputs); !sizes) return sizes;
        effv2::forward<Arch>(plan(), weights_.data(), workspace_.data(), *executor_, pictures.data(), batch, outputs,
                             observer);
        return std::monostate{};
    }

private:
    BasicNetwork(const Architecture& a, PackedWeights<Arch> weights, Executor& executor)
        : weights_(std::move(weights)), executor_(&executor), summary_(std::make_unique<PlanSummary>()) {
        make_plan(a, *summary_, [&](const PlannedBlock& block) { blocks_.push_back(block); });
        workspace_ = network::make_workspace(*summary_, executor);
    }

    PackedWeights<Arch> weights_;
    Executor* executor_;
    std::unique_ptr<PlanSummary> summary_;
    std::vector<PlannedBlock> blocks_;
    Buffer workspace_;
};

using Network = BasicNetwork<>;

}  // namespace effv2
