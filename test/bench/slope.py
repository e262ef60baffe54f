# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one sequence of growing length, and draws the cost of a byte against the context as SVG. Start it with `slope`.

Models are those of configs/ with an outermost stage as long as it takes, without learned positions there. JSON lines go into a
file beside the picture, a table to stdout.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import Peer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NAMES = {"mambabyte": "Mamba", "mblm-2d-mt": "Mamba over patches of 8, Transformer",
         "mblm-3d-mtt": "Mamba over patches of 128, two Transformers", "mblm-2d-tt": "Transformer over patches of 8, Transformer",
         "mblm-1d-t": "Transformer"}


def mblm(options, *arguments):
    done = subprocess.run([options.mblm, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"mblm {' '.join(map(str, arguments))}: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def write_spec(options, name, folder):
    """The reference's configuration for the longest context."""
    case = json.loads((HERE / "configs" / f"{name}.json").read_text())
    config = case["config"]
    if case["format"] == "mblm":
        config["seq_lens"][0] = max(options.contexts) // math.prod(config["seq_lens"][1:])
        config["block"][0]["pos_emb_type"] = None
    path, spec = folder / "config.json", folder / f"{name}.json"
    path.write_text(json.dumps(config))
    mblm(options, "import", case["format"], path, "-o", spec)
    return spec


def measure(options, name, folder, file):
    spec, lines = write_spec(options, name, folder), []
    for context in options.contexts:
        peer = Peer(f"mblm bench {spec}", [options.mblm, "bench", str(spec), "--interactive", "--entry", options.entry, "--context", str(context),
                                           "--batch", "1", "--threads", str(options.threads), "--max-memory", options.max_memory])
        try:
            peer.step()  # meets cold caches and buffers
            while len(peer.seconds) < 2 or (len(peer.seconds) < 6 and sum(peer.seconds[1:]) < options.seconds):
                peer.step()
            peer.finish()
        finally:
            peer.stop()
        seconds = statistics.median(peer.seconds[1:])
        line = {"config": name, "entry": options.entry, "threads": options.threads, "context": context, "calls": len(peer.seconds) - 1,
                "seconds": seconds, "ns_per_byte": 1e9 * seconds / context, "memory_bytes": peer.memory}
        lines.append(line)
        print(json.dumps(line), file=file, flush=True)
        print(f"| {name} | {context:,} | {line['seconds']:.3f} | {line['ns_per_byte']:,.0f} | {line['memory_bytes'] / 1e6:,.0f} |",
              flush=True)
        if line["seconds"] > options.longest:
            break
    return lines


def draw(options, results):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "mblm"  # the same bytes for the same figures
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.5, 4.5))
    for name, lines in results.items():
        axes.plot([line["context"] for line in lines], [line["ns_per_byte"] / 1000 for line in lines], marker="o", label=NAMES.get(name, name))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("context, bytes")
    axes.set_ylabel(f"microseconds a byte, {options.entry}, {options.threads} threads")
    axes.set_xticks(options.contexts, [f"{c // 1024:,}K" if c < 1 << 20 else f"{c >> 20}M" for c in options.contexts])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(options.output.with_suffix(".svg"), metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(prog="test/bench/slope", description=__doc__.splitlines()[0])
    parser.add_argument("--configs", nargs="+", default=list(NAMES), help="names from configs/")
    parser.add_argument("--entry", default="train", choices=["train", "forward"])
    parser.add_argument("--contexts", nargs="+", type=int, default=[1 << n for n in range(12, 21, 2)],
                        help="bytes (default: 4K to 1M), in increasing order")
    parser.add_argument("--longest", type=float, default=60, help="seconds of a call beyond which a model gets no longer contexts")
    parser.add_argument("--seconds", type=float, default=15, help="of the calls that count, from one to five of them (default 15)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-memory", default="16G")
    parser.add_argument("--mblm", default=str(ROOT / "build" / "bin" / "mblm"), help="program to measure")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "slope", help="of the picture and the JSON lines, without ending")
    options = parser.parse_args()
    print("| configuration | context | seconds | ns a byte | memory, MB |\n| --- | --- | --- | --- | --- |")
    results = {}
    with tempfile.TemporaryDirectory() as folder, open(options.output.with_suffix(".jsonl"), "a") as file:
        for name in options.configs:
            results[name] = measure(options, name, Path(folder), file)
    draw(options, results)
    for name, lines in results.items():
        costs = [line["ns_per_byte"] for line in lines]
        print(f"{name}: dearest byte {max(costs) / min(costs):.2f} times the cheapest", file=sys.stderr)


if __name__ == "__main__":
    main()
