#!/usr/bin/env python3
"""Tests which data sets effv2 train takes, and what it says of others: train_sets_test.py PATH_TO_EFFV2. Needs nothing but
Python itself.
"""
import gzip
import json
import os
import struct
import sys
import unittest
import zlib
from pathlib import Path
from subprocess import run

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests/ is not where Python looks by itself
from pictures import png  # noqa: E402
from training_case import COLOURS, Case, FAST, cifar_records, SMALL, idx, main, read_log, write_folders, write_idx  # noqa: E402


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

    def test_what_is_called_much_like_a_test_part(self):
        cifar = Case.folder / "only_batches"
        cifar.mkdir()
        for i in range(1, 6):
            (cifar / f"data_batch_{i}.bin").write_bytes(cifar_records(i, 10, 10))
        (cifar / "test_batch.bin.md5").write_text("no test part")
        err = self.tool("train", "--data", "only_batches", "--output", "run_batches", *FAST, "--epochs", 1)[1]
        self.assertIn("only_batches has no test part, so nothing is evaluated", err)

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
        for name in ("LICENCE", "LICENSE-MIT", "README_en"):
            (folder / "red" / name).write_bytes(b"no picture")
        for name in ("license_plate.png", "readme.png"):
            (folder / "red" / name).write_bytes(png(9, 9, lambda x, y: COLOURS["red"]))
        (folder / ".git").mkdir()
        (folder / "list.txt").write_text("beside the classes")
        (folder / "red" / "more").mkdir()
        (folder / "red" / "more" / "a.png").write_bytes(png(9, 9, lambda x, y: COLOURS["red"]))
        os.symlink("../red/000.png", folder / "red" / "link.png")
        output = self.train("tidied", *FAST, "--epochs", 1, data="untidy")
        self.assertEqual(read_log(output)[0]["pictures"]["count"], 16)

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

    def test_cifar_beside_other_files(self):
        folder = Case.folder / "cifar_beside"
        folder.mkdir()
        records = cifar_records(1, 20, 10)
        (folder / "data_batch_1.bin").write_bytes(records)
        (folder / "data_batch_1.bin.gz").write_bytes(gzip.compress(records))
        (folder / "data_batch_2.bin.bak").write_bytes(records)
        output = self.train("cifar_beside_run", *FAST, "--epochs", 1, data="cifar_beside")
        self.assertEqual(read_log(output)[0]["pictures"]["count"], 20)
        (folder / "batches.meta.txt").mkdir()
        self.refuses("cifar_beside", "batches.meta.txt")

    def test_fashion_under_other_names(self):
        write_idx(Case.folder / "fashion_ten", "t10k", 1, 20, classes=10)
        write_idx(Case.folder / "ten", "t10k", 1, 20, classes=10)
        (Case.folder / "ten_names.txt").write_text("".join(f"{c}\n" for c in "abcdefghij"))
        self.tool("formula", "--architecture", SMALL + "; classes 10", "--labels", "ten_names.txt", "--output", "ten.safetensors")
        weights = ("eval", "--weights", "ten.safetensors", "--data")
        self.fails(*weights, "fashion_ten", says="fashion_ten: has Fashion-MNIST's classes, but expected were 'a' and others")
        self.tool(*weights, "ten")

    def test_evaluation(self):
        self.train("three", *FAST, "--epochs", 1)
        weights = ("eval", "--weights", "three/weights.safetensors", "--data")
        self.fails(*weights, "two_classes", says="two_classes: has 2 classes, but three/weights.safetensors has 3")
        self.fails(*weights, "others_too", says="others_too: cannot be read")
        write_folders(Case.folder / "renamed", 1, 2, {"blue": (0, 0, 9), "gruen": (0, 9, 0), "red": (9, 0, 0)})
        self.fails(*weights, "renamed", says="class 1 is 'gruen' in renamed and 'green' in three/weights.safetensors")


if __name__ == "__main__":
    main()
