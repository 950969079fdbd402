"""normact.replace_norm_activation on models of torchvision and timm, with random weights.

Which pairs there are is counted independently: by watching a forward pass for activations of what a normalization has
just put out. Run by ctest, which puts the built package on PYTHONPATH. Needs tools/requirements-test.txt.
"""

import copy
import io
import random

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

import normact

ACTIVATIONS = {"relu", "relu_", "relu6", "silu", "silu_", "hardswish", "gelu", "hardtanh", "hardtanh_"}  # ReLU6 is a hardtanh
NORMALIZATIONS = {"batch_norm", "group_norm", "instance_norm"}


class PairCounter(TorchFunctionMode):
    """Counts the activations that are the first to touch what a normalization returned."""

    def __init__(self):
        super().__init__()
        self.outputs, self.pairs, self.depth = {}, 0, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if self.depth == 0 and name not in ("__get__", "dim", "size"):
            touched = [self.outputs.pop(id(argument)) for argument in args if id(argument) in self.outputs]
            self.pairs += bool(touched) and name in ACTIVATIONS
        self.depth += 1  # what a function calls inside is its own business
        result = function(*args, **(kwargs or {}))
        self.depth -= 1
        if name in NORMALIZATIONS and self.depth == 0:
            self.outputs[id(result)] = result  # kept alive, so that no other tensor gets its id
        return result


def pairs_seen(model, size=64):
    counter = PairCounter()
    with torch.no_grad(), counter:
        model.eval()(torch.randn(1, 3, size, size))
    return counter.pairs


def randomized(model):
    """Statistics and affines as after training: no two channels alike, so that mistaken ones show."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) and module.weight is not None:
                module.weight.uniform_(0.5, 1.5), module.bias.uniform_(-0.5, 0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3), module.running_var.uniform_(0.5, 2)
    return model


def layers_of(model):
    return [module for module in model.modules() if isinstance(module, normact.Layer)]


MODELS = {
    # How many pairs there are, from the papers' tables. ResNet: the stem, and all but the last of each block.
    "torchvision resnet18": (lambda: torchvision.models.resnet18(num_classes=10), 1 + 8),
    "torchvision resnet50": (lambda: torchvision.models.resnet50(num_classes=10), 1 + 16 * 2),
    # The stem, 2 a block but for the first one's, the head.
    "torchvision mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(num_classes=10), 1 + 1 + 16 * 2 + 1),
    "torchvision efficientnet_b0": (lambda: torchvision.models.efficientnet_b0(num_classes=10), 1 + 1 + 15 * 2 + 1),
    # The stem, 2 a layer, 3 transitions, the end, whose ReLU is a function.
    "torchvision densenet121": (lambda: torchvision.models.densenet121(num_classes=10), 1 + 58 * 2 + 3 + 1),
    "torchvision vgg11_bn": (lambda: torchvision.models.vgg11_bn(num_classes=10), 8),
    "torchvision convnext_tiny": (lambda: torchvision.models.convnext_tiny(num_classes=10), 0),
    "timm resnet50": (lambda: timm.create_model("resnet50", num_classes=10), 1 + 16 * 2),
    "timm resnetv2_50": (lambda: timm.create_model("resnetv2_50", num_classes=10), 16 * 3 + 1),
    "timm regnety_002": (lambda: timm.create_model("regnety_002", num_classes=10), 1 + 13 * 2),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0", num_classes=10), 1 + 1 + 15 * 2 + 1),
    "timm mobilenetv3_large_100": (lambda: timm.create_model("mobilenetv3_large_100", num_classes=10), None),
    "timm convnext_atto": (lambda: timm.create_model("convnext_atto", num_classes=10), 0),
}


@pytest.mark.parametrize("name", MODELS)
def test_replaces_every_pair_of_a_model_that_still_trains_and_saves(name):
    make, known = MODELS[name]
    torch.manual_seed(1)
    model = make()
    seen = pairs_seen(model)
    if known is not None:
        assert seen == known
    normalizations = sum(isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) for module in model.modules())
    model, report = normact.replace_norm_activation(model.train(), "EvoNorm-S0")
    assert len(report.replaced) == len(layers_of(model)) == seen, str(report)
    assert len(report.left) == normalizations - seen, str(report)
    assert pairs_seen(model) == 0
    assert all(isinstance(model.get_submodule(replaced.path), normact.Layer) for replaced in report.replaced)
    model.train()
    model(torch.randn(2, 3, 64, 64)).logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for layer in layers_of(model) for p in layer.parameters())
    memory = io.BytesIO()
    torch.save(model, memory)
    memory.seek(0)
    again = torch.load(memory, weights_only=False).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again(x), model.eval()(x))


@pytest.mark.parametrize("name, layer", [
    ("torchvision resnet18", "BN-ReLU"), ("torchvision densenet121", "BN-ReLU"), ("timm resnet50", "BN-ReLU"),
    ("timm regnety_002", "BN-ReLU"), ("timm resnetv2_50", "GN-ReLU"), ("torchvision efficientnet_b0", "BN-SiLU"),
    ("timm efficientnet_b0", "BN-SiLU"),
])
def test_the_same_layer_carried_over_computes_what_the_model_did(name, layer):
    torch.manual_seed(2)
    make, _ = MODELS[name]
    if name == "timm resnetv2_50":
        from timm.layers import GroupNormAct
        model = randomized(timm.create_model("resnetv2_50", num_classes=10, norm_layer=GroupNormAct)).eval()
    else:
        model = randomized(make()).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(x)
        model, report = normact.replace_norm_activation(model, layer)
        after = model(x)
    assert len(report.replaced) > 5 and all(replaced.carried_over for replaced in report.replaced), str(report)
    # float32 through up to 120 layers, each of which rounds in another order
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3 * before.abs().max().item())


def test_without_carrying_over_or_with_another_activation_layers_start_anew():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), randomized(nn.BatchNorm2d(4)), nn.ReLU())
    _, report = normact.replace_norm_activation(model, "BN-ReLU", carry_over=False)
    assert not report.replaced[0].carried_over and torch.equal(model[1].v1, torch.ones(4))
    model = nn.Sequential(randomized(nn.BatchNorm2d(4)), nn.SiLU())
    _, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert not report.replaced[0].carried_over
    model = nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())  # another thing in evaluation
    _, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert not report.replaced[0].carried_over


class Odd(nn.Module):
    """Pairs and what looks like them, in the ways in which people write them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.by_function, self.by_method, self.by_module = (nn.BatchNorm2d(4) for _ in range(3))
        self.shared_activation = nn.ReLU(inplace=True)
        self.gated, self.twice_used, self.twice_called, self.last = (nn.BatchNorm2d(4) for _ in range(4))
        self.group = nn.GroupNorm(2, 4)
        self.dropped = nn.Identity()

    def forward(self, x):
        x = F.relu(self.by_function(self.conv(x)), inplace=True)
        x = self.by_method(x).relu()
        x = self.shared_activation(self.by_module(x))
        x = F.gelu(self.dropped(self.group(x)))
        x = x * torch.sigmoid(self.gated(x))
        y = self.twice_used(x)
        x = F.relu(y) + y
        x = F.relu(self.twice_called(F.relu(self.twice_called(x))))
        return self.shared_activation(self.last(x) + x)


