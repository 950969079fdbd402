"""Puts one layer in the place of each normalization with its activation in a model that is there already."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import fx, nn

from normact.layer import Layer

NORMALIZATIONS = (nn.BatchNorm2d, nn.SyncBatchNorm, nn.GroupNorm, nn.InstanceNorm2d)

# By their names without underscores in small letters: modules, functions and methods of torch and timm alike. Gates
# (sigmoid, tanh, hardsigmoid) are none: what follows them wants numbers between bounds.
ACTIVATIONS = {"relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "gelutanh", "quickgelu", "silu",
               "swish", "mish", "hardswish", "hardmish", "softplus", "softsign"}

# Layers of the catalogue that are a normalization with its activation: those can take over parameters and statistics.
SAME_FORM = {"BN-ReLU": ((nn.BatchNorm2d, nn.SyncBatchNorm), {"relu"}),
             "BN-SiLU": ((nn.BatchNorm2d, nn.SyncBatchNorm), {"silu", "swish"}),
             "GN-ReLU": ((nn.GroupNorm,), {"relu"}),
             "GN-SiLU": ((nn.GroupNorm,), {"silu", "swish"})}


@dataclass
class Replaced:
    """A pair that was replaced."""
    path: str  #: of the new module: where the normalization was
    normalization: str
    activation: str  #: the module's path, or the name of the function
    layer: str
    carried_over: bool  #: parameters and statistics are those of the normalization


@dataclass
class Left:
    """A normalization that was left alone."""
    path: str
    normalization: str
    reason: str


@dataclass
class Report:
    replaced: list[Replaced] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{len(self.replaced)} pairs replaced, {len(self.left)} normalizations left alone"]
        lines += [f"  {r.path}: {r.normalization} + {r.activation} -> {r.layer}{', carried over' * r.carried_over}"
                  for r in self.replaced]
        lines += [f"  {left.path}: {left.normalization} left alone: {left.reason}" for left in self.left]
        return "\n".join(lines)


def replace_norm_activation(model: nn.Module, layer: str | Callable[[int], nn.Module], *, carry_over: bool = True,
                            **settings) -> tuple[nn.Module, Report]:
    """Replaces each normalization that an activation follows, and says which ones.

    Looks at the code of each module's forward by torch.fx, one module at a time, so that a module which can't be traced
    stands in nobody else's way. Where an activation is a module that is called nowhere else, an nn.Identity takes its
    place. Where it is a function, or a module with several calls, that call alone goes: the module whose code it is in
    becomes a torch.fx.GraphModule of the same name, children and attributes.

    Left alone, with the reason in the report: normalizations without an activation or with a gate (sigmoid, tanh), whose
    output is used more than once, that are called several times, or in code that can't be traced.

    Args:
        model: is changed. In the mode, on the device and with the type of number that its modules have.
        layer: what normact.Layer takes; or a function that makes a module for a number of channels.
        carry_over: if the layer is BN-ReLU, BN-SiLU, GN-ReLU or GN-SiLU and the pair is that, take over its parameters,
            statistics, epsilon and groups: the model then computes in evaluation what it did before.
        settings: go to normact.Layer.

    Returns:
        The model to go on with (`model` itself, or a GraphModule if its own forward had to change), and the report.
    """
    return _Replacement(model, layer, carry_over, settings).run()


class _Replacement:
    def __init__(self, model, layer, carry_over, settings):
        self.model, self.layer, self.carry_over, self.settings = model, layer, carry_over, settings
        self.report = Report()
        self.calls = {path: _traced(module) for path, module in model.named_modules() if _is_worth_a_look(module)}
        paths = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
        self.count = Counter()  # of calls, by the called module's identity
        for path, graph in self.calls.items():
            for node in _module_calls(graph):
                called = self.module(path, node)
                self.count[id(called)] += paths[id(called)]
        self.rewritten = {}  # path of a module -> its calls of activations that go

    def module(self, path: str, node: fx.Node) -> nn.Module:
        return self.model.get_submodule(_joined(path, node.target))

    def run(self) -> tuple[nn.Module, Report]:
        for path, module in list(self.model.named_modules()):
            if isinstance(module, NORMALIZATIONS) and _own_activation(module):
                self.replace_fused(path, module)
        found = {}  # path of a normalization -> what becomes of it
        for path in self.calls:
            self.look_for_pairs(path, found)
        for path, module in list(self.model.named_modules()):
            if isinstance(module, NORMALIZATIONS):
                self.report.left.append(Left(path, type(module).__name__, found.get(path) or self.why_unseen(path)))
        # The deepest first: what a module becomes holds what its children have become.
        for path in sorted(self.rewritten, key=lambda path: path.count(".") + bool(path), reverse=True):
            self.model = _with(self.model, path, self.without_calls(path))
        order = {path: place for place, (path, _) in enumerate(self.model.named_modules())}
        self.report.replaced.sort(key=lambda replaced: order.get(replaced.path, 0))
        return self.model, self.report

    def replace_fused(self, path: str, module: nn.Module) -> None:
        activation = _own_activation(module)
        if _name(type(activation)) in ACTIVATIONS and isinstance(getattr(module, "drop", nn.Identity()), nn.Identity):
            self.put(path, module, f"{path}.act".lstrip("."), _name(type(activation)))

    def look_for_pairs(self, path: str, found: dict[str, str]) -> None:
        """Replaces the pairs whose activation is called in the forward of the module at `path`."""
        for node in _module_calls(self.calls[path]):
            normalization = self.normalization_behind(path, node)
            if normalization is None:
                continue
            module = self.model.get_submodule(normalization)
            if _own_activation(module):
                found[normalization] = "its own activation is a gate, or has a dropout before it"
                continue
            user, reason = self.only_user(path, node)
            activation = self.activation_of(path, user) if user is not None else None
            if self.count[id(module)] > 1:
                found[normalization] = "it is called several times"
            elif user is None:
                found[normalization] = reason
            elif activation is None:
                found.setdefault(normalization, f"no activation follows, but {_described(user)}")  # the outermost user
            else:
                self.put(normalization, module, *activation)
                self.take(path, user)

    def normalization_behind(self, path: str, node: fx.Node) -> str | None:
        """The path of the normalization whose output the call gives as its own."""
        target = _joined(path, node.target)
        if isinstance(self.model.get_submodule(target), NORMALIZATIONS):
            return target
        graph = self.calls.get(target)
        returned = next(node for node in graph.nodes if node.op == "output").args[0] if graph else None
        while isinstance(returned, fx.Node) and self.is_identity(target, returned):
            returned = returned.args[0]
        if not isinstance(returned, fx.Node) or returned.op != "call_module" or len(returned.users) != 1:
            return None
        return self.normalization_behind(target, returned)

    def is_identity(self, path: str, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(self.module(path, node), nn.Identity)

    def only_user(self, path: str, node: fx.Node) -> tuple[fx.Node | None, str]:
        while len(node.users) == 1:
            user = next(iter(node.users))
            if not self.is_identity(path, user):
                return user, ""
            node = user
        return None, f"its output is used {len(node.users)} times"

    def activation_of(self, path: str, node: fx.Node) -> tuple[str, str] | None:
        """What a call is called in the report, and the activation's name."""
        if node.op == "call_module":
            name, shown = _name(type(self.module(path, node))), _joined(path, node.target)
        elif node.op in ("call_function", "call_method"):
            shown = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
            name = shown.replace("_", "").lower()
        else:
            return None
        return (shown, name) if name in ACTIVATIONS else None

    def take(self, path: str, call: fx.Node) -> None:
        """Makes a call of an activation do nothing."""
        if call.op == "call_module" and self.count[id(self.module(path, call))] == 1:
            self.model = _with(self.model, _joined(path, call.target), nn.Identity())
        else:
            self.rewritten.setdefault(path, []).append(call)

    def put(self, path: str, module: nn.Module, shown: str, activation: str) -> None:
        channels = getattr(module, "num_features", None) or module.num_channels
        new, carried_over = self.make(module, channels, activation)
        like = next((t for t in (*module.parameters(), *module.buffers(), *self.model.parameters())
                     if t.is_floating_point()), torch.zeros(0))
        self.model = _with(self.model, path, new.to(like.device, like.dtype).train(module.training))
        name = self.layer if isinstance(self.layer, str) else type(new).__name__
        self.report.replaced.append(Replaced(path, type(module).__name__, shown, name, carried_over))

    def make(self, module: nn.Module, channels: int, activation: str) -> tuple[nn.Module, bool]:
        if not isinstance(self.layer, str):
            return self.layer(channels), False
        new = Layer(self.layer, channels, **self.settings)
        if not self.carry_over or not _has_form(new.text, module, activation):
            return new, False
        its_own = {"epsilon": module.eps} | ({"groups": module.num_groups} if isinstance(module, nn.GroupNorm) else {})
        new = Layer(self.layer, channels, **(its_own | self.settings))
        _copy_state(module, new)
        return new, True

    def without_calls(self, path: str) -> nn.Module:
        """The module at `path` with the calls of activations gone from its forward."""
        module, graph = self.model.get_submodule(path), self.calls[path]
        for call in self.rewritten[path]:
            call.replace_all_uses_with(call.args[0] if call.args else call.kwargs["input"])
            graph.erase_node(call)
        new = fx.GraphModule(module, graph, class_name=type(module).__name__)
        for name, child in module.named_children():  # whole, not only what the graph calls
            new.add_module(name, child)
        for name, value in vars(module).items():
            if name not in vars(new) and not name.startswith("_"):
                setattr(new, name, value)
        return new.train(module.training)

    def why_unseen(self, path: str) -> str:
        while path:
            path = path.rpartition(".")[0]
            if path in self.calls:
                return "torch.fx can't trace the code that calls it" if self.calls[path] is None else "nothing calls it"
        return "nothing calls it"


