// Random numbers of training: a stream of its own for each picture, epoch and purpose. What a picture gets depends on
// these alone, and so not on threads, on the order of work, or on the batch that it comes in.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace effv2::training::data {

// What a stream is for. One stream each, so that a change to one step leaves what the others draw as it was. The
// numbers are part of what makes a training run repeatable: never reuse or renumber them.
enum class Purpose : std::uint32_t {
    order = 1,
    crop = 2,
    flip = 3,
    policy = 4,
    cutout = 5,
    erasing = 6,
    mix = 7,
    // Of the network, whose streams are of a step and a value, not of an epoch and a picture.
    dropout = 8,
    depth = 9,
    initial = 10,
    // Of a set that is divided, by class, and of a search, by trial.
    split = 11,
    search = 12,
};

// splitmix64 (Vigna), started at a hash of (seed, epoch, index, purpose).
//
// Whole numbers are the same on every machine, to the bit. normal(), gamma() and beta() call the C library's log, exp
// and cos, which differ by machine in the last bit; they are rounded to multiples of 2^-24, which hides that but for
// about one draw in 10^8.
class Random {
public:
    // `epoch` counts passes over the pictures, `index` is the picture's place in its set; both from 0.
    constexpr Random(std::uint64_t seed, std::uint64_t epoch, std::uint64_t index, Purpose purpose)
        : state_(scramble(scramble(scramble(scramble(seed + step) ^ (epoch + step)) ^ (index + step)) ^
                          (static_cast<std::uint64_t>(purpose) + step))) {}

    // 64 random bits.
    constexpr std::uint64_t bits() {
        state_ += step;
        return scramble(state_);
    }

    // In [0, 1), a multiple of 2^-53.
    constexpr double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

    // In [low, high).
    constexpr double uniform(double low, double high) { return low + uniform() * (high - low); }

    // A whole number in [0, n), each as likely to within 2^-32; 0 where n is 0.
    constexpr std::uint32_t below(std::uint32_t n) {
        const std::uint64_t drawn = bits();
        const std::uint64_t upper = (drawn >> 32) * n;
        const std::uint64_t lower = ((drawn & 0xffffffffU) * n) >> 32;
        return static_cast<std::uint32_t>((upper + lower) >> 32);
    }

    // below() for lengths in pixels: in [0, n), and 0 where n is not positive.
    constexpr int below(int n) { return n < 1 ? 0 : static_cast<int>(below(static_cast<std::uint32_t>(n))); }

    // -1 or 1, each as likely.
    constexpr int sign() { return (bits() >> 63) != 0 ? 1 : -1; }

    // True with probability p: never for 0, always for 1.
    constexpr bool chance(double p) { return uniform() < p; }

    // Normal with mean 0 and deviation 1 (Box and Muller).
    double normal() { return on_grid(raw_normal()); }

    // Gamma with this shape and scale 1. The shape is positive; its mean is the shape.
    double gamma(double shape) { return on_grid(std::exp(log_gamma(shape))); }

    // Beta(a, a) in [0, 1], a at least 0.001: mean 1/2, variance 1 / (8 a + 4). In logarithms, since for small a both
    // gammas are often too small for a double.
    double beta(double a) {
        const double first = log_gamma(a);
        const double second = log_gamma(a);
        return on_grid(1.0 / (1.0 + std::exp(second - first)));
    }

private:
    static constexpr std::uint64_t step = 0x9e3779b97f4a7c15U;

    // splitmix64's output function: every input bit reaches every output bit.
    static constexpr std::uint64_t scramble(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    static double on_grid(double value) { return std::nearbyint(value * 0x1p24) * 0x1p-24; }

    // In (0, 1]: has a logarithm.
    double positive() { return 1.0 - uniform(); }

    double raw_normal() {
        const double radius = std::sqrt(-2.0 * std::log(positive()));
        return radius * std::cos(2.0 * std::numbers::pi * uniform());
    }

    // The logarithm of a gamma: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (2000), which
    // takes shapes of 1 and more, with its remedy for smaller ones.
    double log_gamma(double shape) {
        if (shape < 1.0) return log_gamma(shape + 1.0) + std::log(positive()) / shape;
        const double d = shape - 1.0 / 3.0;
        const double c = 1.0 / std::sqrt(9.0 * d);
        for (;;) {
            const double x = raw_normal();
            const double root = 1.0 + c * x;
            if (root <= 0.0) continue;
            const double v = root * root * root;
            if (std::log(positive()) < 0.5 * x * x + d * (1.0 - v + std::log(v))) return std::log(d * v);
        }
    }

    std::uint64_t state_;
};

}  // namespace effv2::training::data
