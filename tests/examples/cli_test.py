#!/usr/bin/env python3
"""Tests the command-line tool as a user meets it: cli_test.py PATH_TO_EFFV2. Needs nothing but Python itself."""
import json
import math
import os
import struct
import sys
import tempfile
import unittest
from array import array
from pathlib import Path
from subprocess import run

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pictures import png  # noqa: E402
from report import run_unittests  # noqa: E402: tests/ is not where Python looks by itself

TOOL = ""
VARIANTS = ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")
PARAMETERS = (7139704, 8141052, 10096086, 14358406, 21458488, 54139356, 118515272, 208119808)

# PyTorch's logits of B0 in float64: six classes, formula weights, the formula's input of (2, 3, 66, 97).
GOLDEN_SHAPE = (2, 3, 66, 97)
GOLDEN = {
    "same": ((1.76627, 0.7586, 0.62045, 1.77201, 0.2565, -0.02688), (1.60983, 0.72761, 0.74552, 2.20783, 0.38217, -0.21845)),
    "symmetric": ((1.5072, 0.4215, 1.32403, 1.81348, 0.45919, 0.10888), (1.55209, 0.66414, 1.03867, 1.89618, 0.24544, -0.19997)),
}
GOLDEN_FEATURES = (0.70575, -0.08888, 0.27835, 0.77842)  # the first of the second picture, with same padding


def npy(shape, data, descr="<f4", fortran=False, version=1):
    """The bytes of a .npy file."""
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + data


def read_npy(path):
    """Shape and floats of a .npy file of this library's."""
    data = Path(path).read_bytes()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    assert data[:8] == b"\x93NUMPY\x01\x00" and start % 64 == 0, data[:start]
    header = eval(data[10:start])
    assert header["descr"] == "<f4" and header["fortran_order"] is False, header
    return header["shape"], array("f", data[start:])


