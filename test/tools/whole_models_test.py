# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Models that read sequences whole, from training to what they cannot do: a Perceiver AR, whose first positions are a prefix, and a masked
# model. Environment MBLM: the program. Runs in the repository's root.
import json
import math
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
from program import TEXT, ProgramTest

PERCEIVER, MASKED = "models/perceiver-ar-248m-tiny.json", "models/mblm-masked-tiny.json"
PREFIX, LENGTH, TOKEN = 40, 96, 257


class WholeModels(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("text", TEXT)
        cls.write("config", json.dumps({"batch": 4, "lr": 3e-3, "eval_fraction": 0.1}))
        cls.weights = {}
        for model in [PERCEIVER, MASKED]:
            out = cls.path(os.path.basename(model) + ".run")
            code, _, err = cls.answer("train", model, "--data", cls.path("text"), "--steps", "40", "--config", cls.path("config"),
                                      "--out", out)
            assert code == 0, err
            cls.weights[model] = os.path.join(out, "weights.safetensors")

    def said(self, *arguments):
        return self.works(*arguments)[0]

    def losses(self, model):
        with open(self.path(os.path.basename(model) + ".run/log.jsonl")) as log:
            return [entry["loss"] for entry in map(json.loads, log) if "loss" in entry]

    def run_model(self, model, tensors, *more):
        safetensors_io.save(self.path("input"), tensors)
        self.said("run", model, "--weights", self.weights[model], "--input", self.path("input"), "--output", self.path("output"), *more)
        return safetensors_io.load(self.path("output"))

    def with_input(self, model, tensors):
        safetensors_io.save(self.path("wrong"), tensors)
        return ["run", model, "--weights", self.weights[model], "--input", self.path("wrong"), "--output", self.path("output")]

    # Both.

    def test_training_makes_losses_fall(self):
        for model in [PERCEIVER, MASKED]:
            losses = self.losses(model)
            self.assertEqual(len(losses), 40)
            self.assertLess(sum(losses[-5:]) / 5, 0.8 * sum(losses[:2]) / 2, model)

    def test_resumed_training_is_the_same(self):
        for model in [PERCEIVER, MASKED]:
            runs = []
            for parts in [["6"], ["3", "6"]]:
                out = self.path(f"resumed-{len(parts)}")
                for number, steps in enumerate(parts):
                    self.said("train", model, "--data", self.path("text"), "--steps", steps, "--config", self.path("config"), "--out", out,
                               *(["--resume"] if number else []))
                with open(os.path.join(out, "weights.safetensors"), "rb") as file:
                    runs.append(file.read())
            self.assertEqual(runs[0], runs[1], model)

    def test_eval_tells_bits(self):
        for model in [PERCEIVER, MASKED]:
            result = json.loads(self.said("eval", model, "--weights", self.weights[model], "--data", self.path("text"), "--json"))
            self.assertLess(result["value"], 7, model)
            again = json.loads(self.said("eval", model, "--weights", self.weights[model], "--data", self.path("text"), "--json", "--batch", "3"))
            self.assertAlmostEqual(result["value"], again["value"], places=4)

    def test_no_steps(self):
        for model, without in [(PERCEIVER, "a prefix"), (MASKED, "mask_token")]:
            ids = {"ids": ("I32", [1, 60], [70] * 60)}
            self.refuses(3, f"has no steps; expected one without {without}", *self.with_input(model, ids), "--entry", "step")
            self.refuses(3, f"has no steps; expected one without {without}", "bench", model, "--entry", "step")

    def test_no_cuda_kernels_of_masked_models(self):
        for target in ["sim", "cuda"]:
            self.refuses(3, "there is no CUDA kernel for attention with hidden keys yet; expected --target cpu or reference", "compile", MASKED,
                         "--target", target, "-o", self.path("cuda.so"))

    def test_artifacts_and_programs(self):
        ids = {"ids": ("I32", [2, 70], [60 + i % 50 for i in range(140)])}
        for model in [PERCEIVER, MASKED]:
            expected = self.run_model(model, ids)["logits"]
            for emit in [[], ["--emit", "exe"]]:
                self.said("compile", model, *emit, "-o", self.path("model"))
                command = [] if emit else ["run", self.path("model")]
                self.assertEqual(self.run_artifact(model, command), expected)

    def run_artifact(self, model, command):
        options = ["--weights", self.weights[model], "--input", self.path("input"), "--output", self.path("again")]
        if command:
            self.said(*command, *options)
        else:
            subprocess.run([self.path("model"), "run", *options], check=True, capture_output=True)
        return safetensors_io.load(self.path("again"))["logits"]

    # The prefix.

    def test_rows_begin_behind_the_prefix(self):
        out = self.run_model(PERCEIVER, {"ids": ("I32", [2, LENGTH], [60 + i % 50 for i in range(2 * LENGTH)])}, "--gradients")
        self.assertEqual(out["logits"][0], [2, LENGTH - PREFIX, 256])
        self.assertIn("grad.perceive_layers.0.0.context_norm.weight", out)

    def test_loss_is_that_of_the_rows(self):
        ids = [60 + i * i % 50 for i in range(LENGTH)]
        out = self.run_model(PERCEIVER, {"ids": ("I32", [1, LENGTH], ids)})
        rows = out["logits"][-1]
        nats = 0
        for row in range(LENGTH - PREFIX - 1):
            logits = rows[row * 256:row * 256 + 256]
            nats += math.log(sum(math.exp(x) for x in logits)) - logits[ids[PREFIX + row + 1]]
        self.assertAlmostEqual(out["loss"][-1][0], nats / (LENGTH - PREFIX - 1), places=4)

    def test_later_bytes_change_nothing(self):
        ids = [60 + i % 50 for i in range(LENGTH)]
        whole = self.run_model(PERCEIVER, {"ids": ("I32", [1, LENGTH], ids)})["logits"][-1]
        part = self.run_model(PERCEIVER, {"ids": ("I32", [1, PREFIX + 9], ids[:PREFIX + 9])})["logits"][-1]
        self.assertEqual(len(part), 9 * 256)
        self.assertLess(max(abs(a - b) for a, b in zip(whole, part)), 1e-4)

    def test_generation_by_whole_passes(self):
        prompt = TEXT[:50].decode(errors="ignore")
        command = ["generate", PERCEIVER, "--weights", self.weights[PERCEIVER], "--prompt", prompt, "--temperature", "0", "--json"]
        ids = json.loads(self.said(*command, "-n", "70"))["ids"]  # beyond the longest sequence
        self.assertEqual(len(ids), 70)
        text = list(prompt.encode())
        for number in [0, 5, 69]:  # each the best one behind the last bytes
            window = (text + ids[:number])[-LENGTH:]
            rows = self.run_model(PERCEIVER, {"ids": ("I32", [1, len(window)], window)})["logits"][-1]
            self.assertEqual(max(range(256), key=lambda byte: rows[byte - 256]), ids[number])
        self.refuses(3, "expected a prompt of at least 41 bytes, got 4", "generate", PERCEIVER, "--weights", self.weights[PERCEIVER],
                     "--prompt", "The ", "-n", "3")
        self.refuses(3, "remembers nothing but the text", *command, "-n", "1", "--save-state", self.path("state"))

    def test_accuracy_behind_the_prefix(self):
        ids = [60 + i % 50 for i in range(2 * LENGTH)]
        rows = self.run_model(PERCEIVER, {"ids": ("I32", [2, LENGTH], ids)})["logits"][-1]
        hits = 0
        for b in range(2):
            for t in range(PREFIX + 1, LENGTH):
                first = (b * (LENGTH - PREFIX) + t - PREFIX - 1) * 256
                logits = rows[first:first + 256]
                hits += logits.index(max(logits)) == ids[b * LENGTH + t]
        safetensors_io.save(self.path("batches"), {"ids": ("I32", [1, 2, LENGTH], ids)})
        result = json.loads(self.said("eval", PERCEIVER, "--weights", self.weights[PERCEIVER], "--metric", "accuracy", "--batches",
                                       self.path("batches"), "--json"))
        self.assertEqual((result["hits"], result["targets"]), (hits, 2 * (LENGTH - PREFIX - 1)))

    def test_sequences_that_are_no_longer_than_the_prefix(self):
        self.refuses(3, "expected sequences of at least 42 bytes, got 41", *self.with_input(PERCEIVER, {"ids": ("I32", [1, 41], [70] * 41)}))
        self.refuses(3, "97", *self.with_input(PERCEIVER, {"ids": ("I32", [1, 97], [70] * 97)}))
        self.write("short", TEXT[:41])
        self.refuses(3, "evaluation needs at least 42 bytes, got 41", "eval", PERCEIVER, "--weights", self.weights[PERCEIVER], "--data",
                     self.path("short"))

    # Masks.

    def masked_batch(self, ids, masked):
        return {"ids": ("I32", [1, len(ids)], [TOKEN if m else i for i, m in zip(ids, masked)]),
                "targets": ("I32", [1, len(ids)], ids), "attention_mask": ("I32", [1, len(ids)], masked)}

    def test_loss_of_masked_bytes_alone(self):
        ids, masked = [60 + i * i % 50 for i in range(30)], [int(i % 3 == 0 or i > 26) for i in range(30)]
        out = self.run_model(MASKED, self.masked_batch(ids, masked))
        self.assertEqual(out["logits"][0], [1, 30, 258])
        rows, nats = out["logits"][-1], []
        for t in range(30):
            logits = rows[t * 258:t * 258 + 258]
            if masked[t]:
                nats.append(math.log(sum(math.exp(x) for x in logits)) - logits[ids[t]])
        self.assertAlmostEqual(out["loss"][-1][0], sum(nats) / len(nats), places=4)

    def test_attention_sees_what_the_mask_shows(self):
        ids, masked = [60 + i for i in range(32)], [int(i % 5 == 0 and i < 16) for i in range(32)]
        first = self.run_model(MASKED, self.masked_batch(ids, masked))["logits"][-1]
        # Patches without a masked byte reach no other patch; the fourth one has none.
        ids[27] += 1
        other = self.run_model(MASKED, self.masked_batch(ids, masked))["logits"][-1]
        self.assertEqual(first[:24 * 258], other[:24 * 258])
        self.assertNotEqual(first[24 * 258:], other[24 * 258:])
        # The second one has some, and with them its other bytes reach all.
        ids[9] += 1
        third = self.run_model(MASKED, self.masked_batch(ids, masked))["logits"][-1]
        self.assertNotEqual(other[:8 * 258], third[:8 * 258])

    def test_everything_may_be_seen_by_default(self):
        ids = {"ids": ("I32", [1, 20], [60 + i for i in range(20)])}
        everything = dict(ids, attention_mask=("I32", [1, 20], [1] * 20), targets=ids["ids"])
        self.assertEqual(self.run_model(MASKED, ids), self.run_model(MASKED, everything))

    def test_eval_masks_the_share_that_the_model_says(self):
        result = json.loads(self.said("eval", MASKED, "--weights", self.weights[MASKED], "--data", self.path("text"), "--json"))
        share, deviation = result["bytes"] / len(TEXT), math.sqrt(0.2 * 0.8 / len(TEXT))
        self.assertLess(abs(share - 0.2), 4 * deviation)
        with open(MASKED) as file:
            spec = json.load(file)
        spec["mask_probability"] = 1
        self.write("spec.json", json.dumps(spec))
        result = json.loads(self.said("eval", self.path("spec.json"), "--weights", self.weights[MASKED], "--data", self.path("text"), "--json"))
        self.assertEqual(result["bytes"], len(TEXT))

    def test_recorded_batches(self):
        ids, masked = [60 + i % 40 for i in range(96)], [int(i % 4 == 1) for i in range(96)]
        batch = {name: (kind, [2, 1, 48], numbers) for name, (kind, _, numbers) in self.masked_batch(ids, masked).items()}
        safetensors_io.save(self.path("batches"), batch)
        self.said("train", MASKED, "--batches", self.path("batches"), "--steps", "2", "--out", self.path("batched"))
        batch["attention_mask"] = ("I32", [2, 1, 47], masked[:94])
        safetensors_io.save(self.path("batches"), batch)
        self.refuses(3, "tensor 'attention_mask' has shape [2, 1, 47], expected that of 'ids', [2, 1, 48]", "train", MASKED, "--batches",
                     self.path("batches"), "--steps", "2", "--out", self.path("batched"))

    def test_what_masked_models_cannot_do(self):
        self.refuses(3, "continues no text; expected a causal model", "generate", MASKED, "--weights", self.weights[MASKED], "--prompt",
                     "The ", "-n", "3")
        for metric in ["ppl", "accuracy"]:
            self.refuses(3, "is asked for masked bytes alone; expected --metric bpb", "eval", MASKED, "--weights", self.weights[MASKED],
                         "--data", self.path("text"), "--metric", metric)

    def test_inputs_that_do_not_fit(self):
        ids = ("I32", [1, 20], [70] * 20)
        for name in ["attention_mask", "targets"]:
            self.refuses(3, f"tensor '{name}' has shape [1, 19], expected that of 'ids', [1, 20]",
                         *self.with_input(MASKED, {"ids": ids, name: ("I32", [1, 19], [1] * 19)}))
        self.refuses(3, "ids[0, 3] is 258, expected 0 to 257",
                     *self.with_input(MASKED, {"ids": ids, "targets": ("I32", [1, 20], [258 if i == 3 else 1 for i in range(20)])}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
