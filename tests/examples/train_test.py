#!/usr/bin/env python3
"""Tests effv2 train, eval and plot as a user meets them: train_test.py PATH_TO_EFFV2. Needs nothing but Python itself."""
import json
import os
import pty
import random
import shutil
import signal
import struct
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from subprocess import PIPE, Popen, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests/ is not where Python looks by itself
from training_case import COLOURS, Case, FAST, SMALL, latest, main, read_log, write_folders  # noqa: E402

PLOTS = ("loss", "accuracy", "learning_rate", "image_size")


def tensors(path):
    """The bytes of each tensor of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    start = 8 + length
    return header.pop("__metadata__"), {
        name: data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]] for name, entry in header.items()}


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

    def test_eval_agrees_whatever_the_convolutions(self):
        # 56 pixels, which Winograd's tiles of seven would suit, though the text means six; and none.
        wide, weights = "stem 8/1; fused 1 c16; fused 1 c16; head 32", []
        for name, text in (("six", wide), ("direct", wide + "; convolutions direct")):
            output = self.train(name, *FAST, "--architecture", text, "--size", 56, "--epochs", 1)
            found = self.tool("eval", "--weights", output / "weights.safetensors", "--data", "colours", "--json")[0]
            self.assertEqual(json.loads(found)["loss"], read_log(output)[-1]["loss"])
            weights.append(tensors(output / "weights.safetensors")[1])
        self.assertNotEqual(*weights)

    def test_the_weights_describe_themselves(self):
        metadata = tensors(self.output / "weights.safetensors")[0]
        self.assertEqual(metadata["effv2.labels"], "blue\ngreen\nred\n")
        self.assertIn("classes 3; size 16", metadata["effv2.architecture"])

    def test_a_whitened_stem_that_is_frozen_keeps_its_filters(self):
        output = self.train("white", *FAST, "--epochs", 2, "--whiten", "--freeze-stem")
        filters = struct.iter_unpack("<27f", tensors(output / "weights.safetensors")[1]["conv_stem.weight"])
        for one, negative in zip(filters, filters):
            self.assertEqual([-value for value in one], list(negative))
            self.assertGreater(max(one), 0.0)

    def test_plots(self):
        self.tool("plot", "learned/log.jsonl", "--output", "drawn")
        for folder in (self.output / "plots", Case.folder / "drawn"):
            for name in PLOTS:
                root = xml.parse(folder / f"{name}.svg").getroot()
                self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
                self.assertTrue(root.findall(".//{http://www.w3.org/2000/svg}path"), name)
        self.fails("plot", "no/log.jsonl", says="no/log.jsonl: cannot be opened")

    def test_plot_of_folders_with_odd_names(self):
        names = (b"caf\xe9", "caf\u00e9 <&>\"".encode())
        for name in names:
            shutil.copytree(os.fsencode(Case.folder / "learned"), os.path.join(os.fsencode(Case.folder), name))
        logs = [os.path.join(name, b"log.jsonl") for name in names]
        run([Case.executable, "plot", *logs, "--output", "odd"], cwd=Case.folder, check=True, capture_output=True)
        text = "".join(xml.parse(Case.folder / "odd" / "comparison.svg").getroot().itertext())
        self.assertIn("caf?", text)
        self.assertIn("caf\u00e9 <&>\"", text)

    def test_plot_of_values_that_are_almost_equal(self):
        lines = [json.dumps(line) for line in read_log(Case.folder / "learned")]
        for name, top1 in (("near", 0.5), ("nearer", 0.5000000000000001)):
            changed = [json.loads(line) for line in lines]
            for line in changed:
                if line["kind"] == "evaluation":
                    line["top1"] = top1
            (Case.folder / name).mkdir()
            (Case.folder / name / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
        self.tool("plot", "near/log.jsonl", "nearer/log.jsonl", "--output", "almost")
        xml.parse(Case.folder / "almost" / "comparison.svg")

    def test_plot_of_several_runs(self):
        other = self.train("other", *FAST, "--epochs", 3)
        logs = ("learned/log.jsonl", other / "log.jsonl")
        self.tool("plot", *logs, "--output", "compared")
        root = xml.parse(Case.folder / "compared" / "comparison.svg").getroot()
        names = [text.text for text in root.findall(".//{http://www.w3.org/2000/svg}text")]
        for name in ("learned", "other", "minutes of training"):
            self.assertIn(name, names)
        self.fails("plot", *logs, says="several logs need --output", status=2)

    def test_a_long_legend_stays_off_the_title(self):
        self.tool("plot", *["learned/log.jsonl"] * 12, "--output", "many")
        root = xml.parse(Case.folder / "many" / "comparison.svg").getroot()
        texts = root.findall(".//{http://www.w3.org/2000/svg}text")
        title = next(text for text in texts if text.text == "Accuracy on the test part")
        legend = [text for text in texts if text.text == "learned"]
        self.assertEqual(len({(text.get("x"), text.get("y")) for text in legend}), 12)
        for text in legend:
            self.assertGreater(float(text.get("y")), float(title.get("y")))
            self.assertLess(float(text.get("x")), 740)
        grid = [line for line in root.findall(".//{http://www.w3.org/2000/svg}line") if line.get("class") == "grid"]
        self.assertLess(max(float(text.get("y")) for text in legend), min(float(line.get("y1")) for line in grid))

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
                                "--start-size", 16, "--stages", 2, "--test-size", 32,
                                *(() if optimiser == "sgd" else ("--magnitude", 9, "--start-magnitude", 3)),
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
        process = Popen([Case.executable, *latest(command)], cwd=Case.folder, stdout=follower, stderr=PIPE)
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
        self.fails(*start, "--preset", "paper", "--policy", "randaug", says="--policy randaug needs a --magnitude")
        self.fails(*start, "--architecture", SMALL, "--steps", 2, "--stages", 3, says="more steps")
        self.fails(*start, "--learning-rate", "nan", says="nan is not a number", status=2)
        self.fails(*start, "--steps", 2, "--epochs", 3, says="--steps and --epochs both say")
        self.fails(*start, "--freeze", 2, says="--freeze leaves blocks as they are")
        self.fails(*start, "--freeze-norms", says="--freeze-norms keeps statistics")
        self.fails(*start, "--scheme", "timm", says="--scheme tells what the weights of --from are")
        self.fails(*start[:3], "--output", "colours/train/run", says="colours/train/run: lies in colours")
        self.fails("train", "--data", "colours/train", "--test", "colours/test", "--output", "colours/test/run",
                   says="colours/test/run: lies in colours/test")
        self.fails(*start, "--policy", "autoaugment", "--magnitude", 5, says="--magnitude is RandAugment's")
        self.assertFalse((Case.folder / "colours" / "test" / "run").exists())
        self.assertFalse((Case.folder / "colours" / "train" / "run").exists())
        self.fails("train", "--data", "missing", "--output", "missing/run", says="missing: cannot be read as a folder")
        write_folders(Case.folder / "half" / "train", 1, 2)
        self.fails("train", "--data", "half", "--output", "half/run", says="half/run: lies in half")
        self.assertFalse((Case.folder / "half" / "run").exists())

    def test_a_run_that_is_refused_leaves_its_folder_free(self):
        self.fails("train", "--data", "colours", "--output", "second", *FAST, "--warmup", 1000, says="learning rate")
        self.train("second", *FAST, "--epochs", 1)

    def test_presets_drop_the_last_part_of_a_batch(self):
        for preset, steps in (("automl", 6), ("own", 7)):  # 1.1 epochs of 48 pictures, 8 a step
            output = self.train(f"steps-{preset}", "--variant", "b0", "--preset", preset, "--size", 32, "--start-size", 32,
                                "--stages", 1, "--batch", 8, "--epochs", 1.1, "--warmup", 0, "--evaluate-every", 0)
            self.assertEqual(json.loads((output / "settings.json").read_text())["steps"], steps)

    def test_presets_do_not_shrink_what_grows(self):
        output = self.train("small-preset", "--variant", "b0", "--preset", "paper", "--size", 32, "--dropout", 0, "--steps", 4,
                            "--batch", 2, "--warmup", 0, "--evaluate-every", 0)
        stages = json.loads((output / "settings.json").read_text())["stages"]
        self.assertEqual([(stage["size"], stage["dropout"]) for stage in stages], 4 * [(32, 0.0)])

    def test_training_that_diverges_where_nothing_is_evaluated(self):
        arguments = ("train", "--data", "colours/train", "--output", "unheard", *FAST, "--architecture",
                     "stem 16/1; fused 1/2 c16; mbconv 2/2 e2 c24; head 32", "--size", 32, "--epochs", 3, "--learning-rate", 1e6,
                     "--optimiser", "sgd")
        err = self.tool(*arguments, status=1)[1]
        self.assertRegex(err, "not finite|not all numbers")
        self.assertFalse((Case.folder / "unheard" / "weights.safetensors").exists())

    def test_output_that_nobody_reads(self):
        command = [Case.executable, "train", "--data", "colours", "--output", "unread", *map(str, latest((*FAST, "--epochs", 3)))]
        reader, writer = os.pipe()
        os.close(reader)
        done = run(command, cwd=Case.folder, stdout=writer, stderr=-1, text=True)
        os.close(writer)
        self.assertNotEqual(done.returncode, -13)
        self.assertTrue((Case.folder / "unread" / "weights.safetensors").exists())


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

    def test_folded_norms_are_noticed(self):
        data = bytearray((Case.folder / "base" / "weights.safetensors").read_bytes())
        start = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:start])
        norms = [name[:-len("running_var")] for name in header if name.endswith("running_var")]
        for norm in norms:
            for part, value in (("weight", 1.0), ("running_mean", 0.0), ("running_var", 1.0 - 1e-3)):
                begin, end = (start + offset for offset in header[norm + part]["data_offsets"])
                data[begin:end] = struct.pack("<f", value) * ((end - begin) // 4)
        self.assertGreater(len(norms), 3)
        (Case.folder / "folded.safetensors").write_bytes(data)
        for weights, frozen, adopts in (("folded.safetensors", (), True), ("folded.safetensors", ("--freeze-norms",), False),
                                        ("base/weights.safetensors", (), False)):
            output = self.train(f"from-{len(frozen)}-{weights[:4]}", "--from", weights, "--size", 16, "--steps", 1,
                                "--batch", 8, *frozen)
            self.assertIs(json.loads((output / "settings.json").read_text())["adopt_statistics"], adopts)

    def test_what_the_file_is_not(self):
        start = ("train", "--data", "two", "--output", "never", "--from", "base/weights.safetensors")
        self.fails(*start, "--variant", "b0", says="holds another network than --variant")
        self.fails(*start, "--architecture", SMALL.replace("c16", "c24"), says="holds another network than --architecture")
        self.fails(*start, "--whiten", says="--whiten is for a stem that is drawn")
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
        return Popen([Case.executable, *command], cwd=Case.folder, stdout=PIPE, stderr=PIPE, text=True)

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
        self.fails(*again, "--resume", "--mixup", 0.5, says="stages 2 mixup is 0.0 there and")
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


if __name__ == "__main__":
    main()
