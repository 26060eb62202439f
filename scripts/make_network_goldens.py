#!/usr/bin/env python3
"""Writes tests/network/goldens.hpp: outputs of every variant as PyTorch computes them in float64 from torchvision's blocks.

Needs Debian's python3-torch and python3-torchvision; run with /usr/bin/python3. The tests themselves need no Python: weights
and inputs are the formula of include/effv2/weights/formula.hpp, and a golden is a few numbers.
"""
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import BatchNorm2d, Conv2d, functional
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig

F, M = FusedMBConvConfig, MBConvConfig
B0 = [(F, 1, 1, 1, 32, 16), (F, 2, 2, 4, 16, 32), (F, 2, 2, 4, 32, 48), (M, 3, 2, 4, 48, 96), (M, 5, 1, 6, 96, 112),
      (M, 8, 2, 6, 112, 192)]  # kind, repeats, stride, expansion, in, out


def table(repeats, channels):
    """S, M, L and XL share their kinds, strides and expansions."""
    kinds, strides, expansions = [F, F, F, M, M, M, M], [1, 2, 2, 2, 1, 2, 1], [1, 4, 4, 4, 6, 6, 6]
    return [(kinds[i], n, strides[i], expansions[i], channels[i], channels[i + 1]) for i, n in enumerate(repeats)]


VARIANTS = {  # stages, width, depth, evaluation size
    "b0": (B0, 1.0, 1.0, 224), "b1": (B0, 1.0, 1.1, 240), "b2": (B0, 1.1, 1.2, 260), "b3": (B0, 1.2, 1.4, 300),
    "s": (table([2, 4, 4, 6, 9, 15], [24, 24, 48, 64, 128, 160, 256]), 1.0, 1.0, 384),
    "m": (table([3, 5, 5, 7, 14, 18, 5], [24, 24, 48, 80, 160, 176, 304, 512]), 1.0, 1.0, 480),
    "l": (table([4, 7, 7, 10, 19, 25, 7], [32, 32, 64, 96, 192, 224, 384, 640]), 1.0, 1.0, 480),
    "xl": (table([4, 8, 8, 16, 24, 32, 8], [32, 32, 64, 96, 192, 256, 512, 640]), 1.0, 1.0, 512)}

# variant, padding, height, width, batch, classes
CASES = [(v, p, VARIANTS[v][3], VARIANTS[v][3], 1, 1000) for v in VARIANTS for p in ("same", "symmetric")]
CASES += [("b0", "same", 171, 171, 3, 10), ("b0", "symmetric", 257, 300, 1, 1000), ("b3", "same", 257, 257, 1, 21843),
          ("s", "symmetric", 171, 171, 1, 1000), ("s", "same", 300, 171, 3, 10), ("m", "same", 33, 32, 1, 10)]
SAMPLES = 24  # numbers kept of each output, evenly spaced


