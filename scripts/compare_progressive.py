#!/usr/bin/env python3
"""Trains one network at a fixed size, at growing sizes, and with regularisation that grows with them, with three seeds
each, and prints how long each took to the fixed runs' accuracy: compare_progressive.py --data CIFAR-10 --output FOLDER.
Each run has one thread, and as many are under way at once as --at-once says. Runs that are finished are not repeated."""

import argparse
import concurrent.futures
import json
import pathlib
import statistics
import subprocess

ARCHITECTURE = "stem 48/1; fused 1/2 c96; fused 2 c96; fused 1/2 c192; fused 2 c192; fused 1/2 c256; fused 1 c256; head 512"
SHARED = ("--optimiser sgd --learning-rate 0.2 --batch 128 --stochastic-depth 0 --average 0.995 --size 32 "
          "--magnitude 10 --dropout 0.2 --cutout 0.25 --threads 1").split()
KINDS = {
    "fixed": "--stages 1".split(),
    "progressive": "--stages 3 --start-size 16 --start-magnitude 0 --start-dropout 0".split(),
    "size": "--stages 3 --start-size 16 --start-magnitude 10 --start-dropout 0.2".split(),
}


def train(arguments, kind, seed, epochs):
    folder = arguments.output / f"{kind}-{seed}"
    # Of a run that is finished, this makes no step more, and it refuses the folder of one with other settings.
    subprocess.run([arguments.effv2, "train", "--data", arguments.data, "--output", folder, "--resume", "--seed", str(seed),
                    "--architecture", ARCHITECTURE, "--epochs", str(epochs), *SHARED, *KINDS[kind]], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def evaluations(folder):
    """(minutes of training, top-1) of each evaluation of a run."""
    minutes, batch, found = 0.0, 0, []
    for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()):
        if line["kind"] == "settings":
            batch = line["batch"]
        elif line["kind"] == "step":
            minutes += line["steps"] * batch / line["images_per_second"] / 60
        elif line["top1"] is not None:
            found.append((minutes, line["top1"]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10, as effv2 train takes it")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--effv2", default="build/examples/effv2")
    parser.add_argument("--epochs", type=float, default=4, help="of a run of fixed size")
    parser.add_argument("--growing-epochs", type=float, default=4.5, help="of the others, which take less time each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=2, help="runs side by side, on a core each")
    arguments = parser.parse_args()

    with concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
        folders = {
            (kind, seed): pool.submit(train, arguments, kind, seed,
                                      arguments.epochs if kind == "fixed" else arguments.growing_epochs)
            for kind in KINDS for seed in range(arguments.seeds)
        }
        runs = {kind: [evaluations(folders[kind, seed].result()) for seed in range(arguments.seeds)] for kind in KINDS}

    goal = statistics.mean(run[-1][1] for run in runs["fixed"])
    whole = statistics.mean(run[-1][0] for run in runs["fixed"])
    print(f"| run | top-1 at the end, seeds | mean | minutes | minutes to {100 * goal:.2f} % | of fixed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, kind_runs in runs.items():
        final = [100 * run[-1][1] for run in kind_runs]
        reached = [next((minutes for minutes, top1 in run if top1 >= goal), None) for run in kind_runs]
        times = ", ".join("never" if minutes is None else f"{minutes:.2f}" for minutes in reached)
        share = "" if None in reached else f"{statistics.mean(reached) / whole:.2f}"
        print(f"| {kind} | {', '.join(f'{top1:.2f}' for top1 in final)} | {statistics.mean(final):.2f} | "
              f"{statistics.mean(run[-1][0] for run in kind_runs):.2f} | {times} | {share} |")


main()
