"""Puts one layer in the place of each normalization with its activation in a model that is there already."""

import importlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import torch
from torch import fx, nn

from normact.layer import Layer
from normact.tracing import traced

NORMALIZATIONS = (nn.BatchNorm2d, nn.SyncBatchNorm, nn.GroupNorm, nn.InstanceNorm2d)

# What other things than images come from, which a layer does not take.
NOT_OF_IMAGES = (nn.Linear, nn.Conv1d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose3d)

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
    rewritten: list[str] = field(default_factory=list)  #: paths of the modules whose forward torch.fx has written anew

    def __str__(self) -> str:
        lines = [f"{len(self.replaced)} pairs replaced, {len(self.left)} normalizations left alone"]
        lines += [f"  {r.path}: {r.normalization} + {r.activation} -> {r.layer}{', carried over' * r.carried_over}"
                  for r in self.replaced]
        lines += [f"  {left.path}: {left.normalization} left alone: {left.reason}" for left in self.left]
        lines += [f"  {path or 'the model itself'}: its forward was written anew without the activation; attributes set later "
                  "do not change it"
                  for path in self.rewritten]
        return "\n".join(lines)


def replace_norm_activation(model: nn.Module, layer: str | Callable[[int], nn.Module], *, carry_over: bool = True,
                            **settings) -> tuple[nn.Module, Report]:
    """Replaces each normalization that an activation follows, and says which ones.

    Looks at the code of each module's forward by torch.fx, one module at a time, so that a module which can't be traced
    stands in nobody else's way. Where an activation is a module that is called nowhere else, an nn.Identity takes its
    place. Where it is a function, or a module with several calls, that call alone goes: the class of the module whose
    code it is in becomes a subclass of the same name, with the forward that torch.fx has written; the report says which.
    Such a forward has the values of plain attributes (`self.scale`, not parameters and modules) that they had now: to
    change them later has no effect on it. All else stays: parameters, buffers, hooks, other methods, and that the module
    can be copied and saved.

    Left alone, with the reason in the report: normalizations without an activation or with a gate (sigmoid, tanh), whose
    output is used more than once, that are called several times (also by way of a module that they are in), with hooks
    on them or on their activation, of float64, of what comes from a module that is not for images; and those in code
    that can't be traced, draws random numbers, changes attributes of its module, or takes another path where an optional
    argument is given. A GroupNorm is taken to be one of images. What stands for a SyncBatchNorm has the moments of its
    own process.

    Args:
        model: is changed. In the mode, on the device and with the type of number that its modules have.
        layer: what normact.Layer takes; or a function that makes a module for a number of channels.
        carry_over: if the layer is BN-ReLU, BN-SiLU, GN-ReLU or GN-SiLU and the pair is that, take over its parameters,
            statistics, epsilon and groups: the model then computes in evaluation what it did before.
        settings: go to normact.Layer.

    Returns:
        The model to go on with (`model` itself, unless that is one normalization with its activation), and the report.

    Raises:
        TypeError: `model` is no module; `layer` is neither a text nor a function.
        ValueError: what is no layer; a model of torch.jit, whose code can't be changed.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"a model is a torch.nn.Module, not {model!r}")
    if not isinstance(layer, str) and not callable(layer):
        raise TypeError(f"a layer is what normact.Layer takes or a function of a number of channels, not {layer!r}")
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise ValueError("the code of a scripted model can't be changed: replace before torch.jit.script or torch.jit.trace")
    return _Replacement(model, layer, carry_over, settings).run()


class _Replacement:
    def __init__(self, model, layer, carry_over, settings):
        self.model, self.layer, self.carry_over, self.settings = model, layer, carry_over, settings
        self.report = Report()
        seen = {path: traced(module) for path, module in model.named_modules() if _is_worth_a_look(module)}
        self.calls = {path: graph for path, graph in seen.items() if isinstance(graph, fx.Graph)}
        self.untraced = {path: reason for path, reason in seen.items() if isinstance(reason, str)}
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
            if isinstance(module, NORMALIZATIONS) and not self.is_new(path):
                self.report.left.append(Left(path, type(module).__name__, found.get(path) or self.why_unseen(path)))
        for path in self.rewritten:
            self.rewrite(path)
        self.report.rewritten = list(self.rewritten)
        order = {path: place for place, (path, _) in enumerate(self.model.named_modules())}
        self.report.replaced.sort(key=lambda replaced: order.get(replaced.path, 0))
        return self.model, self.report

    def is_new(self, path: str) -> bool:
        """Whether the module has been put there, or is inside of one that has."""
        new = [replaced.path for replaced in self.report.replaced]
        return any(path == one or path.startswith(_joined(one, "")) for one in new)

    def replace_fused(self, path: str, module: nn.Module) -> None:
        activation = _own_activation(module)
        if self.unfit(module, activation):
            return
        if _name(type(activation)) in ACTIVATIONS and isinstance(getattr(module, "drop", nn.Identity()), nn.Identity):
            self.put(path, module, f"{path}.act".lstrip("."), _name(type(activation)))

    def look_for_pairs(self, path: str, found: dict[str, str]) -> None:
        """Replaces the pairs whose activation is called in the forward of the module at `path`."""
        for node in _module_calls(self.calls[path]):
            way = self.way_to_normalization(path, node)
            if not way:
                continue
            normalization = way[-1]
            module = self.model.get_submodule(normalization)
            if _own_activation(module):
                found[normalization] = (self.unfit(module, _own_activation(module)) or
                                        "its own activation is a gate, or has a dropout before it")
                continue
            user, reason = self.only_user(path, node)
            activation = self.activation_of(path, user) if user is not None else None
            unfit = self.unfit(module, self.module(path, user) if activation and user.op == "call_module" else None)
            if any(self.count[id(self.model.get_submodule(step))] > 1 for step in way):
                found[normalization] = "it is called several times"
            elif user is None:
                found[normalization] = reason
            elif activation is None:
                found.setdefault(normalization, f"no activation follows, but {self.described(path, user)}")  # the outermost user
            elif unfit or self.comes_from_no_images(path, node):
                found[normalization] = unfit or "its input is not one of images"
            else:
                self.put(normalization, module, *activation)
                self.take(path, user)

    def unfit(self, module: nn.Module, activation: nn.Module | None) -> str:
        """Why these two stay what they are; empty if they need not."""
        if _has_hooks(module) or activation is not None and _has_hooks(activation):
            return "it or its activation has hooks, which would be lost"
        if isinstance(self.layer, str) and any(t.dtype == torch.float64 for t in (*module.parameters(), *module.buffers())):
            return "it computes in float64, which a fused layer does not"
        return ""

    def comes_from_no_images(self, path: str, node: fx.Node) -> bool:
        source = node.args[0] if node.args else None
        return (isinstance(source, fx.Node) and source.op == "call_module"
                and isinstance(self.module(path, source), NOT_OF_IMAGES))

    def way_to_normalization(self, path: str, node: fx.Node) -> list[str]:
        """The paths of the called module, of those inside that its output comes from, and last of the normalization.

        Empty if the output is not just what a normalization gives.
        """
        target = _joined(path, node.target)
        if self.is_new(target):
            return []
        if isinstance(self.model.get_submodule(target), NORMALIZATIONS):
            return [target]
        graph = self.calls.get(target)
        returned = next(node for node in graph.nodes if node.op == "output").args[0] if graph else None
        while isinstance(returned, fx.Node) and self.is_identity(target, returned):
            returned = returned.args[0]
        if not isinstance(returned, fx.Node) or returned.op != "call_module" or len(returned.users) != 1:
            return []
        rest = self.way_to_normalization(target, returned)
        return [target, *rest] if rest else []

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

    def described(self, path: str, node: fx.Node) -> str:
        if node.op == "call_module":
            return f"{type(self.module(path, node)).__name__} ({_joined(path, node.target)})"
        return "the end of its module" if node.op == "output" else str(getattr(node.target, "__name__", node.target))

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
        new = new.to(like.device, like.dtype).train(module.training)
        if list(module.parameters()) and not any(parameter.requires_grad for parameter in module.parameters()):
            new.requires_grad_(False)  # frozen, as it was
        self.model = _with(self.model, path, new)
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

    def rewrite(self, path: str) -> None:
        """Gives the module at `path` a forward without the calls of activations that go."""
        module, graph = self.model.get_submodule(path), self.calls[path]
        for call in self.rewritten[path]:
            call.replace_all_uses_with(call.args[0] if call.args else call.kwargs["input"])
            graph.erase_node(call)
        if isinstance(module, fx.GraphModule):  # whose code, copies and saved form are made of its graph
            module.graph = graph
            return
        code = graph.python_code("self")
        modules = {name: value.__name__ for name, value in code.globals.items() if isinstance(value, ModuleType)}
        others = {name: value for name, value in code.globals.items() if name not in modules}
        origin = vars(type(module)).get("_origin", type(module))
        module.__class__ = _with_forward(origin, code.src, modules, others)

    def why_unseen(self, path: str) -> str:
        while path:
            path = path.rpartition(".")[0]
            if path in self.untraced:
                return self.untraced[path]
            if path in self.calls:
                break
        return "nothing calls it"


def _with_forward(origin: type, source: str, modules: dict[str, str], others: dict[str, object]) -> type:
    """A subclass with another forward, of which `modules` (by their names) and `others` are the globals."""
    names = others | {name: importlib.import_module(module) for name, module in modules.items()}
    exec(compile(source, f"<forward of {origin.__name__} by normact>", "exec"), names)

    def reduce(self, protocol):  # to what pickle and copy can find
        _, _, *state = super(kind, self).__reduce_ex__(max(2, protocol))
        return (_empty_with_forward, (origin, source, modules, others), *state)

    members = {"forward": names["forward"], "__reduce_ex__": reduce, "__module__": origin.__module__,
               "__doc__": origin.__doc__, "_origin": origin}
    kind = type(origin)(origin.__name__, (origin,), members)
    return kind


def _empty_with_forward(*forward) -> nn.Module:
    kind = _with_forward(*forward)
    return kind.__new__(kind)


def _is_worth_a_look(module: nn.Module) -> bool:
    holds_one = any(isinstance(child, NORMALIZATIONS) for child in module.modules() if child is not module)
    return holds_one and not isinstance(module, (nn.ModuleList, nn.ModuleDict))


def _has_hooks(module: nn.Module) -> bool:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name, None) for name in names)


def _module_calls(graph: fx.Graph) -> list[fx.Node]:
    return [node for node in graph.nodes if node.op == "call_module"]


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


def _has_form(text: str, module: nn.Module, activation: str) -> bool:
    if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)) and module.running_mean is None:
        return False  # it takes the moments of the batch in evaluation, too
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
            average.copy_(module.running_mean if average[0] == 0 else module.running_var)
