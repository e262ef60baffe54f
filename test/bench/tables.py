# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results of compare.py as tables in Markdown: a line for each configuration, and a line for each measurement."""

MODES = ["eager", "compile", "sequential", "recurrent"]
WORK = {"train": "training step", "forward": "forward", "prefill": "context", "decode": "a byte behind it", "entropies": "entropies"}


def seconds_text(seconds):
    return f"{seconds:.3g} s" if seconds >= 0.1 else f"{1e3 * seconds:.3g} ms"


def ratio_text(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def summary(results):
    """Seconds of ours, and how many times as fast as the better peer that is, first with the most threads, then with fewer."""
    by_place = {(r["config"], r["entry"], r["threads"]): r for r in results}  # of one measured again, the last
    configs, threads = dict.fromkeys(r["config"] for r in results), sorted({r["threads"] for r in results}, reverse=True)
    entries = [entry for entry in WORK if any(r["entry"] == entry for r in results)]
    memory_of = next((entry for entry in entries if entry == "train"), entries[0])
    lines = ["| configuration | " + " | ".join(WORK[entry] for entry in entries) + f" | memory in {WORK[memory_of]}, PyTorch / ours |",
             "|" + " --- |" * (len(entries) + 2)]
    for config in configs:
        cells = [config]
        for entry in entries:
            found = [by_place[config, entry, n] for n in threads if (config, entry, n) in by_place]
            times = ", ".join(seconds_text(r["peers"]["mblm"]["median_s"]) for r in found)
            cells.append(f"{times}: {', '.join(ratio_text(r['ratio']) for r in found)}" if found else "")
        weighed = next((by_place[config, memory_of, n] for n in threads if (config, memory_of, n) in by_place), None)
        cells.append(f"{weighed['memory_ratio']:.1f}" if weighed else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table(results):
    modes = [mode for mode in MODES if any(mode in result["peers"] for result in results)]
    lines = [
        "| configuration | work | threads | " + " | ".join(f"{peer}, s" for peer in ["mblm", *modes])
        + " | times as fast as the better peer (p10 to p90) | of the FMA peak: mblm, better peer"
        + " | memory beyond the start, MB: " + ", ".join(["mblm", *modes]) + " | memory, peer / mblm |",
        "|---" * (7 + len(modes)) + "|",
    ]
    for result in results:
        peers, best = result["peers"], result["peers"][result["better_peer"]]
        columns = [peers.get(name) for name in ["mblm", *modes]]
        share = "" if result["entry"] == "decode" else (
            f"{100 * peers['mblm']['share_of_peak']:.0f}%, {100 * best['share_of_peak']:.0f}%")
        lines.append(
            f"| {result['config']} | {result['entry']} | {result['threads']} | "
            + " | ".join(f"{peer['median_s']:.4g}" if peer else "" for peer in columns)
            + f" | {result['ratio']:.2f} ({best['ratio_p10']:.2f} to {best['ratio_p90']:.2f}), {result['better_peer']}"
            + f" | {share} | " + ", ".join(f"{peer['memory_bytes'] / 1e6:,.0f}" if peer else "-" for peer in columns)
            + f" | {result['memory_ratio']:.2f} |"
        )
    return "\n".join(lines)


def both(results):
    return summary(results) + "\n\n" + table(results)