class _Tracer(fx.Tracer):
    """Sees one forward alone: every module that it calls is a leaf."""

    def is_leaf_module(self, module, path):
        return True


def _is_worth_a_look(module: nn.Module) -> bool:
    holds_one = any(isinstance(child, NORMALIZATIONS) for child in module.modules() if child is not module)
    return holds_one and not isinstance(module, (nn.ModuleList, nn.ModuleDict))


def _traced(module: nn.Module) -> fx.Graph | None:
    """The calls of the module's forward; nothing if it can't be traced, or does another thing in training."""
    mode, graphs = module.training, []
    try:
        for training in (True, False):
            module.training = training  # of this module alone: its children are leaves
            graphs.append(_Tracer().trace(module))
    except Exception:  # whatever the code of a model raises when it meets a proxy
        return None
    finally:
        module.training = mode
    return graphs[0] if str(graphs[0]) == str(graphs[1]) else None


def _module_calls(graph: fx.Graph | None) -> list[fx.Node]:
    return [node for node in graph.nodes if node.op == "call_module"] if graph else []


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _with(model: nn.Module, path: str, new: nn.Module) -> nn.Module:
    """The model with another module at a path; the new module itself at the empty path."""
    if not path:
        return new
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, new)
    return model


def _name(kind: type) -> str:
    return kind.__name__.replace("_", "").lower()


def _own_activation(module: nn.Module) -> nn.Module | None:
    """The activation inside of a normalization such as timm's BatchNormAct2d."""
    activation = getattr(module, "act", None)
    return None if activation is None or isinstance(activation, nn.Identity) else activation


def _described(node: fx.Node) -> str:
    return "the end of its module" if node.op == "output" else str(getattr(node.target, "__name__", node.target))


def _has_form(text: str, module: nn.Module, activation: str) -> bool:
    return any(isinstance(module, kinds) and activation in activations and Layer(name, 1).text == text
               for name, (kinds, activations) in SAME_FORM.items())


def _copy_state(module: nn.Module, layer: Layer) -> None:
    """The affine becomes v1, v0; running statistics become the averages, of which a mean starts at 0, a variance at 1."""
    with torch.no_grad():
        if module.weight is not None:
            layer.v1.copy_(module.weight)
        if module.bias is not None:
            layer.v0.copy_(module.bias)
        for average in layer.buffers():
            statistic = module.running_mean if average[0] == 0 else module.running_var
            if statistic is not None:
                average.copy_(statistic)
