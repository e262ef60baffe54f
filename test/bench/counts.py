# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The work of one call, counted by hand from a reference's configuration: the same number for every peer.

Matrix products, a multiply-add as two; causal attention at half of the square; a selective scan's state at six a step
(decay, exponential, update, contraction). Training is three times the forward pass: the gradients of a product are two
products of its size.
"""

import math


def transformer(dim, heads, head, mult):
    """A layer's flops for one row, and for one visible pair of positions."""
    width = heads * head
    return 2 * (4 * dim * width + 2 * mult * dim * dim), 2 * 2 * width


def mamba1(dim, expand, state, conv):
    inner, rank = expand * dim, math.ceil(dim / 16)
    products = dim * 2 * inner + inner * conv + inner * (rank + 2 * state) + rank * inner + inner * dim
    return 2 * products + 6 * inner * state, 0


def block_of(dim, fields):
    if "d_state" in fields:
        return mamba1(dim, fields["expand"], fields["d_state"], fields["d_conv"])
    return transformer(dim, fields["attn_num_heads"], fields["attn_head_dims"], fields["ff_multiplier"])


def stages_of(case):
    """All formats alike: one dict a stage, outermost first; the vocabulary; whether sequences have a start token."""
    config = case["config"]
    if case["format"] == "mblm":
        sizes = config["hidden_dims"], config["num_layers"], config["seq_lens"]
        blocks = config["block"] if len(config["block"]) > 1 else config["block"] * len(sizes[0])
        stages = [dict(dim=dim, layers=layers, length=length, work=block_of(dim, fields))
                  for dim, layers, length, fields in zip(*sizes, blocks)]
        return stages, config["num_tokens"], True
    if case["format"] == "mamba":
        sizes = config["ssm_cfg"]
        work = mamba1(config["d_model"], sizes["expand"], sizes["d_state"], sizes["d_conv"])
        stage = dict(dim=config["d_model"], layers=config["n_layer"], length=case["length"], work=work)
        return [stage], config["vocab_size"], False
    sizes = config["dim"], config["depth"], config["max_seq_len"]
    stages = [dict(dim=dim, layers=layers, length=length,
                   work=transformer(dim, config["heads"], config["dim_head"], config.get("ff_mult", 4)))
              for dim, layers, length in zip(*sizes)]
    return stages, config["num_tokens"], True


def llama_layers(layers, rows, sequences, dim, hidden, window=None):
    """Attention with as many keys as queries and a gated feed-forward, for `rows` in `sequences` of equal lengths."""
    length = rows / sequences
    seen = min(window or length, length)
    pairs = rows * seen - sequences * seen * (seen - 1) / 2
    return layers * (rows * 2 * (4 * dim * dim + 3 * dim * hidden) + pairs * 4 * dim)


def llama_hidden(config, dim):
    """The width of BLT's gated feed-forward."""
    return config["multiple_of"] * -(-int(config["ffn_dim_multiplier"] * int(8 * dim / 3)) // config["multiple_of"])


def blt_flops(case):
    """Bytes, patches and `cross_attn_k` slots a patch; hashed n-grams and pooling are no products."""
    config = case["config"]
    batch, rows, slots_of = case["batch"], case["batch"] * case["length"], config["cross_attn_k"]
    patches = rows / case["mean_patch"]
    slots = patches * slots_of
    outer = config["dim_global"]

    total = llama_layers(config["n_layers_global"], patches, batch, outer, llama_hidden(config, outer))
    for side, queries, keys in (("encoder", slots, rows), ("decoder", rows, slots)):
        dim, layers = config[f"dim_local_{side}"], config[f"n_layers_local_{side}"]
        total += llama_layers(layers, rows, batch, dim, llama_hidden(config, dim), config["local_attention_window_len"])
        crossed = layers if config[f"cross_attn_all_layers_{side}"] else 1
        total += crossed * (2 * dim * dim * (2 * queries + 2 * keys) + rows * slots_of * 4 * dim)
        total += 2 * patches * slots_of * dim * (dim if side == "encoder" else outer)  # what patches begin with
        if side == "encoder" and slots_of * dim != outer:
            total += 2 * patches * slots_of * dim * outer
    return total + 2 * rows * config["dim_local_decoder"] * config["vocab_size"]


def entropy_model_flops(case):
    config, rows = case["config"], case["batch"] * case["length"]
    hidden = llama_hidden(config, config["dim"])
    layers = llama_layers(config["n_layers"], rows, case["batch"], config["dim"], hidden, config["sliding_window"])
    return layers + 2 * rows * config["dim"] * config["vocab_size"]


def forward_flops(case):
    if case["format"] == "blt":
        return blt_flops(case)
    if case["format"] == "blt-entropy":
        return entropy_model_flops(case)
    stages, vocabulary, starts = stages_of(case)
    inner = math.prod(stage["length"] for stage in stages[1:])
    stages[0]["length"] = -(-case["length"] // inner)
    total = 0
    sequences = case["batch"]
    for number, stage in enumerate(stages):
        dim, positions = stage["dim"], stage["length"] + (1 if starts else 0)
        rows, patches = sequences * positions, sequences * stage["length"]
        per_row, per_pair = stage["work"]
        total += stage["layers"] * (rows * per_row + sequences * positions * (positions + 1) / 2 * per_pair)
        if number + 1 < len(stages):
            child = stages[number + 1]
            width = math.prod(s["length"] for s in stages[number + 1:]) * stages[-1]["dim"]
            total += 2 * patches * dim * (width + child["length"] * child["dim"])  # patch embedding, context
        else:
            total += 2 * rows * dim * vocabulary
        sequences = patches
    return total


def flops(case, entry):
    return forward_flops(case) * (3 if entry == "train" else 1)
