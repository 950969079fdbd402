"""The layers of the catalogue against PyTorch's and timm's own: values, gradients and moving averages.

Run by ctest, which names the program run_layer in RUN_LAYER. Needs tools/requirements-test.txt.
"""

import os
from dataclasses import dataclass
from typing import Callable

import pytest
import torch
from timm.layers import (EvoNorm2dB0, EvoNorm2dB1, EvoNorm2dB2, EvoNorm2dS0, EvoNorm2dS1, EvoNorm2dS2,
                         FilterResponseNormTlu2d)
from torch import nn

from run_layer import Engine

EPSILON = 1e-5


def groups(channels: int) -> int:
    return next(count for count in range(32, 0, -1) if channels % count == 0)


def ones(module: nn.Module) -> torch.Tensor:
    return torch.ones_like(next(module.parameters()))


def zeros(module: nn.Module) -> torch.Tensor:
    return torch.zeros_like(next(module.parameters()))


@dataclass
class Counterpart:
    """How a catalogue layer and a module of PyTorch or timm correspond."""

    make: Callable[[int], nn.Module]
    # From the module: v0, v1, gamma, beta of the layer. Written with tensor operations, so that autograd carries the
    # gradients of the layer's parameters back to those of the module.
    parameters: Callable[[nn.Module], tuple]
    # From the module: the names of the buffers that are the layer's moving averages.
    averages: Callable[[nn.Module], list[torch.Tensor]] = lambda module: []
    # timm takes moments in float32 whatever the type of x, with a relative error of some 1e-7.
    single_moments: bool = False


def inner(module):  # the affine map of the normalization lies inside the activation
    norm = module[0]
    return norm.bias, norm.weight, ones(module), zeros(module)


def outer(module):
    return zeros(module), ones(module), module.weight, module.bias


def outer_with_v(module):
    return zeros(module), module.v, module.weight, module.bias


def tlu(module):  # max(weight*n + bias, tau) = max(weight*n, tau - bias) + bias
    return module.tau - module.bias, module.weight, ones(module), module.bias


def batch_norm_averages(module):
    norm = module[0] if isinstance(module, nn.Sequential) else module
    return [norm.running_mean, norm.running_var]


def evonorm_averages(module):
    return [module.running_var]


def normalization(make, activation=None, averages=None):
    module = make if activation is None else lambda channels: nn.Sequential(make(channels), activation())
    return Counterpart(module, outer if activation is None else inner, averages or (lambda _: []))


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.1)


def group_norm(channels):
    return nn.GroupNorm(groups(channels), channels, eps=EPSILON)


def layer_norm(channels):
    return nn.GroupNorm(1, channels, eps=EPSILON)


def instance_norm(channels):
    return nn.InstanceNorm2d(channels, eps=EPSILON, affine=True)


def evonorm(kind, parameters, averages=lambda module: [], **options):
    return Counterpart(lambda channels: kind(channels, groups=groups(channels), eps=EPSILON, **options), parameters,
                       averages, single_moments=True)


COUNTERPARTS = {
    "BN": normalization(batch_norm, averages=batch_norm_averages),
    "BN-ReLU": normalization(batch_norm, nn.ReLU, batch_norm_averages),
    "BN-SiLU": normalization(batch_norm, nn.SiLU, batch_norm_averages),
    "GN": normalization(group_norm),
    "GN-ReLU": normalization(group_norm, nn.ReLU),
    "GN-SiLU": normalization(group_norm, nn.SiLU),
    "LN": normalization(layer_norm),
    "LN-ReLU": normalization(layer_norm, nn.ReLU),
    "IN": normalization(instance_norm),
    "IN-ReLU": normalization(instance_norm, nn.ReLU),
    "FRN-TLU": Counterpart(lambda channels: FilterResponseNormTlu2d(channels, eps=1e-6), tlu, single_moments=True),
    "EvoNorm-B0": evonorm(EvoNorm2dB0, outer_with_v, evonorm_averages),
    "EvoNorm-B1": evonorm(EvoNorm2dB1, outer, evonorm_averages),
    "EvoNorm-B2": evonorm(EvoNorm2dB2, outer, evonorm_averages),
    "EvoNorm-S0": evonorm(EvoNorm2dS0, outer_with_v),
    "EvoNorm-S1": evonorm(EvoNorm2dS1, outer),
    "EvoNorm-S2": evonorm(EvoNorm2dS2, outer),
}
SHAPES = [(4, 8, 5, 6), (3, 33, 4, 4), (2, 96, 3, 5)]


