#!/usr/bin/env python3
"""Tests what the command-line tool makes of architectures of one's own, of weight files that describe themselves, and of
class maps: own_test.py PATH_TO_EFFV2. Needs nothing but Python itself."""
import json
import math
import struct
import sys
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
import cli_test  # noqa: E402: tests/ is not where Python looks by itself
from cli_test import formula_input, npy, read_npy  # noqa: E402
from report import run_unittests  # noqa: E402

# An architecture that is no variant, with names for its classes.
OWN = "stem 16/1; fused 1/2 e4 c24; mbconv 2/2 k5 e4 c40; mbconv 1/2 e6 c48 se0; head 96; classes 6; size 40"


def read_png(path):
    """Width, height and the bytes of each row of an 8-bit RGB PNG."""
    data, at, pixels = Path(path).read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            width, height, *form = struct.unpack(">IIBBBBB", body)
            assert form == [8, 2, 0, 0, 0], form
        if kind == b"IDAT":
            pixels += body
    pixels, rows, above = zlib.decompress(pixels), [], bytearray(3 * width)
    for y in range(height):
        filter_kind, row = pixels[y * (3 * width + 1)], bytearray(pixels[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(3 * width):
            left, up, corner = (row[i - 3], above[i], above[i - 3]) if i >= 3 else (0, above[i], 0)
            near = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
            row[i] = (row[i] + (0, left, up, (left + up) // 2, near)[filter_kind]) % 256
        rows.append(above := row)
    return width, height, rows


def changed_metadata(data, **texts):
    """The bytes of a safetensors file with other texts in its metadata; None takes one out."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    for key, text in texts.items():
        header["__metadata__"].pop("effv2." + key)
        if text is not None:
            header["__metadata__"]["effv2." + key] = text
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data[8 + length:]


class OwnCase(cli_test.Case):
    """Has a file that describes itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.folder.joinpath("own.safetensors").exists():
            cls.tool("formula", "--architecture", OWN, "--labels", "labels.txt", "--output", "own.safetensors")


class Info(OwnCase):
    def test_an_architecture(self):
        info = json.loads(self.tool("info", "--architecture", "b0; classes 10; size 64x96", "--json")[0])
        self.assertEqual((info["variant"], info["input"], info["parameters"]), ("b0", [64, 96], 5858704 + 12810))
        info = json.loads(self.tool("info", "--architecture", OWN, "--size", 64, "--json")[0])
        self.assertEqual((info["variant"], info["input"], info["classes"]), (None, [64, 64], 6))
        self.assertEqual(info["architecture"], "stem 16/1; fused 1/2 k3 e4 c24; mbconv 2/2 k5 e4 c40 se4; "
                         "mbconv 1/2 k3 e6 c48 se0; head 96; classes 6; size 64; padding same")
        self.assertIn("EfficientNetV2 of one's own, input 40x40", self.tool("info", "--architecture", OWN)[0])
        self.fails("info", "--architecture", "b0; clases 10", says="at character 5: expected stem, fused")
        self.fails("info", "--architecture", "b0; classes 0", says="1 to 1000000 classes, found 0")

    def test_a_file(self):
        info = json.loads(self.tool("info", "--weights", "own.safetensors", "--json")[0])
        self.assertEqual((info["variant"], info["input"]), (None, [40, 40]))
        file = info["file"]
        self.assertEqual((file["path"], file["types"], file["names"], file["scheme"]), ("own.safetensors", "F32", "timm", "timm_tf"))
        self.assertEqual(file["labels"], self.path("labels.txt").read_text().split())
        self.assertEqual(file["recipe"], "size 40; fit center; crop 0.875; filter bicubic; antialias yes; mean 0.485 0.456 0.406; "
                         "deviation 0.229 0.224 0.225")
        out = self.tool("info", "--weights", "own.safetensors")[0]
        for text in ("zero, one, two, three, four, five", "size 40; fit center", "stem 16/1; fused", "mbconv", "timm_tf, SAME padding"):
            self.assertIn(text, out)
        out = self.tool("info", "--weights", "torchvision.safetensors")[0]
        for text in ("as torchvision prepares them", "not named", "EfficientNetV2 b0", "torchvision's names"):
            self.assertIn(text, out)
        self.fails("info", "--weights", "a.png", says="a.png: ")


class Own(OwnCase):
    """Files that describe themselves."""

    def changed(self, **texts):
        return self.path("changed.safetensors", changed_metadata(self.path("own.safetensors").read_bytes(), **texts)).name

    def test_classify_needs_nothing_else(self):
        entry = json.loads(self.tool("classify", "--weights", "own.safetensors", "--json", "a.png")[0])[0]
        names = self.path("labels.txt").read_text().split()
        self.assertEqual(sorted(guess["label"] for guess in entry["top"]), sorted(names[g["index"]] for g in entry["top"]))
        self.assertEqual(len(entry["top"]), 5)
        # The file's recipe, at any size.
        recipe = "size 56; fit squash; filter bilinear; normalization signed_byte"
        other = json.loads(self.tool("classify", "--weights", self.changed(recipe=recipe), "--json", "a.png")[0])[0]
        self.assertNotEqual(entry, other)
        self.path("other.txt", b"A\nB\nC\nD\nE\nF\n")
        out = self.tool("classify", "--weights", "own.safetensors", "--labels", "other.txt", "a.png")[0]
        self.assertRegex(out, r"%  [A-F]\n")
        out = self.tool("classify", "--weights", self.changed(labels=None), "a.png")[0]
        self.assertRegex(out, r"%  class \d\n")

    def test_what_preprocess_gives_is_what_classify_sees(self):
        entry = json.loads(self.tool("classify", "--weights", "own.safetensors", "--json", "--top", 6, "a.png")[0])[0]
        self.tool("preprocess", "--weights", "own.safetensors", "a.png", "--output", "x.npy")
        self.tool("run", "--weights", "own.safetensors", "--input", "x.npy", "--output", "y.npy")
        logits = read_npy(self.path("y.npy"))[1]
        powers = [math.exp(value - max(logits)) for value in logits]
        for guess in entry["top"]:
            self.assertAlmostEqual(guess["probability"], powers[guess["index"]] / sum(powers), places=6)

    def test_run_takes_its_architecture(self):
        shape = (2, 3, 48, 40)
        self.path("own.npy", npy(shape, formula_input(shape)))
        self.tool("run", "--weights", "own.safetensors", "--input", "own.npy", "--output", "y.npy", "--features", "f.npy")
        self.assertEqual(read_npy(self.path("y.npy"))[0], (2, 6))
        self.assertEqual(read_npy(self.path("f.npy"))[0], (2, 96))

    def test_what_is_not_true_is_refused(self):
        for texts, says in (
            ({"architecture": None}, "is none of the released variants"),
            ({"architecture": "b0; classes 6"}, "its tensors are not those of the architecture that its metadata describes"),
            ({"architecture": "b0; class"}, "effv2.architecture is wrong: the architecture's text at character 5"),
            ({"recipe": "size 40"}, "effv2.recipe is wrong: the recipe's text at character 8"),
            ({"recipe": None}, "does not say how pictures are prepared"),
            ({"recipe": "size 7; fit squash; filter bilinear; normalization signed_byte"}, "changed.safetensors: height and width"),
            ({"labels": "a\nb\n"}, "effv2.labels names 2 classes, but its classifier has 6"),
        ):
            with self.subTest(texts=texts):
                self.fails("classify", "--weights", self.changed(**texts), "a.png", says=says)
        self.fails("classify", "--weights", "own.safetensors", "--variant", "b0", "a.png", says="an architecture of its own, not of b0")
        self.fails("classify", "--weights", "own.safetensors", "--recipe", "timm", "a.png", says="bring their own recipe")


class Explain(OwnCase):
    def explain(self, *arguments, weights="own.safetensors"):
        out = self.tool("explain", "--weights", weights, "--output", "map.png", *arguments)[0].splitlines()
        return out, read_png(self.path("map.png"))

    def test_the_likeliest_class(self):
        for weights in ("own.safetensors", "timm.safetensors"):
            with self.subTest(weights=weights):
                expected = self.tool("classify", "--weights", weights, "--top", 1, "a.png")[0].splitlines()
                out, (width, height, rows) = self.explain("a.png", weights=weights)
                self.assertEqual((out, width, height), (expected, 50, 40))
                # Heat is not everywhere: some pixels stay grey, some have colour.
                pixels = [row[3 * x:3 * x + 3] for row in rows for x in range(width)]
                self.assertTrue(any(max(p) - min(p) > 60 for p in pixels))
                self.assertTrue(any(p[0] == p[1] == p[2] for p in pixels))

    def test_a_class_by_name_or_number(self):
        lines, maps = zip(*(self.explain("--class", name, "b.png") for name in ("three", "3", "0")))
        self.assertEqual((lines[0], maps[0]), (lines[1], maps[1]))
        self.assertNotEqual(maps[0], maps[2])
        self.assertRegex(lines[0][1], r"^ +\d+\.\d %  three$")

    def test_what_cannot_be(self):
        arguments = ("explain", "--weights", "own.safetensors", "--output")
        self.fails(*arguments, "map.png", "--class", "six", "a.png", says="--class 'six': expected the name of a class or a number from 0 to 5")
        self.fails(*arguments, "map.png", "--class", "6", "a.png", says="a number from 0 to 5")
        self.fails(*arguments, "a.png", "a.png", says="a.png: is read by this command")
        self.fails(*arguments, "own.safetensors", "a.png", says="own.safetensors: is read by this command")
        self.fails(*arguments, "no/such/map.png", "a.png", says="no/such/map.png: cannot be created")
        self.fails(*arguments, "map.png", "missing.png", says="missing.png")
        self.path("twice.txt", b"a\nb\na\nc\nd\ne\n")
        self.fails(*arguments, "map.png", "--labels", "twice.txt", "--class", "a", "a.png", says="classes 0 and 2 have this name")


if __name__ == "__main__":
    cli_test.TOOL = str(Path(sys.argv[1]).resolve())
    sys.exit(run_unittests())
