# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The work of one call, counted by hand from a reference's configuration: the same number for every peer.

Matrix products only, a multiply-add as two; causal attention at half of the square. Training is three times the
forward pass: the gradients of a product are two products of its size.
"""

import math


def stages_of(case):
    """Both formats alike: one dict a stage, outermost first, and the vocabulary."""
    config = case["config"]
    if case["format"] == "mblm":
        blocks = config["block"] if len(config["block"]) > 1 else config["block"] * len(config["hidden_dims"])
        stages = [
            dict(dim=dim, layers=layers, length=length, heads=b["attn_num_heads"], head=b["attn_head_dims"],
                 mult=b["ff_multiplier"])
            for dim, layers, length, b in zip(config["hidden_dims"], config["num_layers"], config["seq_lens"], blocks)
        ]
    else:
        stages = [
            dict(dim=dim, layers=layers, length=length, heads=config["heads"], head=config["dim_head"],
                 mult=config.get("ff_mult", 4))
            for dim, layers, length in zip(config["dim"], config["depth"], config["max_seq_len"])
        ]
    return stages, config["num_tokens"]


def forward_flops(case):
    stages, vocabulary = stages_of(case)
    inner = math.prod(stage["length"] for stage in stages[1:])
    stages[0]["length"] = -(-case["length"] // inner)
    total = 0
    sequences = case["batch"]
    for number, stage in enumerate(stages):
        dim, positions = stage["dim"], stage["length"] + 1  # the start token
        rows, patches = sequences * positions, sequences * stage["length"]
        attention_width = stage["heads"] * stage["head"]
        linear = 2 * rows * (4 * dim * attention_width + 2 * stage["mult"] * dim * dim)
        attention = 2 * 2 * sequences * attention_width * positions * (positions + 1) / 2
        total += stage["layers"] * (linear + attention)
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
