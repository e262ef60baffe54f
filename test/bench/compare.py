# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times this project and PyTorch at the same work, taking turns, and prints a table. Start it with `run`.

Every configuration is the reference's own. All peers start from the same weights and ids, so the first losses must
agree, or the comparison is refused. JSON lines with every single time go into a file, the table to stdout, words to
stderr.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import counts
from tables import MODES, WORK, both

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIGS = ["mblm-1d-t", "mblm-2d-tt", "mblm-3d-ttt", "megabyte", "mambabyte", "mblm-2d-mt", "mblm-3d-mtt", "blt"]
LOSS_TOLERANCE = {"f32": 1e-4, "bf16": 2e-2}


class Peer:
    """A process that makes one timed call for each line 'step'."""

    def __init__(self, name, command):
        self.name = name
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.seconds = []
        self.losses = []
        self.hello = {}
        while "ready" not in self.hello:
            self.hello.update(self.answer())

    def answer(self):
        # Libraries may print too; answers are JSON objects.
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        raise SystemExit(
            f"{self.name} ended with exit code {self.process.returncode}:\n"
            + self.errors.read().decode(errors="replace")[-2000:]
        )

    def step(self):
        print("step", file=self.process.stdin, flush=True)
        answer = self.answer()
        self.seconds.append(answer["seconds"])
        self.losses.append(answer["loss"])

    def finish(self):
        self.process.stdin.close()
        memory = self.answer()
        self.process.wait()
        # What the work itself needs: without the libraries that were loaded before it began.
        self.memory = memory["peak_rss_bytes"] - memory["start_rss_bytes"]
        self.start_memory = memory["start_rss_bytes"]

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def words(text):
    print(text, file=sys.stderr, flush=True)


def case_for(config, entry):
    """A configuration with the work of an entry: generation is of one sequence, and needs room behind its context."""
    case = json.loads(config.read_text())
    if entry in ("prefill", "decode"):
        case["batch"] = 1
        case["length"] = case["length"] if entry == "prefill" else case["length"] * 3 // 4
        if case["format"] == "blt":  # patches that neither peer needs an entropy model for
            case["config"].update(patching_mode="static", patch_size=4)
            case["mean_patch"] = 4
    return case


def modes_for(options, case, entry):
    """PyTorch's ways that make sense: each byte is one more shape to compile for, and some models never finish."""
    if options.modes:
        return options.modes
    if case["format"] == "mamba" and entry != "train":
        return ["recurrent"] if entry == "decode" else ["eager", "sequential"]
    return ["eager", "compile"] if case.get("compiles", True) and entry != "decode" else ["eager"]


