// A checksum over blocks of bytes, as fast as memory. It finds accidents, not forgeries: any change within eight bytes
// (aligned) always, any other with all but a chance of 2^-64.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace effv2::training {

class Checksum {
public:
    static constexpr std::size_t block = 64;  // bytes

    // `bytes`: a multiple of `block`.
    void add(std::span<const std::byte> bytes) {
        // A local copy, which the compiler may keep in registers.
        std::array<std::uint64_t, lane_count> lanes = lanes_;
        for (std::size_t at = 0; at + block <= bytes.size(); at += block)
            for (std::size_t i = 0; i < lane_count; ++i) {
                std::uint64_t word = 0;
                std::memcpy(&word, bytes.data() + at + 8 * i, 8);
                // For a given word this maps lanes one to one, and for a given lane words.
                lanes[i] = std::rotl((lanes[i] ^ word) * 0x9e3779b97f4a7c15u, 29);
            }
        lanes_ = lanes;
    }

    // Bytes of any number, the last block filled up with zeros.
    void add_padded(std::span<const std::byte> bytes) {
        const std::size_t whole = bytes.size() / block * block;
        add(bytes.first(whole));
        std::array<std::byte, block> last{};
        if (whole < bytes.size()) std::memcpy(last.data(), bytes.data() + whole, bytes.size() - whole);
        add(last);
    }

    std::uint64_t value() const {
        std::uint64_t sum = 0;
        for (const std::uint64_t lane : lanes_) {
            sum = (sum ^ lane) * 0xd6e8feb86659fd93u;  // odd, so this too is one to one
            sum ^= sum >> 32;
        }
        return sum;
    }

private:
    static constexpr std::size_t lane_count = block / 8;
    std::array<std::uint64_t, lane_count> lanes_{1, 2, 3, 4, 5, 6, 7, 8};  // apart, so that zeros do not cancel
};

}  // namespace effv2::training
