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


def build_mblm(config):
    from mblm import MBLM, MBLMModelConfig, MBLMReturnType, TransformerBlock

    # Blocks as objects: a dict without its type may be read as the encoder's block.
    blocks = [TransformerBlock(**{k: v for k, v in block.items() if k != "block_type"}) for block in config["block"]]
    model = MBLM(MBLMModelConfig(**{**config, "block": blocks}))
    return model, {"return_type": MBLMReturnType.LOSS}


def build_megabyte(config):
    from MEGABYTE_pytorch import MEGABYTE

    tuples = {key: tuple(config[key]) for key in ("dim", "depth", "max_seq_len")}
    return MEGABYTE(**{**config, **tuples}), {"return_loss": True}


BUILDERS = {"mblm": build_mblm, "megabyte": build_megabyte}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--entry", default="train", choices=["train", "forward"])
    parser.add_argument("--mode", default="eager", choices=["eager", "compile"])
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
    for module in ("mblm", "MEGABYTE_pytorch"):
        if module.lower().startswith(case["format"]):
            __import__(module)
            import_bytes = status_bytes("VmRSS")
    if import_bytes is None:
        raise SystemExit(f"{options.config}: no peer for format '{case['format']}'; expected mblm or megabyte")

    model, loss_arguments = BUILDERS[case["format"]](case["config"])
    model.train(options.entry == "train")
    if os.path.exists(options.weights):
        model.load_state_dict(load_file(options.weights))
        ids = load_file(options.ids)["ids"].long()
    else:
        ids = torch.randint(4, 256, (case["batch"], case["length"]))
        save_file({"ids": ids.to(torch.int32)}, options.ids)
        save_file({name: value.clone().contiguous() for name, value in model.state_dict().items()}, options.weights)
    called = torch.compile(model) if options.mode == "compile" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def forward():
        with torch.inference_mode():
            return called(ids, **loss_arguments)

    def train():
        loss = called(ids, **loss_arguments)
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
    say(start_rss_bytes=import_bytes, peak_rss_bytes=status_bytes("VmHWM"))


if __name__ == "__main__":
    main()