def round_channels(channels, width):
    return max(8, int(channels * width + 4) // 8 * 8)


def same_padding(conv, x):
    pad = []
    for n, k, s in zip(reversed(x.shape[2:]), reversed(conv.kernel_size), reversed(conv.stride)):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        pad += [total // 2, total - total // 2]
    return functional.conv2d(functional.pad(x, pad), conv.weight, conv.bias, conv.stride, groups=conv.groups)


def build(variant, padding, classes):
    stages, width, depth, _ = VARIANTS[variant]
    config = [kind(e, 3, s, round_channels(i, width), round_channels(o, width), math.ceil(n * depth))
              for kind, n, s, e, i, o in stages]
    net = EfficientNet(config, dropout=0.0, stochastic_depth_prob=0.0, num_classes=classes, norm_layer=partial(BatchNorm2d, eps=1e-3),
                       last_channel=round_channels(1280, width))
    if padding == "same":
        for module in net.modules():
            if isinstance(module, Conv2d) and module.stride[0] > 1:
                module.forward = partial(same_padding, module)
    return net.double().eval()


def timm_names(net):
    """(timm name, tensor) of each tensor of a torchvision network."""
    last = len(net.features) - 1
    for name, tensor in net.state_dict().items():
        part = name.split(".")
        if part[-1] == "num_batches_tracked":
            continue
        if part[0] == "classifier":
            yield "classifier." + part[-1], tensor
        elif part[1] in ("0", str(last)):
            names = ("conv_stem", "bn1") if part[1] == "0" else ("conv_head", "bn2")
            yield names[int(part[2])] + "." + part[-1], tensor
        else:
            block = net.features[int(part[1])][int(part[2])].block
            layer = int(part[4])
            if len(block) == 4:  # expand, depthwise, squeeze-excite, project
                names = [("conv_pw", "bn1"), ("conv_dw", "bn2"), None, ("conv_pwl", "bn3")][layer]
                if names is None:
                    names = {"fc1": ["se.conv_reduce"], "fc2": ["se.conv_expand"]}[part[5]]
                    part[5] = "0"
            else:
                names = [("conv", "bn1")] if len(block) == 1 else [("conv_exp", "bn1"), ("conv_pwl", "bn2")]
                names = names[layer]
            yield f"blocks.{int(part[1]) - 1}.{part[2]}.{names[int(part[5])]}.{part[-1]}", tensor


def uniform(name, count):
    """count numbers in [0, 1) from the name's FNV-1a hash."""
    with np.errstate(over="ignore"):
        h = np.uint64(0xCBF29CE484222325)
        for byte in name.encode():
            h = (h ^ np.uint64(byte)) * np.uint64(0x100000001B3)
    return splitmix(h, count)


def splitmix(seed, count):
    """splitmix64: count numbers in [0, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def formula(name, shape):
    u = uniform(name, int(np.prod(shape)))
    leaf = name.split(".")[-1]
    if leaf == "running_var" or (leaf == "weight" and len(shape) == 1):
        value = 0.75 + 0.5 * u
    elif leaf in ("running_mean", "bias"):
        biased = leaf == "bias" and (".se." in name or name.startswith("classifier"))
        value = (0.5 if biased else 0.2) * (2 * u - 1)
    else:
        first = name.startswith("blocks.") and name.split(".")[2] == "0"
        gains = {"conv": 1.4 if first else 0.21, "conv_pwl": 1.8 if first else 0.27, "conv_stem": 1.5, "classifier": 2.0,
                 "conv_reduce": 1.0, "conv_expand": 1.0}
        value = gains.get(name.split(".")[-2], 1.3) * math.sqrt(3.0 / np.prod(shape[1:])) * (2 * u - 1)
    return torch.from_numpy(value.astype(np.float32).reshape(shape))


def samples(values):
    """Evenly spaced elements of the flattened array, and its L2 norm."""
    flat = values.reshape(-1)
    picked = [flat[i * (len(flat) - 1) // (SAMPLES - 1)] for i in range(SAMPLES)]
    return ", ".join(f"{v:.9g}f" for v in picked), f"{np.linalg.norm(flat):.9g}"


def golden(variant, padding, height, width, batch, classes):
    net = build(variant, padding, classes)
    with torch.no_grad():
        for name, tensor in timm_names(net):
            tensor.copy_(formula(name, tuple(tensor.shape)))
        x = (uniform("input", batch * 3 * height * width) * 2 - 1) * math.sqrt(3.0)
        x = torch.from_numpy(x.astype(np.float32).reshape(batch, 3, height, width)).double()
        pooled = net.features(x).mean((2, 3))
        logits = net.classifier(pooled)
    top = logits.topk(5).indices.reshape(-1).tolist()
    logit_samples, logit_norm = samples(logits.numpy())
    feature_samples, feature_norm = samples(pooled.numpy())
    return (f'    {{"{variant}", Padding::{padding}, {height}, {width}, {batch}, {classes},\n'
            f"     {{{', '.join(map(str, top))}}},\n     {logit_norm}, {{{logit_samples}}},\n"
            f"     {feature_norm}, {{{feature_samples}}}}},\n")


def main():
    out = Path(__file__).resolve().parent.parent / "tests/network/goldens.hpp"
    text = ["// Written by scripts/make_network_goldens.py: PyTorch's outputs in float64, formula weights and input.\n",
            "// clang-format off\n#pragma once\n\n#include \"effv2/architecture/descriptor.hpp\"\n\n",
            "namespace effv2::tests {\n\n",
            "// Top five classes of each picture; L2 norm and evenly spaced elements of logits and of pooled features.\n",
            f"struct Golden {{\n    const char* variant;\n    Padding padding;\n    int height, width, batch, classes;\n"
            f"    int top[15];\n    double logits_norm;\n    float logits[{SAMPLES}];\n    double features_norm;\n"
            f"    float features[{SAMPLES}];\n}};\n\ninline constexpr Golden goldens[] = {{\n"]
    for case in CASES:
        print(*case, file=sys.stderr, flush=True)
        text.append(golden(*case))
    text.append("};\n\n}  // namespace effv2::tests\n")
    out.write_text("".join(text))


if __name__ == "__main__":
    main()
