#!/usr/bin/env python3
"""Writes tests/training/goldens.hpp: loss, gradients and running statistics of one training step as PyTorch computes them
in float64 from torchvision's blocks, with the formula's weights and input.

Needs Debian's python3-torch and python3-torchvision; run with /usr/bin/python3. The tests themselves need no Python: of each
tensor, a golden keeps its norm and its sum with a formula's weights.
"""
import sys
from pathlib import Path

import numpy as np
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from make_network_goldens import build, formula, splitmix, timm_names, uniform  # noqa: E402

CASES = [("b0", 64, 4, "same"), ("b0", 96, 4, "symmetric"), ("s", 64, 4, "same")]
SMOOTHING = 0.1


def golden(variant, size, batch, padding):
    net = build(variant, padding, 10).train()
    with torch.no_grad():
        for name, tensor in timm_names(net):
            tensor.copy_(formula(name, tuple(tensor.shape)))
    x = (uniform("input", batch * 3 * size * size) * 2 - 1) * np.sqrt(3.0)
    x = torch.from_numpy(x.astype(np.float32).reshape(batch, 3, size, size)).double()
    labels = torch.tensor([(7 * i + 3) % 10 for i in range(batch)])
    loss = torch.nn.functional.cross_entropy(net(x), labels, label_smoothing=SMOOTHING)
    loss.backward()
    gradients = {p.data_ptr(): p.grad for p in net.parameters()}
    norms, sums = [], []
    for name, tensor in timm_names(net):
        if name.endswith("running_var"):
            values = tensor
        elif name.endswith("weight") and tensor.dim() > 1:
            values = gradients[tensor.data_ptr()]
        else:
            continue
        values = values.numpy().reshape(-1)
        norms.append(np.linalg.norm(values))
        sums.append(values @ (2 * splitmix(7, len(values)) - 1))
    lists = []
    for column in (norms, sums):
        numbers = [f"{v:.7g}" for v in column]
        lists.append(",\n      ".join(", ".join(numbers[i:i + 8]) for i in range(0, len(numbers), 8)))
    return (f'    {{"{variant}", Padding::{padding}, {size}, {batch}, {float(loss):.9g}, {len(norms)},\n'
            f"     {{{lists[0]}}},\n     {{{lists[1]}}}}},\n"), len(norms)


def main():
    out = Path(__file__).resolve().parent.parent / "tests/training/goldens.hpp"
    cases = [golden(*case) for case in CASES]
    most = max(count for _, count in cases)
    out.write_text(
        "// Written by scripts/make_training_goldens.py: one training step of PyTorch in float64, formula weights and input.\n"
        '// clang-format off\n#pragma once\n\n#include <cstddef>\n\n#include "effv2/architecture/descriptor.hpp"\n\n'
        "namespace effv2::tests {\n\n"
        "// Loss with labels smoothed by 0.1; for each weight's gradient and each running variance, in the order of the\n"
        "// tensor table: its L2 norm and its sum with the weights 2 u - 1 of seed 7.\n"
        "struct TrainingGolden {\n    const char* variant;\n    Padding padding;\n    int size, batch;\n    double loss;\n"
        f"    std::size_t count;\n    double norms[{most}], sums[{most}];\n}};\n\n"
        "inline constexpr TrainingGolden training_goldens[] = {\n" + "".join(text for text, _ in cases)
        + "};\n\n}  // namespace effv2::tests\n")


if __name__ == "__main__":
    main()
