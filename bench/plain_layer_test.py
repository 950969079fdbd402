"""What benchmarks time beside normact.Layer computes the same."""

import pytest
import torch

import normact
from plain_layer import PlainLayer

LAYERS = [*torch.ops.normact.catalogue(), *torch.ops.normact.random_layers(0, 64)]


def results(layer, x, gradient):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand(12, generator=generator).view(parameter.shape) + 0.5)
    x = x.clone().requires_grad_()
    y = layer(x)
    gradients = torch.autograd.grad(y, [x, *layer.parameters()], gradient, allow_unused=True, materialize_grads=True)
    return [tensor.double().flatten() for tensor in (y.detach(), *gradients, *layer.buffers())]


@pytest.mark.parametrize("text", LAYERS)
def test_plain_layer_computes_what_the_layer_computes(text):
    generator = torch.Generator().manual_seed(0)
    x, gradient = (torch.randn(4, 12, 5, 7, generator=generator) for _ in range(2))
    found, wanted = (results(kind(text, 12), x, gradient) for kind in (PlainLayer, normact.Layer))
    for mine, theirs in zip(found, wanted, strict=True):
        # Roundings of float32 carry this far in layers that divide by small differences; a wrong operation goes farther.
        size = 1 + theirs.abs().nan_to_num(0, 0, 0).max()
        assert torch.allclose(mine / size, theirs / size, rtol=1e-3, atol=1e-3, equal_nan=True)
