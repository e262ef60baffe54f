# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One BLT (models/patching.json) with patches cut in several ways, each trained with equally many flops: bits per byte
of held-out text, as a table. Flops are counted by `mblm check` at the mean patch that `mblm patch` measures; those of
the entropy model come on top and are printed. Learnt patches are as long as words on average, so that they compare with them."""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MBLM = ROOT / "build/bin/mblm"
TEXTS = ROOT / "build/quickstart"
SAMPLE_BYTES = 200_000  # of the training text, to measure patches on


def mblm(*arguments):
    """Runs a command; what it printed as JSON."""
    command = [str(MBLM), *map(str, arguments), "--json"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return json.loads(result.stdout)


def describe(rule):
    if rule["mode"] == "entropy":
        rises = "rises by more than" if rule["monotonic"] else "is above"
        return f"where the entropy {rises} {rule['threshold']:.3f} nats"
    return {"byte": "at every byte", "static": f"every {rule.get('size')} bytes", "space": "behind spaces"}[rule["mode"]]


class Comparison:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.threads = ["--threads", options.threads] if options.threads else []
        self.spec = json.loads((ROOT / "models/patching.json").read_text())
        self.length = self.spec["stages"][1]["length"]
        self.teller = ROOT / "models/patching-entropy.json"
        self.sample = self.folder / "sample"
        self.sample.write_bytes(options.data.read_bytes()[:SAMPLE_BYTES])
        self.teller_weights = self.folder / "entropy/weights.safetensors"

    def write_settings(self, name, rate):
        path = self.folder / f"{name}.train.json"
        path.write_text(json.dumps({"optimizer": "adamw", "lr": rate, "schedule": "cosine", "warmup_steps": 20,
                                    "min_lr_ratio": 0.05, "weight_decay": 0.01, "clip_norm": 1, "seed": 1,
                                    "batch": self.options.batch, "length": self.length}))
        return path

    def train(self, name, spec, flops_per_byte, extra=()):
        """Spends the budget; gives steps and held-out bits per byte."""
        steps = max(1, round(self.options.budget * 1e12 / (flops_per_byte * self.options.batch * self.length)))
        folder = self.folder / name
        mblm("train", spec, "--data", self.options.data, "--eval-data", self.options.held_out, "--steps", steps,
             "--config", self.write_settings(name, self.options.rate), "--out", folder, *self.threads, *extra)
        report = mblm("eval", spec, "--weights", folder / "weights.safetensors", "--data", self.options.held_out,
                      "--max-bytes", self.options.eval_bytes, "--batch", self.options.batch, *self.threads, *extra)
        return steps, report["bpb"]

    def entropy_options(self):
        return ["--entropy-model", self.teller, "--entropy-weights", self.teller_weights]

    def mean_patch(self, rule):
        """Of the sample."""
        options = ["--mode", rule["mode"]]
        if rule["mode"] == "entropy":
            options += ["--weights", self.teller_weights, "--threshold", rule["threshold"]]
            options += ["--monotonic"] if rule["monotonic"] else []
        if rule["mode"] == "static":
            options += ["--patch-size", rule["size"]]
        return mblm("patch", self.teller, "--data", self.sample, *options, *self.threads)["mean_patch"]

    def write_spec(self, name, patches):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({**self.spec, "name": f"patches: {name}",
                                    "patches": {**self.spec["patches"], **patches}}))
        return path

    def threshold_for(self, mean, monotonic):
        """The threshold at which patches have `mean` bytes: they grow with it."""
        low, high = 0.0, 6.0
        for _ in range(12):
            middle = (low + high) / 2
            found = self.mean_patch({"mode": "entropy", "threshold": middle, "monotonic": monotonic})
            low, high = (middle, high) if found < mean else (low, middle)
        return round((low + high) / 2, 4)

    def run(self):
        cost = mblm("check", self.teller)["flops_per_byte"]
        steps, bits = self.train("entropy", self.teller, cost)
        print(f"entropy model: {cost / 1e6:.2f} MFLOP a byte, {steps} steps, {bits:.3f} bits per byte\n", flush=True)

        space = self.mean_patch({"mode": "space"})
        rules = [{"mode": "byte"}, {"mode": "static", "size": round(space)}, {"mode": "space"}]
        for monotonic in (False, True):
            rules.append({"mode": "entropy", "threshold": self.threshold_for(space, monotonic), "monotonic": monotonic})
        print("| patches begin | mean bytes | MFLOP a byte, training | steps | bits per byte, held out |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        for number, rule in enumerate(rules):
            spec, mean = self.write_spec(f"{number}-{rule['mode']}", rule), self.mean_patch(rule)
            cost = mblm("check", spec, "--mean-patch", mean)["flops_per_byte"]
            steps, bits = self.train(spec.stem, spec, cost, self.entropy_options() if rule["mode"] == "entropy" else [])
            print(f"| {describe(rule)} | {mean:.2f} | {cost / 1e6:.2f} | {steps} | {bits:.3f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=TEXTS / "train", help="text to train on (default: tools/quickstart's)")
    parser.add_argument("--held-out", type=pathlib.Path, default=TEXTS / "held-out", help="text to evaluate on")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/patching", help="to work in")
    parser.add_argument("--budget", type=float, default=5, help="TFLOP a training run (default 5)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.003, help="highest learning rate")
    parser.add_argument("--eval-bytes", type=int, default=100_000)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    for text in (options.data, options.held_out):
        if not text.is_file():
            parser.error(f"no file '{text}'; tools/quickstart makes texts in {TEXTS}")
    Comparison(options).run()


if __name__ == "__main__":
    main()
