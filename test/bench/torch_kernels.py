# Part of the MBLM compiler, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PyTorch's own kernels reach on a GPU, for comparison with ours: attention (SDPA), a feed-forward layer eager and
under torch.compile, and the scans of mamba_ssm where it is installed. One JSON line each.
"""

import importlib.util
import json
import warnings

warnings.filterwarnings("ignore")

ATTENTION = [(16, 8, 1024, 64), (4, 16, 4096, 64), (1, 16, 8192, 64)]  # batch, heads, positions, width
FEED_FORWARD = [(8192, 1024, 4096), (16384, 512, 2048)]  # rows, width, inner width
SCAN = [(8, 1536, 2048, 16), (2, 1536, 8192, 16)]  # batch, channels, positions, states


def say(**values):
    print(json.dumps(values), flush=True)


def seconds_of(torch, work):
    """Median over runs of a few calls each, by the device's clock."""
    for _ in range(3):
        work()
    times = []
    for _ in range(15):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(5):
            work()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 5e3)
    return sorted(times)[len(times) // 2]


def time_both(torch, name, by, flops, inputs, forward, **shape):
    """Forward alone, then forward and backward, which is three times the work."""
    with torch.inference_mode():
        seconds = seconds_of(torch, forward)
    say(bench=name, by=by, entry="forward", seconds=seconds, flops_per_second=flops / seconds, **shape)
    gradient = torch.ones_like(forward())

    def train():
        for tensor in inputs:
            tensor.grad = None
        forward().backward(gradient)

    seconds = seconds_of(torch, train)
    say(bench=name, by=by, entry="train", seconds=seconds, flops_per_second=3 * flops / seconds, **shape)


def attention(torch, dtype):
    for batch, heads, positions, width in ATTENTION:
        q, k, v = (torch.randn(batch, heads, positions, width, device="cuda", dtype=dtype, requires_grad=True)
                   for _ in range(3))
        flops = 2 * 2 * batch * heads * positions * positions / 2 * width
        time_both(torch, "attention", "sdpa", flops, [q, k, v],
                  lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
                  precision=str(dtype).split(".")[1], shape=[batch, heads, positions, width])


def feed_forward(torch, dtype):
    for rows, width, inner in FEED_FORWARD:
        layer = torch.nn.Sequential(torch.nn.Linear(width, inner), torch.nn.GELU(approximate="tanh"),
                                    torch.nn.Linear(inner, width)).to("cuda", dtype)
        x = torch.randn(rows, width, device="cuda", dtype=dtype, requires_grad=True)
        for by, called in (("eager", layer), ("compile", torch.compile(layer))):
            time_both(torch, "feed_forward", by, 4 * rows * width * inner, [x, *layer.parameters()], lambda: called(x),
                      precision=str(dtype).split(".")[1], shape=[rows, width, inner])


def scan(torch):
    if not importlib.util.find_spec("mamba_ssm"):
        say(bench="scan", skipped="mamba_ssm is not installed")
        return
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    for batch, channels, positions, states in SCAN:
        u, delta = (torch.randn(batch, channels, positions, device="cuda", requires_grad=True) for _ in range(2))
        a = -torch.rand(channels, states, device="cuda", requires_grad=True)
        b, c = (torch.randn(batch, states, positions, device="cuda", requires_grad=True) for _ in range(2))
        time_both(torch, "scan", "mamba_ssm", 6 * batch * channels * positions * states, [u, delta, b, c],
                  lambda: selective_scan_fn(u, delta, a, b, c, delta_softplus=True),
                  precision="float32", shape=[batch, channels, positions, states])


def main():
    if not importlib.util.find_spec("torch"):
        return say(bench="torch", skipped="PyTorch is not installed")
    import torch

    if not torch.cuda.is_available():
        return say(bench="torch", skipped="PyTorch sees no GPU")
    say(bench="torch", torch=torch.__version__, device=torch.cuda.get_device_name())
    for dtype in (torch.bfloat16, torch.float32):
        attention(torch, dtype)
        feed_forward(torch, dtype)
    scan(torch)


if __name__ == "__main__":
    main()
