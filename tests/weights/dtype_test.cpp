#include "effv2/weights/dtype.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace effv2;

namespace {

// What the standard says a binary16 or bfloat16 pattern means, spelled with ldexp.
float twin(std::uint32_t bits, int mantissa_bits, int exponent_bits) {
    const std::uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
    const int exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1));
    const int largest = (1 << exponent_bits) - 1, bias = largest / 2;
    const float sign = (bits >> (mantissa_bits + exponent_bits)) != 0 ? -1.0f : 1.0f;
    if (exponent == largest)
        return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
    if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits);
    return sign * std::ldexp(static_cast<float>(mantissa + (1u << mantissa_bits)), exponent - bias - mantissa_bits);
}

// How many of the 65536 patterns differ from the twin in any bit; a NaN must only be one, of the same sign and payload.
int count_differences(float (*convert)(std::uint16_t), int mantissa_bits, int exponent_bits) {
    int differences = 0;
    for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
        const std::uint32_t got = std::bit_cast<std::uint32_t>(convert(static_cast<std::uint16_t>(bits)));
        const float expected = twin(bits, mantissa_bits, exponent_bits);
        if (std::isnan(expected)) {
            const std::uint32_t payload = (bits & ((1u << mantissa_bits) - 1)) << (23 - mantissa_bits);
            differences += got != (((bits & 0x8000u) << 16) | 0x7f800000u | payload);
        } else {
            differences += got != std::bit_cast<std::uint32_t>(expected);
        }
    }
    return differences;
}

static_assert(f16_to_float(0x3c00) == 1.0f && f16_to_float(0xc000) == -2.0f && f16_to_float(0x0001) == 0x1p-24f);
static_assert(f16_to_float(0x7bff) == 65504.0f && bf16_to_float(0x3f80) == 1.0f);

}  // namespace

TEST_CASE("all 65536 F16 patterns become the float that they mean") {
    CHECK(count_differences([](std::uint16_t bits) { return f16_to_float(bits); }, 10, 5) == 0);
}

TEST_CASE("all 65536 BF16 patterns become the float that they mean") {
    CHECK(count_differences([](std::uint16_t bits) { return bf16_to_float(bits); }, 7, 8) == 0);
}

TEST_CASE("types are found by name, and the table is in the order of the enumeration") {
    for (const DTypeInfo& info : dtype_table) {
        CHECK(find_dtype(info.name) == &info);
        CHECK(dtype_info(info.dtype).name == info.name);
        const bool weight = info.name == "F32" || info.name == "F16" || info.name == "BF16";
        CHECK(is_weight_dtype(info.dtype) == weight);
    }
    CHECK(find_dtype("F128") == nullptr);
    CHECK(find_dtype("f32") == nullptr);
    CHECK(find_dtype("") == nullptr);
}

TEST_CASE("floats are read from any address") {
    // 1, -2 and 65504 as F16, each once at an even and once at an odd address.
    const unsigned char f16[] = {0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b};
    const unsigned char f32[] = {0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0xc0, 0x00, 0xe0, 0x7f, 0x47};
    const unsigned char bf16[] = {0x80, 0x3f, 0x00, 0xc0, 0x80, 0x47};
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::vector<std::byte> bytes(64);
        float values[3];
        std::memcpy(bytes.data() + shift, f16, sizeof f16);
        read_floats(DType::f16, bytes.data() + shift, values);
        CHECK((values[0] == 1.0f && values[1] == -2.0f && values[2] == 65504.0f));
        std::memcpy(bytes.data() + shift, f32, sizeof f32);
        read_floats(DType::f32, bytes.data() + shift, values);
        CHECK((values[0] == 1.0f && values[1] == -2.0f && values[2] == 65504.0f));
        std::memcpy(bytes.data() + shift, bf16, sizeof bf16);
        read_floats(DType::bf16, bytes.data() + shift, values);
        CHECK((values[0] == 1.0f && values[1] == -2.0f && values[2] == 65536.0f));
        read_floats(DType::i64, bytes.data() + shift, values);
        CHECK((values[0] == 0.0f && values[1] == 0.0f && values[2] == 0.0f));
    }
}
