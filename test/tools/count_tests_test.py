# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Counting test cases in logs of ctest.
import subprocess
import sys
import tempfile
import unittest

GOOD = """1: [  PASSED  ] 20 tests.
2: Ran 3 tests in 0.1s
2: OK
3:   Passed           : 7 (100.00%)
1/4 Test #1: units .....   Passed    0.10 sec
2/4 Test #2: python ....   Passed    0.10 sec
3/4 Test #3: lit-x .....   Passed    0.10 sec
4/4 Test #4: plain .....   Passed    0.10 sec
"""
BAD = """1: [  PASSED  ] 18 tests.
1: [  FAILED  ] 2 tests, listed below:
2: Ran 5 tests in 0.1s
2: FAILED (failures=1, errors=2)
3:   Passed: 6
3:   Failed: 1
4: nothing to say
1/5 Test #1: units .....***Failed    0.10 sec
2/5 Test #2: python ....***Failed    0.10 sec
3/5 Test #3: lit-x .....***Failed    0.10 sec
4/5 Test #4: plain .....***Failed    0.10 sec
5/5 Test #5: crash .....***Exception: SegFault  0.10 sec
"""


class CountTests(unittest.TestCase):
    def count(self, log, code):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
            file.write(log)
            file.flush()
            done = subprocess.run([sys.executable, "tools/count_tests.py", file.name, str(code)], capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_all_good(self):
        self.assertEqual(self.count(GOOD, 0), (0, "31 passed, 0 failed"))

    def test_failures_of_every_kind(self):
        self.assertEqual(self.count(BAD, 8), (1, "26 passed, 8 failed"))

    def test_ctest_that_ran_nothing(self):
        self.assertEqual(self.count("No tests were found!!!", 0), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
