#include "stop.hpp"

#include <csignal>
#include <initializer_list>

namespace cli {

namespace {

volatile std::sig_atomic_t wanted = 0;

void remember(int) { wanted = 1; }

}  // namespace

void outlive_readers() { std::signal(SIGPIPE, SIG_IGN); }

void watch_for_stop() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler == SIG_IGN) continue;
        struct sigaction action {};
        action.sa_handler = remember;
        action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
        sigaction(signal, &action, nullptr);
    }
}

bool stop_wanted() { return wanted != 0; }

}  // namespace cli
