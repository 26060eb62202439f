#!/usr/bin/env python3
"""Tests effv2 search as a user meets it: search_test.py PATH_TO_EFFV2. Needs nothing but Python itself."""
import json
import signal
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from subprocess import PIPE, Popen

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests/ is not where Python looks by itself
from training_case import Case, SMALL, latest, main, read_log  # noqa: E402

# A dozen networks of a few thousand parameters, a tenth of a second each.
SEARCH = ("--architecture", SMALL, "--data", "colours", "--epochs", 4, "--policy", "none", "--crop", "none", "--no-mirror",
          "--batch", 8, "--learning-rate", 0.01, "--average", 0.9, "--stochastic-depth", 0, "--dropout", 0, "--threads", 1,
          "--held-out", 0.25, "--expansions", "1,2", "--population", 3, "--trials", 5)

# What decides which architectures are tried depends on measured times; these do not.
SAME = ("architecture", "parameters", "macs")


def trials(folder):
    return [line for line in read_log(folder) if line["kind"] == "trial"]


class Search(Case):
    def search(self, output, *arguments, status=0):
        out = self.tool("search", *SEARCH, "--output", output, *arguments, status=status)[0]
        return Case.folder / output, out

    def test_a_search(self):
        folder, out = self.search("found")
        found = trials(folder)
        self.assertEqual([line["step"] for line in found], [1, 2, 3, 4, 5])
        self.assertIn("256 architectures; 36 pictures to train on, 12 to judge by; 18 steps of 8 pictures each", out)
        self.assertIn("stem 8/2; fused 1/1 k3 e1 c8; mbconv 1/2 k3 e2 c16 se4; head 32; classes 3; size 32",
                      found[0]["architecture"])
        self.assertEqual((found[0]["step_time"], found[0]["reward"]), (1.0, found[0]["accuracy"]))
        self.assertEqual(len({line["architecture"] for line in found}), 5)
        for line in found:
            share = line["parameters"] / found[0]["parameters"]
            self.assertAlmostEqual(line["reward"], line["accuracy"] * line["step_time"] ** -0.07 * share ** -0.05)
            self.assertGreater(line["step_ms"], 0.0)
            self.assertGreater(line["accuracy"], 0.25)
        best = max(found, key=lambda line: line["reward"])
        self.assertEqual((folder / "architecture.txt").read_text(), best["architecture"] + "\n")
        self.assertIn(best["architecture"], out)
        for chart in ("search", "reward"):
            self.assertEqual(xml.parse(folder / "plots" / f"{chart}.svg").getroot().tag, "{http://www.w3.org/2000/svg}svg")

    def test_what_was_found_can_be_trained(self):
        folder, _ = self.search("to_train", "--trials", 1)
        text = (folder / "architecture.txt").read_text().strip()
        self.tool("train", "--data", "colours", "--output", "trained", "--architecture", text, "--epochs", 1)

    def test_random_search_goes_on_as_if_it_had_never_stopped(self):
        whole, _ = self.search("whole", "--sampler", "random", "--trials", 3)
        parts, _ = self.search("parts", "--sampler", "random", "--trials", 1)
        _, out = self.search("parts", "--sampler", "random", "--trials", 3, "--resume")
        self.assertIn("going on after trial 1 of 3", out)
        for one, other in zip(trials(whole), trials(parts), strict=True):
            for key in (*SAME, "accuracy", "loss"):
                self.assertEqual(one[key], other[key], key)
        self.assertEqual([line["kind"] for line in read_log(parts)].count("settings"), 1)
        # With other threads, too.
        cores, _ = self.search("cores", "--sampler", "random", "--trials", 2, "--threads", 2)
        self.assertEqual([line["loss"] for line in trials(cores)], [line["loss"] for line in trials(whole)][:2])

    def test_a_search_that_is_asked_to_stop(self):
        command = [Case.executable, *latest(("search", *SEARCH, "--output", "stopped", "--trials", 1000, "--layers", "0,1,2,3",
                                             "--expansions", "1,2,3,4,5,6,7,8"))]
        process = Popen(command, cwd=Case.folder, stdout=PIPE, stderr=PIPE, text=True)
        log = Case.folder / "stopped" / "log.jsonl"
        for _ in range(600):
            if log.exists() and log.read_text().count('"trial"') >= 2:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (3, ""))
        self.assertIn("--resume goes on from there", out)
        done = len(trials(Case.folder / "stopped"))
        # A line that a killed process left unfinished is made again.
        with log.open("a") as file:
            file.write('{"kind": "trial", "step": ')
        self.tool(*command[1:], "--trials", done + 1, "--resume")
        self.assertEqual([line["step"] for line in trials(Case.folder / "stopped")], list(range(1, done + 2)))

    def test_the_end_of_a_space(self):
        arguments = ("--kinds", "mbconv", "--kernels", 3, "--expansions", 2, "--layers", 0, "--trials", 20)
        out, err = self.tool("search", *SEARCH, "--output", "small_space", *arguments)
        self.assertIn("\n1 architecture;", "\n" + out)
        self.assertIn("no architecture is left to try: 2 of 1 were tried", err)
        self.assertEqual(len(trials(Case.folder / "small_space")), 2)  # the backbone has a fused stage

    def test_limits(self):
        backbone = trials(self.search("one", "--trials", 1)[0])[0]
        folder, _ = self.search("limited", "--sampler", "random", "--trials", 3, "--most-parameters", backbone["parameters"] / 1e6,
                                "--most-macs", 2 * backbone["macs"] / 1e6)
        for line in trials(folder):
            self.assertLessEqual(line["parameters"], backbone["parameters"])
            self.assertLessEqual(line["macs"], 2 * backbone["macs"])

    def test_a_backbone_that_diverges(self):
        self.fails("search", *SEARCH, "--output", "wild", "--optimiser", "sgd", "--learning-rate", 1e6, "--clip", 0,
                   says="is not finite")

    def test_wrong_input(self):
        for arguments, says in (
                (("--kernels", "3;5"), "--kernels at character 2: expected ',' or the end, found"),
                (("--kernels", "3,"), "--kernels at character 3: expected whole numbers with commas between them"),
                (("--kernels", "4"), "the search space: a stage's kernel must be 3, 5 or 7, found 4 in stage 1"),
                (("--expansions", "9"), "a stage's expansion must be 1 to 8, found 9"),
                (("--layers", "-1"), "at least one kernel, one expansion and one number of blocks"),
                (("--layers", ",".join(map(str, range(20)))), "--layers has 20 numbers; expected at most 16"),
                (("--data", "nowhere"), "nowhere: cannot be read as a folder"),
                (("--architecture", "stem 8"), "at least one stage"),
                (("--data", "colours/test/red"), "has no folders; expected one for each class")):
            self.fails("search", *SEARCH, "--output", "never", *arguments, says=says)
        self.assertFalse((Case.folder / "never" / "log.jsonl").exists())
        self.tool("search", *SEARCH, "--output", "never", "--trials", 0, status=2)
        self.tool("search", *SEARCH, "--output", "never", "--held-out", 1, status=2)

    def test_other_settings_are_refused(self):
        folder, _ = self.search("mine", "--trials", 1)
        self.fails("search", *SEARCH, "--output", "mine", says="has a run already")
        self.fails("search", *SEARCH, "--output", "mine", "--resume", "--kernels", "3", says="space kernels")
        log = folder / "log.jsonl"
        line = json.loads(log.read_text().splitlines()[1])
        line["architecture"] = "stem 8; fuzed 1 c8"
        log.write_text(json.dumps(line) + "\n")
        self.fails("search", *SEARCH, "--output", "mine", "--resume", says="log.jsonl: trial 1: the architecture's text")


if __name__ == "__main__":
    main()
