// The wish of a user, or of the system, that a long run end soon.
#pragma once

namespace cli {

// From now on SIGINT, SIGTERM and SIGHUP are remembered, once; the second ends the process at once.
// Those that the process was started to ignore it goes on to ignore.
void watch_for_stop();

// From now on, the end of who reads the output is not this process's: no reason to lose what it has learned.
void outlive_readers();

// Whether one of them came.
bool stop_wanted();

}  // namespace cli
