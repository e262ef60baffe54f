# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Artifacts and programs with code for several levels of machine: which one is taken, and that all of them compute the recorded
# values. Environment MBLM: the program. Runs in the repository's root.
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
from program import MBLM, ProgramTest

TINY = "models/mblm-360m-2d-tt-tiny.json"
CASES = {"small": ("megabyte", "test/golden/megabyte/byte_transformer_1stage"),
         "transformers": ("megabyte", "test/golden/megabyte/mega_3s_prepatched_flash"), # rows are as nested as ids
         "mamba": ("mblm", "test/golden/mblm/d07_2d_mt_exact"),
         "mamba2": ("mblm", "test/golden/mblm/m2_d2_2d_mt_pad")}


class Levels(ProgramTest):
    @classmethod
    def under(cls, level, *arguments, program=(MBLM,)):
        """What the program answers where MBLM_LEVEL names a level; None: nothing does."""
        environment = {name: value for name, value in os.environ.items() if name != "MBLM_LEVEL"}
        if level:
            environment["MBLM_LEVEL"] = level
        done = subprocess.run([*program, *arguments], capture_output=True, timeout=600, env=environment)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    @classmethod
    def imported(cls, case):
        """A recorded case as a spec and weights."""
        form, folder = CASES[case]
        code, _, err = cls.mblm("import", form, f"{folder}/config.json", "-o", cls.path(case + ".json"))
        assert code == 0, err
        return cls.path(case + ".json"), f"{folder}/weights.safetensors", f"{folder}/io.safetensors"

    def compiled(self, spec, name, *more):
        code, out, err = self.mblm("compile", spec, "-o", self.path(name), "--json", *more)
        self.assertEqual(code, 0, err)
        return self.path(name), json.loads(out)["levels"]

    def result(self, level, artifact, weights, inputs, *more, program=(MBLM, "run")):
        """The level in use and the tensors; nothing where this CPU has not the level."""
        output = self.path("out.safetensors")
        code, out, err = self.under(level, *artifact, "--weights", weights, "--input", inputs, "--output", output, "--json",
                                    *more, program=program)
        if code == 6:
            self.assertIn(f"MBLM_LEVEL is {level}, and this CPU lacks", err)
            return None
        self.assertEqual(code, 0, err)
        return json.loads(out)["level"], safetensors_io.load(output)

    def close(self, found, expected, limit, what):
        self.assertEqual(len(found), len(expected), what)
        scale = max(abs(value) for value in expected)
        for ours, theirs in zip(found, expected):
            self.assertLessEqual(abs(ours - theirs), limit * scale, what)

    def agrees_under_every_level(self, case, precision, limits, fewest):
        spec, weights, inputs = self.imported(case)
        expected = safetensors_io.load(inputs)
        stages = range(len(json.loads(self.works("check", spec, "--json")[0])["stages"]))
        entries = ["forward", "loss", "gradients", *(f"{kind}_{stage}" for kind in ("begin", "step") for stage in stages)]
        artifact, levels = self.compiled(spec, case + ".so", "--level", "all", "--precision", precision, "--entry", ",".join(entries))
        compared = []
        for level in levels:
            found = self.result(level, [artifact], weights, inputs, "--gradients")
            if not found:
                continue
            self.assertEqual(found[0], level)
            names = [name for name in expected if name in ("logits", "loss") or name.startswith("grad.")]
            self.assertIn("loss", names)
            self.assertGreater(len(names), 5)
            for name in names:
                limit = limits["grad" if name.startswith("grad.") else name]
                self.close(found[1][name][1], expected[name][1], limit, f"{name} at {level}")
            _, stepped = self.result(level, [artifact], weights, self.flat(inputs), "--entry", "step")
            self.close(stepped["logits"][1], expected["logits"][1], limits["logits"], f"logits of steps at {level}")
            compared.append((level, found[1]["logits"][1]))
        self.assertGreaterEqual(len(compared), fewest)
        self.assertEqual(self.result(None, [artifact], weights, inputs)[0], compared[0][0]) # the best one
        if precision == "f32" and len(compared) > 1: # products of bf16 factors are exact, with or without fused multiply-adds
            self.assertGreater(len({tuple(logits) for _, logits in compared}), 1) # not one and the same code

    def flat(self, inputs):
        """Steps take one row of ids a sequence."""
        tensors = safetensors_io.load(inputs)
        (batch, *rest), ids = tensors["ids"]
        length = 1
        for size in rest:
            length *= size
        safetensors_io.save(self.path("flat"), {"ids": ("I32", [batch, length], ids)})
        return self.path("flat")

    def test_transformers(self):
        self.agrees_under_every_level("transformers", "f32", {"logits": 1e-5, "loss": 1e-5, "grad": 1e-4}, 1)

    def test_mamba(self):
        self.agrees_under_every_level("mamba", "f32", {"logits": 1e-5, "loss": 1e-5, "grad": 1e-4}, 1)

    def test_mamba2(self):
        self.agrees_under_every_level("mamba2", "f32", {"logits": 1e-5, "loss": 1e-5, "grad": 1e-4}, 1)

    def test_products_in_bf16(self):
        self.agrees_under_every_level("small", "bf16", {"logits": 0.02, "loss": 0.02, "grad": 0.1}, 1)

    def test_programs_choose_too(self):
        spec, weights, inputs = self.imported("small")
        several = ["--level", "avx2,portable", "--entry", "forward,loss"]
        artifact, levels = self.compiled(spec, "chosen.so", *several)
        program, _ = self.compiled(spec, "chosen", *several, "--emit", "exe")
        for level in [None, *levels]:
            one = self.result(level, [artifact], weights, inputs)
            other = self.result(level, [], weights, inputs, program=(program, "run"))
            self.assertEqual(one, other)

    def test_order_and_repetitions_do_not_matter(self):
        self.assertEqual(self.compiled(TINY, "few.h", "--level", "portable,avx2,portable", "--emit", "header")[1],
                         ["avx2", "portable"])
        whole = self.compiled(TINY, "few.h", "--level", "all", "--emit", "header")[1]
        narrow = self.compiled(TINY, "few.h", "--level", "all", "--emit", "header", "--precision", "bf16")[1]
        self.assertEqual(whole, [level for level in narrow if level not in ("amx", "avx512bf16")])
        self.assertIn("amx", narrow)

    def test_headers_declare_what_artifacts_export(self):
        only = ["--entry", "forward,loss"]
        for levels, names in [("portable", ["forward", "loss"]),
                              ("avx2,portable", ["forward_avx2", "loss_avx2", "forward_portable", "loss_portable"])]:
            header, _ = self.compiled(TINY, "model.h", "--emit", "header", "--level", levels)
            artifact, _ = self.compiled(TINY, f"{len(names)}.so", *only, "--level", levels)
            with open(header) as file:
                text = file.read()
            self.assertIn(f'#define MBLM_LEVELS "{levels}"\n', text)
            library = ctypes.CDLL(artifact)
            for name in names:
                self.assertIn(f"int32_t mblm_entry_{name}(MblmContext *context);", text)
                self.assertIsNotNone(getattr(library, "mblm_entry_" + name))

    def test_the_cache_knows_the_levels(self):
        _, weights, inputs = self.imported("small")
        spec = self.path("small.json")

        def run(levels):
            code, _, err = self.mblm("run", spec, *self.native(), "--level", levels, "--weights", weights, "--input", inputs,
                                     "--output", self.path("out.safetensors"), "--verbose")
            self.assertEqual(code, 0, err)
            return err

        self.assertIn("cache miss: compiling for avx2,portable", run("avx2,portable"))
        self.assertIn("cache hit", run("portable,avx2"))
        self.assertIn("cache miss: compiling for portable", run("portable"))

    def test_explain_and_bench_name_the_level(self):
        options = [TINY, *self.native(), "--level", "portable"]
        code, out, err = self.mblm("explain", *options, "--json")
        self.assertEqual((code, json.loads(out)["machine"]["level"]), (0, "portable"), err)
        self.assertIn("kernels at level portable for", self.mblm("explain", *options)[1])
        bench = ["bench", *options, "--entry", "forward", "--context", "48", "--batch", "1", "--seconds", "0.1"]
        code, out, err = self.mblm(*bench, "--json")
        self.assertEqual((code, json.loads(out)["level"]), (0, "portable"), err)
        self.assertIn(", level portable\n", self.mblm(*bench)[1])
        neon = self.mblm("explain", TINY, "--level", "neon", "--json") # needs no machine of its own
        self.assertEqual((neon[0], json.loads(neon[1])["machine"]["level"]), (0, "neon"), neon[2])

    # Refusals.

    def test_levels_that_are_none(self):
        for levels in ["sse9", "avx2,sse9", "avx2,"]:
            self.refuses(2, "expected amx, avx512bf16, avx512, avx2, portable or neon, several with commas between them, or all",
                         "compile", TINY, "-o", self.path("no.so"), "--level", levels)
        self.refuses(2, "expected those of one architecture, got avx2 of x86-64 and neon of aarch64", "compile", TINY, "-o",
                     self.path("no.so"), "--level", "avx2,neon")

    def test_levels_that_the_artifact_has_not(self):
        _, weights, inputs = self.imported("small")
        artifact, _ = self.compiled(self.path("small.json"), "two.so", "--level", "avx2,portable", "--entry", "loss")
        run = ["run", artifact, "--weights", weights, "--input", inputs, "--output", self.path("out.safetensors")]
        for level in ["avx512", "neon", "sse9"]:
            self.fails(2, f"two.so: compiled for avx2 and portable, but MBLM_LEVEL is '{level}'; expected avx2 or portable",
                       self.under(level, *run))

    def test_levels_that_the_machine_has_not(self):
        _, weights, inputs = self.imported("small")
        artifact, _ = self.compiled(self.path("small.json"), "own.so", "--level", "portable", "--entry", "loss")
        with open(artifact, "rb") as file:
            code = file.read()
        self.assertEqual(code.count(b'"level":"portable"'), 1)
        foreign = self.write("foreign.so", code.replace(b'"level":"portable"', b'"level":"neon"    '))
        run = ["run", foreign, "--weights", weights, "--input", inputs, "--output", self.path("out.safetensors")]
        message = "foreign.so: compiled for neon, but this CPU lacks the architecture aarch64; compile the spec again for what it runs, "
        self.fails(6, message, self.under(None, *run))
        self.fails(6, "MBLM_LEVEL is neon, and this CPU lacks the architecture aarch64", self.under("neon", *run))

    def test_texts_are_of_one_level(self):
        for form in ["asm", "llvm", "object"]:
            self.refuses(2, "only native artifacts, programs and headers are of several", "compile", TINY, "-o", self.path("no"), "--emit",
                         form, "--level", "avx2,portable")
            self.assertFalse(os.path.exists(self.path("no")))

    def test_nothing_is_linked_for_other_architectures(self):
        for form in ["artifact", "exe"]:
            self.refuses(2, "expected 'compile' with --emit object, asm or llvm, or --level", "compile", TINY, "-o", self.path("no"),
                         "--emit", form, "--level", "neon")
        self.refuses(2, "there is no linker and C library for aarch64", "bench", TINY, "--level", "neon")


