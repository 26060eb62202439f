#!/usr/bin/env python3
"""Compiles examples/dispatch as docs/embedding.md says, and runs it: dispatch.py PATH_TO_EFFV2

Of each object that was compiled for an instruction set, the others must see nothing but the one function: the linker keeps
one of several equal functions, which need not be the one that this processor can run.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import run_unittests  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
EFFV2 = ""


def run(command, folder, **more):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, **more).stdout


class Dispatch(unittest.TestCase):
    def test_as_the_page_says(self):
        blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "embedding.md").read_text(), re.M | re.S)
        (commands,) = (block for block in blocks if "objcopy" in block)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in (ROOT / "examples" / "dispatch").iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            # What is tested is what the linker sees: no need to wait for speed.
            run(["bash", "-e", "-c", commands.replace("-O3", "-O0")], folder,
                env={**os.environ, "CPLUS_INCLUDE_PATH": str(ROOT / "include")})
            for level in (3, 4):
                symbols = run(["nm", "--extern-only", "--defined-only", f"own{level}.o"], folder).split()[2::3]
                self.assertEqual(symbols, [f"make_network_v{level}"])
            run([EFFV2, "formula", "--variant", "b0", "--output", "b0.safetensors"], folder)
            best, third = (run(["./dispatch", "b0.safetensors", *level], folder).split() for level in ((), ("3",)))
            self.assertEqual((len(best), len(third)), (1000, 1000))
            for a, b in zip(map(float, best), map(float, third)):
                self.assertLess(abs(a - b), 1e-4)


if __name__ == "__main__":
    EFFV2 = str(Path(sys.argv[1]).resolve())
    sys.exit(run_unittests())
