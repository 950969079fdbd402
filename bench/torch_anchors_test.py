"""The networks that benchmarks compare with have the parameters of normact's anchors (proxy_tasks/network_test.cpp)."""

import pytest
import torch
from torch import nn

import torch_anchors


# The figures of Network.anchors_of_the_presets_have_the_parameters_of_those_in_bench.
@pytest.mark.parametrize("name, count", [
    ("resnet-tiny", 77850), ("mobilenet-tiny", 21866), ("efficientnet-tiny", 26100),
    ("resnet-50-quarter", 1484186), ("mobilenet-v2-half", 700490), ("efficientnet-b0-half", 1077932)])
def test_has_the_parameters_of_the_anchor(name, count):
    model = torch_anchors.network(nn.BatchNorm2d, **(torch_anchors.SMALL | torch_anchors.PAPER)[name])
    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize("name", torch_anchors.SMALL)
def test_a_step_trains(name):
    torch.manual_seed(0)
    model = torch_anchors.network(nn.BatchNorm2d, **torch_anchors.SMALL[name])
    step = torch_anchors.training_step(model, batch=4, crop=24)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    step()
    assert any(not torch.equal(*pair) for pair in zip(before, model.parameters()))
