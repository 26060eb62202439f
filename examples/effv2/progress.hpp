// How far a training run is, on standard output: one line that is written anew on a terminal, a line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "effv2/training/optimise/progressive.hpp"

namespace cli {

// What a step did.
struct ProgressState {
    std::uint64_t step = 0;  // steps that are done
    double epoch = 0.0;
    int size = 0;
    double loss = 0.0, accuracy = 0.0;
};

class Progress {
public:
    // A run of so many steps of so many pictures, `done` of which are.
    Progress(const effv2::training::ProgressiveSchedule& schedule, std::uint64_t steps, int batch, std::uint64_t done);

    // After each step: shows it, where it is time for that.
    void stepped(const ProgressState& state);

    // Prints a line that stays.
    void say(const std::string& line);

    // Leaves the time from now until resumed() out of the account.
    void pause() { paused_ = Clock::now(); }
    void resumed() { start_ += Clock::now() - paused_; }

    // Pictures a second since the start.
    double pictures_per_second() const;

    // Forgets the line on the terminal, so that others may print.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    double seconds_left(std::uint64_t step) const;
    std::string line(const ProgressState& state) const;
    // Of all steps before this one, in pixels of their pictures.
    double work_before(std::uint64_t step) const;

    effv2::training::ProgressiveSchedule schedule_;
    std::uint64_t steps_, first_, last_;
    int batch_;
    bool terminal_, shown_ = false;
    double loss_ = 0.0, accuracy_ = 0.0;  // of the last steps, the last ones counting most
    Clock::time_point start_, paused_, last_shown_;
};

// "3 h 05 min", "12 min 30 s", "45 s"
std::string duration_text(double seconds);

}  // namespace cli
