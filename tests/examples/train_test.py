#!/usr/bin/env python3
"""Tests effv2 train, eval and plot as a user meets them: train_test.py PATH_TO_EFFV2. Needs nothing but Python itself.

The data sets are made here: classes that differ in colour or in where they are bright, which a network of some thousand
parameters learns in a second.
"""
import gzip
import json
import os
import pty
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml
import zlib
from pathlib import Path
from subprocess import PIPE, Popen, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from report import run_unittests  # noqa: E402: tests/ is not where Python looks by itself

TOOL = ""
SMALL = "stem 8/2; fused 1/1 k3 e1 c8; mbconv 1/2 k3 e2 c16; head 32; size 16"
COLOURS = {"blue": (40, 40, 180), "green": (40, 180, 40), "red": (180, 40, 40)}
PLOTS = ("loss", "accuracy", "learning_rate", "image_size")

# What makes a small network learn these sets fast: no variation, a high rate.
FAST = ("--architecture", SMALL, "--size", 16, "--policy", "none", "--crop", "none", "--no-mirror", "--batch", 8,
        "--learning-rate", 0.01, "--average", 0.9, "--stochastic-depth", 0, "--dropout", 0, "--threads", 1)


def png(width, height, pixel):
    """A PNG of that size; pixel(x, y) gives (red, green, blue)."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in pixel(x, y)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


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


def tensors(path):
    """The bytes of each tensor of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    start = 8 + length
    return header.pop("__metadata__"), {
        name: data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]] for name, entry in header.items()}


class Case(unittest.TestCase):
    """Runs the tool in a folder that all tests share."""

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
        done = run([TOOL, *latest(arguments)], cwd=Case.folder, capture_output=True, text=True)
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