@pytest.fixture(scope="module")
def engine():
    running = Engine(os.environ["RUN_LAYER"])
    yield running
    running.close()


def randomize(module: nn.Module, generator: torch.Generator):
    """No parameter and no average stays at a value at which a mistake would not show."""
    for parameter in module.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * 0.3
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer += torch.randn(buffer.shape, generator=generator, dtype=buffer.dtype) * 0.2
        elif name.endswith("running_var"):
            buffer *= torch.rand(buffer.shape, generator=generator, dtype=buffer.dtype) + 0.5


def moved_without_bias_correction(before, after, training, count):
    """What the average would be with the biased variance: PyTorch and timm average the unbiased one."""
    return after if not training else 0.9 * before + (after - 0.9 * before) * ((count - 1) / count)


def assert_close(found, wanted, tolerance, what):
    scale = max(1.0, wanted.abs().max().item())
    error = (found - wanted).abs().max().item() / scale
    assert error <= tolerance, f"{what}: apart by {error:.2e} of {scale:.2g}, {tolerance:.0e} allowed"


def tolerance_of(dtype, counterpart) -> float:
    """Sums of some thousand terms, relative to the largest value.

    In double, rounding of 1e-16 is amplified by no more than 1e4, and timm's moments in float32 are right to 1e-7, but
    shift a few results that lie near a tie. In float32 both sides round at 6e-8.
    """
    if dtype == torch.float32:
        return 5e-5
    return 1e-5 if counterpart.single_moments else 1e-11


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_layer_agrees_with_its_counterpart(engine, name, shape, training, channels_last, dtype):
    counterpart = COUNTERPARTS[name]
    generator = torch.Generator().manual_seed(1)
    module = counterpart.make(shape[1]).to(dtype)
    randomize(module, generator)
    module.train(training)
    x = torch.randn(shape, generator=generator, dtype=dtype) * 1.3 + 0.2
    gradient = torch.randn(shape, generator=generator, dtype=dtype)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)

    parameters = counterpart.parameters(module)
    before = [average.clone() for average in counterpart.averages(module)]
    output, in_x, *rest = engine.run(engine.export(name), x, gradient, parameters, before, training, channels_last)
    in_parameters, moved = rest[:4], rest[4:]

    x.requires_grad_()
    wanted = module(x)
    wanted.backward(gradient)
    # The layer's gradients, carried back to the module's own parameters.
    own = list(module.parameters())
    used = [(p, g) for p, g in zip(parameters, in_parameters) if p.requires_grad]
    carried = torch.autograd.grad([p for p, _ in used], own, [g for _, g in used])

    tolerance = tolerance_of(dtype, counterpart)
    assert_close(output, wanted.detach(), tolerance, "output")
    assert_close(in_x, x.grad, tolerance, "gradient of x")
    for parameter, found in zip(own, carried):
        assert_close(found, parameter.grad, tolerance, f"gradient of a parameter of shape {tuple(parameter.shape)}")
    count = x.numel() / shape[1]
    for start, found, after in zip(before, moved, counterpart.averages(module)):
        is_mean = len(moved) == 2 and after is counterpart.averages(module)[0]
        expected = after if is_mean else moved_without_bias_correction(start, after, training, count)
        assert_close(found, expected, max(tolerance, 1e-6), "moving average")
