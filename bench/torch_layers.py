#!/usr/bin/env python3
"""normact.Layer beside the same layer of PyTorch or timm, and beside that under torch.compile, on this CPU.

    MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=4000000000 PYTHONPATH=build/release/python \
        .deps/venv/bin/python bench/torch_layers.py [--shape N,C,H,W] [--threads T] [--runs R] [--json] [LAYER ...]

Prints medians in ms of forward, and of forward with backward, in training mode; the three run in turn. The MALLOC variables
keep glibc from giving the pages of every large tensor back, without which PyTorch mostly waits for them. torch.compile's
first run, forward and backward, is in seconds.
"""
import argparse
import json
import statistics
import time

import torch
from timm.layers import EvoNorm2dB0, EvoNorm2dS0, FilterResponseNormTlu2d
from torch import nn

import normact


def groups(channels):
    return next(g for g in range(32, 0, -1) if channels % g == 0)


LAYERS = {
    "BN-ReLU": lambda c: nn.Sequential(nn.BatchNorm2d(c), nn.ReLU()),
    "GN-ReLU": lambda c: nn.Sequential(nn.GroupNorm(groups(c), c), nn.ReLU()),
    "GN-SiLU": lambda c: nn.Sequential(nn.GroupNorm(groups(c), c), nn.SiLU()),
    "FRN-TLU": FilterResponseNormTlu2d,
    "EvoNorm-B0": EvoNorm2dB0,
    "EvoNorm-S0": lambda c: EvoNorm2dS0(c, groups(c)),
}


def milliseconds(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def forward(layer, x):
    with torch.no_grad():
        layer(x)


def forward_backward(layer, x, gradient):
    layer(x.detach().requires_grad_()).backward(gradient)


def measure(name, x, gradient, runs):
    """{kind: [forward, forward with backward, first run]} in ms."""
    torch._dynamo.reset()
    theirs = LAYERS[name](x.shape[1])
    layers = {"normact": normact.Layer(name, x.shape[1]), "eager": theirs, "compiled": torch.compile(theirs)}
    first = {kind: milliseconds(lambda: forward_backward(layer, x, gradient)) for kind, layer in layers.items()}
    times = {kind: ([], []) for kind in layers}
    for run in range(runs + 3):
        for kind, layer in layers.items():
            without = milliseconds(lambda: forward(layer, x))
            with_backward = milliseconds(lambda: forward_backward(layer, x, gradient))
            if run >= 3:
                times[kind][0].append(without)
                times[kind][1].append(with_backward)
    return {kind: [statistics.median(values[0]), statistics.median(values[1]), first[kind]]
            for kind, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers", nargs="*", default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--shape", default="128,64,32,32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    shape = tuple(map(int, arguments.shape.split(",")))
    rows = []
    if not arguments.json:
        print(f"{arguments.shape}, {arguments.threads} threads, medians of {arguments.runs}: ms forward, forward + backward")
        print(f"{'':25}{'normact':>16}{'eager':>16}{'torch.compile':>16}  first s  compiled/normact  eager/normact")
    for name in arguments.layers:
        for form in ("contiguous", "channels_last"):
            memory_format = getattr(torch, f"{form}_format", None) or getattr(torch, form)
            x, gradient = (torch.randn(shape).contiguous(memory_format=memory_format) for _ in range(2))
            times = measure(name, x, gradient, arguments.runs)
            rows.append({"name": name, "memory_format": form, "ms": times})
            if not arguments.json:
                cells = "".join(f"{times[kind][0]:8.2f}{times[kind][1]:8.2f}" for kind in times)
                ours = times["normact"][1]
                print(f"{name:12}{form:13}{cells}{times['compiled'][2] / 1e3:9.1f}"
                      f"{times['compiled'][1] / ours:17.1f}x{times['eager'][1] / ours:14.1f}x", flush=True)
    if arguments.json:
        print(json.dumps({"shape": shape, "threads": arguments.threads, "layers": rows}))


if __name__ == "__main__":
    main()
