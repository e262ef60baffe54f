# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One peer: a reference's own model in PyTorch, in its own process. Each line 'step' on stdin is answered with one
timed call, so that peers can take turns; the end of the input is answered with the memory that was needed.

    peer.py configs/mblm-2d-tt.json --mode eager --weights w.safetensors --ids ids.safetensors

Weights and ids are read from these files, or drawn and written to them by the first peer that finds none.
"""

import argparse
import json
import os
import sys
import time
import warnings

from counts import llama_hidden

warnings.filterwarnings("ignore")


def status_bytes(key):
    """A line of /proc/self/status: VmRSS now, VmHWM at most."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {key}")


def say(**values):
    print(json.dumps(values), flush=True)


class Peer:
    """A model, its loss and logits for ids, the names that its weights have in files, the lengths of its patches, and what its
    `step`, where it has one, begins with; of a model that patches are cut by, the entropies of ids."""

    def __init__(self, model, logits, loss=None, file_name=lambda name: name, patch_lengths=None, no_caches=None, entropies=None):
        def shifted_loss(called, ids):
            from torch.nn.functional import cross_entropy

            return cross_entropy(logits(called, ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

        self.model = model
        self.logits = logits
        self.loss = loss or shifted_loss
        self.file_name = file_name
        self.patch_lengths = patch_lengths
        self.no_caches = no_caches
        self.entropies = entropies


def build_mblm(config, options):
    from mblm import MBLM, MambaBlock, MBLMModelConfig, MBLMReturnType, TransformerBlock

    # Blocks as objects: a dict without its type may be read as the encoder's block.
    def block_of(fields):
        kind = MambaBlock if "d_state" in fields else TransformerBlock
        return kind(**{key: value for key, value in fields.items() if key != "block_type"})

    model = MBLM(MBLMModelConfig(**{**config, "block": [block_of(fields) for fields in config["block"]]}))
    return Peer(model, lambda called, ids: called(ids, return_type=MBLMReturnType.LOGITS),
                lambda called, ids: called(ids, return_type=MBLMReturnType.LOSS))


def build_megabyte(config, options):
    from MEGABYTE_pytorch import MEGABYTE

    tuples = {key: tuple(config[key]) for key in ("dim", "depth", "max_seq_len")}
    return Peer(MEGABYTE(**{**config, **tuples}), lambda called, ids: called(ids),
                lambda called, ids: called(ids, return_loss=True))


def build_mamba(config, options):
    """A language model around mambapy's blocks: those of mamba_ssm, whose own kernels need a GPU."""
    import torch
    from mambapy.mamba import Mamba, MambaConfig, RMSNorm

    sizes = config["ssm_cfg"]

    class LanguageModel(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(config["vocab_size"], config["d_model"])
            self.backbone = Mamba(MambaConfig(d_model=config["d_model"], n_layers=config["n_layer"],
                                              d_state=sizes["d_state"], d_conv=sizes["d_conv"],
                                              expand_factor=sizes["expand"], pscan=options.mode != "sequential"))
            self.norm_f = RMSNorm(config["d_model"])
            self.lm_head = torch.nn.Linear(config["d_model"], config["vocab_size"], bias=False)

        def forward(self, ids):
            return self.lm_head(self.norm_f(self.backbone(self.embedding(ids))))

        def step(self, ids, caches):
            rows, caches = self.backbone.step(self.embedding(ids), caches)
            return self.lm_head(self.norm_f(rows)), caches

    def no_caches(batch):
        inner = sizes["expand"] * config["d_model"]
        return [(None, torch.zeros(batch, inner, sizes["d_conv"] - 1)) for _ in range(config["n_layer"])]

    def file_name(name):
        return name if name.startswith(("backbone.", "lm_head.")) else f"backbone.{name}"

    return Peer(LanguageModel(), lambda called, ids: called(ids), file_name=file_name, no_caches=no_caches)


BLT_PARTS = {"self_attn.": "attention.", "q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo", "mlp.gate_proj": "feed_forward.w1",
             "mlp.down_proj": "feed_forward.w2", "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm",
             "post_attention_layernorm": "ffn_norm", "q_norm": "cross_attn_norm_q", "k_norm": "cross_attn_norm_kv",
             "embed_tokens": "tok_embeddings", "lm_head": "local_decoder.output"}


def blt_file_name(name):
    name = name.removeprefix("model.")
    for theirs, original in BLT_PARTS.items():
        name = name.replace(theirs, original)
    return name


def lengths_from(cycle, length):
    """For `length` ids and the one behind them: a patch of one, then those of `cycle` again and again."""
    lengths = [1]
    while sum(lengths) < length + 1:
        lengths.append(min(cycle[len(lengths) % len(cycle)], length + 1 - sum(lengths)))
    return lengths


def mixed_lengths(length):
    """Patches of 4.5 bytes on average, as text has them."""
    return lengths_from([2, 7, 4, 5, 3, 6, 4, 5], length)


def static_lengths(length):
    """Patches that begin at multiples of 4, for generation: the same whatever the text."""
    starts = [0, 1, *range(4, length + 1, 4), length + 1]
    return [end - begin for begin, end in zip(starts, starts[1:])]


def build_blt(config, options):
    """The port in transformers: it gives the original's logits where no id ends a document."""
    import torch
    from transformers import BltConfig, BltForCausalLM

    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": config["rope_theta"]}}
    shared = {**rope, "rms_norm_eps": config["norm_eps"]}

    def local(side):
        dim = config[f"dim_local_{side}"]
        return {"vocab_size": config["vocab_size"], "hidden_size": dim, "hidden_size_global": config["dim_global"],
                "intermediate_size": llama_hidden(config, dim), "num_attention_heads": config[f"n_heads_local_{side}"],
                "num_hidden_layers": config[f"n_layers_local_{side}"], "cross_attn_k": config["cross_attn_k"],
                "cross_attn_all_layers": config[f"cross_attn_all_layers_{side}"],
                "max_position_embeddings": config["max_encoder_seq_length"], **shared}

    outer = {"hidden_size": config["dim_global"], "intermediate_size": llama_hidden(config, config["dim_global"]),
             "num_attention_heads": config["n_heads_global"], "num_key_value_heads": config["n_kv_heads_global"],
             "num_hidden_layers": config["n_layers_global"], "max_position_embeddings": config["max_seqlen"], **shared}
    model = BltForCausalLM(BltConfig(
        patch_in_forward=False, patch_size=4, encoder_config=local("encoder"), decoder_config=local("decoder"),
        global_config=outer, attn_implementation="sdpa", **rope,
        **{key: config[key] for key in ("vocab_size", "local_attention_window_len", "cross_attn_k", "encoder_hash_byte_group_size",
                                        "encoder_hash_byte_group_vocab", "encoder_hash_byte_group_nb_functions")}))

    patch_lengths = static_lengths if config["patching_mode"] == "static" else mixed_lengths

    def logits(called, ids):
        lengths = patch_lengths(ids.shape[1])
        lengths[-1] -= 1  # it does not count the id to come
        lengths = torch.tensor([lengths] * ids.shape[0], device=ids.device)
        return called(input_ids=ids, patch_lengths=lengths, use_cache=False).logits

    return Peer(model, logits, file_name=blt_file_name, patch_lengths=patch_lengths)


def build_entropy_model(config, options):
    """What tells BLT where patches begin: the patcher of the port in transformers."""
    import torch
    from transformers.models.blt.configuration_blt import BltPatcherConfig
    from transformers.models.blt.modeling_blt import BltPatcher

    model = BltPatcher._from_config(BltPatcherConfig(
        vocab_size=config["vocab_size"], hidden_size=config["dim"], num_hidden_layers=config["n_layers"],
        num_attention_heads=config["n_heads"], max_position_embeddings=config["max_seqlen"], intermediate_size=llama_hidden(config, config["dim"]),
        rms_norm_eps=config["norm_eps"], sliding_window=config["sliding_window"],
        rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]}), attn_implementation="sdpa")
    return Peer(model, lambda called, ids: called(input_ids=ids, use_cache=False)[2],
                file_name=lambda name: blt_file_name(name).removeprefix("local_decoder."),
                entropies=lambda called, ids: called(input_ids=ids, use_cache=False)[0])


BUILDERS = {"mblm": build_mblm, "megabyte": build_megabyte, "mamba": build_mamba, "blt": build_blt, "blt-entropy": build_entropy_model}
TABLES = "encoder_hash_tok_embedding"


def to_file(peer, config, state):
    """A model's tensors under their names in files, where every hash table is a tensor of its own."""
    tensors = {peer.file_name(name): value.cpu().clone().contiguous() for name, value in state.items()}
    tables = tensors.pop(f"{TABLES}.weight", None)
    if tables is not None:
        parts = tables.split(config["encoder_hash_byte_group_vocab"])
        tensors.update({f"{TABLES}.{i}.weight": part.clone() for i, part in enumerate(parts)})
    return tensors


def from_file(peer, saved, names):
    import torch

    def read(name):
        if name == f"{TABLES}.weight":
            return torch.cat([saved[f"{TABLES}.{i}.weight"] for i in range(sum(part.startswith(TABLES) for part in saved))])
        return saved[name]

    return {name: read(peer.file_name(name)) for name in names}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--entry", default="train", choices=["train", "forward", "prefill", "decode", "entropies"])
    parser.add_argument("--mode", default="eager", choices=["eager", "compile", "sequential", "recurrent"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"], help="bf16: under autocast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--ids", required=True)
    options = parser.parse_args()

    # Warnings and progress bars of libraries belong to stderr; stdout is the conversation.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch
    from safetensors.torch import load_file, save_file

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with open(options.config) as file:
        case = json.load(file)
    modules = {"mblm": "mblm", "megabyte": "MEGABYTE_pytorch", "mamba": "mambapy.mamba", "blt": "transformers.models.blt.modeling_blt",
               "blt-entropy": "transformers.models.blt.modeling_blt"}
    if case["format"] not in modules:
        raise SystemExit(f"{options.config}: no peer for format '{case['format']}'; expected one of {', '.join(modules)}")
    __import__(modules[case["format"]])
    import_bytes = status_bytes("VmRSS")

    peer = BUILDERS[case["format"]](case["config"], options)
    model = peer.model.to(options.device)
    model.train(options.entry == "train")
    if os.path.exists(options.weights):
        saved = load_file(options.weights)
        model.load_state_dict(from_file(peer, saved, model.state_dict()))
        ids = load_file(options.ids)["ids"].long()
    else:
        ids = torch.randint(4, 256, (case["batch"], case["length"]))
        given = {"ids": ids.to(torch.int32)}
        if peer.patch_lengths:
            given["patch_lengths"] = torch.tensor([peer.patch_lengths(case["length"])] * case["batch"], dtype=torch.int32)
        save_file(given, options.ids)
        save_file(to_file(peer, case["config"], model.state_dict()), options.weights)
    ids = ids.to(options.device)
    called = torch.compile(model) if options.mode == "compile" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def autocast():
        return torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bf16")

    def forward():
        with torch.inference_mode(), autocast():
            return peer.loss(called, ids)

    def train():
        with autocast():
            loss = peer.loss(called, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def entropies():
        with torch.inference_mode(), autocast():
            return peer.entropies(called, ids).mean()

    context, chosen = ids, None
    caches = peer.no_caches(len(ids)) if options.mode == "recurrent" else None

    def last_logits():
        """Behind the context: the whole text is read each time, as the references do, or with `recurrent` the newest id alone."""
        nonlocal caches
        with torch.inference_mode(), autocast():
            if caches is None:
                return peer.logits(called, context)[:, -1]
            for new in (context if chosen is None else chosen).unbind(1):
                logits, caches = model.step(new, caches)
            return logits

    def most_probable():
        """-ln p of the likeliest next id of the first sequence, and these ids."""
        last = last_logits().float()
        return -last[0].log_softmax(-1).max(), last.argmax(-1, keepdim=True)

    def decode():
        nonlocal context, chosen
        context = torch.cat([context, chosen], 1)
        value, chosen = most_probable()
        return value

    if options.entry == "decode":
        chosen = most_probable()[1]
    call = {"train": train, "forward": forward, "prefill": lambda: most_probable()[0], "decode": decode,
            "entropies": entropies}[options.entry]
    say(ready=True, torch=torch.__version__, parameters=sum(p.numel() for p in model.parameters()))
    for line in sys.stdin:
        if line.strip() != "step":
            break
        begin = time.perf_counter()
        loss = float(call())
        say(seconds=time.perf_counter() - begin, loss=loss)
    if options.device == "cuda":
        say(start_rss_bytes=0, peak_rss_bytes=torch.cuda.max_memory_allocated())
    else:
        say(start_rss_bytes=import_bytes, peak_rss_bytes=status_bytes("VmHWM"))


if __name__ == "__main__":
    main()
