// A program of somebody else's that uses the library: its own architecture and weights, without exceptions.
#include <cmath>
#include <cstdio>
#include <effv2/effv2.hpp>
#include <vector>

using effv2::fused, effv2::mbconv;

constexpr effv2::Architecture mine{
    .stem = 8, .stages = {fused(1, 1, 1, 8), mbconv(1, 2, 4, 16)}, .head = 32, .classes = 4, .input = {32, 32}};
using Net = effv2::Model<mine>;

// Weights that all are 0.01; only the variances of the batch norms are 1.
class FlatSource final : public effv2::WeightSource {
public:
    void read(const effv2::Tensor& tensor, std::size_t first, std::span<float> into) const override {
        static_cast<void>(first);
        for (float& value : into) value = tensor.part == effv2::Part::norm_variance ? 1.0f : 0.01f;
    }
    float epsilon() const override { return 1e-3f; }
};

int main() {
    effv2::Result<Net::Weights> weights = effv2::pack_weights<>(mine, FlatSource());
    if (!weights) return 1;
    Net net(std::move(*weights));
    const std::vector<float> picture(Net::input_floats, 0.5f);
    const std::span<const float> logits = net(picture);
    std::printf("%zu logits, the first is %.4f\n", logits.size(), static_cast<double>(logits[0]));
    return logits.size() == 4 && std::isfinite(logits[0]) && logits[0] == logits[3] ? 0 : 1;
}
