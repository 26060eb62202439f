// Element types of safetensors files, and the exact way from those that can be weights to float.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace effv2 {

// All types that the format knows. Only f32, f16 and bf16 are read as weights.
enum class DType : std::uint8_t {
    boolean,
    f4,
    f6_e2m3,
    f6_e3m2,
    u8,
    i8,
    f8_e5m2,
    f8_e4m3,
    f8_e8m0,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    c64,
    f64,
    i64,
    u64,
};

// A type, its name in files and the bits of an element.
struct DTypeInfo {
    DType dtype;
    std::string_view name;
    int bits;
};

inline constexpr DTypeInfo dtype_table[] = {
    {DType::boolean, "BOOL", 8},    {DType::f4, "F4", 4},           {DType::f6_e2m3, "F6_E2M3", 6},
    {DType::f6_e3m2, "F6_E3M2", 6}, {DType::u8, "U8", 8},           {DType::i8, "I8", 8},
    {DType::f8_e5m2, "F8_E5M2", 8}, {DType::f8_e4m3, "F8_E4M3", 8}, {DType::f8_e8m0, "F8_E8M0", 8},
    {DType::i16, "I16", 16},        {DType::u16, "U16", 16},        {DType::f16, "F16", 16},
    {DType::bf16, "BF16", 16},      {DType::i32, "I32", 32},        {DType::u32, "U32", 32},
    {DType::f32, "F32", 32},        {DType::c64, "C64", 64},        {DType::f64, "F64", 64},
    {DType::i64, "I64", 64},        {DType::u64, "U64", 64}};

// The type of that name, or nullptr.
constexpr const DTypeInfo* find_dtype(std::string_view name) {
    for (const DTypeInfo& info : dtype_table)
        if (info.name == name) return &info;
    return nullptr;
}

constexpr const DTypeInfo& dtype_info(DType dtype) { return dtype_table[static_cast<std::size_t>(dtype)]; }

// Whether weights may have that type.
constexpr bool is_weight_dtype(DType dtype) {
    return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// An IEEE 754 binary16 pattern as float, exactly: subnormals become normal, infinities and NaN payloads are kept.
constexpr float f16_to_float(std::uint16_t bits) {
    const std::uint32_t sign = (bits & 0x8000u) << 16, rest = bits & 0x7fffu;
    const std::uint32_t normal = (rest << 13) + (rest >= 0x7c00u ? 0x70000000u : 0x38000000u);
    // A subnormal counts steps of 2^-24; counted in float it is exact, whatever the processor does with subnormals.
    const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(rest)) * 0x1p-24f);
    return std::bit_cast<float>((rest < 0x400u ? subnormal : normal) | sign);
}

// A bfloat16 pattern as float: the upper half of its bits.
constexpr float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

namespace detail {

// A little-endian number at any address, aligned or not.
template <class Unsigned>
Unsigned load_little_endian(const std::byte* from) {
    if constexpr (std::endian::native == std::endian::little) {
        Unsigned value;
        std::memcpy(&value, from, sizeof value);
        return value;
    } else {
        Unsigned value = 0;
        for (std::size_t i = sizeof value; i > 0; --i)
            value = static_cast<Unsigned>((value << 8) | std::to_integer<Unsigned>(from[i - 1]));
        return value;
    }
}

}  // namespace detail

// Fills `into` from the elements of type `dtype` (f32, f16 or bf16) at `from`, which need not be aligned and must hold
// as many of them. Other types give zeros.
inline void read_floats(DType dtype, const std::byte* from, std::span<float> into) {
    switch (dtype) {
        case DType::f32:
            for (std::size_t i = 0; i < into.size(); ++i)
                into[i] = std::bit_cast<float>(detail::load_little_endian<std::uint32_t>(from + 4 * i));
            return;
        case DType::f16:
            for (std::size_t i = 0; i < into.size(); ++i)
                into[i] = f16_to_float(detail::load_little_endian<std::uint16_t>(from + 2 * i));
            return;
        case DType::bf16:
            for (std::size_t i = 0; i < into.size(); ++i)
                into[i] = bf16_to_float(detail::load_little_endian<std::uint16_t>(from + 2 * i));
            return;
        default:
            for (float& value : into) value = 0.0f;
    }
}

}  // namespace effv2
