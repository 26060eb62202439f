#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace cli {

using effv2::training::ProgressiveSchedule;

Progress::Progress(const ProgressiveSchedule& schedule, std::uint64_t steps, int batch, std::uint64_t done)
    : schedule_(schedule),
      steps_(steps),
      first_(done),
      last_(done),
      batch_(batch),
      terminal_(isatty(STDOUT_FILENO) == 1),
      start_(Clock::now()),
      paused_(start_),
      last_shown_(start_) {}

void Progress::stepped(const ProgressState& state) {
    const double weight = std::max(0.05, 1.0 / static_cast<double>(state.step - first_));
    loss_ += weight * (state.loss - loss_);
    accuracy_ += weight * (state.accuracy - accuracy_);
    last_ = state.step;
    const Clock::time_point now = Clock::now();
    const std::chrono::milliseconds pause(terminal_ ? 200 : 10000);
    if (now - last_shown_ < pause && state.step != steps_) return;
    last_shown_ = now;
    if (!terminal_) return say(line(state));
    // What is longer than the terminal is wide would begin a line of its own each time.
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    std::printf("\r\033[K%.*s", known ? size.ws_col - 1 : 1000, line(state).c_str());
    std::fflush(stdout);
    shown_ = true;
}

std::string Progress::line(const ProgressState& state) const {
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(),
                  "step %llu of %llu  epoch %.2f  size %d  loss %.4f  accuracy %.1f %%  %.0f images/s  %s left",
                  static_cast<unsigned long long>(state.step), static_cast<unsigned long long>(steps_), state.epoch,
                  state.size, loss_, 100.0 * accuracy_, pictures_per_second(),
                  duration_text(seconds_left(state.step)).c_str());
    return text.data();
}

void Progress::say(const std::string& line) {
    clear();
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

void Progress::clear() {
    if (shown_) std::printf("\r\033[K");
    shown_ = false;
}

double Progress::pictures_per_second() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return seconds > 0.0 ? static_cast<double>(last_ - first_) * batch_ / seconds : 0.0;
}

double Progress::work_before(std::uint64_t step) const {
    double work = 0.0;
    std::uint64_t first = 0;
    for (int i = 0; i < schedule_.stage_count() && first < step; ++i) {
        const std::uint64_t end = std::min(step, schedule_.end_of(i, steps_));
        const double side = schedule_.stages[i].size;
        work += side * side * static_cast<double>(end - first);
        first = end;
    }
    return work;
}

double Progress::seconds_left(std::uint64_t step) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const double done = work_before(step) - work_before(first_);
    return done > 0.0 ? seconds * (work_before(steps_) - work_before(step)) / done : 0.0;
}

std::string duration_text(double seconds) {
    const auto all = static_cast<long long>(std::llround(std::max(0.0, seconds)));
    std::array<char, 64> text{};
    if (all >= 3600)
        std::snprintf(text.data(), text.size(), "%lld h %02lld min", all / 3600, all / 60 % 60);
    else if (all >= 60)
        std::snprintf(text.data(), text.size(), "%lld min %02lld s", all / 60, all % 60);
    else
        std::snprintf(text.data(), text.size(), "%lld s", all);
    return text.data();
}

}  // namespace cli
