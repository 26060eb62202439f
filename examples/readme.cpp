#include <algorithm>
#include <cstdio>
#include <effv2/effv2.hpp>
#include <vector>

#include "common/decode.hpp"  // JPEG, PNG and WebP, for the examples; the library takes pixels from anywhere

using Net = effv2::Model<effv2::variants::b0>;

int main(int argc, char** argv) try {
    if (argc != 3) return 2;
    Net net(effv2::load_weights<Net>(argv[1]).value());
    const effv2::Image photo = examples::decode_file(argv[2]).value();
    std::vector<float> input(Net::input_floats);
    effv2::preprocess(photo.view(), *effv2::named_recipe("timm", "b0"), input).value();
    const std::span<const float> logits = net(input);
    std::printf("class %td\n", std::max_element(logits.begin(), logits.end()) - logits.begin());
} catch (const effv2::Exception& error) {  // from value(): one sentence
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
