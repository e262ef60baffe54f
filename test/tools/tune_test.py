# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `mblm tune` from outside: what it measures, keeps, hands on, and what compilations make of it.
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from program import ProgramTest

TINY = "models/mblm-360m-2d-tt-tiny.json"


class Tune(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usual = cls.path("cache/tuned.json")
        code, out, err = cls.answer("tune", TINY, "--batch", "2", "--context", "96", "--seconds", "0.05", "--threads", "1", "--json")
        assert code == 0, err
        cls.report = json.loads(out)
        with open(cls.usual) as file:
            cls.kept = json.load(file)

    def file(self, name, products, form="mblm-tuned-1"):
        return self.write(name, json.dumps({"format": form, "products": products}))

    def product(self, number=0, rows=384):
        """One of the model's, of this machine, with a schedule that the cost model would not choose for it."""
        measured = [p for p in self.report["products"] if p["op"] == "gemm"][number]
        here = json.loads(self.works("explain", TINY, "--json")[0])["machine"]
        schedule = {"rows": rows, "columns": 0, "depth": 32}
        return {**here, "precision": "f32", "op": "gemm", "columns": measured["columns"], "depth": measured["depth"], "schedule": schedule,
                "modelled": measured["modelled"], "seconds": 1, "modelled_seconds": 2, "rows": measured["rows"], "threads": 1,
                "date": "2020-01-01"}

    def schedules(self, *more):
        """Of the training step's gemms: the schedule, and whether it is tuned."""
        kernels = json.loads(self.works("explain", TINY, "--json", *more)[0])["kernels"]
        return [(k["schedule"], k["tuned"]) for k in kernels if k["entry"] == "train_step" and k["op"] == "gemm"]

    def test_reports_what_it_measured(self):
        products = self.report["products"]
        self.assertEqual({p["op"] for p in products}, {"gemm", "weight_gemm", "cross_entropy", "cross_entropy_grad"})
        for product in products:
            self.assertGreater(product["rows"], 0)
            self.assertGreater(product["modelled_seconds"], 0)
            self.assertGreater(len(product["tried"]), 1 if product["op"] != "weight_gemm" else 0)  # small ones have one
            self.assertEqual(product["tried"][0], {"ratio": 1, "schedule": product["modelled"]})
            self.assertTrue(all(t["ratio"] > 0 for t in product["tried"]))
            self.assertTrue(product["tuned"] or product["schedule"] == product["modelled"])
        self.assertGreater(self.report["call"]["modelled_seconds"], 0)
        self.assertEqual(self.report["database"], self.usual)

    def test_keeps_what_is_better(self):
        better = [p for p in self.report["products"] if p["tuned"]]
        self.assertEqual(sorted((p["op"], p["columns"], p["depth"]) for p in better),
                         sorted((p["op"], p["columns"], p["depth"]) for p in self.kept["products"]))
        for product in self.kept["products"]:
            self.assertLess(product["seconds"], product["modelled_seconds"])
            self.assertRegex(product["date"], r"^\d{4}-\d\d-\d\d$")

    def test_travels_and_is_taken(self):
        wanted = self.product()
        given = self.file("given.json", [wanted])
        here = self.path("here.json")
        out, _ = self.works("tune", "--db", here, "--import", given, "--export", self.path("there.json"), "--json")
        self.assertEqual(json.loads(out), {"database": here, "imported": 1, "exported": 1})
        with open(self.path("there.json")) as file:
            self.assertEqual(json.load(file)["products"], [wanted])
        out, _ = self.works("tune", "--db", here, "--import", given)
        self.assertIn("took 0 schedules", out)  # it is there already
        taken, left = self.schedules("--tuned", here), self.schedules("--tuned", "off")
        self.assertIn((wanted["schedule"], True), taken)
        self.assertFalse(any(tuned for _, tuned in left))
        self.assertNotEqual(taken, left)
        self.assertIn("rows = 384, depth = 32, tuned", self.works("explain", TINY, "--tuned", here)[0])

    def test_changes_code_and_its_place_in_the_cache(self):
        def compiled(tuned):
            code, _, err = self.mblm("train", TINY, *self.native(), "--tuned", tuned, "--data", self.write("text", b"abcdefgh" * 500),
                                     "--steps", "1", "--out", self.path("run"), "-v")
            self.assertEqual(code, 0, err)
            with open(self.path("run/log.jsonl")) as log:
                return "cache miss" in err, json.loads(log.readline())["loss"]

        one, two = self.file("one.json", [self.product(rows=384)]), self.file("two.json", [self.product(rows=192)])
        other = {**self.product(), "cpu": "another"}
        plain = compiled("off")
        self.assertEqual(compiled(self.file("other.json", [other])), (False, plain[1]))  # another machine's changes nothing
        first = compiled(one)
        self.assertTrue(first[0])
        self.assertFalse(compiled(one)[0])
        self.assertTrue(compiled(two)[0])
        self.assertAlmostEqual(first[1], plain[1], places=4)

    def test_refusals(self):
        self.refuses(2, "expected a SPEC to tune, --import FILE or --export FILE", "tune")
        self.refuses(2, "expected --target cpu", "tune", TINY, "--target", "sim")
        self.refuses(5, "gone.json", "tune", "--import", self.path("gone.json"))
        self.refuses(5, "gone.json", "explain", TINY, "--tuned", self.path("gone.json"))
        broken = self.write("broken.json", '{"format": "mblm-tuned-1", "products": [')
        foreign = self.file("foreign.json", [], form="tuner-7")
        wrong = self.file("wrong.json", [self.product(rows=50)])
        for command in (["tune", "--import"], ["explain", TINY, "--tuned"], ["compile", TINY, "-o", self.path("x"), "--tuned"]):
            self.refuses(8, "broken.json", *command, broken)
            self.refuses(3, "holds no tuned schedules", *command, foreign)
            self.refuses(3, "rows to be a multiple of 48", *command, wrong)
        self.assertFalse(os.path.exists(self.path("x")))


if __name__ == "__main__":
    unittest.main()
