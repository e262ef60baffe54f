# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tools/gpu-check and what it runs, without a GPU and with the fake one. Environment FAKE_DRIVER, FAKE_BLAS: the fakes.
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FAKE = {"MBLM_CUDA_DRIVER": os.environ["FAKE_DRIVER"], "MBLM_CUBLASLT": os.environ["FAKE_BLAS"]}


def run(*command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


class GpuCheck(unittest.TestCase):
    def test_no_driver(self):
        code, out, err = run("tools/gpu-check", MBLM_CUDA_DRIVER="/nowhere/libcuda.so")
        self.assertEqual((code, out), (6, ""))
        self.assertRegex(err, r"\Ano CUDA driver: /nowhere/libcuda.so: .*\n\Z")

    def test_nothing_to_run(self):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            code, out, err = run("tools/gpu-check", "--parts", "golden", "--pack", folder, "--output", report, **FAKE)
            self.assertEqual((code, err), (0, ""))
            self.assertIn("golden  skipped", out)
            self.assertIn("Fake GPU, compute capability 9.0", json.loads(report.read_text())["device"]["device"])

    def test_golden_without_an_artifact(self):
        with tempfile.TemporaryDirectory() as folder:
            pack = Path(folder) / "golden" / "mblm"
            pack.mkdir(parents=True)
            (pack / "d01_1d_t_fixed.so").write_text("no artifact")
            command = ["tools/gpu-check", "--parts", "golden", "--pack", folder, "--output", pack / "report.json"]
            code, out, err = run(*command, **FAKE)
            self.assertEqual((code, err), (1, ""))
            self.assertIn("0 passed, 4 failed", out)
            self.assertIn("is not a whole artifact", out)


class BenchProduct(unittest.TestCase):
    program = "build/bin/mblm-bench-product"

    def test_checks_and_times(self):
        code, out, err = run(self.program, "16x16x16", **FAKE)
        self.assertEqual((code, err), (0, ""))
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line.get("precision") for line in lines], [None, None, "bf16", "tf32", "f32"])
        self.assertTrue(all(line["flops_per_second"] > 0 for line in lines[2:]))

    def test_without_the_library(self):
        code, out, _ = run(self.program, "16x16x16", **{**FAKE, "MBLM_CUBLASLT": "off"})
        self.assertEqual(code, 0)
        self.assertEqual(out.count("no cuBLASLt, or none that computes in"), 3)

    def test_usage(self):
        code, out, err = run(self.program, "16x16", **FAKE)
        self.assertEqual((code, out, err), (2, "", "mblm-bench-product: expected ROWSxCOLUMNSxDEPTH, got '16x16'\n"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
