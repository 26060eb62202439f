// First weights whose stem is made from the pictures: filters along the principal directions of their 3 x 3 patches,
// which the blocks behind learn from faster than from filters drawn by chance (Jordan, "94% on CIFAR-10 in 3.29
// Seconds on a Single GPU", 2024, patch-whitening; Page, "How to Train Your ResNet 8", 2019).
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "effv2/image/preprocess.hpp"
#include "effv2/training/data/pictures.hpp"
#include "effv2/training/initial_values.hpp"

namespace effv2::training {

// The values of a patch in the order of the stem's weights: plane, row, column.
inline constexpr int patch_values = 27;

struct PatchVector {
    double values[patch_values] = {};
    constexpr double& operator[](int i) { return values[i]; }
    constexpr double operator[](int i) const { return values[i]; }
};
struct PatchMatrix {
    PatchVector rows[patch_values];
    constexpr PatchVector& operator[](int i) { return rows[i]; }
    constexpr const PatchVector& operator[](int i) const { return rows[i]; }
};

// How the values of the pictures' 3 x 3 patches vary together, at the pictures' own size, after the recipe's
// normalisation: from at most 4096 pictures, evenly spread over the set, and at most 841 patches of each. Zero where no
// picture has a patch.
inline PatchMatrix measure_patches(const data::Pictures& pictures, const Recipe& recipe) {
    constexpr std::size_t most = 4096;
    constexpr int across = 16;  // patches, and down as many
    const image_detail::ByteTable table = image_detail::make_byte_table(recipe);
    PatchVector sum, patch;
    PatchMatrix products;
    std::size_t count = 0;
    const std::size_t stride = pictures.size() / most + 1;
    for (std::size_t i = 0; i < pictures.size(); i += stride) {
        const ImageView image = pictures.picture(i);
        const int down_step = std::max(1, image.height / across), across_step = std::max(1, image.width / across);
        for (int y = 0; y + 3 <= image.height; y += down_step)
            for (int x = 0; x + 3 <= image.width; x += across_step, ++count) {
                for (int v = 0; v < patch_values; ++v) {
                    const int plane = v / 9, row = v / 3 % 3, column = v % 3;
                    const std::uint8_t byte = image.row(y + row)[3 * (x + column) + plane];
                    patch[v] = static_cast<double>(table[static_cast<std::size_t>(plane)][byte]);
                    sum[v] += patch[v];
                }
                for (int a = 0; a < patch_values; ++a)
                    for (int b = 0; b <= a; ++b) products[a][b] += patch[a] * patch[b];
            }
    }
    const auto n = static_cast<double>(std::max<std::size_t>(1, count));
    for (int a = 0; a < patch_values; ++a)
        for (int b = 0; b <= a; ++b) products[a][b] = products[b][a] = products[a][b] / n - sum[a] / n * sum[b] / n;
    return products;
}

namespace detail {

// Turns the plane of axes p and q so that their covariance becomes zero, and the directions with them.
inline void rotate(PatchMatrix& covariance, PatchMatrix& directions, int p, int q) {
    if (covariance[p][q] == 0.0) return;
    const double ratio = (covariance[q][q] - covariance[p][p]) / (2.0 * covariance[p][q]);
    const double tangent = std::copysign(1.0, ratio) / (std::abs(ratio) + std::hypot(ratio, 1.0));
    const double cosine = 1.0 / std::hypot(tangent, 1.0), sine = tangent * cosine;
    const auto turn = [&](double& at_p, double& at_q) {
        const double old = at_p;
        at_p = cosine * old - sine * at_q;
        at_q = sine * old + cosine * at_q;
    };
    for (int i = 0; i < patch_values; ++i) turn(covariance[i][p], covariance[i][q]);
    for (int i = 0; i < patch_values; ++i) turn(covariance[p][i], covariance[q][i]);
    for (int i = 0; i < patch_values; ++i) turn(directions[p][i], directions[q][i]);
}

}  // namespace detail

// Rows: directions of length 1 along which patches vary independently of each other, those of the largest variance
// first (Jacobi's method). `variances` gets the variance along each.
inline PatchMatrix principal_directions(PatchMatrix covariance, PatchVector& variances) {
    PatchMatrix directions;
    for (int i = 0; i < patch_values; ++i) directions[i][i] = 1.0;
    constexpr int sweeps = 16;  // it converges quadratically: fewer would do
    for (int sweep = 0; sweep < sweeps; ++sweep)
        for (int p = 0; p < patch_values; ++p)
            for (int q = p + 1; q < patch_values; ++q) detail::rotate(covariance, directions, p, q);
    int order[patch_values];
    std::iota(order, order + patch_values, 0);
    std::stable_sort(order, order + patch_values, [&](int a, int b) { return covariance[a][a] > covariance[b][b]; });
    PatchMatrix sorted;
    for (int i = 0; i < patch_values; ++i) {
        sorted[i] = directions[order[i]];
        variances[i] = covariance[order[i]][order[i]];
    }
    return sorted;
}

// InitialValues, but for the stem: filters 2 i and 2 i + 1 are the i-th principal direction and its negative, scaled so
// that their outputs have the variance 1 (less where pictures hardly vary that way). Filters beyond the 54th are drawn.
class WhitenedStem final : public WeightSource {
public:
    // `recipe` says how bytes become floats, as in TrainingBatches.
    WhitenedStem(const data::Pictures& pictures, const Recipe& recipe, std::uint64_t seed) : drawn_(seed) {
        constexpr double floor = 5e-4;  // of a variance, as in the paper's code: finer detail is noise
        PatchVector variances;
        filters_ = principal_directions(measure_patches(pictures, recipe), variances);
        for (int i = 0; i < patch_values; ++i)
            for (double& value : filters_[i].values) value /= std::sqrt(std::max(0.0, variances[i]) + floor);
    }

    void read(const Tensor& t, std::size_t first, std::span<float> into) const override {
        drawn_.read(t, first, into);
        if (t.layer != Layer::stem || t.part != Part::weight) return;
        for (std::size_t i = 0; i < into.size(); ++i) {
            const auto at = static_cast<int>(first + i), filter = at / patch_values;
            if (filter / 2 >= patch_values) continue;
            const double value = filters_[filter / 2][at % patch_values];
            into[i] = static_cast<float>(filter % 2 == 0 ? value : -value);
        }
    }
    float epsilon() const override { return drawn_.epsilon(); }

private:
    InitialValues drawn_;
    PatchMatrix filters_;
};

}  // namespace effv2::training
