#!/usr/bin/env python3
"""Checks that every op of the dialects has an executed example and every numbered constraint a negative test.

A constraint (Cn) of an op is written in its description; "(C1) to (C3) of `mblm.other`" counts as three. Its test is the
function @<op>_c<n> of an -invalid.mlir file, or @<op>_c<n>_<more>.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/doc"))
import dialect_reference  # noqa: E402


def constraints(section):
    """The numbers of the constraints in an op's description."""
    at = section.find("Constraints:")
    text = section[at:] if at >= 0 else ""
    numbers = {int(n) for n in re.findall(r"\(C(\d+)\)", text)}
    for first, last in re.findall(r"\(C(\d+)\) to \(C(\d+)\)", text):
        numbers.update(range(int(first), int(last) + 1))
    return sorted(numbers)


def uncovered(dialect, ops):
    """What lacks an example or a negative test."""
    folder = dialect_reference.tests(dialect)
    negative = "".join(file.read_text() for file in folder.glob("*-invalid.mlir"))
    missing = []
    for op, section in ops:
        example = folder / "examples" / f"{op}.mlir"
        text = example.read_text() if example.exists() else ""
        if not re.search(rf"{dialect}\.{op}\b", text) or "CHECK" not in text:
            missing.append(f"{dialect}.{op}: no example that runs in {example.relative_to(ROOT)}")
        if not constraints(section):
            missing.append(f"{dialect}.{op}: no numbered constraint")
        for n in constraints(section):
            if not re.search(rf"@{op}_c{n}(_\w+)?\b", negative):
                missing.append(f"{dialect}.{op}: no test @{op}_c{n} in {folder.relative_to(ROOT)}/*-invalid.mlir")
    return missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tblgen", default="/usr/lib/llvm-22/bin/mlir-tblgen", help="(default: %(default)s)")
    parser.add_argument("--include", default="/usr/lib/llvm-22/include", help="MLIR's headers (default: %(default)s)")
    options = parser.parse_args()

    missing, count = [], 0
    for dialect in dialect_reference.FOLDERS:
        _, ops = dialect_reference.sections(
            dialect_reference.generated_reference(dialect, options.tblgen, options.include))
        count += len(ops)
        missing += uncovered(dialect, ops) if ops else [f"{dialect}: the reference lists no ops"]
    print("\n".join(missing) if missing else f"{count} ops are covered")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
