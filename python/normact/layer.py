"""A layer graph as a torch.nn.Module, run by the fused operator torch.ops.normact.layer."""

from pathlib import Path

import torch
from torch import nn

torch.ops.load_library(Path(__file__).with_name("libnormact_operators.so"))

# How far a moving average keeps its old value at each training step (arXiv 2004.02967).
MOVING_AVERAGE_DECAY = 0.9


class Layer(nn.Module):
    """y = graph(x, v0, v1)·gamma + beta, fused: a few sweeps over memory forward and backward.

    x and y: [N, channels, H, W], contiguous or channels_last; float32 or bfloat16, on a GPU also float16. Differentiable
    twice.
    Keeps x, the parameters and moments for the backward pass, nothing else of the size of x.

    Parameters [channels], of which v0 and v1 are there if the graph uses them: v0 = 0, v1 = 1, gamma = 1, beta = 0.
    Buffers [channels]: average_k, one for each moment over batch, which stands in for it in evaluation mode.

    Args:
        layer: a text form such as "x*sigmoid(v1*x)/std_group(x)", JSON as `normact export LAYER --format json` writes it, or the name
            of a layer in normact's catalogue. ValueError says what is wrong with it and where.
        channels: of x.
        epsilon: added inside the roots of rms and std; 1e-30 to 1e30. Default: the layer's own, 1e-5 if it has none.
        groups: the largest number of at most this many groups that divides the channels is used by moments over group.
            Default: the layer's own, 32 if it has none.
    """

    def __init__(self, layer: str, channels: int, *, epsilon: float | None = None, groups: int | None = None,
                 device=None, dtype=None):
        super().__init__()
        if not isinstance(layer, str):
            raise TypeError(f"a layer is a text form, JSON or a name of the catalogue, not {layer!r}")
        if channels < 1:
            raise ValueError(f"channels is {channels}; it must be at least 1")
        self.text, names, averages, its_epsilon, its_groups = torch.ops.normact.describe(layer)
        self.channels = channels
        self.epsilon = its_epsilon if epsilon is None else epsilon
        self.groups = its_groups if groups is None else groups
        starts = {"v0": 0.0, "v1": 1.0, "gamma": 1.0, "beta": 0.0}
        self._parameter_names = [*names, "gamma", "beta"]
        self._average_names = [f"average_{k}" for k in range(len(averages))]
        for name in self._parameter_names:
            self.register_parameter(
                name, nn.Parameter(torch.full((channels,), starts[name], device=device, dtype=dtype)))
        for name, start in zip(self._average_names, averages):
            self.register_buffer(name, torch.full((channels,), start, device=device, dtype=dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs = [x, *(getattr(self, name) for name in self._parameter_names)]
        averages = [getattr(self, name) for name in self._average_names]
        if not self.training:  # copies: the next training step moves them while backward may still need them
            inputs += [average.clone() for average in averages] if torch.is_grad_enabled() else averages
        y, *rest = torch.ops.normact.layer(self.text, inputs, self.training, self.epsilon, self.groups)
        if self.training:
            with torch.no_grad():
                for average, statistic in zip(averages, rest):
                    average.lerp_(statistic.to(average.dtype), 1 - MOVING_AVERAGE_DECAY)
        return y

    def extra_repr(self) -> str:
        return f"{self.text!r}, channels={self.channels}, epsilon={self.epsilon:g}, groups={self.groups}"


def timm_layer(layer: str, *, without_activation=nn.BatchNorm2d, **settings):
    """What timm's models take as `norm_layer`: a layer for each normalization with its activation.

    Where a model normalizes without an activation (`apply_act=False`), the module is without_activation(channels).
    `settings` go to Layer.
    """

    def norm_act(num_features: int, apply_act: bool = True, **_ignored) -> nn.Module:
        return Layer(layer, num_features, **settings) if apply_act else without_activation(num_features)

    return norm_act
