#!/usr/bin/env bash
# Runs clang-tidy over the library, the examples and the benchmarks: tidy.sh [BUILD_FOLDER], a folder that Meson has set
# up (build).
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-tidy >/dev/null || {
    echo "tidy.sh: please install clang-tidy" >&2
    exit 1
}
build=${1:-build}
[[ -f $build/build.ninja ]] || meson setup "$build" >/dev/null

# Each source with the flags that Meson compiles it with; every header of the library is in one of them.
status=0
for source in examples/effv2/*.cpp examples/common/*.cpp examples/readme.cpp; do
    clang-tidy --quiet -p "$build" "$source" 2>/dev/null || status=1
done
exit $status
