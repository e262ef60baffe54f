#!/usr/bin/env python3
# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Records how far the recorded cases are off when PyTorch runs them in bf16 (bf16.json, which golden-test allows for).

    test/golden/bf16.py                   needs torch, numpy and safetensors of PyPI; a minute on two cores

Every model is written here once more, in PyTorch, and must give the case's recorded numbers in f64. In bf16 it runs as
trainers run it: products, convolutions and what stands between operators in bf16, sums of products in f32; norms,
softmax, recurrences and the loss in f32; parameters, their updates and the optimizer's state in f32. What is recorded of
a tensor is |bf16 - f64| by its norm and by its worst element, both as shares: |d|2 / |x|2, and max |d| / rms(x); of what
training changed in weights the norm alone; of chosen bytes, how many are other ones. A tensor of few elements may come
out close by luck. So each case also runs on weights that differ from its own by less than bf16 tells apart, and the
largest of these deviations is what counts.
"""
import argparse
import json
import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
NEIGHBOURS = 4  # weights beside the recorded ones


class Arithmetic:
    """What a run's operators compute in, and what they leave in memory."""

    def __init__(self, half):
        self.half = half

    def store(self, x):
        return x.to(torch.bfloat16) if self.half else x

    def wide(self, x):
        return x.to(torch.float32) if self.half else x

    def linear(self, x, weight, bias=None):
        return F.linear(*(None if t is None else self.store(t) for t in (x, weight, bias)))

    def product(self, a, b):
        return self.store(a) @ self.store(b)

    def layer_norm(self, x, weight, bias):
        return self.store(F.layer_norm(self.wide(x), weight.shape, weight, bias, 1e-5))

    def rms_norm(self, x, weight):
        x = self.wide(x)
        return self.store(x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weight)

    def clamped_norm(self, x, gain):
        x = self.wide(x)
        size = torch.sqrt((x * x).sum(-1, keepdim=True)) * x.shape[-1] ** -0.5
        return self.store(x / size.clamp(min=1e-8) * gain)

    def attention(self, q, k, v, seen=None):
        """`seen` [.., queries, keys]: absent, earlier keys and a query's own. Who sees none gets zeros."""
        scores = self.wide(self.product(q, k.transpose(-1, -2))) * q.shape[-1] ** -0.5
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool).tril() if seen is None else seen
        return self.product(torch.softmax(scores.masked_fill(~seen, -1e30), -1) * seen, v)

    def convolve(self, x, weight, bias):
        """Causal, for each channel on its own: x [B, L, C], weight [C, 1, K]."""
        taps = weight.shape[-1]
        padded = F.pad(self.store(x).transpose(1, 2), (taps - 1, 0))
        bias = None if bias is None else self.store(bias)
        return F.silu(F.conv1d(padded, self.store(weight), bias, groups=x.shape[-1])).transpose(1, 2)