def test_functions_methods_and_shared_modules_are_calls_like_any_other():
    torch.manual_seed(3)
    model = randomized(Odd()).eval()
    group = model.group
    x = torch.randn(2, 3, 5, 5)
    expected = model(x).detach()
    model, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert [replaced.path for replaced in report.replaced] == ["by_function", "by_method", "by_module", "group"]
    assert [replaced.carried_over for replaced in report.replaced] == [True, True, True, False]
    reasons = {left.path: left.reason for left in report.left}
    assert set(reasons) == {"gated", "twice_used", "twice_called", "last"}
    assert "sigmoid" in reasons["gated"] and "2 times" in reasons["twice_used"]
    assert "several times" in reasons["twice_called"] and "add" in reasons["last"]
    assert type(model).__name__ == "Odd" and "4 pairs replaced, 4 normalizations left alone" in str(report)
    assert report.rewritten == [""] and "the model itself: its forward was written anew" in str(report)
    model.group = nn.Sequential(group, nn.GELU())  # which is no form that could be carried over
    torch.testing.assert_close(model(x), expected)


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.relu(self.norm(x)) if x.sum() > 0 else x


class DependsOnMode(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.dropout(F.relu(self.norm(x)), training=self.training)


def test_what_cannot_be_traced_is_left_alone_and_the_rest_is_replaced():
    model = nn.Sequential(Untraceable(), nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()), DependsOnMode())
    model, report = normact.replace_norm_activation(model, "EvoNorm-S0")
    assert [replaced.path for replaced in report.replaced] == ["1.0"]
    assert {left.path: left.reason for left in report.left} == dict.fromkeys(
        ("0.norm", "2.norm"), "torch.fx can't trace the code that calls it")
    model(torch.randn(2, 3, 4, 4)).sum().backward()


class ChangesItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.calls, self.seen = nn.BatchNorm2d(3), 0, ["none yet"]

    def forward(self, x):
        self.calls += 1
        self.latest = x
        self.seen.append(x)
        return F.relu(self.norm(x))


class DrawsLots(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return F.relu(self.norm(x)) if random.random() < 0.99 and torch.rand(()) < 0.99 else x


def test_looking_at_a_model_changes_neither_it_nor_what_is_random():
    model = nn.Sequential(ChangesItself(), DrawsLots())
    random.seed(8), torch.manual_seed(8)
    model, report = normact.replace_norm_activation(model, "EvoNorm-S0")
    drawn = random.random(), torch.rand(())
    random.seed(8), torch.manual_seed(8)
    assert (random.random(), torch.rand(())) == drawn
    reasons = {left.path: left.reason for left in report.left}
    assert "changes attributes" in reasons["0.norm"] and "random numbers" in reasons["1.norm"] and not report.replaced
    assert model[0].calls == 0 and model[0].seen == ["none yet"] and not hasattr(model[0], "latest")
    torch.save(model, io.BytesIO())


class OfSequences(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.norm = nn.Conv1d(4, 4, 1), nn.GroupNorm(2, 4)

    def forward(self, x):
        return F.relu(self.norm(self.part(x)))


def test_what_a_layer_would_not_do_is_left_alone():
    calls = []
    hooked = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    hooked[1].register_forward_hook(CountsCalls(calls))
    model = nn.ModuleDict({"sequences": OfSequences(), "hooked": hooked,
                           "float64": nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()).double(),
                           "frozen": nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()).requires_grad_(False)})
    model, report = normact.replace_norm_activation(model, "EvoNorm-S0")
    reasons = {left.path: left.reason for left in report.left}
    assert set(reasons) == {"sequences.norm", "hooked.0", "float64.0"}
    assert "not one of images" in reasons["sequences.norm"] and "hooks" in reasons["hooked.0"] and "float64" in reasons["float64.0"]
    assert not any(parameter.requires_grad for parameter in model["frozen"].parameters())
    model["sequences"](torch.randn(2, 4, 5)), model["hooked"](torch.randn(2, 4, 5, 5))
    assert calls == [1]


def test_a_scripted_model_is_refused():
    with pytest.raises(ValueError, match="before torch.jit"):
        normact.replace_norm_activation(torch.jit.script(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())), "EvoNorm-S0")


class OptionalArguments(nn.Module):
    """Of which `skip` decides what is called, and `scale` does not."""

    def __init__(self):
        super().__init__()
        self.decided, self.not_decided = Decided(), NotDecided()

    def forward(self, x):
        return self.not_decided(self.decided(x))


class Decided(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x, skip=None):
        x = self.norm(x)
        if skip is not None:
            x = x + skip
        return F.relu(x)


class NotDecided(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x, scale=2.0, *, shift: float = 0.5):
        return F.relu(self.norm(x * scale + shift))


def test_optional_arguments_still_decide_what_is_called():
    torch.manual_seed(4)
    model, x = randomized(OptionalArguments()).eval(), torch.randn(2, 3, 4, 4)
    before = [model(x), model.decided(x, skip=x), model.not_decided(x, 3.0), model.not_decided(x, shift=1.0)]
    model, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert [replaced.path for replaced in report.replaced] == ["not_decided.norm"]
    assert [left.path for left in report.left] == ["decided.norm"] and "optional argument" in report.left[0].reason
    after = [model(x), model.decided(x, skip=x), model.not_decided(x, 3.0), model.not_decided(x, shift=1.0)]
    torch.testing.assert_close(after, before)


class CalledTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
        self.whole = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU())

    def forward(self, x):
        x = F.relu(self.part(x))
        return self.whole(self.whole(self.part(x)))


def test_a_container_that_is_called_with_and_without_an_activation_behind_it_is_left_alone():
    torch.manual_seed(5)
    model, x = randomized(CalledTwice()).eval(), torch.randn(2, 3, 4, 4)
    before = model(x)
    model, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert [replaced.path for replaced in report.replaced] == ["whole.1"]
    assert {left.path: left.reason for left in report.left} == {"part.1": "it is called several times"}
    torch.testing.assert_close(model(x), before)


