"""normact's anchors as a PyTorch user writes them, and a training step of one.

The same networks as proxy_tasks/anchors.cpp describes; torch_anchors_test.py counts their parameters.
"""
import torch
from torch import nn
from torch.nn import functional


def convolution(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Affine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        return torch.addcmul(self.beta, x, self.gamma)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed, gate):
        super().__init__()
        self.reduce, self.expand, self.gate = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1), gate

    def forward(self, x):
        return x * torch.sigmoid(self.expand(self.gate(self.reduce(x.mean((2, 3), keepdim=True)))))


class Residual(nn.Module):
    """Pre-activation: a layer before each of the convolutions (kernel, outputs, stride)."""

    def __init__(self, layer, inputs, convolutions):
        super().__init__()
        parts, channels = [], inputs
        for kernel, outputs, stride in convolutions:
            parts += [layer(channels), convolution(channels, outputs, kernel, stride)]
            channels = outputs
        stride = max(stride for _, _, stride in convolutions)
        self.first, self.body = parts[0], nn.Sequential(*parts[1:])
        self.shortcut = convolution(inputs, channels, 1, stride) if stride > 1 or inputs != channels else None

    def forward(self, x):
        activated = self.first(x)
        return self.body(activated) + (x if self.shortcut is None else self.shortcut(activated))


def basic(layer, inputs, outputs, stride, expansion, kernel, **_):
    return Residual(layer, inputs, [(kernel, outputs, stride), (kernel, outputs, 1)])


def bottleneck(layer, inputs, outputs, stride, expansion, kernel, **_):
    inner = outputs // expansion
    return Residual(layer, inputs, [(1, inner, 1), (kernel, inner, stride), (1, outputs, 1)])


class Inverted(nn.Module):
    def __init__(self, layer, inputs, outputs, stride, expansion, kernel, squeeze=0, gate=functional.relu, affine=False):
        super().__init__()
        inner = inputs * expansion
        parts = [convolution(inputs, inner, 1), layer(inner)] if expansion > 1 else []
        parts += [convolution(inner, inner, kernel, stride, inner), layer(inner)]
        parts += [SqueezeExcite(inner, max(1, int(inputs * squeeze)), gate)] if squeeze else []
        parts += [convolution(inner, outputs, 1)] + ([Affine(outputs)] if affine else [])
        self.body = nn.Sequential(*parts)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.body(x) + x if self.residual else self.body(x)


def network(layer, block, stem, stages, head=0, classes=10, **settings):
    """`stem`: channels, kernel, stride, max-pooling; `stages`: blocks, channels, stride, expansion, kernel."""
    channels, kernel, stride, max_pool = stem
    parts = [convolution(3, channels, kernel, stride)]
    if block is Inverted:
        parts.append(layer(channels))
    if max_pool:
        parts.append(nn.MaxPool2d(3, 2, 1))
    for blocks, outputs, stride, expansion, kernel in stages:
        for i in range(blocks):
            parts.append(block(layer, channels, outputs, stride if i == 0 else 1, expansion, kernel, **settings))
            channels = outputs
    if head:
        parts.append(convolution(channels, head, 1))
        channels = head
    return nn.Sequential(*parts, layer(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


TINY_INVERTED = [(1, 8, 2, 1, 3), (1, 16, 1, 4, 3), (2, 16, 2, 4, 3), (2, 32, 2, 4, 3)]
SMALL_STEM = (16, 3, 1, False)

# What network() takes beside the layer.
SMALL = {
    "resnet-tiny": dict(block=basic, stem=SMALL_STEM, stages=[(1, c, s, 1, 3) for c, s in ((16, 1), (32, 2), (64, 2))]),
    "mobilenet-tiny": dict(block=Inverted, stem=SMALL_STEM, stages=TINY_INVERTED),
    "efficientnet-tiny": dict(block=Inverted, stem=SMALL_STEM, stages=TINY_INVERTED, squeeze=0.25),
}
# Narrower than the published networks, and the first two strides of 2 are 1.
PAPER = {
    "resnet-50-quarter": dict(
        block=bottleneck, stem=(16, 7, 1, True),
        stages=[(3, 64, 1, 4, 3), (4, 128, 1, 4, 3), (6, 256, 2, 4, 3), (3, 512, 2, 4, 3)]),
    "mobilenet-v2-half": dict(
        block=Inverted, stem=(16, 3, 1, False), head=1280, affine=True,
        stages=[(1, 8, 1, 1, 3), (2, 16, 1, 6, 3), (3, 16, 2, 6, 3), (4, 32, 2, 6, 3), (3, 48, 1, 6, 3), (3, 80, 2, 6, 3),
                (1, 160, 1, 6, 3)]),
    "efficientnet-b0-half": dict(
        block=Inverted, stem=(16, 3, 1, False), head=640, affine=True, squeeze=0.25, gate=functional.silu,
        stages=[(1, 8, 1, 1, 3), (2, 16, 1, 6, 3), (2, 24, 2, 6, 5), (3, 40, 2, 6, 3), (3, 56, 1, 6, 5), (4, 96, 2, 6, 5),
                (1, 160, 1, 6, 3)]),
}


def training_step(model, batch, crop, device="cpu"):
    """A function that trains `model` once on one random batch, as the proxy tasks do."""
    model = model.to(device, memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, crop, crop, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,), device=device)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, nesterov=True, weight_decay=1e-4)

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step
