# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Patches that depend on the text, from an entropy model's training to bytes that a patched model made up, and texts, options and
# files that do not fit. Environment MBLM: the program. Runs in the repository's root.
import json
import os
import sys
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
from program import ProgramTest

ENTROPY, PATCHED = "models/blt-entropy-tiny.json", "models/blt-1b-tiny.json"
TEXT = b"Wenn Fl\xc3\xbcsse steigen, for (int i = 0; i < n; ++i) the quick brown fox jumps over the lazy dog. " * 40


class Patches(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("text", TEXT)
        code, _, err = cls.answer("train", ENTROPY, "--data", cls.path("text"), "--steps", "8", "--out", cls.path("entropy"))
        assert code == 0, err
        cls.weights = cls.path("entropy/weights.safetensors")
        cls.with_entropies = ["--entropy-model", ENTROPY, "--entropy-weights", cls.weights]

    @classmethod
    def answer(cls, *arguments):
        return cls.mblm(*arguments, *cls.native())

    def works(self, *arguments):
        code, out, err = self.answer(*arguments)
        self.assertEqual(code, 0, err)
        return out, err

    def refuses(self, code, message, *arguments):
        self.fails(code, message, self.answer(*arguments))

    def rows(self, *arguments):
        return json.loads(self.works("patch", ENTROPY, "--weights", self.weights, *arguments, "--json")[0])["rows"]

    # Patches of texts.

    def test_patches_cover_the_text(self):
        out, _ = self.works("patch", ENTROPY, "--weights", self.weights, "--data", self.path("text"), "--threshold", "4", "--json")
        result = json.loads(out)
        row = result["rows"][0]
        self.assertEqual((sum(row["patch_lengths"]), result["ids"]), (len(TEXT) + 1, len(TEXT) + 1))  # behind the mark
        self.assertEqual(len(row["entropies"]), len(TEXT) + 1)
        self.assertEqual(result["patches"], len(row["patch_lengths"]))

    def test_patches_begin_behind_high_entropies(self):
        row = self.rows("--data", self.path("text"))[0]
        threshold = sorted(row["entropies"])[len(row["entropies"]) // 2]
        row = self.rows("--data", self.path("text"), "--threshold", repr(threshold))[0]
        begins, at = [], 0
        for length in row["patch_lengths"]:
            begins.append(at)
            at += length
        self.assertEqual(begins, [0, 1] + [i for i in range(2, at) if row["entropies"][i - 1] > threshold])  # the mark is one of its own

    def test_neighbours_change_nothing(self):
        ids = [[1] + [4 + b for b in TEXT[i * 50:i * 50 + 63]] for i in range(3)]
        safetensors_io.save(self.path("three"), {"ids": ("I32", [3, 64], sum(ids, []))})
        together = self.rows("--input", self.path("three"), "--threshold", "4")
        for row, own in zip(together, ids):
            safetensors_io.save(self.path("one"), {"ids": ("I32", [1, 64], own)})
            self.assertEqual(self.rows("--input", self.path("one"), "--threshold", "4"), [row])

    def test_longest_patch(self):
        lengths = self.rows("--data", self.path("text"), "--threshold", "99", "--max-patch-length", "7")[0]["patch_lengths"]
        self.assertEqual(max(lengths), 7)

    def test_picture(self):
        for content in [TEXT, b"<&>\"'\x00\xff\x1b"]:
            self.works("patch", ENTROPY, "--weights", self.weights, "--data", self.write("drawn", content), "--svg", self.path("svg"))
            picture = xml.dom.minidom.parse(self.path("svg"))
            self.assertEqual(picture.documentElement.tagName, "svg")

    def test_odd_texts(self):
        for name, content in [("empty", b""), ("one byte", b"x"), ("binary", bytes(range(256)) * 3), ("endless", b"a" * 1000)]:
            for mode in ["static", "byte", "space", "entropy"]:
                with self.subTest(text=name, mode=mode):
                    rows = self.rows("--data", self.write("odd", content), "--mode", mode, "--patch-size", "4")
                    self.assertEqual(sum(rows[0]["patch_lengths"]), len(content) + 1)
                    self.assertGreater(min(rows[0]["patch_lengths"]), 0)

    def test_thresholds_that_tell_nothing_apart(self):
        for threshold, message in [("99", "begins no patch in"), ("0", "begins a patch at every id")]:
            _, err = self.works("patch", ENTROPY, "--weights", self.weights, "--data", self.path("text"), "--threshold", threshold)
            self.assertIn(message, err)

    # A patched model.

    def test_from_text_to_bytes(self):
        run = self.path("run")
        self.works("train", PATCHED, *self.with_entropies, "--data", self.path("text"), "--steps", "3", "--out", run)
        weights = ["--weights", os.path.join(run, "weights.safetensors")]
        out, _ = self.works("eval", PATCHED, *self.with_entropies, *weights, "--data", self.path("text"), "--json")
        self.assertLess(json.loads(out)["value"], 9)
        out, _ = self.works("generate", PATCHED, *self.with_entropies, *weights, "--prompt", "The ", "-n", "20", "--temperature", "0")
        again, _ = self.works("generate", PATCHED, *self.with_entropies, *weights, "--prompt", "The ", "-n", "20", "--temperature", "0",
                              "--threads", "1")
        self.assertEqual(out, again)
        self.refuses(3, "expected an entropy model", "eval", PATCHED, *weights, "--data", self.path("text"))

    def test_lengths_that_come_with_the_input(self):
        weights = self.path("fresh/weights.safetensors")
        self.works("train", PATCHED, *self.with_entropies, "--data", self.path("text"), "--steps", "1", "--out", self.path("fresh"))
        run = ["run", PATCHED, "--weights", weights, "--input", self.path("input"), "--output", self.path("output")]

        def give(lengths):
            safetensors_io.save(self.path("input"), {"ids": ("I32", [1, 12], [1] + [70 + i for i in range(11)]),
                                                     "patch_lengths": ("I32", [1, len(lengths)], lengths)})
        give([1, 4, 3, 4, 1])
        self.works(*run)
        self.assertEqual(len(safetensors_io.load(self.path("output"))["logits"][-1]), 12 * 260)
        for lengths in [[1, 4, 3], [4, 8, 1], [1, -1, 12], [1] * 9]:
            with self.subTest(lengths=lengths):
                give(lengths)
                self.refuses(3, "patch_lengths", *run)

    def test_cuda_kernels_agree(self):
        self.works("train", PATCHED, *self.with_entropies, "--data", self.path("text"), "--steps", "1", "--out", self.path("both"))
        safetensors_io.save(self.path("some"), {"ids": ("I32", [2, 20], [1] + [70 + i for i in range(39)]),
                                                "patch_lengths": ("I32", [2, 6], [1, 4, 3, 8, 2, 3] + [1, 11, 9, 0, 0, 0])})
        logits = []
        for target in ["cpu", "sim"]:
            self.works("run", PATCHED, "--weights", self.path("both/weights.safetensors"), "--input", self.path("some"), "--output",
                       self.path("result"), "--target", target)
            logits.append(safetensors_io.load(self.path("result"))["logits"][-1])
        self.assertEqual(len(logits[1]), 2 * 20 * 260)
        self.assertLess(max(abs(a - b) for a, b in zip(*logits)), 1e-4)

    def test_text_beyond_the_plan(self):
        safetensors_io.save(self.path("long"), {"ids": ("I32", [1, 193], [1] + [70] * 192),
                                                "patch_lengths": ("I32", [1, 65], [1] + [3] * 64)})
        weights = self.path("plan/weights.safetensors")
        self.works("train", PATCHED, *self.with_entropies, "--data", self.path("text"), "--steps", "1", "--out", self.path("plan"))
        self.refuses(3, "193", "run", PATCHED, "--weights", weights, "--input", self.path("long"), "--output", self.path("output"))

    # What does not fit.

    def test_usage(self):
        self.refuses(2, "expected either --data or --input", "patch", ENTROPY, "--weights", self.weights)
        self.refuses(2, "expected the entropy model's weights", "patch", ENTROPY, "--data", self.path("text"))
        self.refuses(2, "--entropy-model: expected its weights, too", "patch", PATCHED, "--data", self.path("text"),
                     "--entropy-model", ENTROPY)
        self.refuses(3, "has patches of fixed lengths", "patch", "models/mblm-360m-2d-tt-tiny.json", "--data", self.path("text"))
        self.refuses(3, "is no entropy model", "patch", PATCHED, "--data", self.path("text"), "--entropy-model", PATCHED,
                     "--entropy-weights", self.weights)

    def test_hash_tables_of_another_size(self):
        with open(PATCHED) as file:
            spec = json.load(file)
        spec["ngrams"]["hash_rows"] = 62
        self.write("spec.json", json.dumps(spec).encode())
        self.works("train", PATCHED, *self.with_entropies, "--data", self.path("text"), "--steps", "1", "--out", self.path("rows"))
        self.refuses(3, "62", "eval", self.path("spec.json"), *self.with_entropies, "--weights", self.path("rows/weights.safetensors"),
                     "--data", self.path("text"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
