#!/usr/bin/env bash
# Says what a photograph shows: demo.sh [IMAGE]. Installs what is missing, builds, and classifies.
set -euo pipefail
cd "$(dirname "$0")/.."

# A picture named by the caller is named from where they stand.
image=${1:+$(cd "$OLDPWD" && realpath -- "$1")}

scripts/setup.sh
[[ -f build/build.ninja ]] || meson setup build >/dev/null
ninja -C build examples/effv2

# A photograph of a cat, which scikit-image's package brings along; or a large JPEG of this machine, where there is no
# network: those are photographs as a rule.
find_photograph() {
    local found='' package=python3-skimage folder=build/photograph
    local cat=usr/lib/python3/dist-packages/skimage/data/chelsea.png
    if [[ ! -f $folder/$cat ]]; then
        mkdir -p "$folder"
        (cd "$folder" && apt-get download "$package" >/dev/null 2>&1 && dpkg-deb --fsys-tarfile ./*.deb | tar --extract "./$cat") || true
        rm --force "$folder"/*.deb
    fi
    if [[ -f $folder/$cat ]]; then
        found=$folder/$cat
    else
        found=$(find /usr/share -xdev -type f \( -iname '*.jpg' -o -iname '*.jpeg' \) -size +20k -printf '%s %p\n' 2>/dev/null |
            sort --numeric-sort --reverse | head --lines=1 | cut --delimiter=' ' --fields=2-)
    fi
    [[ -n $found ]] && realpath -- "$found"
}

[[ -n $image ]] || image=$(find_photograph) || true
if [[ -z $image ]]; then
    echo "demo.sh: found no photograph; please name one: scripts/demo.sh IMAGE" >&2
    exit 1
fi

build/examples/effv2 classify --weights weights/cifar10.safetensors "$image"
echo "The weights know CIFAR-10's ten classes (weights/cifar10.md): whatever the picture shows, it is given one of them."
