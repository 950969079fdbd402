"""What a module's forward does, by torch.fx, with the module left as it was."""

import copy
import random
import sys

import torch
from torch import fx, nn


class _Tracer(fx.Tracer):
    """Sees one forward alone: every module that it calls is a leaf.

    With defaults: as when no optional argument is given.
    """

    def __init__(self, defaults: bool):
        super().__init__()
        self.defaults = defaults

    def create_proxy(self, kind, target, args, *rest, **settings):
        proxy = super().create_proxy(kind, target, args, *rest, **settings)
        return args[0] if self.defaults and kind == "placeholder" and args else proxy

    def is_leaf_module(self, module, path):
        return True


def traced(module: nn.Module) -> fx.Graph | str:
    """The calls of the module's forward; or why they are unknown: it can't be traced, or does now this and now that.

    The forward runs on the module itself, so what it does to the module and to random generators is undone.
    """
    attributes, generators = _attributes(module), _generators()
    try:
        graph = _traced_as_it_is(module)
        if not _same(_generators(), generators):
            return "the code that calls it draws random numbers"
        if not _same(_attributes(module), attributes):
            return "the code that calls it changes attributes of its module"
        return graph
    finally:
        _restore(module, attributes)
        _restore_generators(generators)


def _traced_as_it_is(module: nn.Module) -> fx.Graph | str:
    mode, graphs = module.training, []
    unknown = "torch.fx can't trace the code that calls it"
    try:
        for training in (True, False):
            module.training = training  # of this module alone: its children are leaves
            graphs.append(_Tracer(defaults=False).trace(module))
        if str(graphs[0]) != str(graphs[1]):
            return unknown
        module.training = mode
        as_a_rule = _Tracer(defaults=True).trace(module)
    except Exception:  # whatever the code of a model raises when it meets a proxy
        return unknown
    finally:
        module.training = mode
    if _steps(graphs[0]) != _steps(as_a_rule):
        return "the code that calls it depends on whether an optional argument is given"
    return graphs[0]


def _attributes(module: nn.Module) -> dict[str, tuple]:
    """Each attribute with a copy of what it holds, if it holds others."""
    return {name: (value, copy.copy(value) if isinstance(value, (list, dict, set)) else None)
            for name, value in vars(module).items()}


def _restore(module: nn.Module, attributes: dict[str, tuple]) -> None:
    for name in set(vars(module)) - set(attributes):
        del vars(module)[name]
    for name, (value, held) in attributes.items():
        vars(module)[name] = value
        if held is not None:
            value.clear()
            (value.extend if isinstance(value, list) else value.update)(held)


def _generators() -> tuple:
    numpy = sys.modules.get("numpy")
    return random.getstate(), torch.get_rng_state(), numpy.random.get_state() if numpy else ()


def _restore_generators(states: tuple) -> None:
    random.setstate(states[0])
    torch.set_rng_state(states[1])
    if states[2]:
        sys.modules["numpy"].random.set_state(states[2])


def _same(one: object, other: object) -> bool:
    """The same objects in the same containers; tensors and arrays by what they hold."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, (int, float, str, set)):
        return one == other
    return hasattr(one, "tobytes") and one.tobytes() == other.tobytes()


def _steps(graph: fx.Graph) -> list[tuple]:
    """What the graph does, with the default of each optional argument in its place."""
    numbers = {node: number for number, node in enumerate(graph.nodes)}

    def shown(node):
        return node.args[0] if node.op == "placeholder" and node.args else f"%{numbers[node]}"

    return [(node.op, node.target, repr(fx.map_arg((node.args, node.kwargs), shown)))
            for node in graph.nodes if node.op != "placeholder"]
