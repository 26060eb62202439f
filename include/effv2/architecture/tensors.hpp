// The tensor table: every weight that an architecture has, by role and shape, in the order of the forward pass. Names
// are spelled by the naming schemes in weights/; shapes are PyTorch's (O, I, kH, kW).
#pragma once

#include <array>
#include <cstddef>

#include "effv2/architecture/blocks.hpp"

namespace effv2 {

// Which layer a tensor belongs to.
enum class Layer : std::uint8_t { stem, expand, depthwise, se_reduce, se_expand, project, head, classifier };

// Which of a layer's tensors it is. The four norm_* belong to the batch norm behind the layer's convolution.
enum class Part : std::uint8_t { weight, bias, norm_weight, norm_bias, norm_mean, norm_variance };

// Up to four dimensions, outermost first.
struct Shape {
    int rank = 0;
    int dims[4]{};
    constexpr std::size_t elements() const {
        std::size_t n = 1;
        for (int i = 0; i < rank; ++i) n *= static_cast<std::size_t>(dims[i]);
        return n;
    }
    constexpr bool operator==(const Shape&) const = default;
};

struct Tensor {
    Layer layer = Layer::stem;
    Part part = Part::weight;
    Shape shape;
    Block block;  // the block that it belongs to; meaningless for stem, head and classifier
    constexpr bool in_block() const {
        return layer != Layer::stem && layer != Layer::head && layer != Layer::classifier;
    }
    // Mean and variance of a batch norm are carried along, not trained.
    constexpr bool trainable() const { return part != Part::norm_mean && part != Part::norm_variance; }
};

namespace detail {

// A convolution without bias and the batch norm behind it.
template <class Visit>
constexpr void visit_normed(Layer layer, const Block& block, Shape weight, Visit& visit) {
    const Shape channels{1, {weight.dims[0]}};
    visit(Tensor{layer, Part::weight, weight, block});
    for (const Part part : {Part::norm_weight, Part::norm_bias, Part::norm_mean, Part::norm_variance})
        visit(Tensor{layer, part, channels, block});
}

template <class Visit>
constexpr void visit_biased(Layer layer, const Block& block, Shape weight, Visit& visit) {
    visit(Tensor{layer, Part::weight, weight, block});
    visit(Tensor{layer, Part::bias, {1, {weight.dims[0]}}, block});
}

template <class Visit>
constexpr void visit_block(const Block& b, Visit& visit) {
    const int k = b.window.kernel;
    if (b.kind == BlockKind::fused) {
        // With expansion 1 the one k x k convolution both carries the kernel and ends the block.
        const Layer first = b.expands ? Layer::expand : Layer::project;
        visit_normed(first, b, {4, {b.expands ? b.expanded : b.out, b.in, k, k}}, visit);
        if (b.expands) visit_normed(Layer::project, b, {4, {b.out, b.expanded, 1, 1}}, visit);
        return;
    }
    if (b.expands) visit_normed(Layer::expand, b, {4, {b.expanded, b.in, 1, 1}}, visit);
    visit_normed(Layer::depthwise, b, {4, {b.expanded, 1, k, k}}, visit);
    if (b.squeezed > 0) {
        visit_biased(Layer::se_reduce, b, {4, {b.squeezed, b.expanded, 1, 1}}, visit);
        visit_biased(Layer::se_expand, b, {4, {b.expanded, b.squeezed, 1, 1}}, visit);
    }
    visit_normed(Layer::project, b, {4, {b.out, b.expanded, 1, 1}}, visit);
}

}  // namespace detail

// Calls visit(tensor) for each tensor of the architecture, in the order of the forward pass.
template <class Visit>
constexpr void for_each_tensor(const Architecture& a, Visit visit) {
    detail::visit_normed(Layer::stem, {}, {4, {a.stem, 3, 3, 3}}, visit);
    for_each_block(a, [&](const Block& block) { detail::visit_block(block, visit); });
    detail::visit_normed(Layer::head, {}, {4, {a.head, final_channels(a), 1, 1}}, visit);
    detail::visit_biased(Layer::classifier, {}, {2, {a.classes, a.head}}, visit);
}

constexpr std::size_t tensor_count(const Architecture& a) {
    std::size_t count = 0;
    for_each_tensor(a, [&](const Tensor&) { ++count; });
    return count;
}

// The table of an architecture known at compile time.
template <Architecture A>
    requires(is_sound<A>)
constexpr auto make_tensors() {
    std::array<Tensor, tensor_count(A)> table{};
    std::size_t count = 0;
    for_each_tensor(A, [&](const Tensor& tensor) { table[count++] = tensor; });
    return table;
}

}  // namespace effv2
