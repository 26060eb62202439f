#!/usr/bin/env python3
"""Tests the converters of weights/ on files made here.

    convert_test.py pth      needs torch and torchvision
    convert_test.py keras    needs h5py

Exits with 77 (skipped) where the packages are not installed.
"""
import contextlib
import io
import json
import pickle
import runpy
import struct
import sys
import tempfile
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "weights"
SKIPPED = 77
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))  # where the converters find their own module


def run(script, *arguments):
    """(exit code, output and errors) of a converter's main(), called as from a command line."""
    old_argv, output = sys.argv, io.StringIO()
    sys.argv, code = [script, *map(str, arguments)], 0
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    except SystemExit as stop:  # a text means exit code 1
        code = stop.code if isinstance(stop.code, int) else 1
        output.write(str(stop.code or ""))
    finally:
        sys.argv = old_argv
    return code, output.getvalue()


def read(path):
    """(name -> (dtype, shape, bytes), metadata), read without the converters' own reader; checks the format's rules."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    assert length % 8 == 0, "the data must begin at a multiple of 8"
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body, covered, tensors = data[8 + length:], 0, {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == covered, f"hole or overlap before {name}"
        covered = end
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), body[begin:end])
    assert covered == len(body), "bytes behind the last tensor"
    return tensors, metadata


def expect_same(tensors, state):
    """Each tensor of a state dict is in the file, bit for bit, and nothing else but counters is missing."""
    import torch
    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    wanted = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    assert tensors.keys() == wanted.keys(), tensors.keys() ^ wanted.keys()
    for name, value in wanted.items():
        dtype, shape, data = tensors[name]
        assert (dtype, shape) == (names[value.dtype], tuple(value.shape)), name
        bits = torch.int32 if value.dtype == torch.float32 else torch.int16
        assert data == value.contiguous().view(bits).numpy().tobytes(), name


class Malice:
    """Unpickled by a careless reader, it would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def small_network():
    """A network of torchvision's blocks, with random batch-norm statistics."""
    import torch
    from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
    torch.manual_seed(1)
    net = EfficientNet([FusedMBConvConfig(1, 3, 1, 8, 8, 1), FusedMBConvConfig(2, 3, 2, 8, 16, 2),
                        MBConvConfig(2, 3, 2, 16, 24, 2)], dropout=0.0, num_classes=5, last_channel=32)
    return {name: torch.randn_like(value) if value.dtype == torch.float32 else value
            for name, value in net.state_dict().items()}


