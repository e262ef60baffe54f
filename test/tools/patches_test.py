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
from program import TEXT, ProgramTest

ENTROPY, PATCHED = "models/blt-entropy-tiny.json", "models/blt-1b-tiny.json"


class Patches(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("text", TEXT)
        code, _, err = cls.answer("train", ENTROPY, "--data", cls.path("text"), "--steps", "8", "--out", cls.path("entropy"))
        assert code == 0, err
        cls.weights = cls.path("entropy/weights.safetensors")
        cls.with_entropies = ["--entropy-model", ENTROPY, "--entropy-weights", cls.weights]

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

    # The compiled model's own rule, and the same rule on the command line, which the runtime applies.

    def cuts_alike(self, spec, rule, *entropies):
        for data in [TEXT, b"", b"x", bytes(range(256)) * 2, b"a" * 500]:
            self.write("cut", data)
            for more in [[], ["--next"]]:
                command = ["patch", spec, *entropies, "--data", self.path("cut"), "--json", *more]
                own, _ = self.works(*command)
                with self.subTest(text=data[:8], more=more):
                    self.assertEqual(own, self.works(*command, *rule)[0])
                    self.assertEqual(sum(json.loads(own)["rows"][0]["patch_lengths"]), len(data) + 1 + len(more))

    def test_the_models_own_rule(self):
        self.cuts_alike(PATCHED, ["--threshold", "1.335442066192627"], *self.with_entropies)

    def test_own_rules_of_all_modes(self):
        with open(PATCHED) as file:
            spec = json.load(file)
        for patches, rule in [({"mode": "space"}, ["--mode", "space"]), ({"mode": "byte"}, ["--mode", "byte"]),
                              ({"mode": "bpe", "max_length": 7}, ["--max-patch-length", "7"]),
                              ({"mode": "static", "size": 5}, ["--patch-size", "5"])]:
            spec["patches"] = {"pooling": ["max"], "per_patch": 2, "cross_heads": 4, **patches}
            self.cuts_alike(self.write("ruled.json", json.dumps(spec).encode()), rule)

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

    # A state says all that reading its bytes again would.

    def generated(self, *command):
        return json.loads(self.works(*command, "--json")[0])["ids"]

    def goes_on(self, name, spec, *entropies):
        run = self.path(name)
        self.works("train", spec, *entropies, "--data", self.path("text"), "--steps", "1", "--out", run)
        command = ["generate", spec, *entropies, "--weights", os.path.join(run, "weights.safetensors"), "--temperature", "0"]
        state = os.path.join(run, "state")
        whole = self.generated(*command, "--prompt", "int i = 0; the quick", "-n", "24")
        for cut in [0, 1, 16]:
            with self.subTest(spec=name, cut=cut):
                first = self.generated(*command, "--prompt", "int i = 0; the quick", "-n", str(cut), "--save-state", state)
                self.assertEqual(first + self.generated(*command, "--load-state", state, "-n", str(24 - cut)), whole)
        self.generated(*command, "--prompt", "int i = 0;", "-n", "0", "--save-state", state)  # the rest of the prompt behind it
        self.assertEqual(self.generated(*command, "--load-state", state, "--prompt", " the quick", "-n", "24"), whole)
        return command, state

    def test_states_of_all_modes(self):
        with open(PATCHED) as file:
            spec = json.load(file)
        for name, patches in [("space", {"mode": "space", "per_patch": 2, "max_length": 3}),
                              ("led", {"mode": "static", "size": 4, "lead": 3, "encoder_cross": "none"})]:
            spec["patches"] = {"pooling": ["max"], "cross_heads": 4, **patches}
            self.goes_on(name, self.write(name + ".json", json.dumps(spec)))

    def test_states_with_entropies(self):
        command, state = self.goes_on("entropies", PATCHED, *self.with_entropies)
        words = {code: word for word, code in safetensors_io.CODES.items()}
        tensors = {name: (words[values.typecode], shape, list(values)) for name, (shape, values) in safetensors_io.load(state).items()}
        notes = safetensors_io.notes(state)
        damage = {"patches": lambda n: n[:-1] + [10 ** 6], "ids": lambda n: [260] + n[1:], "entropy/ids": lambda n: [-1] + n[1:]}
        for name, message in [("patches", "where the patches of its 11 bytes begin"), ("ids", "holds the id 260"),
                              ("entropy/ids", "holds the id -1")]:
            with self.subTest(damaged=name):
                kind, shape, values = tensors[name]
                safetensors_io.save(state, {**tensors, name: (kind, shape, damage[name](values))}, notes)
                self.refuses(8, message, *command, "--load-state", state, "-n", "1")
        safetensors_io.save(state, tensors, {**notes, "entropy/bytes": "4"})
        self.refuses(8, "has 4 bytes of 11 for its entropy model", *command, "--load-state", state, "-n", "1")
        safetensors_io.save(state, tensors, notes)
        self.works(*command, "--load-state", state, "-n", "1")
        self.works("train", ENTROPY, "--data", self.path("text"), "--steps", "1", "--out", self.path("other"))
        command[command.index(self.weights)] = self.path("other/weights.safetensors")
        self.refuses(8, "was made with other weights", *command, "--load-state", state, "-n", "1")

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
