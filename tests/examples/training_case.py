"""What the tests of effv2 train share: data sets whose classes differ in colour or in where they are bright, which a network of
some thousand parameters learns in a second, and a folder to train in.
"""
import gzip
import json
import random
import struct
import sys
import tempfile
import unittest
from pathlib import Path
from subprocess import run

from pictures import png
from report import run_unittests

SMALL = "stem 8/2; fused 1/1 k3 e1 c8; mbconv 1/2 k3 e2 c16; head 32; size 16"
COLOURS = {"blue": (40, 40, 180), "green": (40, 180, 40), "red": (180, 40, 40)}

# What makes a small network learn these sets fast: no variation, a high rate.
FAST = ("--architecture", SMALL, "--size", 16, "--policy", "none", "--crop", "none", "--no-mirror", "--batch", 8,
        "--learning-rate", 0.01, "--average", 0.9, "--stochastic-depth", 0, "--dropout", 0, "--threads", 1)


def noisy(rng, values):
    return bytes(min(255, max(0, value + rng.randrange(-40, 40))) for value in values)


def write_folders(folder, seed, count, colours=COLOURS):
    """A folder for each class, with pictures of its colour and of several sizes."""
    rng = random.Random(seed)
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (folder / name / f"{i:03}.png").write_bytes(png(14 + i % 5, 16, lambda x, y: noisy(rng, colour)))


def idx(images, labels, side=12):
    """The bytes of a pair of IDX files."""
    return (struct.pack(">IIII", 0x803, len(images), side, side) + b"".join(images),
            struct.pack(">II", 0x801, len(labels)) + bytes(labels))


def write_idx(folder, part, seed, count, classes=4, packed=False, side=12):
    """Grey pictures that are bright in one of the corners."""
    rng = random.Random(seed)
    labels = [i % classes for i in range(count)]
    images = [noisy(rng, [200 if (y >= side / 2, x >= side / 2) == (label >= 2, label % 2 == 1) else 50
                          for y in range(side) for x in range(side)]) for label in labels]
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in zip((f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"), idx(images, labels, side)):
        (folder / f"{name}.gz").write_bytes(gzip.compress(data)) if packed else (folder / name).write_bytes(data)


def cifar_records(seed, count, classes, coarse=False):
    """Records of CIFAR's binary files whose pictures' red depends on the class."""
    rng = random.Random(seed)
    records = b""
    for i in range(count):
        label = i % classes
        records += (bytes([label % 20]) if coarse else b"") + bytes([label])
        records += b"".join(noisy(rng, [value] * 1024) for value in (20 + 25 * (label % 10), 128, 20 + 2 * label))
    return records


def latest(arguments):
    """The arguments as text; of an option that is there twice, the second counts."""
    groups = [[]]
    for argument in map(str, arguments):
        if argument.startswith("--"):
            groups.append([])
        groups[-1].append(argument)
    last = {group[0]: number for number, group in enumerate(groups) if group}
    return [argument for number, group in enumerate(groups) if group and last[group[0]] == number for argument in group]


def read_log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class Case(unittest.TestCase):
    """Runs the tool, whose path is `executable`, in a folder that all tests share."""

    executable = ""

    @classmethod
    def setUpClass(cls):
        if not hasattr(Case, "folder"):
            Case.scratch = tempfile.TemporaryDirectory()
            Case.folder = Path(Case.scratch.name)
            write_folders(Case.folder / "colours" / "train", 1, 16)
            write_folders(Case.folder / "colours" / "test", 2, 6)

    @classmethod
    def tool(cls, *arguments, status=0):
        """(stdout, stderr) of a run that ends with that status."""
        done = run([Case.executable, *latest(arguments)], cwd=Case.folder, capture_output=True, text=True)
        assert done.returncode == status, f"{arguments}: status {done.returncode}, not {status}; {done.stderr}"
        return done.stdout, done.stderr

    def train(self, output, *arguments, data="colours", status=0):
        """The folder of a run."""
        self.tool("train", "--data", data, "--output", output, *arguments, status=status)
        return Case.folder / output

    def fails(self, *arguments, says, status=1):
        """The run ends with one line on stderr that has that text."""
        err = self.tool(*arguments, status=status)[1]
        self.assertRegex(err, r"\Aeffv2: [^\n]+\n\Z")
        self.assertIn(says, err)

    def refuses(self, data, says, *arguments):
        """Training on that data ends with that sentence."""
        self.fails("train", "--data", data, "--output", "never", *FAST, *arguments, says=says)


def main():
    """Runs the test cases of the program that is called with the tool's path."""
    Case.executable = str(Path(sys.argv[1]).resolve())
    sys.exit(run_unittests())
