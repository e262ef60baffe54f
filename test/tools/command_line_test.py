# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `mblm` from outside: results, exit codes and messages. Environment MBLM: the program. Runs in the repository's root.
import json
import os
import re
import subprocess
import sys
import unittest
from html.parser import HTMLParser

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
from program import MBLM, ProgramTest

TINY = "models/mblm-360m-2d-tt-tiny.json"
CUDA = "models/byte-transformer-320m-tiny.json"
GOLDEN = "test/golden/megabyte/mega_3s_prepatched_flash"
TEXT = b"The quick brown fox jumps over the lazy dog. " * 80


def has_tests_of_its_own(model):
    """Patches that the data decides, a sequence at a time; models that run as a whole only and take no steps."""
    with open(f"models/{model}") as spec:
        return not {"patches", "prefix", "mask_token"}.isdisjoint(json.load(spec))


class CommandLine(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cache = cls.path("cache")
        cls.write("text", TEXT)
        cls.info = json.loads(cls.mblm("check", TINY, "--json")[1])
        code, _, err = cls.mblm("train", TINY, *cls.native(), "--data", cls.path("text"), "--steps", "2", "--out",
                                cls.path("run"))
        assert code == 0, err
        cls.weights = cls.path("run/weights.safetensors")

    def ids(self, length, batch=2, value=None):
        values = [(i * 7 + 3) % 250 if value is None else value for i in range(batch * length)]
        safetensors_io.save(self.path("in.safetensors"), {"ids": ("I32", [batch, length], values)})
        return self.path("in.safetensors")

    def file(self, tensors):
        safetensors_io.save(self.path("in.safetensors"), tensors)
        return self.path("in.safetensors")

    def run_model(self, input_path, *more, target=None):
        return self.mblm("run", TINY, *(target or self.native()), "--weights", self.weights, "--input", input_path, "--output",
                         self.path("out.safetensors"), *more)

    # Usage.

    def test_help_of_every_command_has_an_example(self):
        for command in ["check", "import", "compile", "explain", "run", "train", "generate", "eval", "patch", "bench", "tune"]:
            code, out, _ = self.mblm(command, "--help")
            self.assertEqual(code, 0)
            self.assertIn(f"Example:\n  mblm {command}", out)

    def test_usage_errors(self):
        self.fails(2, "A subcommand is required", self.mblm())
        self.fails(2, "SPEC is required", self.mblm("check"))
        self.fails(2, "--nonsense", self.mblm("check", TINY, "--nonsense"))
        self.fails(2, "expected either --data or --batches", self.mblm("train", TINY, "--steps", "1", "--out", "x"))
        self.fails(2, "--precision tf32 with --target cpu: computes in f32 or bf16; expected --target cuda or sim",
                   self.mblm("check", TINY, "--precision", "tf32"))
        self.fails(2, "--precision bf16 with --target reference: computes in f64 only; expected --target cuda or sim, or cpu",
                   self.mblm("check", TINY, "--precision", "bf16", "--target", "reference"))
        self.fails(2, "--precision: fp8 not in {f32,tf32,bf16}", self.mblm("check", TINY, "--precision", "fp8"))
        self.fails(2, "--library: often not in {never,pays,fits}", self.mblm("check", TINY, "--library", "often"))
        self.fails(2, "--arch", self.mblm("compile", TINY, "-o", self.path("x"), "--arch", "sm_70"))
        self.fails(2, "has no entry 'backward'", self.mblm("compile", TINY, "-o", self.path("x"), "--entry", "backward"))
        self.fails(2, "expected amx, avx512bf16, avx512, avx2, portable or neon", self.mblm("compile", TINY, "-o", self.path("x"), "--level", "sse9"))
        self.fails(2, "expected on, off or a number", self.mblm("compile", TINY, "-o", self.path("x"), "--fuse", "some"))
        self.fails(2, "expected a size such as 512M", self.mblm("check", TINY, "--max-memory", "lots"))
        self.fails(2, "expected numbers with commas", self.mblm("generate", TINY, *self.native(), "--weights", self.weights,
                                                                "--prompt-ids", "1,x", "-n", "1"))

    # CUDA kernels. There is no GPU, and with the variable there is none anywhere.

    def test_no_driver(self):
        artifact = self.path("cuda.so")
        code, _, err = self.mblm("compile", CUDA, *self.native(), "--target", "cuda", "--arch", "sm_80", "-o", artifact)
        self.assertEqual((code, err), (0, ""))
        done = self.mblm("bench", artifact, "--target", "cuda", env={**os.environ, "MBLM_CUDA_DRIVER": "/nowhere/libcuda.so"})
        self.fails(6, "no CUDA driver: /nowhere/libcuda.so", done)
        self.assertEqual(self.mblm("bench", artifact, "--seconds", "0.01")[0], 0)  # its native code needs none

    def test_ptx(self):
        code, out, err = self.mblm("compile", CUDA, "--emit", "ptx", "--arch", "sm_90a", "--entry", "forward",
                                   "-o", self.path("ptx"))
        self.assertEqual((code, err), (0, ""))
        with open(self.path("ptx")) as file:
            self.assertIn(".target sm_90a", file.read())

    def test_no_ptxas(self):
        self.fails(6, "needs ptxas", self.mblm("compile", CUDA, "--emit", "cubin", "-o", self.path("cubin"),
                                               env={**os.environ, "MBLM_PTXAS": "off"}))

    # Specs.

    def test_wrong_specs(self):
        with open(TINY) as file:
            text = file.read()
        self.fails(3, "truncated.json:", self.mblm("check", self.write("truncated.json", text[:len(text) // 2])))
        wrong = text.replace('"dim"', '"dimm"', 1)
        result = self.mblm("check", self.write("unknown.json", wrong))
        self.fails(3, "dimm", result)
        self.assertRegex(result[2], r"unknown\.json:\d+:\d+: /stages/0")
        self.fails(5, "none.json", self.mblm("check", self.path("none.json")))

    def test_check_counts(self):
        self.assertEqual(len(self.info["stages"]), 2)
        self.assertGreater(self.info["flops_per_byte"], 2 * self.info["forward_flops_per_byte"])

    # Weights and inputs.

    def test_corrupt_weights(self):
        with open(self.weights, "rb") as file:
            data = file.read()
        with open(self.path("cut.safetensors"), "wb") as file:
            file.write(data[:-5])
        arguments = ["--input", self.ids(4), "--output", self.path("never.safetensors")]
        self.fails(8, "cut.safetensors", self.mblm("run", TINY, *self.native(), "--weights", self.path("cut.safetensors"),
                                                   *arguments))
        self.fails(5, "gone.safetensors", self.mblm("run", TINY, *self.native(), "--weights", self.path("gone.safetensors"),
                                                    *arguments))
        tensors = {name: ("F32", shape, values) for name, (shape, values) in safetensors_io.load(self.weights).items()}
        first = sorted(tensors)[0]
        less = {name: tensor for name, tensor in tensors.items() if name != first}
        safetensors_io.save(self.path("less.safetensors"), less)
        self.fails(3, f"1 missing ({first}", self.mblm("run", TINY, *self.native(), "--weights",
                                                       self.path("less.safetensors"), *arguments))
        less[first] = ("F32", [1], [0.0])
        safetensors_io.save(self.path("shape.safetensors"), less)
        self.fails(3, f"1 wrongly shaped ({first} [1], model has", self.mblm(
            "run", TINY, *self.native(), "--weights", self.path("shape.safetensors"), *arguments))
        self.assertFalse(os.path.exists(self.path("never.safetensors")))

    def test_weights_of_the_other_mamba(self):
        golden = "test/golden/mblm/m2_d1_1d/"
        spec, seconds = self.path("mamba2.json"), golden + "weights.safetensors"
        code, out, err = self.mblm("import", "mblm", golden + "config.json", "--weights", seconds, "-o", spec)
        self.assertEqual((code, err), (0, ""))
        first = self.path("mamba1.safetensors")
        shapes = {"A_log": [32, 8], "D": [32], "conv1d.weight": [32, 1, 4], "conv1d.bias": [32], "x_proj.weight": [17, 32],
                  "dt_proj.weight": [32, 1], "dt_proj.bias": [32], "in_proj.weight": [64, 16], "out_proj.weight": [16, 32]}
        tensors = {name: ("F32", shape, values) for name, (shape, values) in safetensors_io.load(seconds).items()
                   if ".mixer." not in name and "norm_f" not in name}
        for layer in range(2):
            for name, shape in shapes.items():
                size = 1
                for n in shape:
                    size *= n
                tensors[f"stage_models.0.layers.{layer}.mixer.{name}"] = ("F32", shape, [0.1] * size)
        safetensors_io.save(first, tensors)
        output = self.path("never.safetensors")
        self.fails(3, "the weights are of Mamba-1 layers, the model has Mamba-2", self.mblm(
            "run", spec, "--target", "reference", "--weights", first, "--input", self.ids(4), "--output", output))
        self.assertFalse(os.path.exists(output))
        # Where only a configuration says what the model is, the weights decide.
        code, out, err = self.mblm("import", "mblm", golden + "config.json", "--weights", first, "-o", spec)
        self.assertEqual(code, 0, err)
        self.assertEqual(err, "note: stage 0: mamba1, as the shape of its weights' A_log says; block_type says mamba2\n")
        self.assertIn("mapped         stage_models.0.layers.0.mixer.x_proj.weight", out)
        code, out, err = self.mblm("run", spec, "--target", "reference", "--weights", first, "--input", self.ids(4),
                                   "--output", output)
        self.assertEqual(code, 0, err)

    def test_wrong_inputs(self):
        self.fails(3, "expected 0 to", self.run_model(self.ids(4, value=100000)))
        self.fails(3, "expected 0 to", self.run_model(self.ids(4, value=-1)))
        safetensors_io.save(self.path("in.safetensors"), {"ids": ("I32", [4], [1, 2, 3, 4])})
        self.fails(3, "expected [batch, length]", self.run_model(self.path("in.safetensors")))
        safetensors_io.save(self.path("in.safetensors"), {"bytes": ("I32", [1, 4], [1, 2, 3, 4])})
        self.fails(3, "ids", self.run_model(self.path("in.safetensors")))
        safetensors_io.save(self.path("in.safetensors"), {"ids": ("I32", [1, 2], [1, 2]), "loss_mask": ("F32", [2], [1, 1])})
        self.fails(3, "expected that of 'ids'", self.run_model(self.path("in.safetensors")))
        self.fails(3, "no bytes", self.run_model(self.ids(0), "--gradients"))
        self.fails(3, "bytes", self.run_model(self.ids(self.info["longest"] + 1, batch=1)))
        self.fails(4, "limit", self.run_model(self.ids(8), "--max-memory", "4K"))

    def test_lengths_agree_with_the_reference_interpreter(self):
        inner = self.info["context"] // self.info["stages"][0]["length"]
        for length in [0, 1, inner - 1, inner, inner + 1]:
            found = []
            for target in [self.native(), ["--target", "reference"]]:
                code, _, err = self.run_model(self.ids(length), *(["--gradients"] if length else []), target=target)
                self.assertEqual(code, 0, err)
                found.append(safetensors_io.load(self.path("out.safetensors")))
            self.assertEqual(found[0].keys(), found[1].keys())
            self.assertEqual(found[0]["logits"][0], [2, max(length, 1), self.info["vocab"]])
            self.assertEqual("loss" in found[0], length > 0)
            for name in found[0]:
                for native, exact in zip(found[0][name][1], found[1][name][1]):
                    self.assertLess(abs(native - exact), 1e-3 * (1 + abs(exact)), f"{name}, length {length}")

    # The cache.

    def test_cache_hit_miss_and_damage(self):
        cache = self.path("own-cache")
        spec = "models/byte-gpt2-tiny.json"

        def bench(*more):
            return self.mblm("bench", spec, "--json", "-v", "--cache", cache, "--entry", "forward", "--context", "8", *more)

        first, second = bench(), bench()
        self.assertEqual((first[0], second[0]), (0, 0), first[2] + second[2])
        self.assertIn("cache miss", first[2])
        self.assertIn("cache hit", second[2])
        entry = os.path.join(cache, os.listdir(cache)[0])
        with open(entry, "r+b") as file:
            file.seek(os.path.getsize(entry) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        third = bench()
        self.assertEqual(third[0], 0, third[2])
        self.assertIn("is damaged; compiling again", third[2])
        self.assertIn("cache hit", bench()[2])
        blocked = self.mblm("generate", TINY, "--cache", os.path.join(self.path("text"), "x"), "--weights", self.weights, "-n",
                            "1", "--json")
        self.assertEqual(blocked[0], 0, blocked[2])
        self.assertEqual(blocked[2].count("note: the compile cache"), 1)

    # Commands that belong together.

    def test_import_and_run_a_recorded_case(self):
        spec, out = self.path("golden.json"), self.path("golden-out.safetensors")
        code, text, err = self.mblm("import", "megabyte", f"{GOLDEN}/config.json", "--weights", f"{GOLDEN}/weights.safetensors",
                                    "-o", spec, "--weights-out", self.path("ours.safetensors"), "--json")
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(text)["weights"]["missing"], [])
        code, _, err = self.mblm("run", spec, *self.native(), "--weights", self.path("ours.safetensors"), "--input",
                                 f"{GOLDEN}/io.safetensors", "--output", out, "--gradients")
        self.assertEqual(code, 0, err)
        expected, found = safetensors_io.load(f"{GOLDEN}/io.safetensors"), safetensors_io.load(out)
        self.assertEqual(found["logits"][0], expected["logits"][0])
        for name in [name for name in expected if name in ("logits", "loss") or name.startswith("grad.")]:
            for ours, theirs in zip(found[name][1], expected[name][1]):
                self.assertLess(abs(ours - theirs), 1e-4 * (1 + abs(theirs)), name)

    def test_import_refusals(self):
        self.fails(2, "expected mblm, megabyte, mamba, transformer, perceiver-ar, blt or blt-entropy",
                   self.mblm("import", "megabite", f"{GOLDEN}/config.json", "-o", self.path("x.json")))
        self.fails(5, "w.pth", self.mblm("import", "megabyte", f"{GOLDEN}/config.json", "--weights", self.path("w.pth"), "-o",
                                         self.path("x.json")))
        self.fails(3, "do not fit", self.mblm("import", "megabyte", f"{GOLDEN}/config.json", "--weights", self.weights, "-o",
                                              self.path("x.json"), "--json"))
        self.assertFalse(os.path.exists(self.path("x.json")))

    # Products of bf16 factors.

    def losses(self, name, *more):
        config = self.write("curve.json", '{"lr": 0.003, "batch": 4, "length": 96}')
        code, _, err = self.mblm("train", TINY, *self.native(), "--data", self.path("text"), "--config", config, "--steps", "20",
                                 "--out", self.path(name), *more)
        self.assertEqual(code, 0, err)
        with open(self.path(name + "/log.jsonl")) as file:
            return [line["loss"] for line in map(json.loads, file) if "loss" in line]

    def test_training_in_bf16_goes_the_way_of_f32(self):
        wide, narrow = self.losses("wide"), self.losses("narrow", "--precision", "bf16")
        self.assertEqual(len(narrow), 20)
        self.assertLess(wide[-1], 0.8 * wide[0])
        self.assertNotEqual(wide, narrow)
        for one, other in zip(wide, narrow):
            self.assertLess(abs(one - other), 0.01 * one)
        self.assertEqual(narrow, self.losses("one-thread", "--precision", "bf16", "--threads", "1"))
        for level in ["avx2", "portable"]: # all machines that run this have them
            for one, other in zip(wide, self.losses(level, "--precision", "bf16", "--level", level)):
                self.assertLess(abs(one - other), 0.01 * one)

    def test_bf16_programs_evaluate_generate_and_bench(self):
        half = [TINY, *self.native(), "--precision", "bf16"]
        weights = ["--weights", self.weights]
        code, out, err = self.mblm("eval", *half, *weights, "--data", self.path("text"), "--json")
        self.assertEqual(code, 0, err)
        code, _, err = self.mblm("generate", *half, *weights, "--prompt", "The", "-n", "3", "--json")
        self.assertEqual(code, 0, err)
        code, out, err = self.mblm("bench", *half, "--context", "48", "--batch", "1", "--json")
        self.assertEqual(code, 0, err)
        self.assertGreater(json.loads(out)["peak_flops_per_second"], 0)
        artifact = self.path("half.so")
        self.assertEqual(self.mblm("compile", *half, "-o", artifact)[0], 0)
        path = self.ids(12)
        logits = []
        for model in [half, [artifact]]:
            run = ["run", *model, *weights, "--input", path, "--output", self.path("half.safetensors"), "--gradients"]
            code, _, err = self.mblm(*run)
            self.assertEqual(code, 0, err)
            logits.append(safetensors_io.load(self.path("half.safetensors"))["logits"])
        self.assertEqual(logits[0], logits[1])

    def resumes(self, spec, name, config):
        config = self.write("train.json", config)
        common = [spec, *self.native(), "--data", self.path("text"), "--config", config]
        whole, halves = name + "-whole", name + "-halves"
        for steps, out, more in [(6, whole, []), (3, halves, []), (6, halves, ["--resume"])]:
            code, _, err = self.mblm("train", *common, "--steps", str(steps), "--out", self.path(out), *more)
            self.assertEqual(code, 0, err)
        with open(self.path(whole + "/weights.safetensors"), "rb") as one, open(
                self.path(halves + "/weights.safetensors"), "rb") as two:
            self.assertEqual(one.read(), two.read())
        with open(self.path(halves + "/log.jsonl")) as file:
            steps = [line for line in map(json.loads, file) if "loss" in line]
        self.assertEqual([line["step"] for line in steps], [1, 2, 3, 4, 5, 6])
        self.assertLess(steps[-1]["loss"], steps[0]["loss"])
        return [line["loss"] for line in steps]

    def test_resumed_training_equals_one_run(self):
        self.resumes(TINY, "plain", '{"lr": 0.01, "batch": 2, "length": 48, "save_every": 3}')

    def test_resumed_training_drops_the_same(self):
        with open(TINY) as file:
            spec = json.load(file)
        for stage in spec["stages"]:
            for layer in stage["layers"]:
                layer.update(attn_dropout=0.2, ff_dropout=0.1)
        config = '{"lr": 0.01, "batch": 2, "length": 48, "save_every": 3, "accumulate": 2}'
        dropping = self.resumes(self.write("dropout.json", json.dumps(spec)), "dropout", config)
        self.assertNotEqual(dropping[0], self.resumes(TINY, "kept", config)[0])

    def test_training_refusals(self):
        self.write("empty", "")
        arguments = [TINY, *self.native(), "--steps", "1", "--out", self.path("refused")]
        self.fails(3, "empty", self.mblm("train", *arguments, "--data", self.path("empty")))
        self.fails(5, "missing", self.mblm("train", *arguments, "--data", self.path("missing")))
        config = self.write("wrong.json", '{"learning_rate": 1}')
        self.fails(3, "wrong.json:1:2: unknown setting", self.mblm("train", *arguments, "--data", self.path("text"), "--config",
                                                                   config))

    def test_generate_and_eval(self):
        arguments = [TINY, *self.native(), "--weights", self.weights]
        greedy = [self.mblm("generate", *arguments, "--prompt", "The", "-n", "5", "--temperature", "0", "--json")
                  for _ in range(2)]
        self.assertEqual(greedy[0][0], 0, greedy[0][2])
        self.assertEqual(greedy[0][1], greedy[1][1])
        self.assertEqual(len(json.loads(greedy[0][1])["ids"]), 5)
        exact = self.mblm("generate", TINY, "--target", "reference", "--weights", self.weights, "--prompt-ids", "84,104,101",
                          "-n", "5", "--temperature", "0", "--json")
        self.assertEqual(json.loads(exact[1]), json.loads(greedy[0][1]))
        self.fails(3, "exceed", self.mblm("generate", *arguments, "-n", str(self.info["longest"] + 2)))
        bits = json.loads(self.mblm("eval", *arguments, "--data", self.path("text"), "--json")[1])
        self.assertEqual(bits["bytes"], len(TEXT))
        self.assertTrue(0 < bits["value"] < 10)
        self.assertEqual(self.mblm("eval", *arguments, "--data", self.path("text"), "--metric", "ppl")[0], 0)
        self.fails(3, "empty", self.mblm("eval", *arguments, "--data", self.write("empty", "")))

    def test_steps_are_forward(self):
        for length in [1, 13]:
            results = []
            for target in [self.native(), ["--target", "reference"]]:
                for entry in ["forward", "step"]:
                    output = self.path("out.safetensors")
                    code, _, err = self.mblm("run", TINY, *target, "--weights", self.weights, "--input", self.ids(length),
                                             "--output", output, "--entry", entry)
                    self.assertEqual(code, 0, err)
                    results.append(safetensors_io.load(output)["logits"][1])
            for other in results[1:]:
                self.assertLess(max(abs(a - b) for a, b in zip(results[0], other)), 1e-4)

    def test_states_on_disk(self):
        arguments = [TINY, *self.native(), "--weights", self.weights, "--temperature", "0", "--json"]
        prompt = ["--prompt", "The quick brown"]
        whole = json.loads(self.mblm("generate", *arguments, *prompt, "-n", "9")[1])["ids"]
        state = self.path("state")
        code, out, err = self.mblm("generate", *arguments, *prompt, "-n", "4", "--save-state", state)
        self.assertEqual((code, json.loads(out)["ids"]), (0, whole[:4]), err)
        code, out, err = self.mblm("generate", *arguments, "-n", "5", "--load-state", state)
        self.assertEqual((code, json.loads(out)["ids"]), (0, whole[4:]), err)
        self.assertEqual(self.mblm("generate", *arguments, *prompt, "-n", "0", "--save-state", state)[0], 0)
        out = self.mblm("generate", *arguments, "-n", "9", "--load-state", state)[1]
        self.assertEqual(json.loads(out)["ids"], whole)
        self.fails(8, "is no state", self.mblm("generate", *arguments, "-n", "1", "--load-state", self.weights))
        with open(TINY) as file:
            other = self.write("other.json", file.read().replace("tiny twin", "another twin"))
        self.fails(8, "belongs to another spec", self.mblm("generate", other, *arguments[1:], "-n", "1", "--load-state", state))
        self.fails(5, "cannot open", self.mblm("generate", *arguments, "-n", "1", "--load-state", self.path("none")))

    def test_bench_of_steps(self):
        code, out, err = self.mblm("bench", TINY, *self.native(), "--entry", "step", "--context", "12", "--batch", "2", "--seconds",
                                   "0.01", "--json")
        self.assertEqual(code, 0, err)
        report = json.loads(out)
        self.assertEqual((report["batch"], report["context"]), (2, 12))
        self.assertTrue(report["bytes_per_second"] > 0 and report["weight_bytes_per_second"] > 0 and report["prefill_s"] > 0)

    def test_accuracy(self):
        arguments = [TINY, *self.native(), "--weights", self.weights, "--json"]
        whole = json.loads(self.mblm("eval", *arguments, "--data", self.path("text"), "--metric", "accuracy", "--batch", "4")[1])
        self.assertEqual(whole["targets"], len(TEXT))
        self.assertEqual(whole["value"], whole["hits"] / whole["targets"])
        # The same from the logits of `run`, the targets chosen by a mask.
        ids = [[(i * i + 7 * b) % 250 + 1 for i in range(20)] for b in range(2)]
        self.run_model(self.file({"ids": ("I32", [2, 20], sum(ids, []))}))
        shape, logits = safetensors_io.load(self.path("out.safetensors"))["logits"]
        mask, hits = [0.0] * 40, 0
        for b, at in [(0, 1), (0, 7), (1, 8), (1, 19)]:
            row = logits[(b * 20 + at - 1) * shape[2]:][:shape[2]]
            ids[b][at] = row.index(max(row)) if at != 8 else ids[b][at]  # in place: later bytes change no earlier row
            self.run_model(self.file({"ids": ("I32", [2, 20], sum(ids, []))}))
            logits = safetensors_io.load(self.path("out.safetensors"))["logits"][1]
            hits += ids[b][at] == row.index(max(row))
            mask[b * 20 + at] = 0.5
        batches = self.file({"ids": ("I32", [1, 2, 20], sum(ids, [])), "loss_mask": ("F32", [1, 2, 20], mask)})
        found = json.loads(self.mblm("eval", *arguments, "--batches", batches, "--metric", "accuracy")[1])
        self.assertEqual((found["targets"], found["hits"]), (4, hits))
        self.fails(2, "for --metric accuracy", self.mblm("eval", *arguments, "--batches", batches))
        self.fails(2, "either --data or --batches", self.mblm("eval", *arguments, "--metric", "accuracy"))
        self.fails(2, "without --window", self.mblm("eval", *arguments, "--batches", batches, "--metric", "accuracy",
                                                    "--window", "8"))
        none = self.file({"ids": ("I32", [1, 1, 4], [1, 2, 3, 4]), "loss_mask": ("F32", [1, 1, 4], [0.0] * 4)})
        self.fails(3, "holds no targets", self.mblm("eval", *arguments, "--batches", none, "--metric", "accuracy"))

    def test_compiled_forms_stand_for_the_spec(self):
        for form in ["artifact", "exe"]:
            output = self.path(form)
            code, _, err = self.mblm("compile", TINY, "-o", output, "--emit", form)
            self.assertEqual(code, 0, err)
            self.assertEqual(json.loads(self.mblm("check", output, "--json")[1]), self.info)
        sample = ["--weights", self.weights, "-n", "8", "--json", "--seed", "5"]
        outputs = {self.mblm("generate", TINY, *self.native(), *sample)[1], self.mblm("generate", self.path("artifact"),
                                                                                      *sample)[1]}
        outputs.add(subprocess.run([self.path("exe"), "generate", *sample], capture_output=True, timeout=60).stdout.decode())
        self.assertEqual(len(outputs), 1, outputs)
        with open(self.path("artifact"), "rb") as file:
            data = file.read()
        with open(self.path("cut"), "wb") as file:
            file.write(data[:len(data) // 2])
        self.fails(8, "not a whole artifact", self.mblm("check", self.path("cut")))

    def test_texts_of_each_phase(self):
        for form, word in [("mblm", "mblm.linear"), ("kernel", "kernel.gemm"), ("llvm", "define i32 @mblm_entry_forward"),
                           ("asm", "mblm_entry_forward:"), ("header", "#define MBLM_VOCAB")]:
            code, _, err = self.mblm("compile", TINY, "-o", self.path("text-form"), "--emit", form)
            self.assertEqual(code, 0, err)
            with open(self.path("text-form")) as file:
                self.assertIn(word, file.read())

    def test_only_some_entries(self):
        code, _, err = self.mblm("compile", TINY, "-o", self.path("few"), "--entry", "forward,loss")
        self.assertEqual(code, 0, err)
        code, _, err = self.mblm("run", self.path("few"), "--weights", self.weights, "--input", self.ids(4), "--output",
                                 self.path("out.safetensors"))
        self.assertEqual(code, 0, err)
        self.fails(3, "was compiled without steps", self.mblm("generate", self.path("few"), "--weights", self.weights, "-n", "2"))
        self.fails(3, "has no entry", self.mblm("bench", self.path("few"), "--context", "4", "--batch", "1"))

    # Steps.

    def steps_and_whole_passes_differ_by(self, spec, *options, length=150):
        length = min(json.loads(self.mblm("check", spec, "--json")[1])["context"], length)
        ids = [(i * 7 + 3) % 100 for i in range(2 * length)]
        for name, shape in [("batches", [1, 2, length]), ("ids", [2, length])]:
            safetensors_io.save(self.path(name), {"ids": ("I32", shape, ids)})
        train = ["train", spec, "--target", "reference", "--batches", self.path("batches"), "--steps", "1", "--out"]
        code, _, err = self.mblm(*train, self.path(spec[7:]))
        self.assertEqual(code, 0, err)
        logits = []
        for entry in ["forward", "step"]:
            code, _, err = self.mblm("run", spec, *options, "--weights", self.path(spec[7:] + "/weights.safetensors"), "--input",
                                     self.path("ids"), "--output", self.path(entry), "--entry", entry)
            self.assertEqual(code, 0, err)
            logits.append(safetensors_io.load(self.path(entry))["logits"][-1])
        self.assertEqual(len(logits[0]), len(logits[1]))
        return max(abs(whole - step) / (1 + abs(whole)) for whole, step in zip(*logits))

    def test_steps_of_every_model_give_what_whole_passes_give(self):
        specs = sorted(f"models/{name}" for name in os.listdir("models")
                       if name.endswith("-tiny.json") and not has_tests_of_its_own(name))
        self.assertGreater(len(specs), 20)
        for spec in specs:
            self.assertLess(self.steps_and_whole_passes_differ_by(spec, "--target", "reference"), 1e-5, spec)

    def test_steps_on_the_simulator_give_what_whole_passes_give(self):
        for spec, options, most in [("models/mblm-3d-mmt-tiny.json", [], 1e-5),
                                    ("models/mblm-360m-2d-mt-mamba1-tiny.json", ["--arch", "sm_90a"], 1e-5),
                                    ("models/mblm-360m-2d-tt-tiny.json", ["--precision", "tf32", "--library", "fits"], 2e-3),
                                    ("models/mblm-360m-2d-tt-tiny.json", ["--precision", "bf16"], 2e-2)]:
            far = self.steps_and_whole_passes_differ_by(spec, "--target", "sim", *options, length=40)
            self.assertLess(far, most, spec)

    # Memory plans.

    def test_five_million_bytes_fit_into_80_gb(self):
        for target in [[], ["--target", "cuda", "--precision", "bf16"]]:
            code, out, _ = self.mblm("explain", "models/mblm-350m-3d-5m.json", "--json", "--context", "5000000", "--batch", "1",
                                     "--max-memory", "74G", *target)
            self.assertEqual(code, 0)
            memory = json.loads(out)["memory"]
            self.assertLess(memory["peak_bytes"], 80e9)
            self.assertEqual(memory["peak_bytes"], memory["entries"]["train_step"]["total_bytes"])
            kept = sum(memory["plan"]["kept_bytes"].values())
            self.assertEqual(kept + memory["plan"]["transient_bytes"], memory["entries"]["train_step"]["arena_bytes"])

    def plan(self, size):
        return self.mblm("explain", "models/mblm-360m-3d-ttt-tiny.json", "--json", "--context", "65536", "--batch", "2",
                         "--threads", "1", "--max-memory", size)

    def test_plans_follow_the_memory(self):
        plans, peaks = [], []
        for size in ["4G", "150M", "120M", "80M", "60M", "40M", "20M"]:
            code, out, err = self.plan(size)
            if code == 4:
                break
            memory = json.loads(out)["memory"]
            plans.append(memory["plan"]["description"])
            peaks.append(memory["peak_bytes"])
        self.assertEqual(plans[0], "everything kept")
        self.assertIn("linear maps before activations and stages behind the first (piece by piece) computed again", plans)
        self.assertEqual(peaks, sorted(peaks, reverse=True))
        self.fails(4, "bytes (--max-memory); a smaller batch or length would fit", self.plan("1M"))
        # The number that the refusal names is one that fits, and no less is.
        least = int(re.search(r"needs at least (\d+) bytes", self.plan("1M")[2]).group(1))
        self.assertEqual(self.plan(str(least))[0], 0)
        self.assertEqual(self.plan(str(least - 1))[0], 4)

    def test_training_stays_below_its_limit(self):
        config = self.write("thrift.json", '{"batch": 2, "length": 4096, "lr": 1e-3}')
        train = ["train", "models/mblm-350m-3d-5m-tiny.json", "--data", self.path("text"), "--steps", "2", "--config", config,
                 "--threads", "1", "--json", "--out", self.path("thrift")]
        refusal = self.mblm(*train, "--max-memory", "1M")
        self.fails(4, "a training step of MBLM 350M", refusal)
        least = re.search(r"needs at least (\d+) bytes", refusal[2]).group(1)
        code, out, err = self.mblm(*train, "--max-memory", least)
        self.assertEqual(code, 0, err)
        self.assertLessEqual(json.loads(out)["peak_bytes"], int(least))
        whole = json.loads(self.mblm(*train)[1])
        self.assertAlmostEqual(json.loads(out)["loss"], whole["loss"], places=4)

    def test_explain(self):
        plan = json.loads(self.mblm("explain", TINY, "--json", "--context", "64", "--batch", "2")[1])
        more = json.loads(self.mblm("explain", TINY, "--json", "--context", "64", "--batch", "4")[1])
        self.assertGreater(more["memory"]["peak_bytes"], plan["memory"]["peak_bytes"])
        self.assertIn("train_step", {kernel["entry"] for kernel in plan["kernels"]})
        self.assertTrue(any(remark["fused"] for remark in plan["fusion"]))
        alone = json.loads(self.mblm("explain", TINY, "--json", "--fuse", "off")[1])
        self.assertGreater(len(alone["kernels"]), len(plan["kernels"]))
        self.assertEqual(alone["fusion"], [])

    def test_explain_costs(self):
        device = {"flops_per_second": 67e12, "bytes_per_second": 3.35e12, "name": "h100"}
        common = [TINY, "--json", "--batch", "1", "--device", "h100"]
        plan, alone = (json.loads(self.mblm("explain", *common, "--fuse", fuse)[1]) for fuse in ["on", "off"])
        self.assertEqual(plan["device"], device)
        for kernel in plan["kernels"]:
            self.assertGreater(kernel["bytes"], 0, kernel)
            self.assertAlmostEqual(kernel["intensity"], kernel["flops"] / kernel["bytes"])
            times = {"compute": kernel["flops"] / 67e12, "memory": kernel["bytes"] / 3.35e12}
            self.assertEqual(kernel["roofline_s"], max(times.values()))
            self.assertEqual(times[kernel["bound"]], kernel["roofline_s"])
            if kernel["op"] != "pack_rows":  # packed within the product that reads it
                self.assertEqual(kernel["name"], kernel["functions"][0])
            if kernel["op"] != "update":  # no part of the spec
                self.assertRegex(kernel["place"], r"^models/.*-tiny\.json:\d+:\d+$")

        def total(report, entry, what):
            return sum(kernel[what] for kernel in report["kernels"] if kernel["entry"] == entry)

        # Without fusion the kernels do what the model's ops say; with it they move fewer bytes.
        for spec in [TINY, "models/byte-gpt2-tiny.json", "models/mambabyte-353m-tiny.json", "models/mblm-360m-3d-mtt-tiny.json"]:
            info = json.loads(self.mblm("check", spec, "--json")[1])
            unfused = json.loads(self.mblm("explain", spec, *common[1:], "--fuse", "off")[1])
            for entry, said in [("forward", "forward_flops_per_byte"), ("gradients", "flops_per_byte")]:
                counted = total(unfused, entry, "flops") / info["context"]
                self.assertAlmostEqual(counted / info[said], 1, delta=0.05, msg=f"{spec}, {entry}")
        self.assertLess(total(plan, "loss", "bytes"), 0.8 * total(alone, "loss", "bytes"))
        taken = [text for kernel in plan["kernels"] for text in kernel["fused"]]
        self.assertTrue(any("took in kernel.rows /stages/0" in text for text in taken))
        self.assertTrue(any("stays a kernel: " in text for kernel in plan["kernels"] for text in kernel["not_fused"]))
        host = json.loads(self.mblm("explain", TINY, "--json")[1])["device"]
        self.assertEqual(host["name"], "host")
        self.assertTrue(1e9 < host["flops_per_second"] < 1e15 and 1e8 < host["bytes_per_second"] < 1e14, host)
        self.fails(2, "--device", self.mblm("explain", TINY, "--device", "abacus"))

    def test_explain_page(self):
        page = self.path("page.html")
        code, out, err = self.mblm("explain", TINY, "--device", "a100", "--html", page)
        self.assertEqual(code, 0, err)
        self.assertIn("at least", out)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertLess(len(text), 1_000_000)
        open_tags = []

        class Tags(HTMLParser):
            def handle_starttag(self, tag, attributes):
                if tag not in ("meta", "p"):
                    open_tags.append(tag)
                for name, value in attributes:
                    assert name not in ("src", "href"), value  # no other file

            def handle_endtag(self, tag):
                if tag != "p":
                    assert open_tags.pop() == tag, tag

        Tags().feed(text)
        self.assertEqual(open_tags, [])
        for kernel in json.loads(self.mblm("explain", TINY, "--json")[1])["kernels"]:
            self.assertIn(f">{kernel['name']}<", text)
        self.assertIn("took in kernel.rows /stages/0", text)
        self.assertIn("stays a kernel: ", text)


if __name__ == "__main__":
    unittest.main()
