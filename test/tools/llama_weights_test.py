# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `mblm import blt --global-from`: Llama checkpoints in both spellings, and those that do not fit. Environment MBLM: the
# program. Runs in the repository's root.
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from collections import OrderedDict

sys.path.insert(0, os.path.dirname(__file__))
import safetensors_io
import torch_io

MBLM = os.environ["MBLM"]
CONFIG = "test/golden/blt/d08_blt_gqa_alllayers/config.json"
DIM, HEADS, KV_HEADS, HEAD_DIM, HIDDEN, LAYERS = 24, 4, 2, 6, 64, 2  # of the case's global layers
SPELLINGS = {
    "attention_norm": "input_layernorm", "attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj", "attention.wo": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj", "feed_forward.w3": "mlp.up_proj",
    "tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head"}


def meta(dim=DIM, kv_heads=KV_HEADS, hidden=HIDDEN, layers=LAYERS):
    """A checkpoint in Meta's names, its numbers all different."""
    tensors, count = OrderedDict(), 0

    def add(name, *shape):
        nonlocal count
        size = math.prod(shape)
        tensors[name + ".weight"] = ("F32", list(shape), [(count + i) / 1024 for i in range(size)])
        count += size

    add("tok_embeddings", 11, dim)
    for layer in range(layers):
        at = f"layers.{layer}."
        add(at + "attention.wq", HEADS * HEAD_DIM, dim)
        add(at + "attention.wk", kv_heads * HEAD_DIM, dim)
        add(at + "attention.wv", kv_heads * HEAD_DIM, dim)
        add(at + "attention.wo", dim, HEADS * HEAD_DIM)
        add(at + "feed_forward.w1", hidden, dim)
        add(at + "feed_forward.w2", dim, hidden)
        add(at + "feed_forward.w3", hidden, dim)
        add(at + "attention_norm", dim)
        add(at + "ffn_norm", dim)
    add("norm", dim)
    add("output", 11, dim)
    tensors["rope.freqs"] = ("F32", [HEAD_DIM // 2], [1.0] * (HEAD_DIM // 2))
    return tensors


def to_halves(shape, values):
    """Rows of heads from pairs side by side to pairs half a head apart, as checkpoints are converted."""
    rows = [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
    turned = []
    for head in range(shape[0] // HEAD_DIM):
        mine = rows[head * HEAD_DIM:(head + 1) * HEAD_DIM]
        turned += mine[0::2] + mine[1::2]
    return [value for row in turned for value in row]


def hugging_face(tensors):
    renamed = OrderedDict()
    for name, (dtype, shape, values) in tensors.items():
        if name == "rope.freqs":
            continue
        prefix, part = "", name[:-len(".weight")]
        if part.startswith("layers."):
            prefix = "model." + ".".join(part.split(".")[:2]) + "."
            part = ".".join(part.split(".")[2:])
        values = to_halves(shape, values) if part in ("attention.wq", "attention.wk") else values
        renamed[prefix + SPELLINGS[part] + ".weight"] = (dtype, shape, values)
    return renamed


class LlamaWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save(self, tensors, name="llama.safetensors"):
        safetensors_io.save(self.path(name), tensors)
        return self.path(name)

    def mblm(self, *arguments):
        done = subprocess.run([MBLM, *arguments], capture_output=True, timeout=600)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def convert(self, *files, options=("--json",)):
        given = [word for file in files for word in ("--global-from", file)]
        return self.mblm("import", "blt", CONFIG, *given, "-o", self.path("spec.json"), "--weights-out", self.path("out.safetensors"),
                         *options)

    def arrives(self, *files):
        """The report, where every tensor of `meta()` is in its place and all others are fresh."""
        code, out, err = self.convert(*files)
        self.assertEqual(code, 0, err)
        report, found, expected = json.loads(out)["weights"], safetensors_io.load(self.path("out.safetensors")), meta()
        for name, (_, shape, values) in expected.items():
            if name.startswith("layers."):
                self.assertEqual(found["global_transformer." + name][0], shape, name)
                self.assertEqual(list(found["global_transformer." + name][1]), values, name)
        self.assertEqual(len(report["mapped"]), 9 * LAYERS)
        self.assertEqual(set(report["mapped"]) | set(report["fresh"]), set(found))
        self.assertEqual([report[what] for what in ("missing", "extra", "wrongly_shaped")], [[], [], []])
        return report

    def refuses(self, code, message, *files, options=()):
        result = self.convert(*files, options=options)
        self.assertEqual(result[0], code, result)
        self.assertEqual(len([line for line in result[2].splitlines() if not line.startswith("note: ")]), 1, result[2])
        self.assertIn(message, result[2])
        self.assertFalse(os.path.exists(self.path("out.safetensors")))
        self.assertFalse(os.path.exists(self.path("spec.json")))
        return result[1]

    def test_metas_names(self):
        report = self.arrives(self.save(meta()))
        self.assertEqual(report["ignored"], ["tok_embeddings.weight", "norm.weight", "output.weight", "rope.freqs"])
        name = "layers.1.attention.wk.weight"
        self.assertEqual(report["from"]["global_transformer." + name], name)

    def test_hugging_faces_names(self):
        report = self.arrives(self.save(hugging_face(meta())))
        self.assertEqual(report["ignored"], ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"])
        self.assertEqual(report["from"]["global_transformer.layers.1.feed_forward.w1.weight"],
                         "model.layers.1.mlp.gate_proj.weight")

    def test_several_files(self):
        tensors = list(hugging_face(meta()).items())
        first, second = self.save(dict(tensors[:9]), "1.safetensors"), self.save(dict(tensors[9:]), "2.safetensors")
        self.arrives(first, second)
        os.remove(self.path("out.safetensors"))
        os.remove(self.path("spec.json"))
        self.refuses(3, "missing", first)
        self.refuses(3, "extra", first, second, second)

    def test_pytorchs_files(self):
        state = OrderedDict((name, torch_io.Tensor(torch_io.Storage("FloatStorage", values), shape))
                            for name, (_, shape, values) in meta().items())
        torch_io.save(self.path("consolidated.00.pth"), state)
        self.arrives(self.path("consolidated.00.pth"))

    def test_fresh_parameters(self):
        file = self.save(meta())
        found = {}
        for seed in ("1", "1", "2"):
            code, _, err = self.convert(file, options=("--seed", seed))
            self.assertEqual(code, 0, err)
            tensors = safetensors_io.load(self.path("out.safetensors"))
            if seed in found:
                self.assertEqual(found[seed], tensors)
            found[seed] = tensors
        shape, values = found["1"]["local_encoder.tok_embeddings.weight"]
        self.assertNotEqual(values, found["2"]["local_encoder.tok_embeddings.weight"][1])
        deviation = shape[1] ** -0.5  # truncated at three times itself
        self.assertLessEqual(max(map(abs, values)), 3 * deviation)
        self.assertAlmostEqual(math.sqrt(sum(v * v for v in values) / len(values)) / deviation, 0.986, delta=0.05)
        self.assertEqual(set(found["1"]["local_decoder.norm.weight"][1]), {1.0})
        self.assertEqual(found["1"]["global_transformer.layers.0.ffn_norm.weight"],
                         found["2"]["global_transformer.layers.0.ffn_norm.weight"])

    def test_the_table(self):
        code, out, err = self.convert(self.save(hugging_face(meta())), options=())
        self.assertEqual(code, 0, err)
        self.assertIn("mapped         model.layers.0.self_attn.q_proj.weight -> "
                      "global_transformer.layers.0.attention.wq.weight\n", out)
        self.assertIn("fresh          local_encoder.tok_embeddings.weight\n", out)
        self.assertIn("rope_scaling", err)

    def test_the_weights_run(self):
        self.arrives(self.save(hugging_face(meta())))
        ids, lengths = [1, 40, 41, 42, 36, 50], [1, 2, 4]
        safetensors_io.save(self.path("in.safetensors"), {"ids": ("I32", [1, 6], ids), "patch_lengths": ("I32", [1, 3], lengths)})
        code, _, err = self.mblm("run", self.path("spec.json"), "--weights", self.path("out.safetensors"), "--input",
                                 self.path("in.safetensors"), "--output", self.path("logits"), "--target", "reference")
        self.assertEqual(code, 0, err)
        self.assertTrue(all(map(math.isfinite, safetensors_io.load(self.path("logits"))["logits"][1])))

    def test_other_dimensions(self):
        self.refuses(3, "dim_global is 24 but the checkpoint is 32 wide", self.save(meta(dim=32)))
        self.refuses(3, "n_layers_global is 2 but the checkpoint has 3 layers", self.save(meta(layers=3)))
        self.refuses(3, "n_layers_global is 2 but the checkpoint has 1 layer", self.save(meta(layers=1)))
        out = self.refuses(3, "n_kv_heads_global makes keys and values 12 wide but the checkpoint's are 24",
                           self.save(meta(kv_heads=4)))
        self.assertIn("wrongly shaped global_transformer.layers.0.attention.wk.weight [24, 24], model has [12, 24]\n", out)
        self.refuses(3, "make feed-forwards 64 wide but the checkpoint's are 96", self.save(hugging_face(meta(hidden=96))))

    def test_other_tensors(self):
        tensors = hugging_face(meta())
        tensors["model.layers.0.self_attn.q_proj.bias"] = ("F32", [24], [0.0] * 24)
        self.refuses(3, "1 extra (model.layers.0.self_attn.q_proj.bias [24])", self.save(tensors))
        tensors = meta()
        del tensors["layers.1.ffn_norm.weight"]
        self.refuses(3, "1 missing (global_transformer.layers.1.ffn_norm.weight [24])", self.save(tensors))
        self.refuses(3, "has no layers of a Llama checkpoint", self.save({"wte.weight": ("F32", [2], [0.0, 1.0])}))

    def test_damaged_and_absent_files(self):
        with open(self.save(meta()), "rb") as file:
            whole = file.read()
        for size in (0, 7, 100, len(whole) - 1):
            with open(self.path("cut.safetensors"), "wb") as file:
                file.write(whole[:size])
            self.refuses(8, "cut.safetensors", self.path("cut.safetensors"))
        self.refuses(5, "none.safetensors", self.path("none.safetensors"))

    def test_usage(self):
        file = self.save(meta())
        self.refuses(2, "exclude each other", file, options=("--weights", file))
        code, _, err = self.mblm("import", "megabyte", CONFIG, "--global-from", file, "-o", self.path("spec.json"))
        self.assertEqual((code, "belongs to format blt" in err), (2, True), err)


if __name__ == "__main__":
    unittest.main()
