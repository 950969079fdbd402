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
from torch.nn import functional

LAYERS = {
    "none": lambda channels: nn.Identity(),
    "BN-ReLU": lambda channels: nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
}


def convolution(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Residual(nn.Module):
    def __init__(self, layer, inputs, outputs, stride):
        super().__init__()
        self.first = layer(inputs)
        self.body = nn.Sequential(
            convolution(inputs, outputs, 3, stride), layer(outputs), convolution(outputs, outputs, 3)
        )
        self.shortcut = convolution(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, x):
        activated = self.first(x)
        return self.body(activated) + (x if self.shortcut is None else self.shortcut(activated))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(functional.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    def __init__(self, layer, inputs, outputs, stride, expansion, squeeze):
        super().__init__()
        inner = inputs * expansion
        parts = [convolution(inputs, inner, 1), layer(inner)] if expansion > 1 else []
        parts += [convolution(inner, inner, 3, stride, inner), layer(inner)]
        parts += [SqueezeExcite(inner, max(1, inputs // 4))] if squeeze else []
        self.body = nn.Sequential(*parts, convolution(inner, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.body(x) + x if self.residual else self.body(x)


def network(blocks, layer, channels):
    return nn.Sequential(*blocks, layer(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def resnet_tiny(layer):
    return network(
        [convolution(3, 16, 3), Residual(layer, 16, 16, 1), Residual(layer, 16, 32, 2), Residual(layer, 32, 64, 2)],
        layer,
        64,
    )


def inverted_tiny(layer, squeeze):
    blocks = [convolution(3, 16, 3), layer(16)]
    shapes = [(16, 8, 2, 1), (8, 16, 1, 4), (16, 16, 2, 4), (16, 16, 1, 4), (16, 32, 2, 4), (32, 32, 1, 4)]
    blocks += [Inverted(layer, inputs, outputs, stride, expansion, squeeze) for inputs, outputs, stride, expansion in shapes]
    return network(blocks, layer, 32)


ANCHORS = {
    "resnet-tiny": resnet_tiny,
    "mobilenet-tiny": lambda layer: inverted_tiny(layer, False),
    "efficientnet-tiny": lambda layer: inverted_tiny(layer, True),
}


def median_step(model, batch, crop, steps=40, warm_up=5):
    torch.manual_seed(0)
    model = model.to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, crop, crop).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, nesterov=True, weight_decay=1e-4)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[warm_up:])


def main():
    batch, crop = (int(word) for word in (sys.argv[1:] + ["64", "16"][len(sys.argv) - 1 :])[:2])
    torch.set_num_threads(1)
    print(f"one training step in PyTorch {torch.__version__}, ms (batch {batch}, crop {crop}, one thread)")
    print(f"{'layer':22}" + "".join(f"{anchor:>19}" for anchor in ANCHORS))
    for name, layer in LAYERS.items():
        print(f"{name:22}" + "".join(f"{median_step(make(layer), batch, crop):19.2f}" for make in ANCHORS.values()))


if __name__ == "__main__":
    main()
