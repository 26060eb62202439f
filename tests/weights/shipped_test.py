#!/usr/bin/env python3
"""Tests the weights that ship: shipped_test.py PATH_TO_EFFV2. Each has a card, and is what the card says."""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from report import run_unittests

WEIGHTS = pathlib.Path(__file__).parents[2] / "weights"
DATA = {"fashion_mnist": pathlib.Path("/usr/share/datasets/fashion-mnist")}  # Debian's dataset-fashion-mnist
EFFV2 = ""


def tool(*arguments):
    return subprocess.run([EFFV2, *arguments], check=True, capture_output=True, text=True).stdout


class Shipped(unittest.TestCase):
    files = sorted(WEIGHTS.glob("*.safetensors"))

    def cards(self):
        return [(file, file.with_suffix(".md").read_text()) for file in self.files]

    def test_there_are_some(self):
        self.assertTrue(self.files)
        self.assertLessEqual(sum(file.stat().st_size for file in self.files), 16 << 20)

    def test_the_card_is_of_this_file(self):
        for file, card in self.cards():
            self.assertIn(hashlib.sha256(file.read_bytes()).hexdigest(), card, file.name)

    def test_the_card_says_what_the_file_says(self):
        for file, card in self.cards():
            info = tool("info", "--weights", str(file))
            for number in ("parameters", "multiply-accumulates"):
                value = int(re.search(rf"^{number} +(\d+)$", info, re.MULTILINE)[1])
                self.assertIn(f"{value:,}", card, file.name)

    def test_accuracy(self):
        for file, card in self.cards():
            data = DATA.get(file.stem)
            if data is None or not data.exists():
                print(f"{file.name}: accuracy not measured, its data are not there")
                continue
            told = float(re.search(r"top-1 ([\d.]+) %", card)[1])
            found = json.loads(tool("eval", "--weights", str(file), "--data", str(data), "--json"))["top1"]
            # Instruction sets round differently, which may turn the answer for a few pictures.
            self.assertAlmostEqual(100 * found, told, delta=0.1, msg=file.name)


if __name__ == "__main__":
    EFFV2 = sys.argv[1]
    sys.exit(run_unittests())
