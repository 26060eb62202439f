#!/usr/bin/env bash
# Says what a photograph shows: demo.sh [IMAGE]. Installs what is missing, builds, and classifies.
set -euo pipefail
cd "$(dirname "$0")/.."

# A picture named by the caller is named from where they stand.
image=${1:+$(cd "$OLDPWD" && realpath -- "$1")}

scripts/setup.sh
[[ -f build/build.ninja ]] || meson setup build >/dev/null
ninja -C build examples/effv2

# A photograph of this machine: large JPEGs are hardly ever anything else. Else one from a small Debian package.
find_photograph() {
    local found folder=build/photograph
    found=$(find /usr/share -xdev -type f \( -iname '*.jpg' -o -iname '*.jpeg' \) -size +20k -printf '%s %p\n' 2>/dev/null |
        sort --numeric-sort --reverse | head --lines=1 | cut --delimiter=' ' --fields=2-)
    if [[ -z $found ]]; then
        if [[ ! -d $folder ]]; then
            mkdir -p "$folder"
            (cd "$folder" && apt-get download python-matplotlib-data >/dev/null 2>&1 && dpkg-deb --extract ./*.deb . && rm ./*.deb) ||
                { rm -rf "$folder" && return; }
        fi
        found=$(find "$folder" -name grace_hopper.jpg)
    fi
    [[ -n $found ]] && realpath -- "$found"
}

[[ -n $image ]] || image=$(find_photograph) || true
if [[ -z $image ]]; then
    echo "demo.sh: found no photograph; please name one: scripts/demo.sh IMAGE" >&2
    exit 1
fi

# Trained weights, once they ship; until then, weights made from a formula.
trained=$(find weights -name '*.safetensors' | sort | head --lines=1)
weights=${trained:-build/formula_b0.safetensors}
[[ -f $weights ]] || build/examples/effv2 formula --variant b0 --output "$weights"

# Trained weights bring their labels; the formula's have none.
if [[ -n $trained ]]; then
    build/examples/effv2 classify --weights "$weights" "$image"
else
    build/examples/effv2 classify --weights "$weights" --labels weights/imagenet1k_labels.txt "$image"
    echo "These weights are made from a formula: the labels mean nothing until trained weights ship."
fi