def formula_input(shape):
    """The formula's pictures: see include/effv2/weights/formula.hpp."""
    mask = (1 << 64) - 1
    state = 0xCBF29CE484222325
    for byte in b"input":
        state = ((state ^ byte) * 0x100000001B3) & mask
    values = array("f")
    for i in range(1, math.prod(shape) + 1):
        z = (state + i * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        values.append(math.sqrt(3) * (2 * ((z >> 40) / 2**24) - 1))
    return values.tobytes()


class Case(unittest.TestCase):
    """Runs the tool in a folder that all tests share; what takes long to make is made once."""

    @classmethod
    def setUpClass(cls):
        if not hasattr(Case, "folder"):
            Case.scratch = tempfile.TemporaryDirectory()
            Case.folder = Path(Case.scratch.name)
            for naming in ("timm", "torchvision"):
                cls.tool("formula", "--variant", "b0", "--classes", 6, "--naming", naming, "--output", f"{naming}.safetensors")
            (Case.folder / "golden.npy").write_bytes(npy(GOLDEN_SHAPE, formula_input(GOLDEN_SHAPE)))
            (Case.folder / "labels.txt").write_text("zero\none\ntwo\nthree\nfour\nfive\n")
            (Case.folder / "a.png").write_bytes(png(50, 40, lambda x, y: (5 * x, 6 * y, x + y)))
            (Case.folder / "b.png").write_bytes(png(33, 70, lambda x, y: (x * y % 256, 200, 3 * y)))

    @classmethod
    def tool(cls, *arguments, status=0, stdout=None):
        """(stdout, stderr) of a run that ends with that status."""
        done = run([TOOL, *map(str, arguments)], cwd=Case.folder, capture_output=stdout is None, text=True, stdout=stdout)
        assert done.returncode == status, f"{arguments}: status {done.returncode}, not {status}; {done.stderr}"
        return done.stdout, done.stderr

    def fails(self, *arguments, says, status=1):
        """The run prints nothing but one line on stderr that has that text."""
        out, err = self.tool(*arguments, status=status)
        self.assertEqual(out, "")
        self.assertRegex(err, r"\Aeffv2: [^\n]+\n\Z")
        self.assertIn(says, err)

    def path(self, name, content=None):
        """A path in the folder; with content, of a file that has it."""
        if content is not None:
            (Case.folder / name).write_bytes(content)
        return Case.folder / name

    def close(self, found, expected, within=2e-5):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertLess(abs(a - b), within)


class Usage(Case):
    def test_help_and_version(self):
        out, err = self.tool("--help")
        self.assertEqual(err, "")
        for command in ("info", "classify", "explain", "run", "preprocess", "bench", "formula"):
            self.assertIn(command, out)
            self.assertIn("--help", self.tool(command, "--help")[0])
        self.assertRegex(self.tool("--version")[0], r"^\d+\.\d+\.\d+\n$")

    def test_wrong_command_lines_are_status_2(self):
        weights = ("--weights", "timm.safetensors")
        for arguments in (
            (),
            ("train",),
            ("info",),
            ("info", "--variant", "b9"),
            ("info", "--variant", "B0"),
            ("info", "--variant", "b0", "--size", 7),
            ("info", "--variant", "b0", "--size", "big"),
            ("info", "--variant", "b0", "--classes", 0),
            ("info", "--variant", "b0", "more"),
            ("info", "--variant", "b0", "--architecture", "b0"),
            ("info", "--weights", "own.safetensors", "--classes", 3),
            ("bench", "--variant", "b0", "--batch", 0),
            ("bench", "--variant", "b0", "--threads", 0),
            ("bench", "--variant", "b0", "--threads", 99999999999999999999),
            ("bench", "--variant", "b0", "--seconds", -1),
            ("bench", "--variant", "b0", "--seconds", "nan"),
            ("bench", "--variant", "b0", "--unknown"),
            ("classify", *weights),
            ("classify", "a.png"),
            ("classify", *weights, "--top", 0, "a.png"),
            ("classify", *weights, "--recipe", "imagenet", "a.png"),
            ("classify", *weights, "--fit", "stretch", "a.png"),
            ("run", *weights, "--input", "golden.npy"),
            ("run", *weights, "--output", "y.npy"),
            ("run", *weights, "--padding", "valid", "--input", "golden.npy", "--output", "y.npy"),
            ("preprocess", "--variant", "b0", "a.png"),
            ("preprocess", "--variant", "b0", "--output", "x.npy"),
            ("preprocess", "--output", "x.npy", "a.png"),
            ("preprocess", "--variant", "b0", "--scheme", "timm", "--output", "x.npy", "a.png"),
            ("info", "--variant", "b0", "--scheme", "timm"),
            ("preprocess", *weights, "--variant", "b0", "--output", "x.npy", "a.png"),
            ("formula", "--variant", "b0"),
            ("formula", "--output", "w.safetensors"),
            ("formula", "--variant", "b0", "--labels", "labels.txt", "--output", "w.safetensors"),
            ("explain", *weights, "a.png"),
            ("explain", *weights, "--output", "map.png"),
            ("formula", "--variant", "b0", "--naming", "keras", "--output", "w.safetensors"),
        ):
            with self.subTest(arguments=arguments):
                self.fails(*arguments, says="--help", status=2)

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = run([TOOL, "info", "--variant", "b0"], stdout=full, capture_output=False, stderr=-1, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, "effv2: standard output cannot be written\n"))
        self.fails("run", "--weights", "timm.safetensors", "--input", "golden.npy", "--output", "/dev/full", says="/dev/full: cannot be written")


