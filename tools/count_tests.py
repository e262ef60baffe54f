# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# count_tests.py LOG CODE: sums up the test cases in a log of `ctest -V`, whose exit code was CODE. Programs of GoogleTest,
# lit and Python's unittest count with their cases, others as one. Prints what failed, then `N passed, N failed`.
import re
import sys

COUNTS = [  # pattern, how much each group adds to (passed, failed)
    (re.compile(r"\[  PASSED  \] (\d+) tests?\."), (1, 0)),
    (re.compile(r"\[  FAILED  \] (\d+) tests?, listed below"), (0, 1)),
    (re.compile(r"^ *(?:Passed|Expectedly Failed) *: *(\d+)"), (1, 0)),
    (re.compile(r"^ *(?:Failed|Timed Out|Unresolved|Unexpectedly Passed) *: *(\d+)"), (0, 1)),
]
RAN = re.compile(r"^Ran (\d+) tests? in ")
BROKEN = re.compile(r"^FAILED \(.*?(?:failures=(\d+))?(?:, )?(?:errors=(\d+))?[,)]")
OUTPUT = re.compile(r"^(\d+): ?(.*)$")
RESULT = re.compile(r"^ *\d+/\d+ Test +#(\d+): (\S+) \.* *(.*?) +[\d.]+ sec")


def count(lines):
    passed = failed = 0
    for line in lines:
        for pattern, (good, bad) in COUNTS:
            if match := pattern.search(line):
                passed += good * int(match[1])
                failed += bad * int(match[1])
        if match := RAN.search(line):
            passed += int(match[1])
        if match := BROKEN.search(line):
            broken = sum(int(n or 0) for n in match.groups())
            passed -= broken
            failed += broken
    return passed, failed


def main(log, code):
    outputs, results = {}, {}
    with open(log, errors="replace") as file:
        for line in file:
            if match := OUTPUT.match(line):
                outputs.setdefault(match[1], []).append(match[2])
            elif match := RESULT.match(line):
                results[match[1]] = (match[2], match[3] == "Passed")
    passed = failed = 0
    for number, (name, good) in results.items():
        cases = count(outputs.get(number, []))
        if sum(cases) == 0:
            cases = (1, 0) if good else (0, 1)
        elif not good and cases[1] == 0:  # it ended before its own count
            cases = (cases[0], 1)
        if cases[1]:
            print(f"-- {name}:")
            print("\n".join(outputs.get(number, [])[-40:]))
        passed += cases[0]
        failed += cases[1]
    if not results or (code != 0 and failed == 0):
        print("ctest itself failed:", open(log, errors="replace").read()[-2000:])
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main(sys.argv[1], int(sys.argv[2])))
