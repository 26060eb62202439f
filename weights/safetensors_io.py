"""Writes safetensors files with struct, json and NumPy alone (Debian has no safetensors package)."""
import json
import os
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


def is_one_file(source, target):
    """Whether a conversion would write over what it reads."""
    return os.path.exists(target) and os.path.samefile(source, target)


def write(path, tensors, metadata):
    """tensors: name -> (dtype name, array whose bytes are the tensor's). The file appears only when it is complete."""
    header, offset = {"__metadata__": dict(metadata)} if metadata else {}, 0
    for name, (dtype, array) in tensors.items():
        size = array.size * DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for dtype, array in tensors.values():
                file.write(np.ascontiguousarray(array, DTYPES[dtype]).tobytes())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
