#!/usr/bin/env python3
"""Converts a PyTorch state dict (.pth) of torchvision or timm to safetensors, which effv2 reads.

    convert_pth.py efficientnet_v2_s-dd5fe13b.pth s.safetensors
    convert_pth.py --scheme timm_tf tf_efficientnetv2_b0.pth b0.safetensors

The file is read without running code from it (torch.load with weights_only). Needs PyTorch 1.13 or later.

--scheme records what the tensors themselves do not say: timm_tf for timm's tf_efficientnetv2_* (TensorFlow's padding,
epsilon 1e-3), timm for its efficientnetv2_* (symmetric padding, epsilon 1e-5). Both have the same names, so timm's
files need it; torchvision's are known by their names.

--ema takes the averaged weights of a training checkpoint that has both.
"""
import argparse
import inspect
import pickle
import sys

import numpy as np

import safetensors_io

WRAPPERS = ("state_dict", "model")
EMA_WRAPPERS = ("state_dict_ema", "model_ema")


class Refusal(Exception):
    """A file that cannot be converted; the text says why."""


def load(path):
    """The unpickled file."""
    import torch
    if "weights_only" not in inspect.signature(torch.load).parameters:
        raise Refusal(f"PyTorch {torch.__version__} cannot load without running code; 1.13 and later can")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Refusal(f"{path}: is not a plain state dict ({error}). Files that need their classes to be loaded, such "
                      "as whole models, could run any code and are refused: save model.state_dict()") from None
    except Exception as error:  # whatever the unpickler meets in a damaged file
        raise Refusal(f"{path}: cannot be read: {error or type(error).__name__}") from None


def find_state(data, path, ema):
    """The state dict: the file itself, or under one of the usual keys of training checkpoints."""
    import torch
    if not isinstance(data, dict):
        raise Refusal(f"{path}: holds {type(data).__name__}, not a state dict")
    keys = EMA_WRAPPERS if ema else WRAPPERS
    state = next((data[key] for key in keys if isinstance(data.get(key), dict)), None)
    if state is None:
        if ema:
            raise Refusal(f"{path}: has no averaged weights ({' or '.join(EMA_WRAPPERS)})")
        state = data
    state = {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, torch.Tensor)}
    if not state:
        averaged = any(isinstance(data.get(key), dict) for key in EMA_WRAPPERS)
        raise Refusal(f"{path}: holds no tensors" + (", but averaged weights: --ema takes those" if averaged and not ema else ""))
    if all(name.startswith("module.") for name in state if name != "n_averaged"):  # from a parallel or EMA wrapper
        state = {name[len("module."):]: value for name, value in state.items() if name != "n_averaged"}
    return state


def choose_scheme(state, path, asked):
    """The scheme's name: torchvision by its names, else what the caller says."""
    if "features.0.0.weight" in state:
        if asked not in (None, "torchvision"):
            raise Refusal(f"{path}: has torchvision's names, but --scheme says {asked}")
        return "torchvision"
    if "conv_stem.weight" in state:
        if asked not in ("timm_tf", "timm"):
            raise Refusal(f"{path}: has timm's names, which do not say how the network pads: give --scheme timm_tf for "
                          "tf_efficientnetv2_* or --scheme timm for efficientnetv2_*")
        return asked
    raise Refusal(f"{path}: is no EfficientNetV2 of torchvision or timm; its first tensors are "
                  + ", ".join(list(state)[:5]))


def to_array(name, tensor, path):
    """(dtype name, array). F16 and BF16 stay as they are, F64 becomes F32."""
    import torch
    if tensor.layout != torch.strided:
        raise Refusal(f"{path}: {name} is {tensor.layout}, expected a dense tensor")
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        return "BF16", tensor.view(torch.int16).numpy().view(np.uint16)
    if tensor.dtype == torch.float16:
        return "F16", tensor.numpy()
    if tensor.dtype in (torch.float32, torch.float64):
        return "F32", tensor.float().numpy()
    raise Refusal(f"{path}: {name} is of type {tensor.dtype}, expected a floating-point type")


def convert(source, target, scheme=None, variant=None, tag=None, ema=False):
    """Returns the number of tensors written and the scheme's name."""
    state = find_state(load(source), source, ema)
    metadata = {"format": "pt", "effv2.scheme": choose_scheme(state, source, scheme)}
    if variant:
        metadata["effv2.variant"] = variant
    if tag:
        metadata["effv2.tag"] = tag
    tensors = {name: to_array(name, value, source) for name, value in state.items()
               if not name.endswith("num_batches_tracked")}
    safetensors_io.write(target, tensors, metadata)
    return len(tensors), metadata["effv2.scheme"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("source", help="the .pth file")
    p.add_argument("target", help="the safetensors file to write")
    p.add_argument("--scheme", choices=("timm_tf", "timm", "torchvision"))
    p.add_argument("--variant", choices=("b0", "b1", "b2", "b3", "s", "m", "l", "xl"), help="recorded in the file")
    p.add_argument("--tag", choices=("in1k", "in21k", "in21k_ft_in1k"), help="training data, recorded in the file")
    p.add_argument("--ema", action="store_true")
    a = p.parse_args()
    try:
        if safetensors_io.is_one_file(a.source, a.target):
            raise Refusal(f"{a.target}: is the file to convert, and would be overwritten")
        count, scheme = convert(a.source, a.target, a.scheme, a.variant, a.tag, a.ema)
    except (Refusal, OSError) as error:
        sys.exit(f"convert_pth.py: {error}")
    print(f"{a.target}: {count} tensors, scheme {scheme}")


if __name__ == "__main__":
    main()
