// Errors as values: one Error type with a code and a sentence, and Result<T>, which holds either a T or an Error.
// Works with and without exceptions: ask has_value()/error(), or (where exceptions are on) call value(), which throws.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace effv2 {

enum class ErrorCode {
    file,      // a file that cannot be opened, read or written
    format,    // bytes that are not what the format promises (safetensors header, picture, .npy)
    mismatch,  // well-formed, but not for this architecture: names, shapes, padding, preprocessing
    image,     // pixels that the library cannot turn into an input
    argument,  // a caller's value outside its range
};

// What went wrong. The message is one sentence that names the file, the tensor, what was expected and what was found.
struct Error {
    ErrorCode code;
    std::string message;
};

#if defined(__cpp_exceptions)
// Thrown by Result::value(); what() is the error's message.
class Exception : public std::runtime_error {
public:
    explicit Exception(const Error& error) : std::runtime_error(error.message), code_(error.code) {}
    ErrorCode code() const noexcept { return code_; }

private:
    ErrorCode code_;
};
#endif

// A T, or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    // The value; only where has_value().
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    // The error; only where !has_value().
    const Error& error() const noexcept { return *std::get_if<1>(&state_); }

#if defined(__cpp_exceptions)
    // The value, or an Exception with the error's message.
    T& value() & { return check(), **this; }
    const T& value() const& { return check(), **this; }
    T value() && { return check(), std::move(**this); }
#endif

private:
#if defined(__cpp_exceptions)
    void check() const {
        if (!has_value()) throw Exception(error());
    }
#endif
    std::variant<T, Error> state_;
};

// The result of a function that gives nothing back but may fail.
using Status = Result<std::monostate>;

}  // namespace effv2
