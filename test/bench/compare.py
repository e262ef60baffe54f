# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times this project and PyTorch at the same work, taking turns, and prints a table. Start it with `run`.

Every configuration is the reference's own. All peers start from the same weights and ids, so the first losses must
agree, or the comparison is refused. JSON lines with every single time go into a file, the table to stdout, words to
stderr.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import counts

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIGS = ["mblm-1d-t", "mblm-2d-tt", "mblm-3d-ttt", "megabyte", "mambabyte", "mblm-2d-mt", "mblm-3d-mtt"]
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


def compile_model(options, case, config, folder):
    """The reference's configuration to an artifact, so that compiling is no part of what is timed or weighed."""
    if options.artifacts:
        return options.artifacts / f"{config.stem}.{options.precision}.so"
    config, spec, artifact = folder / "config.json", folder / "spec.json", folder / "model.so"
    config.write_text(json.dumps(case["config"]))
    for command in (
        ["import", case["format"], str(config), "-o", str(spec)],
        ["compile", str(spec), "-o", str(artifact), "--cache", "off"],
    ):
        done = subprocess.run([options.mblm, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"mblm {' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
    return artifact


def start_peers(options, case, config, folder):
    weights, ids = folder / "weights.safetensors", folder / "ids.safetensors"
    threads = ["--threads", str(options.threads)]
    peers = []
    try:
        for mode in options.modes:
            # -O: without the references' assertions, some of which compare whole tensors.
            command = [sys.executable, "-O", str(HERE / "peer.py"), str(config), "--entry", options.entry]
            command += ["--mode", mode, "--device", options.device, "--precision", options.precision]
            peers.append(Peer(mode, [*command, "--weights", str(weights), "--ids", str(ids), *threads]))
        command = [options.mblm, "bench", str(compile_model(options, case, config, folder)), "--entry", options.entry]
        command += ["--weights", str(weights), "--input", str(ids), "--interactive", "--target", options.device, *threads]
        peers.insert(0, Peer("mblm", command))
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


def measure(options, name):
    load = os.getloadavg()[0]
    if load > 0.5:
        words(f"warning: load average {load:.1f}: other programs take turns too, which no ratio makes good")
    config = Path(name) if name.endswith(".json") else HERE / "configs" / f"{name}.json"
    case = json.loads(config.read_text())
    with tempfile.TemporaryDirectory() as folder:
        words(f"{config.stem}: starting {', '.join(['mblm', *options.modes])}")
        peers = start_peers(options, case, config, Path(folder))
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
                line = "  ".join(f"{peer.name} {peer.seconds[-1]:.3f} s" for peer in peers)
                words(f"  turn {turn}/{options.pairs}: {line}")
            for peer in peers:
                peer.finish()
        finally:
            for peer in peers:
                peer.stop()
    return report(options, config.stem, case, peers, load)


def report(options, name, case, peers, load):
    ours = peers[0]
    flops = counts.flops(case, options.entry)
    peak = options.peak or ours.hello["peak_flops_per_second"]
    result = {
        "config": name,
        "entry": options.entry,
        "batch": case["batch"],
        "length": case["length"],
        "device": options.device,
        "dtype": options.precision,
        "threads": options.threads,
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
    best = min(options.modes, key=lambda mode: result["peers"][mode]["median_s"])
    result["better_peer"] = best
    result["ratio"] = result["peers"][best]["ratio"]
    result["memory_ratio"] = min(result["peers"][mode]["memory_bytes"] for mode in options.modes) / ours.memory
    return result


def table(options, results):
    lines = [
        "| configuration | " + " | ".join(f"{peer}, s" for peer in ["mblm", *options.modes])
        + " | times as fast as the better peer (p10 to p90) | of the FMA peak: mblm, better peer"
        + " | memory beyond the start, MB: " + ", ".join(["mblm", *options.modes]) + " | memory, peer / mblm |",
        "|---" * (5 + len(options.modes)) + "|",
    ]
    for result in results:
        peers, best = result["peers"], result["peers"][result["better_peer"]]
        lines.append(
            f"| {result['config']} | "
            + " | ".join(f"{peer['median_s']:.3f}" for peer in peers.values())
            + f" | {result['ratio']:.2f} ({best['ratio_p10']:.2f} to {best['ratio_p90']:.2f}), {result['better_peer']}"
            + f" | {100 * peers['mblm']['share_of_peak']:.0f}%, {100 * best['share_of_peak']:.0f}% | "
            + ", ".join(f"{peer['memory_bytes'] / 1e6:,.0f}" for peer in peers.values())
            + f" | {result['memory_ratio']:.2f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="test/bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--configs", nargs="+", default=CONFIGS, help="names from configs/, or paths of such files")
    parser.add_argument("--entry", default="train", choices=["train", "forward"],
                        help="train: loss, gradients, clipping, AdamW; forward: the loss without gradients")
    parser.add_argument("--pairs", type=int, default=7, help="turns that count (default 7)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--modes", nargs="+", default=["eager", "compile"],
                        choices=["eager", "compile", "sequential"],
                        help="PyTorch as it is, under torch.compile, and with Mamba's scan as a loop over positions")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where PyTorch runs")
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--artifacts", type=Path, help="folder of CONFIG.PRECISION.so, compiled beforehand")
    parser.add_argument("--peak", type=float, help="flops a second that count as all (default: measured on the CPU)")
    parser.add_argument("--mblm", default=str(ROOT / "build" / "bin" / "mblm"), help="program to measure")
    parser.add_argument("--output", default=str(ROOT / "build" / "bench.jsonl"),
                        help="JSON lines are added to this file")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error("--pairs: expected at least 1")
    results = []
    begin = time.time()
    for name in options.configs:
        results.append(measure(options, name))
        with open(options.output, "a") as file:
            print(json.dumps(results[-1]), file=file)
    first = results[0]
    print(f"{options.entry}, {options.precision}, {options.threads} threads, {options.pairs} turns, torch {first['torch']}, measured"
          f" peak {first['peak_flops_per_second'] / 1e9:.0f} GFLOP/s\n")
    print(table(options, results))
    words(f"{time.time() - begin:.0f} s; every time is in {options.output}")


if __name__ == "__main__":
    main()
