"""normact.Layer against the same layers written with PyTorch's operations in float64; tracing; use in a model.

Run by ctest, which puts the built package on PYTHONPATH. Needs tools/requirements-test.txt.
"""

import copy
import io
import json

import pytest
import torch
from torch import nn

import normact

EPSILON = 1e-5


def std_group(x: torch.Tensor, groups: int) -> torch.Tensor:
    parts = x.reshape(x.shape[0], groups, -1)
    return (parts.var(2, unbiased=False) + EPSILON).sqrt()[:, :, None].expand_as(parts).reshape(x.shape)


def per_channel(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.view(-1, 1, 1)


def evonorm_s0(x, v1, gamma, beta, groups):
    return x * torch.sigmoid(per_channel(v1) * x) / std_group(x, groups) * per_channel(gamma) + per_channel(beta)


def batch_norm_relu(x, v0, v1, gamma, beta):
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
    normalized = (x - mean) / (variance + EPSILON).sqrt()
    return torch.relu(normalized * per_channel(v1) + per_channel(v0)) * per_channel(gamma) + per_channel(beta)


BATCH_NORM_RELU = "max((x - mean_batch(x))/std_batch(x)*v1 + v0, 0)"
REFERENCES = {
    "x*sigmoid(v1*x)/std_group(x)": lambda x, *parameters: evonorm_s0(x, *parameters, groups=4),
    BATCH_NORM_RELU: batch_norm_relu,
}


def randomized(layer: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
    return layer


def inputs_of(layer: normact.Layer, x: torch.Tensor) -> list[torch.Tensor]:
    return [x, *(parameter.detach().requires_grad_() for parameter in layer.parameters())]


@pytest.mark.parametrize("text", REFERENCES)
@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(2, 8, 5, 7), (1, 4, 1, 33), (3, 12, 16, 16)])
def test_values_and_two_derivatives(text, format, shape):
    torch.manual_seed(1)
    layer = randomized(normact.Layer(text, shape[1], groups=4))
    x = (torch.randn(shape) + 0.3).to(memory_format=format)
    weights, directions = torch.randn(shape), None

    def derivatives(function, tensors, weights):
        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        y = function(*tensors)
        first = torch.autograd.grad((y * weights).sum(), tensors, create_graph=True)
        nonlocal directions
        directions = directions or [torch.randn(tensor.shape) for tensor in tensors]
        along = sum((gradient * direction.to(gradient.dtype)).sum() for gradient, direction in zip(first, directions))
        return [y, *first, *torch.autograd.grad(along, tensors, materialize_grads=True)]

    def fused(*tensors):
        return torch.ops.normact.layer(layer.text, tensors, True, EPSILON, 4)[0]

    ours = derivatives(fused, [x, *layer.parameters()], weights)
    exact = derivatives(REFERENCES[text], [tensor.double() for tensor in (x, *layer.parameters())], weights.double())
    assert ours[0].is_contiguous(memory_format=format)
    for our, reference in zip(ours, exact):
        # float32 beside the largest of the terms that were added up
        torch.testing.assert_close(our.double(), reference, rtol=1e-4, atol=2e-5 * (1 + reference.abs().max().item()))


def test_evaluation_uses_the_averages_that_training_moved():
    layer = randomized(normact.Layer(BATCH_NORM_RELU, 6))
    reference = nn.BatchNorm2d(6, eps=EPSILON, momentum=0.1, affine=False)
    for seed in range(3):
        x = torch.randn(8, 6, 5, 5, generator=torch.Generator().manual_seed(seed)) * 2 + 1
        layer(x), reference(x)
    torch.testing.assert_close(layer.average_0, reference.running_mean)
    elements = 8 * 25
    biased = 0.9**3 + (reference.running_var - 0.9**3) * (elements - 1) / elements
    torch.testing.assert_close(layer.average_1, biased, rtol=1e-4, atol=1e-4)
    layer.eval()
    averages = [average.clone() for average in layer.buffers()]
    normalized = (x - per_channel(averages[0])) / per_channel(averages[1] + EPSILON).sqrt()
    expected = torch.relu(normalized * per_channel(layer.v1) + per_channel(layer.v0))
    torch.testing.assert_close(layer(x), expected * per_channel(layer.gamma) + per_channel(layer.beta))
    assert all(torch.equal(*pair) for pair in zip(averages, layer.buffers()))


def test_averages_start_as_the_moments_do_that_they_follow_whatever_the_order_of_the_text():
    layer = normact.Layer("x*(-mean_batch(x) + std_batch(x))", 2)  # which is written std - mean
    starts = [average.clone() for average in layer.buffers()]
    layer(torch.zeros(2, 2, 3, 3))  # whose mean and variance are 0
    for average, start in zip(layer.buffers(), starts, strict=True):
        torch.testing.assert_close(average, 0.9 * start)
    assert layer.text == "x*(std_batch(x) - mean_batch(x))"
    assert [start.mean().item() for start in starts] == [1, 0]


def test_backward_after_a_further_training_step_moved_the_averages():
    layer = normact.Layer(BATCH_NORM_RELU, 6).eval()
    x = torch.randn(2, 6, 3, 3, requires_grad=True)
    y = layer(x)
    layer.train()(torch.randn(2, 6, 3, 3))
    y.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("text", REFERENCES)
@pytest.mark.parametrize("training", [True, False])
def test_the_operator_is_one_for_every_tracer(text, training):
    layer = randomized(normact.Layer(text, 8, groups=4))
    inputs = inputs_of(layer, torch.randn(2, 8, 5, 5, requires_grad=True))
    if not training:
        inputs += [average.clone() for average in layer.buffers()]
    torch.library.opcheck(torch.ops.normact.layer.default, (layer.text, inputs, training, EPSILON, 4))


