// The trained values of an architecture in one run of floats, laid out as the kernels of the training pass read them:
// weights in panels, vectors rounded to the granule. First what is trained, then batch norm's running statistics, so
// that optimisers see the first part and weight averages both. Every input size of an architecture shares them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/kernels/tile.hpp"
#include "effv2/network/buffer.hpp"
#include "effv2/weights/source.hpp"

namespace effv2::training {

// Where a layer's values start, in floats. `beta` is the bias of a layer without norm.
struct LayerPlace {
    std::size_t weights = 0, gamma = 0, beta = 0, mean = 0, variance = 0;
};

struct BlockPlaces {
    LayerPlace first, depthwise, reduce, restore, project;
};

// A tensor of the architecture and where it lies.
struct ParameterEntry {
    Tensor tensor;
    std::size_t at = 0, floats = 0;  // floats: with padding
};

namespace detail {

// A tensor as a matrix product sees it: the stem's three planes are 27 inputs of one tap.
struct TensorDims {
    int outputs, inputs, taps;
    bool vector, depthwise;

    explicit TensorDims(const Tensor& t)
        : outputs(t.shape.dims[0]),
          inputs(t.shape.rank > 1 ? t.shape.dims[1] : 1),
          taps(t.shape.rank == 4 ? t.shape.dims[2] * t.shape.dims[3] : 1),
          vector(t.shape.rank == 1),
          depthwise(t.layer == Layer::depthwise && t.part == Part::weight) {
        if (t.layer == Layer::stem && !vector) inputs *= taps, taps = 1;
    }
    std::size_t floats() const {
        const auto out = static_cast<std::size_t>(round_to_granule(outputs));
        if (vector) return out;
        return out * static_cast<std::size_t>(taps) *
               static_cast<std::size_t>(depthwise ? 1 : round_to_granule(inputs));
    }
    // Where the tensor's flat element lies within its floats.
    template <class Arch>
    std::size_t place(std::size_t element) const {
        if (vector) return element;
        const auto row = static_cast<std::size_t>(depthwise ? taps : inputs * taps);
        const auto o = static_cast<int>(element / row), rest = static_cast<int>(element % row);
        if (depthwise) return static_cast<std::size_t>(rest * round_to_granule(outputs) + o);
        const kernels::Panels<Arch> panels(outputs);
        const int panel = panels.panel_of(o), first = panels.first_channel(panel);
        const int in = round_to_granule(inputs), i = rest / taps, t = rest % taps;
        return static_cast<std::size_t>(taps) * static_cast<std::size_t>(in) * static_cast<std::size_t>(first) +
               static_cast<std::size_t>(t * in + i) * static_cast<std::size_t>(panels.width(panel) * granule) +
               static_cast<std::size_t>(o - first);
    }
};

}  // namespace detail

// The places of all tensors.
class ParameterTable {
public:
    explicit ParameterTable(const Architecture& a)
        : architecture_(a), blocks_(static_cast<std::size_t>(a.block_count())) {
        for (const bool trainable : {true, false}) {
            for_each_tensor(a, [&](const Tensor& t) {
                if (t.trainable() == trainable) add(t);
            });
            if (trainable) trained_ = floats_;
        }
    }

    const Architecture& architecture() const { return architecture_; }
    std::size_t trained() const { return trained_; }  // floats that are trained, from the start on
    std::size_t floats() const { return floats_; }    // of all
    const std::vector<ParameterEntry>& entries() const { return entries_; }
    const LayerPlace& stem() const { return stem_; }
    const LayerPlace& head() const { return head_; }
    const LayerPlace& classifier() const { return classifier_; }
    const BlockPlaces& block(int index) const { return blocks_[static_cast<std::size_t>(index)]; }

    // The entry of a tensor that the architecture has.
    const ParameterEntry& find(const Tensor& t) const {
        const auto same = [&](const ParameterEntry& e) {
            return e.tensor.layer == t.layer && e.tensor.part == t.part &&
                   (!t.in_block() || (e.tensor.block.stage == t.block.stage && e.tensor.block.index == t.block.index));
        };
        return *std::find_if(entries_.begin(), entries_.end(), same);
    }

private:
    void add(const Tensor& t) {
        const std::size_t floats = detail::TensorDims(t).floats();
        entries_.push_back({t, floats_, floats});
        LayerPlace& place = place_of(t);
        switch (t.part) {
            case Part::weight:
                place.weights = floats_;
                break;
            case Part::norm_weight:
                place.gamma = floats_;
                break;
            case Part::bias:
            case Part::norm_bias:
                place.beta = floats_;
                break;
            case Part::norm_mean:
                place.mean = floats_;
                break;
            case Part::norm_variance:
                place.variance = floats_;
        }
        floats_ += round_to_segment(floats);
    }
    LayerPlace& place_of(const Tensor& t) {
        if (!t.in_block()) return t.layer == Layer::stem ? stem_ : t.layer == Layer::head ? head_ : classifier_;
        std::size_t index = static_cast<std::size_t>(t.block.index);
        for (int s = 0; s < t.block.stage; ++s) index += static_cast<std::size_t>(architecture_.stages[s].repeats);
        BlockPlaces& block = blocks_[index];
        switch (t.layer) {
            case Layer::depthwise:
                return block.depthwise;
            case Layer::se_reduce:
                return block.reduce;
            case Layer::se_expand:
                return block.restore;
            case Layer::project:
                return block.project;
            default:
                return block.first;
        }
    }

    Architecture architecture_;
    std::size_t trained_ = 0, floats_ = 0;
    std::vector<ParameterEntry> entries_;
    LayerPlace stem_, head_, classifier_;
    std::vector<BlockPlaces> blocks_;
};

// Copies a tensor's elements [first, first + into.size()) out of values in that layout.
template <class Arch>
void read_tensor(const ParameterEntry& entry, const float* values, std::size_t first, std::span<float> into) {
    const detail::TensorDims dims(entry.tensor);
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = values[entry.at + dims.place<Arch>(first + i)];
}

// Takes a tensor's values from elsewhere.
template <class Arch>
void write_tensor(const ParameterEntry& entry, std::span<const float> from, float* values) {
    const detail::TensorDims dims(entry.tensor);
    for (std::size_t i = 0; i < from.size(); ++i) values[entry.at + dims.place<Arch>(i)] = from[i];
}

// Values in that layout, as packing for inference and writing of weight files read them.
template <class Arch = simd::NativeArch>
class ParameterSource final : public WeightSource {
public:
    ParameterSource(const ParameterTable& table, const float* values, float epsilon = 1e-3f)
        : table_(table), values_(values), epsilon_(epsilon) {}
    void read(const Tensor& tensor, std::size_t first, std::span<float> into) const override {
        read_tensor<Arch>(table_.find(tensor), values_, first, into);
    }
    float epsilon() const override { return epsilon_; }

private:
    const ParameterTable& table_;
    const float* values_;
    float epsilon_;
};

// All values from a source; padding becomes zero.
template <class Arch = simd::NativeArch>
void load_parameters(const ParameterTable& table, const WeightSource& source, float* values) {
    std::fill_n(values, table.floats(), 0.0f);
    std::vector<float> elements;
    for (const ParameterEntry& entry : table.entries()) {
        elements.resize(entry.tensor.shape.elements());
        source.read(entry.tensor, 0, elements);
        source.done(entry.tensor);
        write_tensor<Arch>(entry, elements, values);
    }
}

}  // namespace effv2::training
