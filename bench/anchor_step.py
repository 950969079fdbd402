#!/usr/bin/env python3
"""The training step of anchor_step.cpp as a PyTorch user writes it: the same small anchors with BN-ReLU, and with no layer.

    MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=4000000000 bench/anchor_step.py [BATCH] [CROP]

Prints medians in ms, on one thread, in channels_last. The variables keep glibc from giving pages back, which PyTorch
profits from as normact does from jemalloc. Unlike normact's, this step cuts no images: it has the same batch each time.
"""
import statistics
import sys
import time

import torch
from torch import nn

import torch_anchors

LAYERS = {
    "none": lambda channels: nn.Identity(),
    "BN-ReLU": lambda channels: nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
}


def median_step(layer, anchor, batch, crop, steps=40, warm_up=5):
    torch.manual_seed(0)
    step = torch_anchors.training_step(torch_anchors.network(layer, **anchor), batch, crop)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[warm_up:])


def main():
    batch, crop = (int(word) for word in (sys.argv[1:] + ["64", "16"][len(sys.argv) - 1 :])[:2])
    torch.set_num_threads(1)
    print(f"one training step in PyTorch {torch.__version__}, ms (batch {batch}, crop {crop}, one thread)")
    print(f"{'layer':22}" + "".join(f"{anchor:>19}" for anchor in torch_anchors.SMALL))
    for name, layer in LAYERS.items():
        times = [median_step(layer, anchor, batch, crop) for anchor in torch_anchors.SMALL.values()]
        print(f"{name:22}" + "".join(f"{milliseconds:19.2f}" for milliseconds in times))


if __name__ == "__main__":
    main()
