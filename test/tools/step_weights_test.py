# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `--step-weights int8` from outside: what eval says of it is what steps compute, artifacts keep it, and where it makes no sense it is
# refused. Environment MBLM: the program. Runs in the repository's root.
import json
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
from program import TEXT, ProgramTest

SPEC = "models/mblm-360m-2d-mt-tiny.json"
INT8 = ["--step-weights", "int8"]


class StepWeights(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("text", TEXT)
        code, _, err = cls.answer("train", SPEC, "--data", cls.path("text"), "--steps", "3", "--out", cls.path("run"))
        assert code == 0, err
        cls.weights = ["--weights", cls.path("run/weights.safetensors")]

    def json(self, *arguments):
        return json.loads(self.works(*arguments, "--json")[0])

    def steps(self, text, batch=1, *more):
        """Logits behind each byte, of the first sequence."""
        safetensors_io.save(self.path("in"), {"ids": ("I32", [batch, len(text)], (list(text) + list(text[::-1]) * (batch - 1)))})
        self.works("run", SPEC, *self.weights, "--input", self.path("in"), "--output", self.path("out"), "--entry", "step", *more)
        shape, values = safetensors_io.load(self.path("out"))["logits"]
        return [values[t * shape[-1]:(t + 1) * shape[-1]] for t in range(len(text))]

    def evaluate(self, text, *more):
        return self.json("eval", SPEC, *self.weights, "--data", self.write("part", text), *more)

    def test_eval_reports_both_and_the_difference(self):
        plain, both = self.evaluate(TEXT[:400]), self.evaluate(TEXT[:400], *INT8)
        self.assertEqual({**both, "int8": None}, {**plain, "int8": None})
        self.assertNotIn("int8", plain)
        self.assertNotEqual(both["int8"]["bpb"], plain["bpb"])
        self.assertAlmostEqual(both["int8"]["bpb"], plain["bpb"], delta=0.05)
        self.assertEqual(both["int8"]["difference"], both["int8"]["bpb"] - plain["bpb"])
        out, _ = self.works("eval", SPEC, *self.weights, "--data", self.path("part"), *INT8)
        self.assertRegex(out, r"^bpb \d\.\d{4} over 400 bytes; with int8 weights in steps \d\.\d{4}, difference [+-]0\.\d{5}$")
        accuracy = self.evaluate(TEXT[:60], "--metric", "accuracy", *INT8)
        self.assertEqual(accuracy["int8"]["targets"], 60)

    def test_eval_says_what_steps_compute(self):
        text = TEXT[:32]  # what a window of eval holds
        rest = self.evaluate(text, *INT8)["int8"]["nats"] - self.evaluate(text[:1], *INT8)["int8"]["nats"]

        def nats(logits):
            return sum(math.log(sum(math.exp(v) for v in row)) - row[following] for row, following in zip(logits, text[1:]))
        stepped, exact = nats(self.steps(text, 1, *INT8)), nats(self.steps(text))
        self.assertAlmostEqual(stepped, rest, delta=1e-4 * rest)
        self.assertGreater(abs(exact - rest), 3 * abs(stepped - rest))

    def test_neighbours_and_threads_change_nothing(self):
        text = TEXT[:24]
        alone = self.steps(text, 1, *INT8, "--threads", "1")
        self.assertEqual(self.steps(text, 3, *INT8, "--threads", "2"), alone)

    def test_artifacts_keep_it(self):
        for form in ["artifact", "exe"]:
            self.works("compile", SPEC, *INT8, "--emit", form, "-o", self.path(form))
        plain = self.path("plain")
        self.works("compile", SPEC, "-o", plain)
        run = [*self.weights, "--prompt", "the ", "-n", "40", "--temperature", "0"]
        ids = self.json("generate", SPEC, *INT8, *run)["ids"]
        self.assertEqual(self.json("generate", self.path("artifact"), *run)["ids"], ids)
        self.assertEqual(self.json("generate", self.path("artifact"), *INT8, *run)["ids"], ids)
        self.assertEqual(len(ids), 40)
        self.write("part", TEXT[:100])
        asked = self.json("eval", SPEC, *INT8, *self.weights, "--data", self.path("part"))
        self.assertEqual(self.json("eval", self.path("artifact"), *self.weights, "--data", self.path("part")), asked)
        self.refuses(2, "read weights in f32; expected an artifact made with that option, or a spec", "generate", plain, *INT8, *run)

    def test_bench_counts_the_bytes(self):
        def bench(model, *more):
            return self.json("bench", model, "--entry", "step", "--context", "12", "--seconds", "0.05", *more)
        plain, int8 = bench(SPEC), bench(SPEC, *INT8)
        self.assertEqual((plain["step_weights"], int8["step_weights"]), ("f32", "int8"))
        self.assertGreater(int8["weight_bytes"], plain["weight_bytes"] / 4)
        self.assertLess(int8["weight_bytes"], plain["weight_bytes"] / 4 * 1.25)  # the scales
        self.works("compile", SPEC, *INT8, "-o", self.path("artifact"))
        self.assertEqual(bench(self.path("artifact"))["weight_bytes"], int8["weight_bytes"])

    def test_refusals(self):
        data = ["--data", self.path("text")]
        self.refuses(2, "--step-weights", "train", SPEC, *data, "--steps", "1", "--out", self.path("none"), *INT8)
        self.refuses(2, "--step-weights: int4 not in {f32,int8}", "compile", SPEC, "-o", self.path("x"), "--step-weights", "int4")
        for entry in ["train", "forward"]:
            self.refuses(2, "whole passes read weights in f32; expected an --entry that works byte by byte", "bench", SPEC, *INT8,
                         "--entry", entry)
        for target in ["cuda", "sim"]:
            self.refuses(2, "CUDA kernels read weights in --precision; expected --target cpu", "eval", SPEC, *INT8, *self.weights, *data,
                         "--target", target)
        self.refuses(2, "CUDA kernels read weights in --precision; expected --target cpu", "compile", SPEC, *INT8, "--emit", "ptx", "-o",
                     self.path("x"))
        self.refuses(2, "the interpreter computes in f64 only; expected --target cpu", "eval", SPEC, *INT8, *self.weights, *data,
                     "--target", "reference")
        self.refuses(2, "none of the entries is a step; expected f32", "compile", SPEC, *INT8, "--entry", "forward", "-o", self.path("x"))
        self.refuses(2, "reads sequences whole and has no steps; expected f32", "compile", "models/perceiver-ar-248m-tiny.json", *INT8,
                     "-o", self.path("x"))


if __name__ == "__main__":
    unittest.main()
