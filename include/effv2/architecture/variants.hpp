// The eight released variants (google/automl effnetv2_configs.py), at their evaluation size, for ImageNet's 1000
// classes. B1, B2 and B3 are B0 scaled. Each has the tile of Winograd's that fits its maps at that size.
#pragma once

#include <string_view>

#include "effv2/architecture/scaling.hpp"

namespace effv2 {

namespace variants {

inline constexpr Architecture b0{.stem = 32,
                                 .stages = {fused(1, 1, 1, 16), fused(2, 2, 4, 32), fused(2, 2, 4, 48),
                                            mbconv(3, 2, 4, 96), mbconv(5, 1, 6, 112), mbconv(8, 2, 6, 192)},
                                 .input = {224, 224},
                                 .winograd_tile = 7};

inline constexpr Architecture b1 = scale(b0, {.width = 1.0, .depth = 1.1, .size = 240});
inline constexpr Architecture b2 = scale(b0, {.width = 1.1, .depth = 1.2, .size = 260});
inline constexpr Architecture b3 = scale(b0, {.width = 1.2, .depth = 1.4, .size = 300});

inline constexpr Architecture s{.stem = 24,
                                .stages = {fused(2, 1, 1, 24), fused(4, 2, 4, 48), fused(4, 2, 4, 64),
                                           mbconv(6, 2, 4, 128), mbconv(9, 1, 6, 160), mbconv(15, 2, 6, 256)},
                                .input = {384, 384}};

inline constexpr Architecture m{
    .stem = 24,
    .stages = {fused(3, 1, 1, 24), fused(5, 2, 4, 48), fused(5, 2, 4, 80), mbconv(7, 2, 4, 160), mbconv(14, 1, 6, 176),
               mbconv(18, 2, 6, 304), mbconv(5, 1, 6, 512)},
    .input = {480, 480}};

inline constexpr Architecture l{
    .stem = 32,
    .stages = {fused(4, 1, 1, 32), fused(7, 2, 4, 64), fused(7, 2, 4, 96), mbconv(10, 2, 4, 192), mbconv(19, 1, 6, 224),
               mbconv(25, 2, 6, 384), mbconv(7, 1, 6, 640)},
    .input = {480, 480}};

inline constexpr Architecture xl{
    .stem = 32,
    .stages = {fused(4, 1, 1, 32), fused(8, 2, 4, 64), fused(8, 2, 4, 96), mbconv(16, 2, 4, 192), mbconv(24, 1, 6, 256),
               mbconv(32, 2, 6, 512), mbconv(8, 1, 6, 640)},
    .input = {512, 512}};

}  // namespace variants

// A variant and the name that people call it by.
struct NamedVariant {
    std::string_view name;
    Architecture architecture;
};

inline constexpr NamedVariant named_variants[] = {{"b0", variants::b0}, {"b1", variants::b1}, {"b2", variants::b2},
                                                  {"b3", variants::b3}, {"s", variants::s},   {"m", variants::m},
                                                  {"l", variants::l},   {"xl", variants::xl}};

// The variant of that name, or nullptr.
constexpr const NamedVariant* find_variant(std::string_view name) {
    for (const NamedVariant& variant : named_variants)
        if (variant.name == name) return &variant;
    return nullptr;
}

// The name of the variant that an architecture is but for its input, classes, padding and way of convolutions; empty
// for an architecture of one's own.
constexpr std::string_view variant_name(const Architecture& a) {
    for (const NamedVariant& variant : named_variants) {
        Architecture same = variant.architecture;
        same.input = a.input;
        same.classes = a.classes;
        same.padding = a.padding;
        if (same_network(same, a)) return variant.name;
    }
    return {};
}

// The network as those who find it in a weight file compute it, which does not say how: by fast convolutions, with the
// variant's tile of Winograd's, or with the one that fits it.
constexpr Architecture as_read(const Architecture& a) {
    const std::string_view name = variant_name(a);
    return a.with_convolutions(Convolutions::fast)
        .with_winograd_tile(name.empty() ? fitting_winograd_tile(a) : find_variant(name)->architecture.winograd_tile);
}

}  // namespace effv2