class Neon(ProgramTest):
    """Code for Armv8-A, which is read and not run."""

    # What each tiny spec has, by the names of its kernels' functions.
    SPECS = {"models/byte-transformer-320m-tiny.json": ["attention"], "models/mblm-360m-2d-mt-mamba1-tiny.json": ["scan"],
             "models/mblm-360m-2d-mm-tiny.json": ["ssd"], "models/blt-400m-tiny.json": ["attention"]}
    TILES = re.compile(r"(gemm_tile_(rows|columns)|dot_tile_\w+|narrow_tile)$")
    X86 = re.compile(r"%[xyz]mm|\bv(fmadd|broadcast|scalef)\w*|\btdpbf16ps\b")

    @staticmethod
    def functions(text):
        """The instructions of each function, block by block: (label, [instruction])."""
        found = {}
        for name, body in re.findall(r"^(\w+):\n((?:(?!^\w+:).)*?)^\.Lfunc_end", text, re.M | re.S):
            blocks = [("", [])]
            for line in body.splitlines():
                line = line.split("//")[0].strip()
                if label := re.match(r"(\.LBB\w+):", line):
                    blocks.append((label[1], []))
                elif line and not line.startswith("."):
                    blocks[-1][1].append(line)
            found[name] = blocks
        return found

    @staticmethod
    def loops(blocks):
        """Blocks that jump back to themselves: innermost loops."""
        return [code for label, code in blocks if label and any(re.search(rf"{re.escape(label)}$", line) for line in code)]

    def code(self, spec, *more):
        output = self.path("neon.s")
        code, _, err = self.mblm("compile", spec, "-o", output, "--level", "neon", "--emit", "asm", *more)
        self.assertEqual(code, 0, err)
        with open(output) as file:
            return file.read()

    def products_are_vectors(self, text, tiles):
        functions = self.functions(text)
        found = {name: blocks for name, blocks in functions.items() if self.TILES.match(name)}
        for tile in tiles:
            self.assertIn(tile, found)
        for name, blocks in found.items():
            loops = self.loops(blocks)
            self.assertTrue(loops or "_rest" in name, name) # a short depth may leave none
            for loop in loops or [sum((code for _, code in blocks), [])]:
                self.assertTrue(any(re.match(r"fmla\tv\d+\.4s", line) for line in loop), (name, loop))
                scalar = [line for line in loop if re.match(r"(fmadd|fmsub|fmul|fadd|bl)\t(s\d|\w+$)", line)]
                self.assertEqual(scalar, [], name)
                spilled = [line for line in loop if re.search(r"\tq\d+, .*\[sp", line)]
                if loops and name != "narrow_tile": # there each factor takes two registers
                    self.assertEqual(spilled, [], name)
        return functions

    def test_every_kind_of_model(self):
        for spec, kernels in self.SPECS.items():
            text = self.code(spec)
            self.assertIsNone(self.X86.search(text), spec)
            functions = self.products_are_vectors(text, ["gemm_tile_rows"])
            for entry in ["forward", "train_step", "step_0", "prefill_0"]:
                self.assertIn("mblm_entry_" + entry, functions, spec)
            for kernel in kernels:
                self.assertTrue(any(kernel in name for name in functions), (spec, kernel))
            self.assertRegex(text, r"\.section\s+\.mblm\.metadata")
            self.assertIn('\\"level\\":\\"neon\\"', text)

    def test_tiles_fill_the_registers(self):
        """All accumulators of the f32 tile stay in registers: 6 x 4 of them, and each is added to once a step."""
        functions = self.functions(self.code("models/byte-transformer-320m-tiny.json", "--entry", "forward"))
        [loop] = self.loops(functions["gemm_tile_rows"])
        self.assertEqual(len([line for line in loop if line.startswith("fmla\t")]), 24)

    def test_products_in_bf16(self):
        text = self.code("models/byte-transformer-320m-tiny.json", "--precision", "bf16", "--entry", "forward,gradients")
        self.assertIsNone(self.X86.search(text))
        self.products_are_vectors(text, ["narrow_tile"])

    def test_objects(self):
        output = self.path("neon.o")
        code, out, err = self.mblm("compile", TINY, "-o", output, "--level", "neon", "--emit", "object", "--json")
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["levels"], ["neon"])
        with open(output, "rb") as file:
            data = file.read()
        self.assertEqual(data[:5], b"\x7fELF\x02")
        self.assertEqual(int.from_bytes(data[16:18], "little"), 1) # relocatable
        self.assertEqual(int.from_bytes(data[18:20], "little"), 183) # AArch64
        for symbol in [b"\0mblm_entry_forward\0", b"\0mblm_entry_train_step\0", b"\0mblm_metadata\0"]:
            self.assertIn(symbol, data)

    def test_objects_of_this_machine_link_to_artifacts(self):
        """What is linked by hand is an artifact."""
        compiler = next(filter(None, map(shutil.which, ["cc", "gcc", "clang", "clang-22"])), None)
        self.assertIsNotNone(compiler)
        for form, name in [("object", "own.o"), ("asm", "own.s")]:
            self.works("compile", TINY, "-o", self.path(name), "--level", "portable", "--emit", form)
            subprocess.run([compiler, "-shared", self.path(name), "-o", self.path("own.so"), "-lm"], check=True)
            self.assertEqual(json.loads(self.works("check", self.path("own.so"), "--json")[0]),
                             json.loads(self.works("check", TINY, "--json")[0]))
            self.works("train", self.path("own.so"), "--data", self.write("text", b"abc " * 400), "--steps", "1", "--out",
                       self.path("trained-" + form))


if __name__ == "__main__":
    unittest.main()
