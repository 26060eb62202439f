// The released M, L and XL beside what the scaling rule makes of S: own-architecture.md shows what this prints.
#include <cstdio>

#include "effv2/architecture/cost.hpp"
#include "effv2/architecture/variants.hpp"

// With a size that only XL has, since the rule itself stops at 480.
constexpr effv2::Scaling to_m{.width = 1.1, .depth = 1.2, .size = 480, .extra_layers = 6};
constexpr effv2::Scaling to_l{.width = 1.3, .depth = 1.7, .size = 480, .extra_layers = 12};
constexpr effv2::Scaling to_xl{.width = 1.6, .depth = 2.0, .size = 512, .size_cap = 512, .extra_layers = 20};

void print(const char* name, const effv2::Architecture& a) {
    std::printf("%-12s  ", name);
    for (int i = 0; i < 7; ++i) {
        const effv2::Stage& stage = a.stages[i];
        if (i < a.stage_count())
            std::printf("%2d x %-3d  ", stage.repeats, stage.channels);
        else
            std::printf("%10s", "");
    }
    std::printf("%3d  %6.1f M  %6.2f G\n", a.input.height, static_cast<double>(effv2::parameters(a)) * 1e-6,
                static_cast<double>(effv2::macs(a)) * 1e-9);
}

int main() {
    using namespace effv2::variants;
    std::printf("              blocks x channels of each stage %39s size  parameters     MACs\n", "");
    print("S", s);
    print("M", m);
    print("S scaled", effv2::scale(s, to_m));
    print("L", l);
    print("S scaled", effv2::scale(s, to_l));
    print("XL", xl);
    print("S scaled", effv2::scale(s, to_xl));
}
