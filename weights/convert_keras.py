#!/usr/bin/env python3
"""Converts Keras' EfficientNetV2 weights (.h5) to safetensors under timm's names, which effv2 reads.

    convert_keras.py efficientnetv2-b0.h5 b0.safetensors

Takes HDF5 weight files of TensorFlow's Keras (variables named "stem_conv/kernel:0") and of Keras 3 (without ":0"), and
whole models saved as .h5. Layouts become PyTorch's: convolutions (kh, kw, in, out) -> (out, in, kh, kw), depthwise
(kh, kw, channels, 1) -> (channels, 1, kh, kw), dense (in, out) -> (out, in). The file records the scheme "keras": SAME
padding, batch-norm epsilon 1e-3, Keras' own preparation of pictures. Needs h5py and NumPy.
"""
import argparse
import re
import sys

import numpy as np

import safetensors_io

NORM_PARTS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
OUTSIDE_BLOCKS = {"stem_conv": "conv_stem", "stem_bn": "bn1", "top_conv": "conv_head", "top_bn": "bn2",
                  "predictions": "classifier"}
# Keras' word for a layer of a block -> timm's, by the block's kind.
SINGLE = {"project_conv": "conv", "project_bn": "bn1"}  # Fused-MBConv of expansion 1
FUSED = {"expand_conv": "conv_exp", "expand_bn": "bn1", "project_conv": "conv_pwl", "project_bn": "bn2"}
MBCONV = {"expand_conv": "conv_pw", "expand_bn": "bn1", "dwconv2": "conv_dw", "bn": "bn2",
          "se_reduce": "se.conv_reduce", "se_expand": "se.conv_expand", "project_conv": "conv_pwl", "project_bn": "bn3"}
BLOCK = re.compile(r"block(\d+)([a-z])_(.+)")


class Refusal(Exception):
    """A file that cannot be converted; the text says why."""


def read_names(attributes, key):
    """A list of names from attribute `key`, or from its pieces key0, key1, ... where it was over HDF5's limit."""
    if key in attributes:
        pieces = [attributes[key]]
    else:
        pieces = []
        while f"{key}{len(pieces)}" in attributes:
            pieces.append(attributes[f"{key}{len(pieces)}"])
    return [name.decode() if isinstance(name, bytes) else str(name) for piece in pieces for name in piece]


def read_layers(path):
    """Layer name -> variable name (kernel, gamma, ...) -> array, for all layers that have variables."""
    import h5py
    layers = {}
    with h5py.File(path, "r") as file:
        root = file["model_weights"] if "model_weights" in file else file
        names = read_names(root.attrs, "layer_names")
        if not names:
            raise Refusal(f"{path}: has no layer_names: it is no Keras weight file of the .h5 format (Keras 3's "
                          ".weights.h5 is another: load it there and save the model as .h5)")
        for layer in names:
            group = root[layer]
            for variable in read_names(group.attrs, "weight_names"):
                leaf = variable.rsplit("/", 1)[-1].split(":")[0]
                layers.setdefault(layer, {})[leaf] = np.asarray(group[variable], np.float32)
    return layers


def block_kinds(layers):
    """(stage, block) -> the table of its layers' names, told by the layers that it has."""
    words = {}
    for layer in layers:
        match = BLOCK.fullmatch(layer)
        if match:
            words.setdefault(match.group(1, 2), set()).add(match.group(3))
    return {key: MBCONV if "dwconv2" in has else FUSED if "expand_conv" in has else SINGLE
            for key, has in words.items()}


def timm_layer(layer, kinds, path):
    """timm's name for a Keras layer."""
    match = BLOCK.fullmatch(layer)
    if match:
        stage, letter, word = match.groups()
        table = kinds[stage, letter]
        if word in table:
            return f"blocks.{int(stage) - 1}.{ord(letter) - ord('a')}.{table[word]}"
    elif layer in OUTSIDE_BLOCKS:
        return OUTSIDE_BLOCKS[layer]
    raise Refusal(f"{path}: layer {layer} has weights but is no part of an EfficientNetV2")


def to_pytorch(layer, variable, value, path):
    """(timm's word for a variable, its values in PyTorch's layout)."""
    if variable in NORM_PARTS:
        return NORM_PARTS[variable], value
    if variable == "bias":
        return "bias", value
    if variable == "depthwise_kernel" or (variable == "kernel" and layer.endswith("dwconv2")):
        return "weight", value.transpose(2, 3, 0, 1)
    if variable == "kernel" and value.ndim == 4:
        return "weight", value.transpose(3, 2, 0, 1)
    if variable == "kernel" and value.ndim == 2:
        return "weight", value.transpose(1, 0)
    raise Refusal(f"{path}: {layer} has an unknown variable {variable} of shape {list(value.shape)}")


def convert(source, target, variant=None, tag=None):
    """Returns the tensors that were written, by timm's names."""
    layers = read_layers(source)
    kinds = block_kinds(layers)
    tensors = {}
    for layer, variables in layers.items():
        name = timm_layer(layer, kinds, source)
        for variable, value in variables.items():
            part, array = to_pytorch(layer, variable, value, source)
            tensors[f"{name}.{part}"] = ("F32", array)
    if "conv_stem.weight" not in tensors:
        raise Refusal(f"{source}: has no layer stem_conv: it is no EfficientNetV2")
    metadata = {"effv2.scheme": "keras"}
    if variant:
        metadata["effv2.variant"] = variant
    if tag:
        metadata["effv2.tag"] = tag
    safetensors_io.write(target, tensors, metadata)
    return tensors


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", help="the .h5 file")
    p.add_argument("target", help="the safetensors file to write")
    p.add_argument("--variant", choices=("b0", "b1", "b2", "b3", "s", "m", "l"), help="recorded in the file")
    p.add_argument("--tag", choices=("in1k",), help="training data, recorded in the file: in1k for Keras' own weights")
    a = p.parse_args()
    try:
        if safetensors_io.is_one_file(a.source, a.target):
            raise Refusal(f"{a.target}: is the file to convert, and would be overwritten")
        tensors = convert(a.source, a.target, a.variant, a.tag)
    except (Refusal, OSError) as error:
        sys.exit(f"convert_keras.py: {error}")
    except Exception as error:  # whatever h5py and NumPy meet in a file of another kind
        sys.exit(f"convert_keras.py: {a.source}: cannot be converted: {error or type(error).__name__}")
    print(f"{a.target}: {len(tensors)} tensors, scheme keras")
    if "classifier.weight" not in tensors:
        print("The file has no classifier (a _notop file): effv2 will report it as missing.", file=sys.stderr)


if __name__ == "__main__":
    main()
