#!/usr/bin/env bash
# Installs what the build needs and this machine lacks, on Debian 12 or a relative of it: setup.sh [test]
# With `test`, what scripts/test.sh needs besides. Does nothing, and says nothing, where all of it is there.
set -euo pipefail

packages=(
    g++ meson ninja-build pkg-config
    libxsimd-dev libtbb-dev                     # the library
    libcli11-dev nlohmann-json3-dev             # the command-line tool
    libjpeg-dev libpng-dev libwebp-dev          # pictures
    zlib1g-dev                                  # data sets that are compressed
)
if [[ ${1:-} == test ]]; then
    packages+=(doctest-dev libbenchmark-dev python3 python3-h5py clang libclang-rt-dev clang-format
        g++-aarch64-linux-gnu qemu-user)
fi

if ! command -v apt-get >/dev/null; then
    echo "setup.sh: no apt-get here; the build needs what Debian calls ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    # A word for each architecture that the package is there for.
    status=" $(dpkg-query --show --showformat='${db:Status-Status} ' "$package" 2>/dev/null || true)"
    [[ $status == *" installed "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "setup.sh: please install as root: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive)  # sudo drops what is exported
fi

echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
