#!/usr/bin/env python3
"""normact.Layer beside the same layer written in PyTorch, eager and under torch.compile, and beside PyTorch's or timm's own.

    MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=4000000000 PYTHONPATH=build/release/python \
        .deps/venv/bin/python bench/torch_layers.py [--shape N,C,H,W]... [--random K] [--threads T] [--runs R] [--json]
        [LAYER ...]

Layers: those named, by default the catalogue, and K random ones. Prints medians in ms of forward, and of forward with
backward, in training mode, and geometric means over all layers; what is compared runs in turn. torch.compile's first run,
forward and backward, without a cache, is in seconds. --json prints an object a line, as it is measured. The MALLOC variables
keep glibc from giving the pages of every large tensor back, without which PyTorch mostly waits for them.
"""
import argparse
import json
import os
import statistics
import tempfile
import time

import torch
from timm.layers import EvoNorm2dB0, EvoNorm2dS0, FilterResponseNormTlu2d
from torch import nn

import normact
from plain_layer import PlainLayer


def groups(channels):
    return next(g for g in range(32, 0, -1) if channels % g == 0)


# The layers that PyTorch or timm has.
OWN = {
    "BN-ReLU": lambda c: nn.Sequential(nn.BatchNorm2d(c), nn.ReLU()),
    "GN-ReLU": lambda c: nn.Sequential(nn.GroupNorm(groups(c), c), nn.ReLU()),
    "GN-SiLU": lambda c: nn.Sequential(nn.GroupNorm(groups(c), c), nn.SiLU()),
    "FRN-TLU": FilterResponseNormTlu2d,
    "EvoNorm-B0": EvoNorm2dB0,
    "EvoNorm-S0": lambda c: EvoNorm2dS0(c, groups(c)),
}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
KINDS = ("normact", "eager", "compiled", "own", "own compiled")
WARM_UP = 2


def milliseconds(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def forward(layer, x):
    with torch.no_grad():
        layer(x)


def forward_backward(layer, x, gradient):
    layer(x.detach().requires_grad_()).backward(gradient)


def contenders(layer, channels):
    found = {"normact": normact.Layer(layer, channels), "eager": PlainLayer(layer, channels),
             "compiled": torch.compile(PlainLayer(layer, channels))}
    if layer in OWN:
        found |= {"own": OWN[layer](channels), "own compiled": torch.compile(OWN[layer](channels))}
    return found


def measure(layer, x, gradient, runs):
    """{kind: [forward, forward with backward, first run]} in ms."""
    torch._dynamo.reset()
    layers = contenders(layer, x.shape[1])
    first = {kind: milliseconds(lambda: forward_backward(layer, x, gradient)) for kind, layer in layers.items()}
    times = {kind: ([], []) for kind in layers}
    for run in range(WARM_UP + runs):
        for kind, layer in layers.items():
            without = milliseconds(lambda: forward(layer, x))
            with_backward = milliseconds(lambda: forward_backward(layer, x, gradient))
            if run >= WARM_UP:
                times[kind][0].append(without)
                times[kind][1].append(with_backward)
    return {kind: [statistics.median(values[0]), statistics.median(values[1]), first[kind]]
            for kind, values in times.items()}


def show(row):
    cells = "".join(f"{row['ms'][kind][0]:9.2f}{row['ms'][kind][1]:9.2f}" if kind in row["ms"] else " " * 18
                    for kind in KINDS)
    print(f"{row['layer'][:30]:31}{row['memory_format']:14}{cells}{row['ms']['compiled'][2] / 1e3:8.1f} s", flush=True)


def show_means(rows):
    """How many times as fast as each of the others normact.Layer is, forward with backward."""
    for form in FORMATS:
        for kind in KINDS[1:]:
            ratios = [row["ms"][kind][1] / row["ms"]["normact"][1] for row in rows
                      if row["memory_format"] == form and kind in row["ms"]]
            if ratios:
                print(f"{form}: {statistics.geometric_mean(ratios):.2f} times as fast as {kind}, "
                      f"{min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} layers", flush=True)


def measure_shape(layers, shape, arguments):
    if not arguments.json:
        print(f"{shape}, {arguments.threads} threads, medians of {arguments.runs}: ms forward, forward + backward")
        print(f"{'':45}" + "".join(f"{kind:>18}" for kind in KINDS) + "   first")
    rows = []
    for layer in layers:
        for form, memory_format in FORMATS.items():
            x, gradient = (torch.randn(shape).contiguous(memory_format=memory_format) for _ in range(2))
            row = {"layer": layer, "shape": shape, "threads": arguments.threads, "memory_format": form,
                   "ms": measure(layer, x, gradient, arguments.runs)}
            rows.append(row)
            print(json.dumps(row), flush=True) if arguments.json else show(row)
    if not arguments.json:
        show_means(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers", nargs="*", default=torch.ops.normact.catalogue(), metavar="LAYER")
    parser.add_argument("--shape", action="append")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    layers = [*arguments.layers, *torch.ops.normact.random_layers(1, arguments.random)]  # those of `normact bench`
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        torch.compile(nn.ReLU())(torch.ones(8))  # compiles PyTorch's headers, which is no layer's cost
        for shape in arguments.shape or ["128,64,32,32"]:
            measure_shape(layers, tuple(map(int, shape.split(","))), arguments)


if __name__ == "__main__":
    main()
