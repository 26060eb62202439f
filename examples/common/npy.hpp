// NumPy's .npy files of float32 arrays, read and written piece by piece so that an array need not fit into memory.
// Strict: little-endian float32 in C order, format versions 1.0 and 2.0, a file exactly as long as its header says.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "effv2/error.hpp"
#include "effv2/weights/new_file.hpp"

namespace examples {

using Shape = std::vector<std::size_t>;

namespace detail {

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace detail

// An array that is being read.
class NpyReader {
public:
    // Reads the header. Fails with one sentence that begins with the path: where the file cannot be read, is no .npy
    // file of float32 in C order, or is shorter or longer than its shape asks for.
    static effv2::Result<NpyReader> open(const std::string& path);

    const std::string& path() const { return path_; }
    const Shape& shape() const { return shape_; }

    // The next floats, row-major.
    effv2::Status read(std::span<float> into);

private:
    NpyReader(std::string path, detail::File file, Shape shape)
        : path_(std::move(path)), file_(std::move(file)), shape_(std::move(shape)) {}

    std::string path_;
    detail::File file_;
    Shape shape_;
};

// An array that is being written. Until finish(), an older file of that name stays as it is.
class NpyWriter {
public:
    static effv2::Result<NpyWriter> create(const std::string& path, const Shape& shape);

    // Appends floats, row-major; in all as many as the shape has.
    effv2::Status write(std::span<const float> values) { return file_.write(std::as_bytes(values)); }
    effv2::Status finish() { return file_.commit(); }

private:
    explicit NpyWriter(effv2::detail::NewFile file) : file_(std::move(file)) {}

    effv2::detail::NewFile file_;
};

// "(2, 3, 224, 224)", as Python writes it.
std::string shape_text(const Shape& shape);

}  // namespace examples