class WithMore(nn.Module):
    """What forward does not use, beside what it does."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.ones(2))
        self.first, self.norm, self.last = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)
        self.register_buffer("steps", torch.zeros(3))
        self.register_buffer("not_saved", torch.zeros(3), persistent=False)
        self._hidden, self.spare = "kept", nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.last(F.relu(self.norm(self.first(x)), inplace=True)).flatten(1)

    def hidden(self):
        return self._hidden


def test_a_module_with_another_forward_keeps_all_else_also_copied_and_saved():
    torch.manual_seed(6)
    model, calls = WithMore(), []
    model.register_forward_hook(CountsCalls(calls))
    parameters, buffers = list(dict(model.named_parameters())), list(dict(model.named_buffers()))
    new, report = normact.replace_norm_activation(model, "EvoNorm-S0")
    assert new is model and len(report.replaced) == 1
    memory = io.BytesIO()
    torch.save(new, memory)
    memory.seek(0)
    x = torch.randn(2, 3, 4, 4)
    for one in (new, copy.deepcopy(new), torch.load(memory, weights_only=False)):
        assert isinstance(one, WithMore) and type(one).__name__ == "WithMore" and one.hidden() == "kept"
        assert [name for name, _ in one.named_parameters() if not name.startswith("norm.")] == \
            [name for name in parameters if not name.startswith("norm.")]
        assert [name for name, _ in one.named_buffers()] == [name for name in buffers if not name.startswith("norm.")]
        assert "steps" in one.state_dict() and "not_saved" not in one.state_dict()
        assert torch.equal(one(x), new(x)) and len(one._forward_hooks) == 1
    assert len(calls) == 4  # of three modules, of which the others have lists of their own


class CountsCalls:
    def __init__(self, calls):
        self.calls = calls

    def __call__(self, *_):
        self.calls.append(1)


def test_a_forward_that_was_changed_can_be_changed_again():
    model = Odd().eval()
    model, _ = normact.replace_norm_activation(model, "EvoNorm-S0")
    model.by_function = nn.BatchNorm2d(4)
    kept, model.after = model.by_function, nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    model, report = normact.replace_norm_activation(model, "EvoNorm-S0")
    assert model.by_function is kept and type(model).__mro__[1] is Odd and "by_function" in str(report)
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(copy.deepcopy(model)(x), model(x))


def test_of_a_graph_module_the_graph_changes():
    torch.manual_seed(7)
    model, x = torch.fx.symbolic_trace(randomized(Odd()).eval()), torch.randn(2, 3, 5, 5)
    model.group = nn.Identity()  # which, with a gelu, is no BN-ReLU
    before = model(x)
    model, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert len(report.replaced) == 3
    for one in (model, copy.deepcopy(model)):
        assert one.code.count("relu(") == 3  # of `twice_used` and `twice_called`
        torch.testing.assert_close(one(x), before)


def test_new_modules_have_the_device_type_and_mode_of_the_old_ones():
    model = nn.Sequential(nn.BatchNorm2d(4).eval(), nn.ReLU(), nn.Conv2d(4, 4, 1)).to(torch.bfloat16)
    normact.replace_norm_activation(model, "BN-ReLU")
    assert model[0].gamma.dtype == torch.bfloat16 and not model[0].training


def test_any_function_that_makes_a_module_will_do():
    model = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    _, report = normact.replace_norm_activation(model, lambda channels: nn.GroupNorm(1, channels))
    assert isinstance(model[0], nn.GroupNorm) and report.replaced[0].layer == "GroupNorm" and report.left == []
    model = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    _, report = normact.replace_norm_activation(
        model, lambda channels: nn.Sequential(nn.GroupNorm(1, channels), nn.ReLU()))
    assert len(report.replaced) == 1 and report.left == []


def test_a_wrong_layer_is_an_error_that_says_what_and_changes_nothing():
    model = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    with pytest.raises(ValueError, match="sigmoi"):
        normact.replace_norm_activation(model, "x*sigmoi(x)")
    with pytest.raises(ValueError, match="did you mean BN-ReLU"):
        normact.replace_norm_activation(model, "bn-relux")
    with pytest.raises(TypeError, match="not 17"):
        normact.replace_norm_activation(model, 17)
    with pytest.raises(TypeError, match="not 'resnet18'"):
        normact.replace_norm_activation("resnet18", "BN-ReLU")
    assert isinstance(model[0], nn.BatchNorm2d) and isinstance(model[1], nn.ReLU)


def test_what_follows_instead_of_an_activation_is_named():
    model = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))
    _, report = normact.replace_norm_activation(model, "BN-ReLU")
    assert report.left[0].reason == "no activation follows, but Conv2d (1)"
