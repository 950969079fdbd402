"""A layer graph as a PyTorch user writes it: the operations of its text form, one after the other.

What benchmarks compare normact.Layer with, eager and under torch.compile. plain_layer_test.py holds it to the same results.
"""
import ast

import torch
from torch import nn

import normact


def nonzero(x):
    """x, but 1 where x is 0, so that no branch of a derivative is infinite there."""
    return torch.where(x == 0, 1, x)


ELEMENTWISE = {
    "max": torch.maximum, "abs": torch.abs, "square": torch.square, "exp": torch.exp, "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "sqrt": lambda x: torch.sign(x) * torch.sqrt(nonzero(torch.abs(x))),
    "log": lambda x: torch.sign(x) * torch.log(nonzero(torch.abs(x))),
}
STATISTICS = {
    "mean": lambda x, dims: x.mean(dims, keepdim=True),
    "rms": lambda x, dims: x.square().mean(dims, keepdim=True),
    "std": lambda x, dims: x.var(dims, correction=0, keepdim=True),
}
DIMENSIONS = {"batch": (0, 2, 3), "instance": (2, 3), "layer": (1, 2, 3)}


class PlainLayer(nn.Module):
    """y = graph(x, v0, v1)·gamma + beta in training mode, with the parameters and moving averages of normact.Layer.

    x and y: [N, channels, H, W].
    """

    def __init__(self, layer, channels):
        super().__init__()
        text, names, averages, self.epsilon, groups = torch.ops.normact.describe(layer)
        self.groups = next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0)
        starts = {"v0": 0.0, "v1": 1.0, "gamma": 1.0, "beta": 0.0}
        for name in [*names, "gamma", "beta"]:
            self.register_parameter(name, nn.Parameter(torch.full((1, channels, 1, 1), starts[name])))
        for k, start in enumerate(averages):
            self.register_buffer(f"average_{k}", torch.full((1, channels, 1, 1), start))
        self.graph = self._function(text, names)

    def forward(self, x):
        self.moved = 0
        y = self.graph(x) * self.gamma + self.beta
        if y.shape == x.shape:
            return y
        channels_last = x.is_contiguous(memory_format=torch.channels_last)
        return y.expand_as(x).contiguous(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    def _function(self, text, names):
        """The text form is Python; each of its terms becomes a line, once."""
        lines = ["zero = x.new_zeros(1, 1, 1, 1)", *(f"{name} = layer.{name}" for name in names)]
        known = {}

        def variable(term):
            if isinstance(term, ast.Name):
                return term
            for name, value in ast.iter_fields(term):
                if name in ("left", "right", "operand"):
                    setattr(term, name, variable(value))
                elif name == "args":
                    term.args = [variable(value[i]) for i in range(len(value))]
            source = ast.unparse(term)
            if source not in known:
                known[source] = ast.Name(f"t{len(known)}")
                lines.append(f"{known[source].id} = {source}")
            return known[source]

        lines.append(f"return {variable(ast.parse(text, mode='eval').body).id}")
        moments = {f"{kind}_{over}": self._moment(kind, over)
                   for kind in STATISTICS for over in (*DIMENSIONS, "group")}
        scope = {"layer": self} | ELEMENTWISE | moments
        exec("def graph(x):\n    " + "\n    ".join(lines), scope)
        return scope["graph"]

    def _moment(self, kind, over):
        def moment(x):
            statistic = self._over_group(kind, x) if over == "group" else STATISTICS[kind](x, DIMENSIONS[over])
            if over == "batch":
                with torch.no_grad():
                    getattr(self, f"average_{self.moved}").lerp_(statistic, 0.1)
                self.moved += 1
            return statistic if kind == "mean" else torch.sqrt(statistic + self.epsilon)

        return moment

    def _over_group(self, kind, x):
        if x.shape[1] == 1:  # the same for all channels
            return STATISTICS[kind](x, (1, 2, 3))
        apart = x.unflatten(1, (self.groups, -1))
        return STATISTICS[kind](apart, (2, 3, 4)).expand(-1, -1, apart.shape[2], -1, -1).flatten(1, 2)
