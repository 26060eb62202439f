#!/usr/bin/env bash
# Installs what is missing and runs every test (but what needs PyTorch, which it names as skipped where that is not there):
# with g++, with clang++, and with clang++'s sanitizers. Ends with the line
# "N passed, N failed" and, where any test failed, with status 1.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0 failed=0

# step WHAT COMMAND...: one check, which passes or fails as a whole.
step() {
    local what=$1
    shift
    echo "== $what"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        return 1
    fi
}

# build FOLDER COMPILER TARGET OPTION...
build() {
    local folder=$1 compiler=$2 target=$3
    shift 3
    if [[ ! -f $folder/build.ninja ]]; then
        CXX=$compiler meson setup "$folder" -Dwerror=true -Dtests=enabled -Dexamples=enabled -Dtbb=enabled "$@" >/dev/null ||
            return 1
    fi
    ninja -C "$folder" --quiet "$target"
}

# run_tests FOLDER SUITE...: adds the single cases of all test programs to the count.
run_tests() {
    local folder=$1 suite suites=() counts
    shift
    for suite in "$@"; do suites+=(--suite "$suite"); done
    rm -f "$folder/meson-logs/testlog.json"
    meson test -C "$folder" --no-rebuild --print-errorlogs "${suites[@]}"
    counts=$(python3 tests/count.py "$folder/meson-logs/testlog.json") || counts="0 1"
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
}

formatted() {
    find include examples tests bench -name "*.[ch]pp" -print0 | xargs -0 clang-format --dry-run --Werror
}

# The hostile files of a few seconds; tests/fuzz says how to try longer.
fuzz() {
    local folder=build-fuzz
    mkdir -p "$folder/seeds"
    clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude \
        tests/fuzz/safetensors_fuzzer.cpp -o "$folder/fuzzer" &&
        "$folder/fuzzer" -max_total_time=20 -max_len=4096 -len_control=0 -verbosity=0 \
            -artifact_prefix="$folder/" "$folder/seeds"
}

# The kernels' tests for NEON, emulated: they need nothing that is not in a header.
neon() {
    local folder=build-neon
    mkdir -p "$folder"
    printf '#include "%s"\n' tests/main.cpp tests/kernels/*.cpp |
        aarch64-linux-gnu-g++ -std=c++20 -O1 -static -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
            -I. -Iinclude -Itests -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS -x c++ - -o "$folder/kernels_test" &&
        qemu-aarch64 "$folder/kernels_test"
}

scripts/setup.sh test || exit 1

# Every build has another instruction set, so that all kernels are tested: the machine's own, SSE, AVX2.
step "g++" build build-gcc g++ all && run_tests build-gcc unit compilers once

# The second compiler is here for what it says and for its arithmetic, which need no more than -O1.
step "clang++" build build-clang clang++ all -Dmarch=x86-64-v2 -Doptimization=1 -Dbenchmarks=disabled &&
    run_tests build-clang unit compilers

# What the sanitizers cannot show in a small network, they do not show in a large one. Checks of every operation cost
# the less code, the wider the registers. Those of pointers' sums, of null and of objects' sizes would take two thirds
# of the time to compile kernels, and what they would find is read or written a moment later, which the address
# sanitizer sees.
step "sanitizers" build build-sanitizers clang++ meson-test-prereq -Dmarch=x86-64-v3 -Dbenchmarks=disabled \
    -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false \
    '-Dcpp_args=-gline-tables-only -fno-sanitize-recover=undefined -fno-sanitize=pointer-overflow,null,object-size' &&
    EFFV2_TEST_GIGAMACS=1.5 run_tests build-sanitizers unit

step "fuzzing" fuzz
step "NEON kernels" neon
step "formatting" formatted

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
