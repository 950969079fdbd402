"""The engine aten for tests in Python: a layer's output and gradients, by the program run_layer."""

import functools
import json
import math
import subprocess

import numpy as np
import torch


class Engine:
    """The engine behind run_layer."""

    def __init__(self, program: str):
        self.program = program
        self.process = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @functools.cache
    def export(self, name: str) -> dict:
        return json.loads(subprocess.run([self.program, "export", name], check=True, capture_output=True).stdout)

    def run(self, layer, x, gradient, parameters, averages, training: bool, channels_last: bool) -> list[torch.Tensor]:
        """The output, the gradients of x, v0, v1, gamma, beta, and the moved averages."""
        request = {"layer": layer, "type": str(x.dtype).removeprefix("torch."), "channels_last": channels_last,
                   "training": training, "shape": list(x.shape)}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        for tensor in (x, gradient, *parameters, *averages):
            self.process.stdin.write(tensor.detach().contiguous().numpy().tobytes())
        self.process.stdin.flush()
        return [self.read(x.shape, x.dtype) for _ in range(2)] + \
            [self.read(x.shape[1:2], x.dtype) for _ in range(4 + len(averages))]

    def read(self, shape, dtype) -> torch.Tensor:
        numbers = np.dtype(str(dtype).removeprefix("torch."))
        data = self.process.stdout.read(math.prod(shape) * numbers.itemsize)
        assert len(data) == math.prod(shape) * numbers.itemsize, "run_layer ended early; its message is above"
        return torch.from_numpy(np.frombuffer(data, numbers).copy()).reshape(shape)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
