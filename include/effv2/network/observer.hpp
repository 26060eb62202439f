// A look inside a running network: an Observer is told when each phase of each block has ended, and can take the time.
#pragma once

#include <cstdint>

namespace effv2 {

// The parts of a forward pass that run one after the other, each on all threads.
enum class Phase : std::uint8_t { stem, fused, expand_depthwise, squeeze_excite, project, head, classifier };

constexpr const char* phase_name(Phase phase) {
    switch (phase) {
        case Phase::stem:
            return "stem";
        case Phase::fused:
            return "fused convolution + projection";
        case Phase::expand_depthwise:
            return "expansion + depthwise";
        case Phase::squeeze_excite:
            return "squeeze-excite";
        case Phase::project:
            return "projection";
        case Phase::head:
            return "head + pooling";
        case Phase::classifier:
            return "classifier";
    }
    return "";
}

class Observer {
public:
    virtual ~Observer() = default;

    // Called on the thread that runs the forward pass. `block` is the global block index, -1 outside blocks.
    virtual void finished(Phase phase, int block) = 0;
};

}  // namespace effv2