def test_pth(folder):
    import torch
    state = small_network()
    source, target = folder / "w.pth", folder / "w.safetensors"

    torch.save(state, source)
    code, text = run("convert_pth.py", source, target, "--variant", "s", "--tag", "in1k")
    assert code == 0, text
    tensors, metadata = read(target)
    expect_same(tensors, state)
    assert metadata == {"format": "pt", "effv2.scheme": "torchvision", "effv2.variant": "s",
                        "effv2.tag": "in1k"}, metadata

    # Training checkpoints: the weights under a key, the averaged ones under another with a wrapper's prefix.
    averaged = {"module." + name: value * 2 for name, value in state.items()}
    averaged["n_averaged"] = torch.tensor(7)
    torch.save({"model": state, "model_ema": averaged, "epoch": 3}, source)
    code, text = run("convert_pth.py", source, target)
    assert code == 0, text
    expect_same(read(target)[0], state)
    code, text = run("convert_pth.py", "--ema", source, target)
    assert code == 0, text
    expect_same(read(target)[0], {name: value * 2 for name, value in state.items()})

    # Other types.
    mixed = dict(state)
    mixed["features.0.0.weight"] = state["features.0.0.weight"].half()
    mixed["features.0.1.weight"] = state["features.0.1.weight"].bfloat16()
    double = dict(mixed)
    double["classifier.1.bias"] = state["classifier.1.bias"].double()
    torch.save(double, source)
    code, text = run("convert_pth.py", source, target)
    assert code == 0, text
    expect_same(read(target)[0], mixed)

    # timm's names need a scheme.
    timm = {"conv_stem.weight": torch.randn(4, 3, 3, 3), "bn1.weight": torch.randn(4)}
    torch.save({"state_dict": timm}, source)
    code, text = run("convert_pth.py", source, folder / "none.safetensors")
    assert code == 1 and "--scheme timm_tf" in text, text
    code, text = run("convert_pth.py", "--scheme", "timm", source, target)
    assert code == 0, text
    tensors, metadata = read(target)
    expect_same(tensors, timm)
    assert metadata["effv2.scheme"] == "timm"

    # What is refused, each in a sentence and without a file left behind.
    refused = folder / "none.safetensors"
    for content, options, expected in [
            (state, ["--scheme", "timm"], "has torchvision's names, but --scheme says timm"),
            ({"a.weight": torch.zeros(1)}, [],
             "is no EfficientNetV2 of torchvision or timm; its first tensors are a.weight"),
            ({"model": state}, ["--ema"], "has no averaged weights"),
            ({"epoch": 3}, [], "holds no tensors"),
            ([1, 2], [], "holds list, not a state dict"),
            ({"conv_stem.weight": torch.zeros(1, dtype=torch.int32)}, ["--scheme", "timm"],
             "expected a floating-point type")]:
        torch.save(content, source)
        code, text = run("convert_pth.py", *options, source, refused)
        assert code == 1 and expected in text, text
    before = source.read_bytes()
    code, text = run("convert_pth.py", "--scheme", "timm", source, source)
    assert code == 1 and "is the file to convert" in text and source.read_bytes() == before, text
    code, text = run("convert_pth.py", folder / "missing.pth", refused)
    assert code == 1 and "missing.pth" in text, text
    (folder / "noise.pth").write_bytes(b"\x01\x02 no pickle at all")
    code, text = run("convert_pth.py", folder / "noise.pth", refused)
    assert code == 1 and "noise.pth" in text, text

    # A file that would run code is not allowed to.
    for save in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))):
        save({"features.0.0.weight": Malice(folder / "owned")}, source)
        code, text = run("convert_pth.py", source, refused)
        assert code == 1, text
        assert not (folder / "owned").exists(), "the file ran code"
    assert not list(folder.glob("none.*")), "a refused file left something behind"


# Keras layer -> (variable, shape, the tensor's name for timm, the tensor's axes in the variable's order), by hand from
# the layout table of the format: a network with one block of each kind and one of the second kind's followers.
def keras_layers():
    def norm(layer, timm, channels):
        pairs = [("gamma", "weight"), ("beta", "bias"), ("moving_mean", "running_mean"),
                 ("moving_variance", "running_var")]
        return [(layer, keras, (channels,), f"{timm}.{torch}", (0,)) for keras, torch in pairs]

    def conv(layer, timm, k, cin, cout):
        return [(layer, "kernel", (k, k, cin, cout), timm + ".weight", (3, 2, 0, 1))]

    def biased(layer, timm, cin, cout):
        return conv(layer, timm, 1, cin, cout) + [(layer, "bias", (cout,), timm + ".bias", (0,))]

    return (conv("stem_conv", "conv_stem", 3, 3, 4) + norm("stem_bn", "bn1", 4)
            + conv("block1a_project_conv", "blocks.0.0.conv", 3, 4, 6) + norm("block1a_project_bn", "blocks.0.0.bn1", 6)
            + conv("block2a_expand_conv", "blocks.1.0.conv_exp", 3, 6, 12)
            + norm("block2a_expand_bn", "blocks.1.0.bn1", 12)
            + conv("block2a_project_conv", "blocks.1.0.conv_pwl", 1, 12, 5)
            + norm("block2a_project_bn", "blocks.1.0.bn2", 5)
            + conv("block4k_expand_conv", "blocks.3.10.conv_pw", 1, 5, 20)
            + norm("block4k_expand_bn", "blocks.3.10.bn1", 20)
            + [("block4k_dwconv2", "depthwise_kernel", (3, 3, 20, 1), "blocks.3.10.conv_dw.weight", (2, 3, 0, 1))]
            + norm("block4k_bn", "blocks.3.10.bn2", 20)
            + biased("block4k_se_reduce", "blocks.3.10.se.conv_reduce", 20, 2)
            + biased("block4k_se_expand", "blocks.3.10.se.conv_expand", 2, 20)
            + conv("block4k_project_conv", "blocks.3.10.conv_pwl", 1, 20, 5)
            + norm("block4k_project_bn", "blocks.3.10.bn3", 5)
            + conv("top_conv", "conv_head", 1, 5, 16) + norm("top_bn", "bn2", 16)
            + [("predictions", "kernel", (16, 7), "classifier.weight", (1, 0)),
               ("predictions", "bias", (7,), "classifier.bias", (0,))])