class Info(Case):
    def test_json_has_the_published_figures(self):
        for variant, parameters in zip(VARIANTS, PARAMETERS):
            with self.subTest(variant=variant):
                info = json.loads(self.tool("info", "--variant", variant, "--json")[0])
                self.assertEqual((info["variant"], info["classes"], info["parameters"]), (variant, 1000, parameters))
                self.assertEqual(sum(stage["parameters"] for stage in info["stages"]), parameters)
                self.assertEqual(sum(stage["macs"] for stage in info["stages"]), info["macs"])
                self.assertGreaterEqual(info["weight_bytes"], 4 * parameters)
                self.assertGreater(info["arena_bytes"], 0)
                self.assertGreater(info["scratch_bytes_per_thread"], 0)

    def test_stages(self):
        info = json.loads(self.tool("info", "--variant", "s", "--json")[0])
        self.assertEqual(info["input"], [384, 384])
        self.assertEqual([stage["name"] for stage in info["stages"]],
                         ["stem", *(f"stage {i}" for i in range(1, 7)), "head", "classifier"])
        self.assertEqual(info["stages"][6], {
            "name": "stage 6", "kind": "mbconv", "repeats": 15, "kernel": 3, "stride": 2, "expansion": 6, "in": 160,
            "out": 256, "output": [12, 12], "parameters": 14561832, "macs": 1741252608})

    def test_size_and_classes(self):
        info = json.loads(self.tool("info", "--variant", "b0", "--size", 192, "--classes", 10, "--json")[0])
        self.assertEqual((info["input"], info["classes"], info["parameters"]), ([192, 192], 10, 5858704 + 12810))

    def test_numbers_are_decimal(self):
        for size in ("0100", "+0100", "100"):
            info = json.loads(self.tool("info", "--variant", "b0", "--size", size, "--json")[0])
            self.assertEqual(info["input"], [100, 100])
        self.fails("info", "--variant", "b0", "--size", "0x64", says="is not a whole number", status=2)

    def test_table(self):
        out = self.tool("info", "--variant", "b0")[0]
        for text in ("stage 6", "mbconv", "112 -> 192", "7x7", "7139704", "arena", "bytes"):
            self.assertIn(text, out)