class Training(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tool("train", "--data", "colours", "--output", "learned", *FAST, "--epochs", 12, "--start-size", 8)
        cls.output = Case.folder / "learned"

    def test_it_learns(self):
        last = read_log(self.output)[-1]
        self.assertEqual((last["kind"], last["step"], last["pictures"]), ("evaluation", 72, 18))
        self.assertGreaterEqual(last["top1"], 0.9)

    def test_the_log(self):
        log = read_log(self.output)
        self.assertEqual([line["kind"] for line in log].count("settings"), 1)
        settings, steps = log[0], [line for line in log if line["kind"] == "step"]
        self.assertEqual(settings["kind"], "settings")
        self.assertEqual(settings["pictures"]["classes"], sorted(COLOURS))
        self.assertEqual([stage["size"] for stage in settings["stages"]], [8, 10, 13, 16])
        self.assertEqual([line["step"] for line in steps], list(range(1, 73)))
        self.assertEqual({line["size"] for line in steps}, {8, 10, 13, 16})
        self.assertEqual([line["epoch"] for line in log if line["kind"] == "evaluation"], list(range(1, 13)))
        self.assertLess(steps[-1]["loss"], steps[0]["loss"])

    def test_eval_agrees_with_the_log(self):
        found = json.loads(self.tool("eval", "--weights", "learned/weights.safetensors", "--data", "colours", "--json")[0])
        last = read_log(self.output)[-1]
        for key in ("top1", "top5", "loss", "pictures"):
            self.assertEqual(found[key], last[key], key)
        self.assertEqual(sum(map(sum, found["confusion"])), 18)
        self.assertEqual([entry["name"] for entry in found["classes"]], sorted(COLOURS))
        self.assertEqual(sum(entry["right"] for entry in found["classes"]), round(18 * found["top1"]))
        out = self.tool("eval", "--weights", "learned/weights.safetensors", "--data", "colours/test")[0]
        for text in ("18 pictures", "top-1", "loss", "answers", "green"):
            self.assertIn(text, out)

    def test_the_weights_describe_themselves(self):
        metadata = tensors(self.output / "weights.safetensors")[0]
        self.assertEqual(metadata["effv2.labels"], "blue\ngreen\nred\n")
        self.assertIn("classes 3; size 16", metadata["effv2.architecture"])

    def test_plots(self):
        self.tool("plot", "learned/log.jsonl", "--output", "drawn")
        for folder in (self.output / "plots", Case.folder / "drawn"):
            for name in PLOTS:
                root = xml.parse(folder / f"{name}.svg").getroot()
                self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
                self.assertTrue(root.findall(".//{http://www.w3.org/2000/svg}path"), name)
        self.fails("plot", "no/log.jsonl", says="no/log.jsonl: cannot be opened")

    def test_the_same_again(self):
        weights = (self.output / "weights.safetensors").read_bytes()
        for name, extra in (("threads", ("--threads", 2)), ("inputs", ("--keep", "inputs"))):
            again = self.train(name, *FAST, "--epochs", 12, "--start-size", 8, *extra)
            self.assertEqual((again / "weights.safetensors").read_bytes(), weights, name)
        other = self.train("seed", *FAST, "--epochs", 12, "--start-size", 8, "--seed", 1)
        self.assertNotEqual((other / "weights.safetensors").read_bytes(), weights)

    def test_all_options_together(self):
        for optimiser, schedule in (("rmsprop", "staircase"), ("sgd", "constant"), ("adamw", "cosine")):
            output = self.train(f"all_{optimiser}", "--architecture", SMALL, "--steps", 8, "--batch", 6, "--size", 24,
                                "--start-size", 16, "--stages", 2, "--test-size", 32, "--magnitude", 9, "--start-magnitude", 3,
                                "--mixup", 0.2, "--cutmix", 0.3, "--cutout", 0.4, "--erasing", 0.2, "--dropout", 0.3,
                                "--start-dropout", 0.1, "--stochastic-depth", 0.1, "--smoothing", 0.2, "--crop", "inception",
                                "--policy", "autoaugment" if optimiser == "sgd" else "randaug", "--optimiser", optimiser,
                                "--schedule", schedule, "--learning-rate", 0.001, "--warmup", 0.5, "--weight-decay", 0.001,
                                "--clip", 2, "--average", 0.99, "--keep", "inputs", "--evaluate-every", 0, "--seed", 7)
            kinds = [line["kind"] for line in read_log(output)]
            self.assertEqual(kinds.count("evaluation"), 1)
            settings = read_log(output)[0]
            self.assertEqual((settings["optimiser"]["name"], settings["learning_rate"]["shape"]), (optimiser, schedule))
            self.assertIn("size 32", settings["recipe"])

    def test_progress_on_a_terminal(self):
        leader, follower = pty.openpty()
        command = ("train", "--data", "colours", "--output", "terminal", *FAST, "--epochs", 3)
        process = Popen([TOOL, *latest(command)], cwd=Case.folder, stdout=follower, stderr=PIPE)
        os.close(follower)
        out = b""
        try:
            while block := os.read(leader, 65536):
                out += block
        except OSError:  # the other end is closed
            pass
        os.close(leader)
        self.assertEqual((process.communicate()[1], process.returncode), (b"", 0))
        self.assertIn(b"\r\x1b[Kstep 18 of 18  epoch 3.00  size 16  loss", out)
        self.assertIn(b"finished: the weights are in terminal/weights.safetensors", out)

    def test_outputs_that_cannot_be(self):
        (Case.folder / "taken").write_text("a file")
        for output in ("taken", "taken/below", "/dev/null/run"):
            self.fails("train", "--data", "colours", "--output", output, *FAST, says=f"{output}: cannot be made a folder")

    def test_measuring_writes_nothing(self):
        out = self.tool("train", "--data", "colours", *FAST, "--stages", 1, "--measure")[0]
        self.assertIn("whole steps", out)

    def test_wrong_command_lines(self):
        for arguments in (("train",), ("train", "--data", "colours", "--optimiser", "adam"), ("eval", "--data", "colours"),
                          ("train", "--data", "colours", "--epochs", "many"), ("plot",)):
            self.fails(*arguments, says="--help", status=2)
        self.fails("train", "--data", "colours", says="--output is missing")
        start = ("train", "--data", "colours", "--output", "never")
        self.fails(*start, "--variant", "b0", "--architecture", SMALL, says="expected one of them")
        self.fails(*start, "--architecture", "stem 8; conv 3", says="expected")
        self.fails(*start, "--architecture", SMALL, "--preset", "paper", says="released variants only")
        self.fails(*start, "--architecture", SMALL, "--steps", 2, "--stages", 3, says="more steps")


class FineTuning(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tool("train", "--data", "colours", "--output", "base", *FAST, "--epochs", 4)
        write_folders(Case.folder / "two", 3, 8, {"blue": COLOURS["blue"], "red": COLOURS["red"]})

    def test_frozen_parts_stay_and_the_classifier_is_new(self):
        output = self.train("tuned", "--from", "base/weights.safetensors", "--size", 16, "--epochs", 2, "--batch", 8,
                            "--freeze", 3, "--freeze-norms", data="two")
        before = tensors(Case.folder / "base" / "weights.safetensors")[1]
        metadata, after = tensors(output / "weights.safetensors")
        self.assertEqual(before.keys(), after.keys())
        for name in before:
            if name.startswith("classifier"):
                self.assertNotEqual(len(before[name]), len(after[name]))
            else:
                self.assertEqual(before[name], after[name], name)
        self.assertEqual(metadata["effv2.labels"], "blue\nred\n")

    def test_what_the_file_is_not(self):
        start = ("train", "--data", "two", "--output", "never", "--from", "base/weights.safetensors")
        self.fails(*start, "--variant", "b0", says="holds another network than --variant")
        self.fails(*start, "--architecture", SMALL.replace("c16", "c24"), says="holds another network than --architecture")
        self.fails("train", "--data", "two", "--output", "never", "--from", "no.safetensors", says="no.safetensors: cannot be")


class Resuming(Case):
    """A run that is ended and taken up again, however often, gives the same weights as one that is not."""

    LONG = (*FAST, "--steps", 60, "--start-size", 8, "--checkpoint-every", 0, "--policy", "randaug", "--dropout", 0.2)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tool("train", "--data", "colours", "--output", "whole", *cls.LONG)
        cls.weights = (Case.folder / "whole" / "weights.safetensors").read_bytes()

    def start(self, output, *arguments):
        command = latest(("train", "--data", "colours", "--output", output, *self.LONG, "--resume", *arguments))
        return Popen([TOOL, *command], cwd=Case.folder, stdout=PIPE, stderr=PIPE, text=True)

    def is_the_same(self, output):
        """Weights to the bit, and a log that has each step and evaluation once, with the same figures."""
        self.assertEqual((Case.folder / output / "weights.safetensors").read_bytes(), self.weights)
        logs = [read_log(Case.folder / name) for name in ("whole", output)]
        for log in logs:
            for line in log:
                line.pop("images_per_second", None)
        self.assertEqual(logs[0], logs[1])

    def wait_for(self, path, size):
        """Until the file has that many lines."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if path.exists() and path.read_bytes().count(b"\n") >= size:
                return
            time.sleep(0.001)
        self.fail(f"{path} does not grow to {size} lines")

    def test_killed_at_several_moments(self):
        log = Case.folder / "killed" / "log.jsonl"
        for lines in (1, 2, 9, 20, 33, 34, 47, 60):
            process = self.start("killed")
            self.wait_for(log, lines)
            process.kill()
            process.communicate()
        out, err = self.start("killed").communicate()
        self.assertEqual(err, "")
        self.assertIn("going on after step", out)
        self.is_the_same("killed")

    def test_killed_at_any_moment(self):
        rng = random.Random(5)
        for attempt in range(200):
            process = self.start("any")
            time.sleep(rng.random() * 0.03 * (attempt + 1))
            process.kill()
            process.communicate()
            if process.returncode == 0:
                break
        self.assertEqual(process.returncode, 0)
        self.is_the_same("any")

    def test_asked_to_stop(self):
        for number, lines in ((signal.SIGTERM, 10), (signal.SIGINT, 30)):
            process = self.start("stopped", "--checkpoint-every", 1000)
            self.wait_for(Case.folder / "stopped" / "log.jsonl", lines)
            process.send_signal(number)
            out, err = process.communicate()
            self.assertEqual((process.returncode, err), (3, ""))
            self.assertIn("--resume goes on from there", out)
        self.assertEqual(self.start("stopped").communicate()[1], "")
        self.is_the_same("stopped")

    def test_a_finished_run(self):
        shutil.copytree(Case.folder / "whole", Case.folder / "finished")
        (Case.folder / "finished" / "weights.safetensors").unlink()
        self.start("finished").communicate()
        self.is_the_same("finished")

    def test_other_settings_are_refused(self):
        again = ("train", "--data", "colours", "--output", "whole", *self.LONG)
        self.fails(*again, says="whole: has a run already; --resume goes on with it")
        self.fails(*again, "--resume", "--seed", 3, says="seed is 0 there and 3 here")
        self.fails(*again, "--resume", "--batch", 9, says="same settings only, but batch is 8 there and 9 here")
        other = ("train", "--data", "colours/test", "--output", "whole", *self.LONG)
        self.fails(*other, "--resume", "--test", "colours/test", says="pictures count is 48 there and 18 here")

    def test_damaged_checkpoints(self):
        folder = Case.folder / "damaged"
        shutil.copytree(Case.folder / "whole", folder)
        newest = folder / "checkpoint"
        newest.write_bytes(newest.read_bytes()[:-100])
        out, err = self.start("damaged").communicate()
        self.assertIn("is used in its place", err)
        self.is_the_same("damaged")
        for name in ("checkpoint", "checkpoint.previous"):
            (folder / name).write_bytes(b"nothing")
        process = self.start("damaged")
        err = process.communicate()[1]
        self.assertEqual(process.returncode, 1)
        self.assertRegex(err, r"\Aeffv2: damaged/checkpoint[^\n]+\n\Z")

    def test_two_at_a_time(self):
        process = self.start("busy", "--steps", 100000)
        self.wait_for(Case.folder / "busy" / "log.jsonl", 1)
        arguments = ("train", "--data", "colours", "--output", "busy", *self.LONG, "--steps", 100000, "--resume")
        self.fails(*arguments, says="busy: another run is under way in this folder")
        process.kill()
        process.communicate()


class Formats(Case):
    def trained(self, data, *arguments):
        """The last evaluation of a run, which eval must agree with."""
        output = self.train(f"run_{Path(data).name}", *FAST, "--epochs", 10, *arguments, data=data)
        last = read_log(output)[-1]
        found = json.loads(self.tool("eval", "--weights", output / "weights.safetensors", "--data", data, "--json")[0])
        self.assertEqual(found["loss"], last["loss"])
        return last, [entry["name"] for entry in found["classes"]], read_log(output)[0]

    def test_idx(self):
        for name, packed in (("plain", False), ("packed", True)):
            folder = Case.folder / name
            write_idx(folder, "train", 1, 64, packed=packed)
            write_idx(folder, "t10k", 2, 20, packed=packed)
            last, names, settings = self.trained(name)
            self.assertGreaterEqual(last["top1"], 0.9)
            self.assertEqual(names, ["0", "1", "2", "3"])
            self.assertFalse(settings["variation"]["mirror"])

    def test_fashion(self):
        folder = Case.folder / "fashion-mnist"
        write_idx(folder, "train", 1, 40, classes=10)
        write_idx(folder, "t10k", 2, 10, classes=10)
        self.assertEqual(self.trained("fashion-mnist", "--epochs", 1)[1][9], "Ankle boot")

    def test_cifar(self):
        ten, hundred = Case.folder / "cifar10", Case.folder / "cifar100"
        ten.mkdir(), hundred.mkdir()
        for i in range(1, 6):
            (ten / f"data_batch_{i}.bin").write_bytes(cifar_records(i, 20, 10))
        (ten / "test_batch.bin").write_bytes(cifar_records(9, 10, 10))
        last, names, settings = self.trained("cifar10")
        self.assertEqual((names[0], names[9], settings["pictures"]["count"]), ("airplane", "truck", 100))
        self.assertGreaterEqual(last["top1"], 0.5)
        (hundred / "train.bin").write_bytes(cifar_records(1, 100, 100, coarse=True))
        (hundred / "test.bin").write_bytes(cifar_records(2, 100, 100, coarse=True))
        (hundred / "fine_label_names.txt").write_text("".join(f"name {i}\n" for i in range(100)))
        self.assertEqual(self.trained("cifar100", "--epochs", 1)[1][99], "name 99")
        out = self.tool("eval", "--weights", "run_cifar100/weights.safetensors", "--data", "cifar100")[0]
        self.assertIn("taken for something else most often", out)

    def test_a_folder_without_a_test_part(self):
        out, err = self.tool("train", "--data", "colours/train", "--output", "untested", *FAST, "--epochs", 1)
        self.assertIn("colours/train has no test part, so nothing is evaluated", err)
        self.assertEqual(read_log(Case.folder / "untested")[-1]["kind"], "step")
        self.train("tested", *FAST, "--epochs", 1, "--test", "colours/test", data="colours/train")
        self.assertEqual(read_log(Case.folder / "tested")[-1]["pictures"], 18)

    def test_what_is_passed_over_and_what_lies_deeper(self):
        folder = Case.folder / "untidy"
        write_folders(folder, 1, 4)
        for name in (".DS_Store", "README", "notes.txt", "Thumbs.db", "labels.csv"):
            (folder / "red" / name).write_bytes(b"no picture")
        (folder / ".git").mkdir()
        (folder / "list.txt").write_text("beside the classes")
        (folder / "red" / "more").mkdir()
        (folder / "red" / "more" / "a.png").write_bytes(png(9, 9, lambda x, y: COLOURS["red"]))
        os.symlink("../red/000.png", folder / "red" / "link.png")
        output = self.train("tidied", *FAST, "--epochs", 1, data="untidy")
        self.assertEqual(read_log(output)[0]["pictures"]["count"], 14)

    def test_broken_files_are_skipped_on_demand(self):
        folder = Case.folder / "partly"
        write_folders(folder, 1, 4)
        (folder / "red" / "000.png").write_bytes(b"text")
        out, err = self.tool("train", "--data", "partly", "--output", "mended", *FAST, "--epochs", 1, "--broken", "skip")
        self.assertIn("effv2: left out: partly/red/000.png is not a picture", err)
        self.assertEqual(read_log(Case.folder / "mended")[0]["pictures"]["count"], 11)


class BadSets(Case):
    def folder(self, name):
        """A sound set under that name, to be spoiled."""
        write_folders(Case.folder / name, 1, 2)
        return Case.folder / name

    def test_folders(self):
        self.refuses("no/such", "no/such: cannot be read as a folder")
        (Case.folder / "file").write_bytes(b"text")
        self.refuses("file", "file: cannot be read as a folder")
        (Case.folder / "hollow").mkdir()
        self.refuses("hollow", "hollow: has no folders; expected one for each class")
        (self.folder("empty") / "white").mkdir()
        self.refuses("empty", "empty/white: is the folder of a class and has no pictures")
        write_folders(Case.folder / "single", 1, 2, {"red": COLOURS["red"]})
        self.refuses("single", "has only one class, 'red'")

    def test_files(self):
        sound = png(30, 30, lambda x, y: (x, y, 7))
        for name, content, says in (
            ("text", b"not a picture at all", "is not a picture: a JPEG, PNG or WebP file was expected"),
            ("nothing", b"", "is empty: a JPEG, PNG or WebP file was expected"),
            ("cut", sound[:-30], "cut.png is a PNG file that is cut short"),
            ("jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", "jpeg.png is a JPEG file that is cut short"),
            ("huge", sound[:16] + struct.pack(">II", 60000, 60000) + sound[24:29] +
             struct.pack(">I", zlib.crc32(sound[12:16] + struct.pack(">II", 60000, 60000) + sound[24:29])) + sound[33:],
             "has 60000x60000 pixels, more than the limits"),
        ):
            with self.subTest(name=name):
                (self.folder(f"set_{name}") / "red" / f"{name}.png").write_bytes(content)
                self.refuses(f"set_{name}", says)
                self.refuses(f"set_{name}", f"set_{name}/red/{name}.png")

    def test_links_and_devices(self):
        os.symlink("..", self.folder("loop") / "red" / "up")
        self.refuses("loop", "loop/red/up: leads back to a folder above it")
        os.symlink("self", self.folder("circle") / "red" / "self")
        self.refuses("circle", "circle/red/self: cannot be examined")
        os.symlink("nowhere.png", self.folder("dangling") / "red" / "a.png")
        self.refuses("dangling", "dangling/red/a.png: is a link that leads nowhere")
        os.mkfifo(self.folder("pipe") / "red" / "a.png")
        self.refuses("pipe", "pipe/red/a.png: is neither a file nor a folder")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_what_may_not_be_read(self):
        (self.folder("secret") / "red").chmod(0)
        self.refuses("secret", "secret/red: cannot be read as a folder")
        (Case.folder / "secret" / "red").chmod(0o755)

    def test_parts(self):
        write_folders(Case.folder / "half" / "train", 1, 2)
        self.refuses("half", "half: has a folder train, but neither test nor val beside it")
        self.refuses("colours/train", "has 2 classes, and colours/train has 3", "--test", "two_classes")
        write_folders(Case.folder / "others", 1, 2, {"blue": (0, 0, 9), "green": (0, 9, 0), "rot": (9, 0, 0)})
        self.refuses("colours/train", "class 2 is 'rot' in others and 'red' in colours/train", "--test", "others")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_folders(Case.folder / "two_classes", 1, 2, {"blue": (0, 0, 9), "red": (9, 0, 0)})

    def test_idx(self):
        images, labels = idx([bytes(144)] * 4, [0, 1, 0, 1])
        for name, files, says in (
            ("unequal", (images, idx([], [0, 1, 0])[1]), "has 4 pictures, and idx_unequal/train-labels-idx1-ubyte has 3"),
            ("short", (images[:-1], labels), "promises 4x12x12 bytes behind it, and the file has 575"),
            ("swapped", (labels, images), "begins with 0x00000801, not 0x00000803; these are pictures"),
            ("missing", (images, None), "its training part is not whole, for train-labels-idx1-ubyte is missing"),
            ("gap", (images, idx([], [0, 2, 0, 2])[1]), "has no picture of class 1"),
        ):
            with self.subTest(name=name):
                folder = Case.folder / f"idx_{name}"
                folder.mkdir()
                for file, content in zip(("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), files):
                    if content is not None:
                        (folder / file).write_bytes(content)
                self.refuses(f"idx_{name}", says)
        write_idx(Case.folder / "cut_gz", "train", 1, 16, packed=True)
        packed = Case.folder / "cut_gz" / "train-images-idx3-ubyte.gz"
        packed.write_bytes(packed.read_bytes()[:-20])
        self.refuses("cut_gz", "train-images-idx3-ubyte.gz: cannot be read: ")

    def test_a_missing_test_part(self):
        write_idx(Case.folder / "part", "train", 1, 16)
        output = self.train("part_run", *FAST, "--epochs", 1, data="part")
        self.fails("eval", "--weights", output / "weights.safetensors", "--data", "part",
                   says="part: its test part is not whole, for t10k-images-idx3-ubyte is missing")

    def test_cifar(self):
        folder = Case.folder / "cifar_gap"
        folder.mkdir()
        for i in (1, 3):
            (folder / f"data_batch_{i}.bin").write_bytes(cifar_records(i, 10, 10))
        self.refuses("cifar_gap", "its training part is not whole, for data_batch_2.bin is missing")
        (folder / "data_batch_2.bin").write_bytes(cifar_records(2, 10, 10)[:-1])
        self.refuses("cifar_gap", "cifar_gap/data_batch_2.bin: records of 3073 bytes make no file of 30729 bytes")
        (folder / "data_batch_2.bin").write_bytes(b"\x0b" + bytes(3072))
        self.refuses("cifar_gap", "has the label 11, and there are 10 classes")

    def test_evaluation(self):
        self.train("three", *FAST, "--epochs", 1)
        weights = ("eval", "--weights", "three/weights.safetensors", "--data")
        self.fails(*weights, "two_classes", says="two_classes: has 2 classes, but three/weights.safetensors has 3")
        self.fails(*weights, "others_too", says="others_too: cannot be read")
        write_folders(Case.folder / "renamed", 1, 2, {"blue": (0, 0, 9), "gruen": (0, 9, 0), "red": (9, 0, 0)})
        self.fails(*weights, "renamed", says="class 1 is 'gruen' in renamed and 'green' in three/weights.safetensors")


if __name__ == "__main__":
    TOOL = str(Path(sys.argv[1]).resolve())
    sys.exit(run_unittests())