def write_h5(path, layers, values, style):
    """An .h5 as Keras writes it. Styles: "tf" (":0" behind the names), "keras3" (none, depthwise kernels are "kernel"),
    "pieces" (lists of names cut in three), "model" (a whole model: weights in a group)."""
    import h5py
    import numpy as np

    def put_names(attributes, key, names):
        names = np.array([name.encode() for name in names], dtype="S") if names else np.zeros(0, "S1")
        if style != "pieces" or len(names) < 3:
            attributes[key] = names
            return
        for i, piece in enumerate(np.array_split(names, 3)):
            attributes[f"{key}{i}"] = piece

    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if style == "model" else file
        names = ["input_1", "rescaling"]  # layers without weights
        for layer, *_ in layers:
            names += [layer] if layer not in names else []
        put_names(root.attrs, "layer_names", names)
        for name in names:
            group, variables = root.create_group(name), []
            for layer, variable, _, timm, _ in layers:
                if layer != name:
                    continue
                leaf = "kernel" if style == "keras3" and variable == "depthwise_kernel" else variable
                variables.append(f"{layer}/{leaf}" + ("" if style == "keras3" else ":0"))
                group[variables[-1]] = values[timm]
            put_names(group.attrs, "weight_names", variables)


def test_keras(folder):
    import numpy as np
    layers, random = keras_layers(), np.random.default_rng(1)
    values = {timm: random.standard_normal(shape).astype(np.float32) for _, _, shape, timm, _ in layers}
    source, target = folder / "w.h5", folder / "w.safetensors"
    for style in ("tf", "keras3", "pieces", "model"):
        write_h5(source, layers, values, style)
        code, text = run("convert_keras.py", source, target, "--variant", "b0", "--tag", "in1k")
        assert code == 0, text
        tensors, metadata = read(target)
        assert metadata == {"effv2.scheme": "keras", "effv2.variant": "b0", "effv2.tag": "in1k"}, metadata
        assert tensors.keys() == values.keys(), tensors.keys() ^ values.keys()
        for _, _, shape, timm, axes in layers:
            dtype, got_shape, data = tensors[timm]
            assert dtype == "F32" and got_shape == tuple(shape[axis] for axis in axes), (timm, got_shape)
            got = np.frombuffer(data, "<f4").reshape(got_shape)
            for place in np.ndindex(*shape):  # element by element, without NumPy's own transposition
                assert got[tuple(place[axis] for axis in axes)] == values[timm][place], (timm, place)

    # Without a classifier: converted, and said.
    write_h5(source, [entry for entry in layers if entry[0] != "predictions"], values, "tf")
    code, text = run("convert_keras.py", source, target)
    assert code == 0 and "_notop" in text, text
    assert "classifier.weight" not in read(target)[0]

    # What is refused.
    refused = folder / "none.safetensors"
    stranger = [("dense", "kernel", (2, 2), "x", (1, 0))]
    odd = [("stem_conv", "alpha", (2, 2), "x", (1, 0))]
    for content, expected in [(layers + stranger, "layer dense has weights but is no part"),
                              (layers[5:], "has no layer stem_conv"), ([], "has no layer stem_conv"),
                              (odd, "stem_conv has an unknown variable alpha of shape [2, 2]")]:
        write_h5(source, content, dict(values, x=np.zeros((2, 2), np.float32)), "tf")
        code, text = run("convert_keras.py", source, refused)
        assert code == 1 and expected in text, text
    import h5py
    with h5py.File(source, "w") as file:
        file.create_group("layers/conv2d/vars")
    code, text = run("convert_keras.py", source, refused)
    assert code == 1 and "has no layer_names" in text, text
    source.write_bytes(b"no HDF5")
    for path in (source, folder / "missing.h5"):
        code, text = run("convert_keras.py", path, refused)
        assert code == 1, text
    assert not list(folder.glob("none.*")), "a refused file left something behind"


def main():
    tests = {"pth": (test_pth, ("torch", "torchvision")), "keras": (test_keras, ("h5py", "numpy"))}
    ran = False
    for name in sys.argv[1:] or tests:
        test, packages = tests[name]
        try:
            for package in packages:
                __import__(package)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
        ran = True
        print(f"{name}: passed")
    return 0 if ran else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