def heads_of(x, heads):
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def joined(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def rotate_halves(x, run, base=10000.0):
    """Rotary positions 0, 1, ... of x [.., L, d]: pairs (i, i + d/2)."""
    x = run.wide(x)
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * base ** (-torch.arange(half, dtype=x.dtype) / half)
    first, second = x[..., :half], x[..., half:]
    return run.store(torch.cat((first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()), -1))


def rotate_pairs(x, base=10000.0):
    """The same on whole embeddings: pairs (2i, 2i + 1)."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * base ** (-torch.arange(half, dtype=x.dtype) / half)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack((even * angles.cos() - odd * angles.sin(), odd * angles.cos() + even * angles.sin()), -1).flatten(-2)


def shift(x):
    kept = (x.shape[-1] + 1) // 2
    return torch.cat((x[..., :kept], F.pad(x[..., kept:], (0, 0, 1, -1))), -1)


def transformer(run, w, x, block, layers):
    for layer in range(layers):
        p = f"layers.{layer}."
        y = run.clamped_norm(shift(x), w(p + "0.norm.g"))
        q = heads_of(run.linear(y, w(p + "0.to_q.weight")), block["heads"])
        k, v = (heads_of(t, block["heads"]) for t in run.linear(y, w(p + "0.to_kv.weight")).chunk(2, -1))
        if block["rotary"]:
            q, k = rotate_halves(q, run), rotate_halves(k, run)
        x = run.store(x + run.linear(joined(run.attention(q, k, v)), w(p + "0.to_out.weight")))
        y = run.linear(run.clamped_norm(shift(x), w(p + "1.0.g")), w(p + "1.1.weight"), w(p + "1.1.bias"))
        x = run.store(x + run.linear(F.gelu(y), w(p + "1.4.weight"), w(p + "1.4.bias")))
    return run.clamped_norm(x, w("norm.g"))


def mixer1(run, w, x):
    """Mamba-1. The recurrence computes in f32, as its CUDA kernels do."""
    u, z = run.linear(x, w("in_proj.weight")).chunk(2, -1)
    u = run.convolve(u, w("conv1d.weight"), w("conv1d.bias"))
    decay = -torch.exp(w("A_log"))
    rank, states = w("dt_proj.weight").shape[1], decay.shape[1]
    delta, b, c = run.linear(u, w("x_proj.weight")).split([rank, states, states], -1)
    delta = run.linear(delta, w("dt_proj.weight"))
    u, z, delta, b, c = (run.wide(t) for t in (u, z, delta, b, c))
    delta = F.softplus(delta + w("dt_proj.bias"))
    h, outputs = 0, []
    for t in range(u.shape[1]):
        h = torch.exp(delta[:, t, :, None] * decay) * h + (delta[:, t] * u[:, t])[..., None] * b[:, t, None]
        outputs.append((h * c[:, t, None]).sum(-1))
    y = (torch.stack(outputs, 1) + u * w("D")) * F.silu(z)
    return run.linear(y, w("out_proj.weight"))


def mixer2(run, w, x, head_dim):
    """Mamba-2 with one group."""
    inner, heads = w("norm.weight").shape[0], w("A_log").shape[0]
    states = (w("conv1d.weight").shape[0] - inner) // 2
    z, u, delta = run.linear(x, w("in_proj.weight")).split([inner, inner + 2 * states, heads], -1)
    u = run.convolve(u, w("conv1d.weight"), w("conv1d.bias"))
    u, z, delta = (run.wide(t) for t in (u, z, delta))
    u, b, c = u.split([inner, states, states], -1)
    u = u.unflatten(-1, (heads, head_dim))
    delta, decay = F.softplus(delta + w("dt_bias")), -torch.exp(w("A_log"))
    h, outputs = 0, []
    for t in range(u.shape[1]):
        h = torch.exp(delta[:, t] * decay)[..., None, None] * h \
            + (delta[:, t, :, None] * u[:, t])[..., None] * b[:, t, None, None]
        outputs.append((h * c[:, t, None, None]).sum(-1))
    y = run.store((torch.stack(outputs, 1) + u * w("D")[:, None]).flatten(-2))
    return run.linear(run.rms_norm(run.wide(y) * F.silu(z), w("norm.weight")), w("out_proj.weight"))


def mixer(run, w, x, head_dim):
    return mixer2(run, w, x, head_dim) if head_dim else mixer1(run, w, x)


def mamba(run, w, x, block, layers):
    for layer in range(layers):
        p = f"layers.{layer}."
        y = run.rms_norm(x, w(p + "norm.weight"))
        x = run.store(x + mixer(run, lambda name: w(p + "mixer." + name), y, block["head_dim"]))
    return run.rms_norm(x, w("norm_f.weight")) if block["head_dim"] else x


class Hierarchy:
    """MEGABYTE and MBLM."""

    # MEGABYTE's names, as MBLM calls them.
    NAMES = [(r"^token_embs\.(\d+)\.(?:0\.)?weight", r"token_embs_rev.\1.embedding.weight"),
             (r"^token_embs\.(\d+)\.([234])\.", lambda m: f"token_embs_rev.{m[1]}._post.{int(m[2]) - 1}."),
             (r"^transformers\.", "stage_models."),
             (r"^to_next_transformer_projections\.", "to_next_stage_proj.")]

    def __init__(self, config, names):
        self.names = {name: name for name in names}
        if "seq_lens" in config:
            self.lengths, self.layers = config["seq_lens"], config["num_layers"]
            self.pad = self.untrained = config["pad_token_id"]
            self.blocks = [{"kind": transformer if block["block_type"] == "transformer" else mamba,
                            "heads": block.get("attn_num_heads"), "rotary": block.get("attn_use_rot_embs"),
                            "position": block["pos_emb_type"],
                            "head_dim": block["headdim"] if block["block_type"] == "mamba2" else None}
                           for block in config["block"]]
            return
        self.lengths, self.layers = config["max_seq_len"], config["depth"]
        self.pad, self.untrained = config.get("pad_id", 0), None
        block = {"kind": transformer, "heads": config.get("heads", 8), "rotary": config.get("rel_pos", False),
                 "position": "fixed" if config.get("pos_emb", False) else None}
        self.blocks = [block] * len(self.lengths)
        for name in names:
            called = name
            for pattern, replacement in self.NAMES:
                called = re.sub(pattern, replacement, called)
            self.names[called] = name

    def embed(self, run, w, stage, ids):
        """ids [.., n, bytes of a slot] -> [.., n, D]"""
        table = len(self.lengths) - 1 - stage
        x = F.embedding(ids, w(f"token_embs_rev.{table}.embedding.weight"), padding_idx=self.untrained).flatten(-2)
        if table > 0:
            p = f"token_embs_rev.{table}._post."
            x = run.layer_norm(x, w(p + "1.weight"), w(p + "1.bias"))
            x = run.layer_norm(run.linear(x, w(p + "2.weight"), w(p + "2.bias")), w(p + "3.weight"), w(p + "3.bias"))
        if self.blocks[stage]["position"] == "fixed":
            x = x + w(f"pos_embs.{stage}.weight")[:x.shape[-2]]
        elif self.blocks[stage]["position"] == "rope":
            x = rotate_pairs(x)
        return x

    def stage(self, run, w, i, x):
        """x [K, n, D] behind the start token; [K, n + 1, D]"""
        start = w(f"start_tokens.{i}").expand(x.shape[0], 1, -1)
        x = run.store(torch.cat((start, x), 1))
        return self.blocks[i]["kind"](run, lambda name: w(f"stage_models.{i}." + name), x, self.blocks[i], self.layers[i])

    def project(self, run, w, i, y):
        """Each position's contribution to the slots of its child: [.., D] -> [.. * 1, P, D of the child]"""
        p = f"to_next_stage_proj.{i}.1."
        return run.linear(y, w(p + "weight"), w(p + "bias")).reshape(y.shape[0] * y.shape[1], self.lengths[i + 1], -1)

    def forward(self, run, weights, ids):
        """[B, L + 1, V]: row t has seen t bytes."""
        def w(name):
            return weights[self.names[name]]
        batch, length = ids.shape
        inner = math.prod(self.lengths[1:])
        ids = F.pad(ids, (0, -length % inner), value=self.pad)
        above = 0
        for i in range(len(self.lengths)):
            size = math.prod(self.lengths[i + 1:])
            slots = self.lengths[i] if i else ids.shape[1] // size
            x = self.embed(run, w, i, ids.reshape(-1, slots, size)) + above
            y = self.stage(run, w, i, x)
            if i + 1 < len(self.lengths):
                above = self.project(run, w, i, y[:, :-1])
        logits = run.wide(run.linear(y, w("to_logits.weight"), w("to_logits.bias")))
        rows = logits[:, 1:].reshape(batch, -1, logits.shape[-1])[:, :length]
        return torch.cat((logits.reshape(batch, -1, *logits.shape[1:])[:, 0, :1], rows), 1)

    def empty(self, run, weights):
        """[V]: no byte known, and the start tokens have what is above them."""
        def w(name):
            return weights[self.names[name]]
        above = 0
        for i, _ in enumerate(self.lengths):
            x = run.store((w(f"start_tokens.{i}") + above)[None, None])
            y = self.blocks[i]["kind"](run, lambda name: w(f"stage_models.{i}." + name), x, self.blocks[i], self.layers[i])
            above = self.project(run, w, i, y)[0, 0] if i + 1 < len(self.lengths) else None
        return run.wide(run.linear(y, w("to_logits.weight"), w("to_logits.bias")))[0, 0]

    def targets(self, ids):
        """Which of the rows predict what."""
        return slice(0, -1), ids, ids != self.pad


class MambaModel:
    def __init__(self, config, names):
        self.config = config
        mamba2 = (config.get("ssm_cfg") or {}).get("layer") == "Mamba2"
        self.head_dim = config["ssm_cfg"].get("headdim", 64) if mamba2 else None

    def norm(self, run, w, name, x):
        if self.config["rms_norm"]:
            return run.rms_norm(x, w(name + ".weight"))
        return run.layer_norm(x, w(name + ".weight"), w(name + ".bias"))

    def forward(self, run, weights, ids):
        w = weights.__getitem__
        table = w("backbone.embedding.weight")
        x = run.store(table[ids])
        for layer in range(self.config["n_layer"]):
            p = f"backbone.layers.{layer}."
            y = mixer(run, lambda name: weights.get(p + "mixer." + name), self.norm(run, w, p + "norm", x), self.head_dim)
            x = run.store(x + y)
        head = table if self.config["tie_embeddings"] else w("lm_head.weight")
        return run.wide(run.linear(self.norm(run, w, "backbone.norm_f", x), head))

    def targets(self, ids):
        return slice(0, -1), ids[:, 1:], torch.ones_like(ids[:, 1:], dtype=torch.bool)


class Gpt:
    def __init__(self, config, names):
        self.config = config

    def forward(self, run, weights, ids):
        w = weights.__getitem__
        table = w("transformer.wte.weight")
        x = run.store(table[ids] + w("transformer.wpe.weight")[:ids.shape[1]])
        for layer in range(self.config["n_layer"]):
            p = f"transformer.h.{layer}."

            def linear(name, x):
                return run.linear(x, w(p + name + ".weight"), w(p + name + ".bias"))

            y = run.layer_norm(x, w(p + "ln_1.weight"), w(p + "ln_1.bias"))
            q, k, v = (heads_of(t, self.config["n_head"]) for t in linear("attn.c_attn", y).chunk(3, -1))
            x = run.store(x + linear("attn.c_proj", joined(run.attention(q, k, v))))
            y = run.layer_norm(x, w(p + "ln_2.weight"), w(p + "ln_2.bias"))
            x = run.store(x + linear("mlp.c_proj", F.gelu(linear("mlp.c_fc", y), approximate="tanh")))
        x = run.layer_norm(x, w("transformer.ln_f.weight"), w("transformer.ln_f.bias"))
        return run.wide(run.linear(x, table))

    def targets(self, ids):
        return slice(0, -1), ids[:, 1:], torch.ones_like(ids[:, 1:], dtype=torch.bool)


class Blt:
    """BLT with hashed n-grams and cross-attention, as it was released."""

    PRIME = 1000000007
    END = 2  # of documents

    def __init__(self, config, names):
        self.config = config  # `io`, the case's: patch lengths and targets

    def hashed(self, ids, size):
        """Rows of the table for n-grams of `size`; ids before the sequence are zeros."""
        def row(before):
            number = sum(id * self.PRIME ** n for n, id in enumerate(before))
            return ((number + 2 ** 63) % 2 ** 64 - 2 ** 63) % self.config["encoder_hash_byte_group_vocab"]
        lists = [[0] * (size - 1) + sequence for sequence in ids.tolist()]
        return torch.tensor([[row(ids[t:t + size]) for t in range(len(ids) - size + 1)] for ids in lists])

    def causal(self, ends, window=None):
        """Who sees whom within documents, in a window."""
        places = torch.arange(ends.shape[1])
        document = ends.long().cumsum(1) - ends.long()
        seen = (places[:, None] >= places) & (document[:, :, None] == document[:, None])
        return (seen if window is None else seen & (places[:, None] - places < window))[:, None]

    def layer(self, run, w, x, side, seen):
        heads = self.config["n_heads_" + side]
        groups = self.config["n_kv_heads_global" if side == "global" else "n_kv_heads"] or heads
        y = run.rms_norm(x, w("attention_norm.weight"))
        q, k, v = (heads_of(run.linear(y, w(f"attention.w{name}.weight")), count)
                   for name, count in (("q", heads), ("k", groups), ("v", groups)))
        q, k = (run.store(rotate_pairs(run.wide(t), self.config["rope_theta"])) for t in (q, k))
        k, v = (t.repeat_interleave(heads // groups, 1) for t in (k, v))
        x = run.store(x + run.linear(joined(run.attention(q, k, v, seen)), w("attention.wo.weight")))
        y = run.rms_norm(x, w("ffn_norm.weight"))
        gated = F.silu(run.linear(y, w("feed_forward.w1.weight"))) * run.linear(y, w("feed_forward.w3.weight"))
        return run.store(x + run.linear(gated, w("feed_forward.w2.weight")))

    def cross(self, run, w, x, others, seen):
        q = run.linear(run.rms_norm(x, w("cross_attn_norm_q.weight")), w("wq.weight"))
        y = run.rms_norm(others, w("cross_attn_norm_kv.weight"))
        q, k, v = (heads_of(t, self.config["cross_attn_nheads"]) for t in (q, run.linear(y, w("wk.weight")), run.linear(y, w("wv.weight"))))
        return run.store(x + x + run.linear(joined(run.attention(q, k, v, seen[:, None])), w("wo.weight")))

    def forward(self, run, weights, ids):
        def under(prefix):
            return lambda name: weights[prefix + name]
        config, lengths = self.config, self.io["patch_lengths"].long()
        patches, places = torch.arange(lengths.shape[1]), torch.arange(ids.shape[1])
        patch_of = (lengths.cumsum(1)[:, None] <= places[:, None]).sum(-1)           # of each byte
        known_to = (lengths[:, 1:].cumsum(1)[:, None] <= places[:, None]).sum(-1)    # the last one that it may read
        w = under("local_encoder.")
        x = w("tok_embeddings.weight")[ids]
        for n, size in enumerate(config["encoder_hash_byte_group_size"]):
            x = x + weights[f"encoder_hash_tok_embedding.{n}.weight"][self.hashed(ids, size)]
        x = run.store(x)
        seen = self.causal(ids == self.END, config["local_attention_window_len"])
        for n in range(config["n_layers_local_encoder"]):
            x = self.layer(run, under(f"local_encoder.layers.{n}."), x, "local_encoder", seen)
        bytes_of = patch_of[:, None] == patches[:, None]
        pooled = torch.where(bytes_of[..., None], x[:, None], float("-inf")).amax(2)
        pooled = torch.where(bytes_of.any(-1)[..., None], pooled, torch.zeros_like(pooled))
        k, width = config["cross_attn_k"], x.shape[-1]
        y = run.linear(pooled, w("patch_embedding_projection.weight")).reshape(len(ids), -1, width)
        y = self.cross(run, under("local_encoder.cross_attn_layers.0."), y, x, bytes_of.repeat_interleave(k, 1))
        y = run.linear(y.reshape(len(ids), -1, k * width), weights["global_transformer.token_embedding_projection.weight"])
        seen = self.causal((bytes_of & (ids == self.END)[:, None]).any(-1))
        for n in range(config["n_layers_global"]):
            y = self.layer(run, under(f"global_transformer.layers.{n}."), y, "global", seen)
        w = under("local_decoder.")
        y = run.linear(y, w("patch_embedding_projection.weight")).reshape(len(ids), -1, width)
        seen = self.causal(ids == self.END, config["local_attention_window_len"])
        vectors = (known_to[..., None] == patches).repeat_interleave(k, 2)
        for n in range(config["n_layers_local_decoder"]):
            x = self.cross(run, under(f"local_decoder.cross_attn_layers.{n}."), x, y, vectors)
            x = self.layer(run, under(f"local_decoder.layers.{n}."), x, "local_decoder", seen)
        return run.wide(run.linear(run.rms_norm(x, w("norm.weight")), w("output.weight")))

    def targets(self, ids):
        targets = self.io["targets"].long()
        return slice(None), targets, torch.ones_like(targets, dtype=torch.bool)


KINDS = {"blt": Blt, "mblm": Hierarchy, "megabyte": Hierarchy, "mamba": MambaModel, "transformer": Gpt}
CASES = {"blt": {"d06_blt_k2_hash"}}  # of these kinds; of others all


def loss_of(model, logits, ids, mask=None):
    rows, targets, kept = model.targets(ids)
    logits = logits[:, rows]
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").reshape(targets.shape) * kept
    losses = losses if mask is None else losses * mask
    return losses.sum() / (losses != 0).sum()


class Case:
    def __init__(self, folder):
        self.info = json.loads((folder / "case.json").read_text())
        self.io = load_file(folder / "io.safetensors")
        self.finals = {name.removeprefix("final."): tensor for name, tensor in self.io.items() if name.startswith("final.")}
        if (folder / "final.safetensors").exists():
            self.finals = load_file(folder / "final.safetensors")
        self.weights = load_file(folder / "weights.safetensors")
        self.model = KINDS[self.info["format"]](json.loads((folder / "config.json").read_text()), self.weights)
        self.model.io = self.io

    def neighbour(self, n):
        """The n-th weights in the neighbourhood; the recorded ones are the 0-th."""
        generator = torch.Generator().manual_seed(n)
        return {name: (tensor.double() * (1 + 2.0 ** -9 * (2 * torch.rand(tensor.shape, generator=generator) - 1)
                                          if n else 1)).float()
                for name, tensor in self.weights.items()}

    def trained(self, weights, dtype):
        return {name: tensor.to(dtype).requires_grad_() if name in self.parameters() else tensor
                for name, tensor in weights.items()}

    def parameters(self):
        """Names of what is trained: weights also hold buffers."""
        names = self.finals or [name.removeprefix("grad.") for name in self.io if name.startswith("grad.")] or self.weights
        return {name for name in names if not name.endswith("inv_freq")}

    def run(self, weights, run):
        """Every quantity that the case has recorded, under its name there; {name: tensor}"""
        dtype = torch.float32 if run.half else torch.float64
        weights = self.trained(weights, dtype)
        if "optimizer" in self.info:
            return self.train(weights, run, dtype)
        if "generated" in self.io:
            return self.greedy(weights, run)
        ids = self.io["ids"].long()
        ids = ids.reshape(ids.shape[0], -1)
        first = self.rows_before_bytes()
        logits = self.model.forward(run, weights, ids)
        loss = loss_of(self.model, logits, ids, self.io.get("loss_mask"))
        loss.backward()
        results = {"logits": logits[:, first:].reshape(self.io["logits"].shape) if first else
                   logits[:, :self.io["logits"].shape[1]], "loss": loss}
        results.update({"grad." + name: weights[name].grad for name in self.parameters()})
        empty = next((name for name in ("empty_logits", "logits_empty") if name in self.io), None)
        if empty:
            with torch.no_grad():
                results[empty] = self.model.empty(run, weights).expand(self.io[empty].shape)
        return results

    def rows_before_bytes(self):
        return 1 if isinstance(self.model, Hierarchy) else 0

    @torch.no_grad()
    def greedy(self, weights, run):
        generated = self.io["generated"].long()
        if "prompt" in self.io:
            ids = torch.cat((self.io["prompt"].long(), generated))[None]
            return {"step_logits": self.continuation(weights, run, ids, self.io["prompt"].shape[0])[0]}
        results = {"logits": self.continuation(weights, run, generated, self.io["prime"].shape[1])}
        if "generated_from_empty" in self.io:
            rows = self.continuation(weights, run, self.io["generated_from_empty"].long(), 1)
            results["logits_from_empty"] = torch.cat((self.model.empty(run, weights)[None, None], rows), 1)
        return results

    def continuation(self, weights, run, ids, known):
        """Row t chose byte known + t."""
        first = self.rows_before_bytes()
        return self.model.forward(run, weights, ids)[:, first + known - 1:-1]

    def train(self, weights, run, dtype):
        settings = self.info["optimizer"]
        batches = self.io.get("batches", self.io.get("ids")).long()
        steps = self.io["loss"].shape[0]
        rates = self.io["lr"].tolist() if "lr" in self.io else \
            [settings["lr"] * min(1, (step + 1) / settings["warmup_steps"]) for step in range(steps)]
        parameters = {name: weights[name] for name in self.parameters()}
        undecayed = settings.get("no_weight_decay", [])
        groups = [{"params": [p for name, p in parameters.items() if (name in undecayed) == bare],
                   "weight_decay": 0 if bare else settings["weight_decay"]} for bare in (False, True)]
        kind = torch.optim.AdamW if settings["type"] == "AdamW" else torch.optim.Adam
        optimizer = kind(groups, lr=1, betas=settings["betas"], eps=settings["eps"])
        before = {name: p.detach().clone() for name, p in parameters.items()}
        losses, norms = [], []
        for rate, batch in zip(rates, batches.unflatten(0, (steps, -1))):
            loss = sum(loss_of(self.model, self.model.forward(run, weights, ids), ids) for ids in batch) / len(batch)
            optimizer.zero_grad()
            loss.backward()
            losses.append(loss.detach())
            norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), settings.get("clip", settings.get("clip_grad_norm"))))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        results = {"loss": torch.stack(losses), "grad_norm": torch.stack(norms)}
        results.update({"update." + name: p.detach() - before[name] for name, p in parameters.items()})
        return results

    def recorded(self, name):
        if name.startswith("update."):
            name = name.removeprefix("update.")
            return self.finals[name].double() - self.weights[name].double()
        if name in ("loss", "grad_norm") and name not in self.io:
            return torch.tensor(self.info[name])
        return self.io[name]