@pytest.mark.parametrize("training", [True, False])
def test_compiled_by_torch(training):
    def model():
        return nn.Sequential(nn.Conv2d(3, 8, 3), randomized(normact.Layer(BATCH_NORM_RELU, 8)),
                             randomized(normact.Layer("x*sigmoid(v1*x)/std_group(x)", 8, groups=4))).train(training)

    torch.manual_seed(2)
    eager = model()
    compiled = copy.deepcopy(eager)
    run = torch.compile(compiled, fullgraph=True, backend="aot_eager", dynamic=True)
    for size in (6, 9):
        x = torch.randn(4, 3, size, size)
        expected = eager(x)
        torch.testing.assert_close(run(x), expected)
    run(x).square().sum().backward()
    eager(x).square().sum().backward()
    for ours, theirs in zip(compiled.parameters(), eager.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_compiled_by_inductor():
    layer = randomized(normact.Layer("x*sigmoid(v1*x)/std_group(x)", 8, groups=4))
    x = torch.randn(2, 8, 6, 6)
    run = torch.compile(lambda x: torch.relu(layer(x * 2) + 1), fullgraph=True)
    torch.testing.assert_close(run(x), torch.relu(layer(x * 2) + 1))


def test_exported():
    layer = randomized(normact.Layer(BATCH_NORM_RELU, 8)).eval()
    x = torch.randn(2, 8, 6, 6)
    program = torch.export.export(layer, (x,))
    assert sum("normact" in str(node.target) for node in program.graph.nodes) == 1
    torch.testing.assert_close(program.module()(x), layer(x))


def test_bfloat16_and_autocast():
    layer = randomized(normact.Layer("x*sigmoid(v1*x)/std_group(x)", 8, groups=4))
    x = torch.randn(2, 8, 9, 9)
    y = layer(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x.bfloat16().float()), rtol=2**-8, atol=1e-6)
    model = nn.Sequential(nn.Conv2d(8, 8, 1), layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(x).float().square().sum()
    loss.backward()
    assert all(p.grad.dtype == p.dtype and p.grad.isfinite().all() for p in model.parameters())


def test_keeps_no_tensor_beside_x_for_backward():
    for name in ("EvoNorm-B0", "EvoNorm-S0", "BN-ReLU"):
        layer, x, kept = normact.Layer(name, 16), torch.randn(8, 16, 32, 32, requires_grad=True), {}

        def pack(tensor):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            layer(x)
        assert sum(kept.values()) <= 1.05 * x.untyped_storage().nbytes(), name


def test_state_copies_and_pickles():
    layer = randomized(normact.Layer("EvoNorm-B0", 4))
    layer(torch.randn(2, 4, 3, 3))
    memory = io.BytesIO()
    torch.save(layer, memory)
    memory.seek(0)
    again = torch.load(memory, weights_only=False)
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(again.eval()(x), layer.eval()(x))
    assert set(layer.state_dict()) == {"v1", "gamma", "beta", "average_0"}


def test_more_groups_than_channels_are_one_a_channel():
    x = torch.randn(2, 4, 5, 5)
    layers = [normact.Layer("x/std_group(x)", 4, groups=groups) for groups in (4, 100, 2**32 + 1)]
    assert all(torch.equal(layer(x), layers[0](x)) for layer in layers)


def test_json_brings_its_settings():
    text = "x/std_group(x)"
    nodes = [{"op": "x"}, {"op": "v0"}, {"op": "std", "over": "group", "inputs": [0]},
             {"op": "mean", "over": "batch", "inputs": [1]}, {"op": "div", "inputs": [0, 2]}]
    layer = normact.Layer(json.dumps({"format": "normact/layer", "version": 1, "nodes": nodes,
                                      "settings": {"groups": 2, "epsilon": 0.5}}), 6)
    assert (layer.text, layer.groups, layer.epsilon) == (text, 2, 0.5)
    assert set(layer.state_dict()) == {"gamma", "beta"}  # nothing for nodes that the output does not depend on


@pytest.mark.parametrize("make, message", [
    (lambda: normact.Layer("x*sigmoi(x)", 4), "sigmoi"),
    (lambda: normact.Layer("{", 4), "line 1"),
    (lambda: normact.Layer("x", 0), "channels"),
    (lambda: normact.Layer("x", 4, epsilon=0.0)(torch.randn(1, 4, 2, 2)), "epsilon"),
    (lambda: normact.Layer("x", 4, groups=0)(torch.randn(1, 4, 2, 2)), "groups"),
    (lambda: normact.Layer("x", 4)(torch.randn(1, 5, 2, 2)), "gamma"),
    (lambda: normact.Layer("x", 4)(torch.randn(4, 2, 2)), "four dimensions"),
    (lambda: normact.Layer("x", 4)(torch.randn(0, 4, 2, 2)), "no elements"),
    (lambda: normact.Layer("x", 4)(torch.randn(1, 4, 2, 2).double()), "float32 and bfloat16"),
    (lambda: torch.ops.normact.layer("x", [torch.randn(1, 4, 2, 2)]), "takes 3 tensors"),
    (lambda: torch.ops.normact.layer_backward("x", [torch.randn(1, 4, 2, 2)] * 4), "gamma"),
])
def test_wrong_use_is_a_value_error_that_says_what(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("model", ["resnetv2_50", "regnetv_040", "efficientnet_b0"])
def test_drops_into_models_of_timm(model):
    import timm
    torch.manual_seed(3)
    network = timm.create_model(model, norm_layer=normact.timm_layer("EvoNorm-S0"), num_classes=10)
    layers = sum(isinstance(module, normact.Layer) for module in network.modules())
    assert layers > 10
    network(torch.randn(2, 3, 64, 64)).logsumexp(1).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
