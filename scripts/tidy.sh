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

# Every header of the library is in one of these. Flags are those that Meson compiles a source with, or, for those that it
# puts together into larger units, the nearest's.
status=0
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
for source in examples/effv2/*.cpp examples/common/*.cpp examples/*.cpp bench/*.cpp; do
    clang-tidy --quiet -p "$build" "$source" 2>"$messages" || {
        status=1
        cat "$messages" >&2
    }
done
exit $status
