// Where each tensor lies in the flat arrays of training, and how passes over these arrays are cut into tasks.
// Parameters, gradients, averages and the optimiser's state are float arrays of one length and one layout.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "effv2/architecture/layout.hpp"
#include "effv2/error.hpp"
#include "effv2/parallel/executor.hpp"

namespace effv2::training {

// One tensor with its padding, whose values and gradients are zeros.
struct ParameterSegment {
    std::size_t first = 0;  // floats from the start of the array, a multiple of segment_floats
    std::size_t count = 0;  // floats, a multiple of the granule
    bool decays = true;     // weight decay applies: by custom to weights, not to biases and batch norms
    bool trainable = true;  // false: frozen, no optimiser changes it
    double rate = 1.0;      // times the learning rate, at least 0
};

// A run of floats in one segment, short enough that a few arrays of it lie in a second-level cache.
struct Piece {
    std::size_t first = 0;
    int count = 0;  // floats, a multiple of the granule
    std::size_t segment = 0;
};

// The segments of an array, cut into pieces. The cut depends on the segments alone: so do all sums, and no result
// depends on the number of threads.
class ParameterLayout {
public:
    static constexpr std::size_t piece_floats = 16384;

    // `length`: floats of the array.
    //
    // Fails with ErrorCode::argument where segments overlap, are out of order, off their multiples, or beyond `length`,
    // and where a rate is no number of at least 0.
    static Result<ParameterLayout> create(std::span<const ParameterSegment> segments, std::size_t length) {
        std::size_t end = 0;
        for (std::size_t i = 0; i < segments.size(); ++i) {
            const ParameterSegment& segment = segments[i];
            if (segment.first % segment_floats != 0)
                return refuse(i, "begins at", segment.first, "a multiple of " + std::to_string(segment_floats));
            if (segment.count == 0 || segment.count % granule != 0)
                return refuse(i, "has a length of", segment.count,
                              "a multiple of " + std::to_string(granule) + " above 0");
            if (segment.first < end) return refuse(i, "begins at", segment.first, "at least " + std::to_string(end));
            if (segment.first > length || segment.count > length - segment.first)
                return refuse(i, "ends at", segment.first + segment.count, "at most " + std::to_string(length));
            if (!(segment.rate >= 0.0 && std::isfinite(segment.rate)))
                return Error{ErrorCode::argument, "parameter segment " + std::to_string(i) + " has a rate of " +
                                                      std::to_string(segment.rate) + ", expected at least 0"};
            end = segment.first + segment.count;
        }
        return ParameterLayout(segments, length);
    }

    std::span<const ParameterSegment> segments() const { return segments_; }
    std::span<const Piece> pieces() const { return pieces_; }
    std::size_t length() const { return length_; }

    // Calls f(piece, its index) for every piece, on the executor's threads; f may run for several at one time.
    template <class F>
    void for_each_piece(Executor& executor, const F& f) const {
        executor.run(static_cast<int>(task_ends_.size()), [&](int task, int) {
            const std::size_t t = static_cast<std::size_t>(task);
            for (std::size_t i = t == 0 ? 0 : task_ends_[t - 1]; i < task_ends_[t]; ++i) f(pieces_[i], i);
        });
    }

private:
    ParameterLayout(std::span<const ParameterSegment> segments, std::size_t length)
        : segments_(segments.begin(), segments.end()), length_(length) {
        std::size_t floats = 0;  // of the task that is being filled: small segments share one
        for (std::size_t s = 0; s < segments.size(); ++s)
            for (std::size_t done = 0; done < segments[s].count;) {
                const std::size_t count = std::min(piece_floats, segments[s].count - done);
                if (floats + count > piece_floats && floats > 0) task_ends_.push_back(pieces_.size()), floats = 0;
                pieces_.push_back({segments[s].first + done, static_cast<int>(count), s});
                done += count;
                floats += count;
            }
        if (floats > 0) task_ends_.push_back(pieces_.size());
    }

    static Error refuse(std::size_t segment, std::string_view what, std::size_t found, const std::string& expected) {
        return {ErrorCode::argument, "parameter segment " + std::to_string(segment) + " " + std::string(what) + " " +
                                         std::to_string(found) + ", expected " + expected};
    }

    std::vector<ParameterSegment> segments_;
    std::vector<Piece> pieces_;
    std::vector<std::size_t> task_ends_;  // in pieces
    std::size_t length_ = 0;
};

}  // namespace effv2::training