def compile_model(options, case, name, folder):
    """The reference's configuration to an artifact, so that compiling is no part of what is timed or weighed."""
    if options.artifacts:
        return options.artifacts / f"{name}.{options.precision}.so"
    config, spec, artifact = folder / "config.json", folder / "spec.json", folder / "model.so"
    config.write_text(json.dumps(case["config"]))
    precision = [] if options.precision == "f32" else ["--precision", options.precision]
    for command in (
        ["import", case["format"], str(config), "-o", str(spec)],
        ["compile", str(spec), "-o", str(artifact), "--cache", "off", *precision],
    ):
        done = subprocess.run([options.mblm, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"mblm {' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
    return artifact


def start_peers(options, case, name, entry, threads, folder):
    weights, ids = folder / "weights.safetensors", folder / "ids.safetensors"
    shared = ["--entry", entry, "--weights", str(weights), "--threads", str(threads)]
    (folder / "case.json").write_text(json.dumps(case))
    peers = []
    try:
        for mode in modes_for(options, case, entry):
            # -O: without the references' assertions, some of which compare whole tensors. torch.compile reads the code of Python 3.12
            # and later only with them.
            plain = mode == "compile" and sys.version_info >= (3, 12)
            command = [sys.executable, *([] if plain else ["-O"]), str(HERE / "peer.py"), str(folder / "case.json"), *shared, "--ids", str(ids)]
            peers.append(Peer(mode, [*command, "--mode", mode, "--device", options.device, "--precision", options.precision]))
        command = [options.mblm, "bench", str(compile_model(options, case, name, folder)), *shared, "--input", str(ids)]
        peers.insert(0, Peer("mblm", [*command, "--interactive", "--target", options.device]))
    except BaseException:
        for peer in peers:
            peer.stop()
        raise
    return peers


def compare_losses(peers, index):
    """The largest distance of our loss to a peer's."""
    return max(abs(peers[0].losses[index] - peer.losses[index]) for peer in peers[1:])


def quantile(values, fraction):
    ordered = sorted(values)
    return ordered[round(fraction * (len(ordered) - 1))]


def measure(options, name, entry, threads):
    load = os.getloadavg()[0]
    if load > 0.5:
        words(f"warning: load average {load:.1f}: other programs take turns too, which no ratio makes good")
    config = Path(name) if name.endswith(".json") else HERE / "configs" / f"{name}.json"
    case = case_for(config, entry)
    with tempfile.TemporaryDirectory() as folder:
        words(f"{config.stem}, {entry}, {threads} threads: starting {', '.join(['mblm', *modes_for(options, case, entry)])}")
        peers = start_peers(options, case, config.stem, entry, threads, Path(folder))
        try:
            for peer in peers:
                peer.step()
                words(f"  {peer.name}: first call {peer.seconds[0]:.3f} s, loss {peer.losses[0]:.6f}")
            tolerance = LOSS_TOLERANCE[options.precision]
            if not compare_losses(peers, 0) <= tolerance:
                raise SystemExit(
                    f"{config.stem}: first losses differ by {compare_losses(peers, 0):.3g}, expected at most"
                    f" {tolerance:g}: there is nothing to compare"
                )
            for turn in range(options.pairs + 1):  # the first turn warms up
                for peer in peers:
                    peer.step()
                line = "  ".join(f"{peer.name} {peer.seconds[-1]:.4f} s" for peer in peers)
                words(f"  turn {turn}/{options.pairs}: {line}")
            for peer in peers:
                peer.finish()
        finally:
            for peer in peers:
                peer.stop()
    return report(options, config.stem, case, entry, threads, peers, load)


def report(options, name, case, entry, threads, peers, load):
    ours = peers[0]
    flops = counts.flops(case, entry)
    peak = options.peak or ours.hello["peak_flops_per_second"]
    result = {
        "config": name,
        "entry": entry,
        "batch": case["batch"],
        "length": case["length"],
        "device": options.device,
        "dtype": options.precision,
        "threads": threads,
        "torch": peers[1].hello["torch"],
        "parameters": peers[1].hello["parameters"],
        "flops": flops,
        "peak_flops_per_second": peak,
        "first_loss_difference": compare_losses(peers, 0),
        "last_loss_difference": compare_losses(peers, -1),
        "load_average": load,
        "peers": {},
    }
    for peer in peers:
        timed = peer.seconds[2:]
        median = statistics.median(timed)
        result["peers"][peer.name] = {
            "first_s": peer.seconds[0],
            "seconds": timed,
            "losses": peer.losses,
            "median_s": median,
            "share_of_peak": flops / median / peak,
            "memory_bytes": peer.memory,
            "start_memory_bytes": peer.start_memory,
        }
        if peer is not ours:
            ratios = [theirs / own for theirs, own in zip(timed, ours.seconds[2:])]
            result["peers"][peer.name].update(
                ratio=statistics.median(ratios), ratio_p10=quantile(ratios, 0.1), ratio_p90=quantile(ratios, 0.9)
            )
    best = min(peers[1:], key=lambda peer: result["peers"][peer.name]["median_s"]).name
    result["better_peer"] = best
    result["ratio"] = result["peers"][best]["ratio"]
    result["memory_ratio"] = min(peer.memory for peer in peers[1:]) / ours.memory
    return result


def main():
    parser = argparse.ArgumentParser(prog="test/bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--configs", nargs="+", default=CONFIGS, help="names from configs/, or paths of such files")
    parser.add_argument("--entry", nargs="+", default=["train"], choices=list(WORK),
                        help="train: loss, gradients, clipping, AdamW; forward: the loss without gradients; prefill: reading"
                             " a context; decode: a byte behind it, PyTorch's by reading everything again; entropies: what BLT's"
                             " patches are cut by, of blt-entropy")
    parser.add_argument("--pairs", type=int, default=7, help="turns that count (default 7)")
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--modes", nargs="+", choices=MODES,
                        help="PyTorch as it is, under torch.compile, with Mamba's scan as a loop over positions, and in"
                             " Mamba's steps from a kept state (default: those that make sense)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where PyTorch runs")
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--artifacts", type=Path, help="folder of CONFIG.PRECISION.so, compiled beforehand")
    parser.add_argument("--peak", type=float, help="flops a second that count as all (default: measured on the CPU)")
    parser.add_argument("--mblm", default=str(ROOT / "build" / "bin" / "mblm"), help="program to measure")
    parser.add_argument("--show", type=Path, nargs="+", help="measures nothing: prints the tables of such files of JSON lines")
    parser.add_argument("--output", default=str(ROOT / "build" / "bench.jsonl"),
                        help="JSON lines are added to this file")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error("--pairs: expected at least 1")
    if options.show:
        results = [json.loads(line) for path in options.show for line in path.read_text().splitlines()]
        print(both(results))
        return
    results = []
    begin = time.time()
    for name, entry, threads in itertools.product(options.configs, options.entry, options.threads):
        results.append(measure(options, name, entry, threads))
        with open(options.output, "a") as file:
            print(json.dumps(results[-1]), file=file)
    first = results[0]
    print(f"{options.precision}, {options.pairs} turns, torch {first['torch']}, measured peak of {first['threads']} threads"
          f" {first['peak_flops_per_second'] / 1e9:.0f} GFLOP/s\n")
    print(both(results))
    words(f"{time.time() - begin:.0f} s; every time is in {options.output}")


if __name__ == "__main__":
    main()
