#include "stop.hpp"

#include <csignal>

namespace cli {

namespace {

volatile std::sig_atomic_t wanted = 0;

constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

// The next one, of whatever kind, ends the process.
void remember(int) {
    wanted = 1;
    for (const int each : signals) {
        struct sigaction now {};
        if (sigaction(each, nullptr, &now) == 0 && now.sa_handler == remember) std::signal(each, SIG_DFL);
    }
}

}  // namespace

void outlive_readers() { std::signal(SIGPIPE, SIG_IGN); }

void watch_for_stop() {
    for (const int signal : signals) {
        struct sigaction before {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler == SIG_IGN) continue;
        struct sigaction action {};
        action.sa_handler = remember;
        action.sa_flags = SA_RESTART;
        sigaction(signal, &action, nullptr);
    }
}

bool stop_wanted() { return wanted != 0; }

}  // namespace cli
