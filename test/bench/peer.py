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
    """A model, its loss for ids, and the names that its weights have in files."""

    def __init__(self, model, loss_arguments=None, loss=None, file_name=lambda name: name):
        self.model = model
        self.loss = loss or (lambda called, ids: called(ids, **loss_arguments))
        self.file_name = file_name


def build_mblm(config, options):
    from mblm import MBLM, MambaBlock, MBLMModelConfig, MBLMReturnType, TransformerBlock

    # Blocks as objects: a dict without its type may be read as the encoder's block.
    def block_of(fields):
        kind = MambaBlock if "d_state" in fields else TransformerBlock
        return kind(**{key: value for key, value in fields.items() if key != "block_type"})

    model = MBLM(MBLMModelConfig(**{**config, "block": [block_of(fields) for fields in config["block"]]}))
    return Peer(model, {"return_type": MBLMReturnType.LOSS})


def build_megabyte(config, options):
    from MEGABYTE_pytorch import MEGABYTE

    tuples = {key: tuple(config[key]) for key in ("dim", "depth", "max_seq_len")}
    return Peer(MEGABYTE(**{**config, **tuples}), {"return_loss": True})


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

    def loss(called, ids):
        return torch.nn.functional.cross_entropy(called(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

    def file_name(name):
        return name if name.startswith(("backbone.", "lm_head.")) else f"backbone.{name}"

    return Peer(LanguageModel(), loss=loss, file_name=file_name)


BUILDERS = {"mblm": build_mblm, "megabyte": build_megabyte, "mamba": build_mamba}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--entry", default="train", choices=["train", "forward"])
    parser.add_argument("--mode", default="eager", choices=["eager", "compile", "sequential"])
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
    import_bytes = None
    for module in ("mblm", "MEGABYTE_pytorch", "mambapy.mamba"):
        if module.lower().startswith(case["format"]):
            __import__(module)
            import_bytes = status_bytes("VmRSS")
    if import_bytes is None:
        raise SystemExit(f"{options.config}: no peer for format '{case['format']}'; expected mblm, megabyte or mamba")

    peer = BUILDERS[case["format"]](case["config"], options)
    model = peer.model.to(options.device)
    model.train(options.entry == "train")
    if os.path.exists(options.weights):
        saved = load_file(options.weights)
        model.load_state_dict({name: saved[peer.file_name(name)] for name in model.state_dict()})
        ids = load_file(options.ids)["ids"].long()
    else:
        ids = torch.randint(4, 256, (case["batch"], case["length"]))
        save_file({"ids": ids.to(torch.int32)}, options.ids)
        state = model.state_dict().items()
        save_file({peer.file_name(name): value.cpu().clone().contiguous() for name, value in state}, options.weights)
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

    call = train if options.entry == "train" else forward
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
