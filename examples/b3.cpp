// EfficientNetV2-B3 on one picture: prints the five likeliest classes.
// Fits timm's tf_efficientnetv2_b3.in21k_ft_in1k (300 x 300).
#include <effv2/effv2.hpp>
#include <vector>

#include "common/program.hpp"

using Net = effv2::Model<effv2::variants::b3>;
constexpr effv2::Recipe recipe = *effv2::named_recipe("timm", "b3");

int main(int argc, char** argv) try {
    const examples::Arguments arguments(argc, argv);
    examples::Cores cores;
    Net net(effv2::load_weights<Net>(arguments.weights).value(), cores);

    const effv2::Image image = examples::decode_file(arguments.image).value();
    std::vector<float> input(Net::input_floats);
    effv2::preprocess(image.view(), recipe, input).value();

    examples::print_top_five(net(input), arguments.labels);
} catch (const std::exception& error) {
    return examples::fail(error);
}