class Run(Case):
    def run_golden(self, *arguments, weights="timm.safetensors", given="golden.npy"):
        self.tool("run", "--weights", weights, "--input", given, "--output", "y.npy", *arguments)
        return read_npy(self.path("y.npy"))

    def test_a_batch_of_odd_size_agrees_with_pytorch(self):
        for naming, padding in (("timm", "same"), ("torchvision", "symmetric")):
            for extra in ((), ("--threads", 1), ("--threads", 3), ("--padding", padding), ("--variant", "b0")):
                with self.subTest(naming=naming, extra=extra):
                    shape, logits = self.run_golden(*extra, weights=f"{naming}.safetensors")
                    self.assertEqual(shape, (2, 6))
                    self.close(logits, sum(GOLDEN[padding], ()))

    def test_features_and_maps(self):
        self.run_golden("--features", "f.npy", "--maps", "map")
        shape, features = read_npy(self.path("f.npy"))
        self.assertEqual(shape, (2, 1280))
        self.close(features[1280:1284], GOLDEN_FEATURES)
        for stride, expected in ((4, (2, 32, 17, 25)), (8, (2, 48, 9, 13)), (16, (2, 112, 5, 7)), (32, (2, 192, 3, 4))):
            shape, values = read_npy(self.path(f"map_{stride}.npy"))
            self.assertEqual((shape, len(values)), (expected, math.prod(expected)))
            self.assertTrue(all(map(math.isfinite, values)) and any(values))

    def test_version_2_headers(self):
        data = self.path("golden.npy").read_bytes()[-4 * math.prod(GOLDEN_SHAPE):]
        self.path("version2.npy", npy(GOLDEN_SHAPE, data, version=2))
        self.close(self.run_golden(given="version2.npy")[1], sum(GOLDEN["same"], ()))

    def test_the_padding_of_a_file_that_leaves_it_open(self):
        self.tool("formula", "--variant", "b0", "--classes", 6, "--padding", "symmetric", "--output", "open.safetensors")
        self.close(self.run_golden("--padding", "symmetric", weights="open.safetensors")[1], sum(GOLDEN["symmetric"], ()))
        self.close(self.run_golden("--padding", "same", weights="open.safetensors")[1], sum(GOLDEN["same"], ()))

    def test_the_scheme_of_a_file_that_leaves_it_open(self):
        self.tool("formula", "--variant", "b0", "--classes", 6, "--padding", "symmetric", "--output", "open.safetensors")
        self.close(self.run_golden("--scheme", "timm_tf", weights="open.safetensors")[1], sum(GOLDEN["same"], ()))
        # timm's own have an epsilon of their own as well.
        ours = self.run_golden("--scheme", "timm", weights="open.safetensors")[1]
        self.assertGreater(max(abs(a - b) for a, b in zip(ours, sum(GOLDEN["symmetric"], ()))), 1e-3)
        self.assertIn("timm, symmetric padding, epsilon 1e-05",
                      self.tool("info", "--weights", "open.safetensors", "--scheme", "timm")[0])
        guesses = [self.tool("classify", "--weights", "open.safetensors", *scheme, "--json", "a.png")[0]
                   for scheme in ((), ("--scheme", "timm_tf"), ("--scheme", "timm"))]
        self.assertEqual(guesses[0], guesses[1])
        self.assertNotEqual(guesses[0], guesses[2])
        self.fails("classify", "--weights", "open.safetensors", "--scheme", "torchvision", "a.png", says="timm's names")
        self.fails("classify", "--weights", "timm.safetensors", "--scheme", "timm", "a.png", says="'timm' was asked for")

    def test_a_padding_that_the_weights_do_not_have_is_refused(self):
        arguments = ("--input", "golden.npy", "--output", "y.npy", "--padding")
        self.fails("run", "--weights", "torchvision.safetensors", *arguments, "same", says="padding")
        self.fails("run", "--weights", "timm.safetensors", *arguments, "symmetric", says="padding")

    def test_another_variant_is_refused(self):
        self.fails("run", "--weights", "timm.safetensors", "--variant", "s", "--input", "golden.npy", "--output", "y.npy",
                   says="timm.safetensors: holds the weights of variant b0, not of s")

    def test_bad_inputs(self):
        small = (1, 3, 32, 32)
        data = bytes(4 * math.prod(small))
        for name, content, says in (
            ("missing.npy", None, "missing.npy: cannot be opened"),
            ("text.npy", b"1 2 3", "is no .npy file"),
            ("double.npy", npy(small, data + data, "<f8"), "'<f8'"),
            ("fortran.npy", npy(small, data, fortran=True), "Fortran"),
            ("short.npy", npy(small, data[:-1]), "cut short"),
            ("long.npy", npy(small, data + b"\0"), "12289 follow"),
            ("rank.npy", npy(small[1:], data), "(3, 32, 32)"),
            ("channels.npy", npy((1, 4, 32, 24), data), "(N, 3, height, width)"),
            ("none.npy", npy((0, 3, 32, 32), b""), "(0, 3, 32, 32)"),
            ("low.npy", npy((1, 3, 7, 32), data[: 4 * 3 * 7 * 32]), "7x32"),
            ("wide.npy", npy((1, 3, 32, 8193), bytes(4 * 3 * 32 * 8193)), "32x8193"),
        ):
            with self.subTest(name=name):
                self.path(name, content)
                self.fails("run", "--weights", "timm.safetensors", "--input", name, "--output", "never.npy", says=says)
        self.assertFalse(self.path("never.npy").exists())

    def test_bad_weights(self):
        sound = self.path("timm.safetensors").read_bytes()
        for name, content, says in (
            ("missing.safetensors", None, "cannot be opened"),
            ("empty.safetensors", b"", "is empty"),
            ("short.safetensors", sound[: len(sound) // 2], "short.safetensors: "),
            ("torch.safetensors", b"PK\3\4" + bytes(100), "convert_pth.py"),
            ("renamed.safetensors", sound.replace(b"conv_stem.weight", b"conv_stem.weigth"), "conv_stem.weig"),
        ):
            with self.subTest(name=name):
                self.path(name, content)
                self.fails("run", "--weights", name, "--input", "golden.npy", "--output", "y.npy", says=says)

    def test_outputs_that_cannot_be(self):
        arguments = ("run", "--weights", "timm.safetensors", "--input", "golden.npy")
        self.fails(*arguments, "--output", "no/such/y.npy", says="no/such/y.npy: cannot be created")
        self.fails(*arguments, "--output", "./golden.npy", says="golden.npy: is read by this command")
        self.assertGreater(self.path("golden.npy").stat().st_size, 4 * math.prod(GOLDEN_SHAPE))
        self.path("y.npy", b"older")
        self.fails(*arguments, "--output", "y.npy", "--features", "no/such/f.npy", says="no/such/f.npy")
        self.assertEqual(self.path("y.npy").read_bytes(), b"older")
        weights = self.path("timm.safetensors").read_bytes()
        self.fails(*arguments, "--output", "timm.safetensors", says="timm.safetensors: is read by this command")
        self.assertEqual(self.path("timm.safetensors").read_bytes(), weights)
        self.fails(*arguments, "--output", "z.npy", "--features", "./z.npy", says="z.npy: would be written twice")
        self.fails(*arguments, "--output", "m_4.npy", "--maps", "m", says="m_4.npy: would be written twice")
        self.fails("preprocess", "--variant", "b0", "a.png", "--output", "a.png", says="a.png: is read by this command")
        self.tool(*arguments, "--output", "/dev/null", "--features", "/dev/null")

    def test_links_stay(self):
        arguments = ("run", "--weights", "timm.safetensors", "--input", "golden.npy", "--output")
        self.tool(*arguments, "direct.npy")
        self.path("store").mkdir()
        self.path("store/real.npy", b"older")
        os.symlink("store/real.npy", self.path("link.npy"))
        self.tool(*arguments, "link.npy")
        self.assertTrue(self.path("link.npy").is_symlink())
        self.assertEqual(self.path("store/real.npy").read_bytes(), self.path("direct.npy").read_bytes())
        os.symlink("/proc/self/fd/1", self.path("out"))
        with open(self.path("redirected.npy"), "wb") as file:
            self.tool(*arguments, "out", stdout=file)
        self.path("twice.npy", b"before")
        with open(self.path("twice.npy"), "ab") as file:
            for _ in range(2):
                self.tool(*arguments, "/dev/stdout", stdout=file)
        self.assertEqual(self.path("twice.npy").read_bytes(), b"before" + 2 * self.path("direct.npy").read_bytes())
        self.assertTrue(Path("/dev/stdout").is_symlink())
        os.symlink("store/new.npy", self.path("dangling.npy"))
        self.tool(*arguments, "dangling.npy")
        self.assertEqual(self.path("store/new.npy").read_bytes(), self.path("direct.npy").read_bytes())
        self.assertTrue(self.path("out").is_symlink())
        self.assertEqual(self.path("redirected.npy").read_bytes(), self.path("direct.npy").read_bytes())


class Preprocess(Case):
    def pixels(self, *arguments):
        self.tool("preprocess", *arguments, "--output", "x.npy")
        return read_npy(self.path("x.npy"))

    def test_a_picture_of_one_colour_becomes_three_constants(self):
        self.path("grey.png", png(300, 200, lambda x, y: (255, 0, 51)))
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        for recipe, size, scale in (
            (("--variant", "b0"), 224, lambda c, v: (v - mean[c]) / deviation[c]),
            (("--variant", "b0", "--recipe", "timm.in1k"), 224, lambda c, v: (v - mean[c]) / deviation[c]),
            (("--variant", "s"), 384, lambda c, v: 2 * v - 1),
            (("--variant", "s", "--recipe", "torchvision"), 384, lambda c, v: (v - mean[c]) / deviation[c]),
            (("--variant", "m", "--recipe", "automl"), 480, lambda c, v: (v * 255 - 128) / 128),
            (("--variant", "b1", "--recipe", "keras", "--fit", "squash"), 240, lambda c, v: (v - mean[c]) / deviation[c]),
        ):
            with self.subTest(recipe=recipe):
                shape, values = self.pixels(*recipe, "grey.png")
                self.assertEqual(shape, (1, 3, size, size))
                for c, value in enumerate((1.0, 0.0, 0.2)):
                    plane = values[c * size * size:(c + 1) * size * size]
                    self.assertEqual(min(plane), max(plane))
                    self.close(plane[:1], (scale(c, value),), 1e-6)

    def test_a_recipe_that_does_not_resize_takes_the_pixels_as_they_are(self):
        self.path("exact.png", png(224, 224, lambda x, y: (x, y, 7)))
        shape, values = self.pixels("--variant", "b0", "--recipe", "keras", "exact.png")
        self.assertEqual(shape, (1, 3, 224, 224))
        self.close(values[:224], [(x / 255 - 0.485) / 0.229 for x in range(224)], 1e-6)
        self.fails("preprocess", "--variant", "b0", "--recipe", "keras", "a.png", "--output", "x.npy", says="--fit")

    def test_bad_pictures(self):
        for name, content, says in (
            ("missing.png", None, "missing.png"),
            ("empty.png", b"", "is empty"),
            ("text.png", b"not a picture", "is not a picture"),
            ("short.png", self.path("a.png").read_bytes()[:-30], "short.png"),
        ):
            with self.subTest(name=name):
                self.path(name, content)
                self.fails("preprocess", "--variant", "b0", name, "--output", "x.npy", says=says)
        self.fails("preprocess", "--variant", "b0", "--recipe", "torchvision", "a.png", "--output", "x.npy", says="torchvision")
        self.fails("preprocess", "--variant", "b0", "a.png", "--output", "no/such/x.npy", says="no/such/x.npy")


class Classify(Case):
    def classify(self, *arguments, status=0):
        return self.tool("classify", "--weights", "timm.safetensors", *arguments, status=status)

    def expected(self, image):
        """[(probability, class)], the likeliest first, by way of preprocess and run."""
        self.tool("preprocess", "--variant", "b0", image, "--output", "x.npy")
        self.tool("run", "--weights", "timm.safetensors", "--input", "x.npy", "--output", "y.npy")
        powers = [math.exp(logit) for logit in read_npy(self.path("y.npy"))[1]]
        return sorted(((power / sum(powers), index) for index, power in enumerate(powers)), reverse=True)

    def test_json(self):
        out = json.loads(self.classify("--labels", "labels.txt", "--json", "--top", 3, "a.png", "b.png")[0])
        self.assertEqual([entry["image"] for entry in out], ["a.png", "b.png"])
        names = self.path("labels.txt").read_text().split()
        for entry in out:
            expected = self.expected(entry["image"])[:3]
            self.assertEqual([list(guess) for guess in entry["top"]], 3 * [["index", "label", "probability"]])
            self.assertEqual([guess["index"] for guess in entry["top"]], [index for _, index in expected])
            self.assertEqual([guess["label"] for guess in entry["top"]], [names[index] for _, index in expected])
            self.close([guess["probability"] for guess in entry["top"]], [p for p, _ in expected], 1e-6)

    def test_text(self):
        out = self.classify("--labels", "labels.txt", "a.png", "b.png")[0].splitlines()
        self.assertEqual((len(out), out[0], out[6]), (12, "a.png", "b.png"))
        names = self.path("labels.txt").read_text().split()
        probability, index = self.expected("a.png")[0]
        self.assertEqual(out[1], f"  {100 * probability:5.1f} %  {names[index]}")

    def test_without_labels(self):
        index = self.expected("a.png")[0][1]
        self.assertIn(f"%  class {index}\n", self.classify("--top", 1, "a.png")[0])
        entry = json.loads(self.classify("--top", 1, "--json", "a.png")[0])[0]
        self.assertEqual(list(entry["top"][0]), ["index", "probability"])
        self.assertEqual(entry["top"][0]["index"], index)

    def test_no_more_classes_than_there_are(self):
        self.assertEqual(len(json.loads(self.classify("--top", 100, "--json", "a.png")[0])[0]["top"]), 6)

    def test_one_bad_picture_does_not_stop_the_others(self):
        out, err = self.classify("--json", "a.png", "missing.jpg", "b.png", status=1)
        self.assertEqual([entry["image"] for entry in json.loads(out)], ["a.png", "b.png"])
        self.assertRegex(err, r"\Aeffv2: missing.jpg[^\n]+\n\Z")
        out, err = self.classify("missing.jpg", "a.png", status=1)
        self.assertTrue(out.startswith("a.png\n"))
        self.assertEqual(err.count("\n"), 1)

    def test_names_that_are_not_utf8_still_give_json(self):
        name = os.fsencode(self.folder) + b"/\xff.png"
        with open(name, "wb") as file:
            file.write(self.path("a.png").read_bytes())
        done = run([os.fsencode(TOOL), b"classify", b"--weights", os.fsencode(self.path("timm.safetensors")), b"--json", name],
                   capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(json.loads(done.stdout.decode())), 1)

    def test_labels_with_a_byte_order_mark(self):
        self.path("marked.txt", b"\xef\xbb\xbf" + self.path("labels.txt").read_bytes())
        marked, plain = (self.tool("classify", "--weights", "timm.safetensors", "--top", 6, "--labels", labels, "a.png")[0]
                         for labels in ("marked.txt", "labels.txt"))
        self.assertEqual(marked, plain)

    def test_labels_that_do_not_fit(self):
        self.path("few.txt", b"one\ntwo\n")
        self.fails("classify", "--weights", "timm.safetensors", "--labels", "few.txt", "a.png", says="few.txt: has 2 lines")
        self.fails("classify", "--weights", "timm.safetensors", "--labels", "none.txt", "a.png", says="none.txt: cannot be opened")

    def test_the_recipe_follows_the_weights(self):
        # torchvision has no B0, so no recipe for it; another one must be named.
        torchvision = ("classify", "--weights", "torchvision.safetensors", "--json")
        self.fails(*torchvision, "a.png", says="torchvision")
        self.assertEqual(len(json.loads(self.tool(*torchvision, "--recipe", "timm", "a.png")[0])), 1)

    def test_another_variant_is_refused(self):
        self.fails("classify", "--weights", "timm.safetensors", "--variant", "b1", "a.png", says="variant b0, not of b1")


class Bench(Case):
    def test_the_last_line_is_json(self):
        out = self.tool("bench", "--variant", "b0", "--size", 64, "--batch", 2, "--seconds", 0.05)[0].splitlines()
        self.assertGreater(len(out), 1)
        times = json.loads(out[-1])
        self.assertEqual(list(times), ["median_ms", "min_ms", "gflops", "instruction_set"])
        self.assertLessEqual(times["min_ms"], times["median_ms"])
        self.assertGreater(times["gflops"], 0)

    def test_json_alone(self):
        out = self.tool("bench", "--variant", "b0", "--size", 32, "--threads", 1, "--seconds", 0, "--json")[0]
        self.assertEqual(list(json.loads(out)), ["median_ms", "min_ms", "gflops", "instruction_set"])


class Formula(Case):
    def header(self, name):
        data = self.path(name).read_bytes()
        return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])

    def test_names_and_metadata(self):
        timm, torchvision = self.header("timm.safetensors"), self.header("torchvision.safetensors")
        self.assertEqual(timm["classifier.weight"]["shape"], [6, 1280])
        self.assertEqual(torchvision["classifier.1.weight"]["shape"], [6, 1280])
        self.assertEqual(timm["__metadata__"], {"effv2.scheme": "timm_tf", "effv2.variant": "b0"})
        self.assertEqual(torchvision["__metadata__"]["effv2.scheme"], "torchvision")

    def test_what_cannot_be(self):
        self.fails("formula", "--variant", "b0", "--output", "no/such/w.safetensors", says="no/such/w.safetensors")
        self.fails("formula", "--variant", "b0", "--output", ".", says=".: is a folder")
        self.fails("formula", "--architecture", "b9", "--output", "w.safetensors", says="at character 1")
        self.fails("formula", "--architecture", "b0; classes 3", "--labels", "labels.txt", "--output", "w.safetensors", says="labels.txt: has more lines")
        self.fails("formula", "--variant", "b0", "--naming", "torchvision", "--padding", "same", "--output", "w.safetensors",
                   says="symmetric padding")


if __name__ == "__main__":
    TOOL = str(Path(sys.argv[1]).resolve())
    sys.exit(run_unittests())
