#!/usr/bin/env python3
"""Times effv2 and ONNX Runtime in turns on the same network and prints the median ratio of the pairs.

    apt-get install python3-torch python3-torchvision python3-onnx nodejs npm
    /usr/bin/python3 bench/compare_onnxruntime.py --effv2 build/examples/effv2 --variant s --threads 2

Above 1, effv2 is faster. Both run with formula weights and symmetric padding (SAME would cost ONNX extra Pad nodes). The
peer is the CPU build of the npm package onnxruntime-node, installed into --cache on first use. Run it on an idle machine.
"""
import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER = """
const ort = require('onnxruntime-node');
(async () => {
  const [file, size, batch, threads, seconds] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all'});
  const shape = [Number(batch), 3, Number(size), Number(size)];
  const data = Float32Array.from({length: shape.reduce((a, b) => a * b)}, () => Math.random() * 2 - 1);
  const x = new ort.Tensor('float32', data, shape);
  const times = [];
  for (let i = 0; i < 3; i++) await session.run({x});
  const end = performance.now() + 1000 * Number(seconds);
  while (times.length < 5 || performance.now() < end) {
    const start = performance.now();
    await session.run({x});
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const middle = (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
  console.log(JSON.stringify({median_ms: middle, version: require('onnxruntime-node/package.json').version}));
})();
"""


def export(variant, size, path):
    """The variant with formula weights as an ONNX file whose batch is free."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import torch
    import make_network_goldens as goldens
    net = goldens.build(variant, "symmetric", 1000).float()
    with torch.no_grad():
        for name, tensor in goldens.timm_names(net):
            tensor.copy_(goldens.formula(name, tuple(tensor.shape)))
    unfinished = path.with_suffix(".partial")
    torch.onnx.export(net, torch.zeros(1, 3, size, size), str(unfinished), input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, opset_version=15)
    unfinished.replace(path)


def result(command):
    """The JSON object of a run's last line."""
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.strip().splitlines()[-1])


def main():
    sizes = {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "s": 384, "m": 480, "l": 480, "xl": 512}
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--effv2", default="build/examples/effv2", help="the command-line tool")
    p.add_argument("--variant", choices=sizes, required=True)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--cache", type=Path, default=Path.home() / ".cache/effv2-compare")
    a = p.parse_args()

    a.cache.mkdir(parents=True, exist_ok=True)
    if not (a.cache / "node_modules/onnxruntime-node").exists():
        # The package's install script would fetch a GPU build; the CPU build is in the package.
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(a.cache),
                        "onnxruntime-node"], check=True)
    (a.cache / "peer.js").write_text(PEER)
    size = sizes[a.variant]
    model = a.cache / f"{a.variant}.onnx"
    if not model.exists():
        export(a.variant, size, model)

    common = [str(a.batch), str(a.threads), str(a.seconds)]
    theirs = ["node", str(a.cache / "peer.js"), str(model), str(size), *common]
    ours = [a.effv2, "bench", "--variant", a.variant, "--padding", "symmetric", "--batch", common[0], "--threads",
            common[1], "--seconds", common[2], "--json"]
    version, pairs = None, []
    for _ in range(a.pairs):
        peer = result(theirs)
        version = peer["version"]
        pairs.append((peer["median_ms"], result(ours)["median_ms"]))
    ratios = [t / o for t, o in pairs]
    print(json.dumps({"onnxruntime": version, "variant": a.variant, "batch": a.batch, "threads": a.threads,
                      "effv2_ms": round(statistics.median(o for _, o in pairs), 3),
                      "onnxruntime_ms": round(statistics.median(t for t, _ in pairs), 3),
                      "ratio": round(statistics.median(ratios), 3), "least": round(min(ratios), 3),
                      "most": round(max(ratios), 3)}))


if __name__ == "__main__":
    main()
