#!/usr/bin/env python3
"""Writes the reference of a dialect: what TableGen knows of each op, and the op's example from its test file.

Example: tools/doc/dialect_reference.py --dialect kernel --output build/docs/Kernel.md
"""
import argparse
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = {"mblm": "MBLM", "kernel": "Kernel"}


def tests(dialect):
    """The folder of the dialect's tests; the ops' examples are in it."""
    return ROOT / "test/dialects" / FOLDERS[dialect]


def generated_reference(dialect, tblgen, include):
    folder = FOLDERS[dialect]
    command = [tblgen, "-gen-dialect-doc", f"-dialect={dialect}", f"-I{ROOT}", f"-I{include}",
               str(ROOT / f"dialects/{folder}/IR/{folder}Ops.td")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sections(text):
    """The text before the first op, and a list of (op, section), the last one with all that follows the ops."""
    parts = re.split(r"^(?=### `\w+\.\w+` \([\w:]+Op\)$)", text, flags=re.M)
    return parts[0], [(re.match(r"### `\w+\.(\w+)`", part).group(1), part) for part in parts[1:]]


def example(dialect, op):
    """What the example shows, its code, and what running it prints."""
    prose, code, printed = [], [], []
    for line in (tests(dialect) / f"examples/{op}.mlir").read_text().splitlines():
        check = re.match(r"// CHECK[-A-Z]*: (.*?)(\{\{\$\}\})?$", line)
        if check:
            printed.append(check.group(1))
        elif line.startswith("// RUN:"):
            continue
        elif line.startswith("// ") and not code:
            prose.append(line[3:])
        else:
            code.append(line)
    return "\n".join(prose), "\n".join(code), "\n".join(printed)


def with_example(dialect, op, section):
    prose, code, printed = example(dialect, op)
    text = f"Example: {prose}\n\n```mlir\n{code}\n```\n\nIt prints:\n\n```\n{printed}\n```\n\n"
    # Before the tables of operands, which are for looking up.
    place = re.search(r"^(Traits|Interfaces|####)", section, flags=re.M)
    at = place.start() if place else len(section)
    return section[:at] + text + section[at:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tblgen", default="/usr/lib/llvm-22/bin/mlir-tblgen", help="(default: %(default)s)")
    parser.add_argument("--include", default="/usr/lib/llvm-22/include", help="MLIR's headers (default: %(default)s)")
    parser.add_argument("--dialect", choices=FOLDERS, default="mblm", help="(default: %(default)s)")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the Markdown file to write")
    options = parser.parse_args()

    head, ops = sections(generated_reference(options.dialect, options.tblgen, options.include))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(head + "".join(with_example(options.dialect, op, section) for op, section in ops))


if __name__ == "__main__":
    main()