def chosen(logits):
    return logits.flatten(0, -2).argmax(-1)


def deviation(got, exact):
    got, exact = got.detach().double(), exact.detach().double()
    size = exact.norm().item() or 1
    difference = got - exact
    return [difference.norm().item() / size, difference.abs().max().item() / size * exact.numel() ** 0.5]


def record(folder):
    case = Case(folder)
    largest = {}
    for n in range(1 + NEIGHBOURS):
        weights = case.neighbour(n)
        exact = case.run(weights, Arithmetic(half=False))
        if n == 0:
            for name, tensor in exact.items():
                off = deviation(case.recorded(name), tensor)
                if off[0] > 1e-4:
                    raise SystemExit(f"{folder.name}: {name} is {off[0]:.1e} from what the case has recorded")
        for name, tensor in case.run(weights, Arithmetic(half=True)).items():
            off = deviation(tensor, exact[name])[:1 if name.startswith("update.") else 2]
            largest[name] = [max(pair) for pair in zip(largest.get(name, [0, 0]), off)]
            if "generated" in case.io:
                others = (chosen(tensor) != chosen(exact[name])).sum().item()
                largest[name + " choices"] = [max(others, *largest.get(name + " choices", [0]))]
    return {name: [float(f"{number:.1e}") for number in numbers] for name, numbers in sorted(largest.items())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "bf16.json")
    options = parser.parse_args()
    torch.manual_seed(0)
    cases = {}
    for folder in sorted(path.parent for path in HERE.glob("*/*/case.json")):
        kind = json.loads((folder / "case.json").read_text()).get("format")
        if kind in KINDS and folder.name in CASES.get(kind, {folder.name}):
            cases[f"{folder.parent.name}/{folder.name}"] = record(folder)
            print(f"{folder.parent.name}/{folder.name}", flush=True)
    lines = [f'"{name}": {{\n' + ",\n".join(f'  "{key}": {json.dumps(pair)}' for key, pair in case.items()) + "\n}"
             for name, case in cases.items()]
    options.output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
