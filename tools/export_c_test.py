"""`normact export --format c`: compiled by a plain compiler and run, against the engine aten in double. And that nvcc
takes `--format cuda`, whose kernels evaluator/standalone/standalone_test.cpp runs.

Run by ctest, which names the programs in NORMACT and RUN_LAYER, and puts run_layer.py on PYTHONPATH.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess

import pytest
import torch

from conftest import PROGRAM, layers_of_primitives
from run_layer import Engine

SHAPES = [(3, 12, 5, 7), (1, 33, 1, 1), (2, 64, 2, 3)]
PARAMETERS = ("v0", "v1", "gamma", "beta")
NVCC = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")


def printed(*words):
    return subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True, timeout=120).stdout


CATALOGUE = [name for name in printed("show", "--help").split("The catalogue:")[1].split()]


@pytest.fixture(scope="module")
def engine():
    running = Engine(os.environ["RUN_LAYER"])
    yield running
    running.close()


class Exported:
    """The functions of an exported source, called as its declarations say."""

    def __init__(self, layer, folder):
        source, library = folder / "layer.c", folder / "layer.so"
        subprocess.run([PROGRAM, "export", "--format", "c", "--name", "layer", "-o", source, "--", layer], check=True,
                       timeout=120)
        subprocess.run(["cc", "-O2", "-std=c99", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-lm"],
                       check=True, timeout=120)
        self.text = source.read_text()
        self.library = ctypes.CDLL(str(library))
        self.averages = len(set(re.findall(r"\*(average_\d+)", self.text)))
        self.library.layer_saved_size.restype = self.library.layer_table_size.restype = ctypes.c_size_t

    def call(self, function, shape, tensors):
        declaration = re.search(rf"^void {function}\(([^)]*)\)", self.text, re.MULTILINE)[1]
        names = re.findall(r"\*(\w+)", declaration)
        getattr(self.library, function)(*shape, *(ctypes.c_void_p(tensors[name].data_ptr()) for name in names))

    def run(self, x, gradient, parameters, averages, training):
        """As Engine.run; gradients in training alone."""
        n, c, h, w = x.shape
        tensors = {"x": x, "gradient_of_y": gradient, "y": torch.full_like(x, torch.nan)}
        tensors |= dict(zip(PARAMETERS, parameters))
        tensors |= {f"average_{k}": average.clone() for k, average in enumerate(averages)}
        tensors |= {f"gradient_of_{name}": torch.zeros_like(tensors[name]) for name in ("x", *PARAMETERS)}
        for name, size in (("saved", self.library.layer_saved_size(n, c)), ("tables", self.library.layer_table_size(n, c))):
            tensors[name] = torch.full((size + 1,), torch.nan, dtype=torch.float64)
        results = ["y"]
        if training:
            self.call("layer_training", x.shape, tensors)
            self.call("layer_backward", x.shape, tensors)
            results += [f"gradient_of_{name}" for name in ("x", *PARAMETERS)]
            results += [f"average_{k}" for k in range(len(averages))]
        else:
            self.call("layer_evaluation", x.shape, tensors)
        assert tensors["saved"][-1].isnan() and tensors["tables"][-1].isnan(), "wrote behind its tables"
        return {name: tensors[name].double() for name in results}


def arguments(shape, averages, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x, gradient = (torch.randn(shape, generator=generator) for _ in range(2))
    parameters = [torch.randn(shape[1], generator=generator) * 0.5,
                  *(torch.rand(shape[1], generator=generator) + 0.5 for _ in range(2)),
                  torch.randn(shape[1], generator=generator)]
    return x, gradient, parameters, [torch.rand(shape[1], generator=generator) + 0.5 for _ in range(averages)]


def in_double(engine, layer, exported, shape, training):
    """By the engine aten: what the exported functions should give, by name."""
    x, gradient, parameters, averages = arguments(shape, exported.averages)
    found = engine.run(layer, x.double(), gradient.double(), [p.double() for p in parameters],
                       [a.double() for a in averages], training, channels_last=False)
    names = ["y", *(f"gradient_of_{name}" for name in ("x", *PARAMETERS)),
             *(f"average_{k}" for k in range(exported.averages))]
    return dict(zip(names, found, strict=True))


def assert_agreement(engine, layer, exported, shape, tolerance):
    for training in (True, False):
        wanted = in_double(engine, layer, exported, shape, training)
        for name, found in exported.run(*arguments(shape, exported.averages), training).items():
            size = 1 + wanted[name].abs().max()
            error = ((found - wanted[name]).abs().max() / size).item()
            assert error <= tolerance, f"{name} in {shape}, training {training}: apart by {error:.1e} of {size:.3g}"


@pytest.mark.parametrize("layer", CATALOGUE)
def test_the_catalogue_in_c_agrees_with_aten(engine, layer, tmp_path):
    exported, described = Exported(layer, tmp_path), json.loads(printed("show", layer, "--format", "json"))
    for shape in SHAPES:
        # Some ten roundings of float32, relative to the largest value; a plane of one pixel divides by the root of
        # epsilon, 3e-3, which makes 300 times that of a rounding.
        assert_agreement(engine, described, exported, shape, 2e-4 if shape[2:] == (1, 1) else 2e-5)


@pytest.mark.parametrize("name, layer", layers_of_primitives().items())
def test_every_primitive_in_c_agrees_with_aten(engine, name, layer, tmp_path):
    (tmp_path / "layer.json").write_text(layer)
    exported = Exported(tmp_path / "layer.json", tmp_path)
    assert_agreement(engine, json.loads(layer), exported, SHAPES[0], 2e-4)  # log has derivatives of some thousands


def test_random_layers_in_c_agree_with_aten(engine, tmp_path):
    """Those whose results are finite and small: where roundings are amplified without bound, nothing can be compared."""
    texts = subprocess.run([os.environ["LAYER_FILES"], "print"], check=True, capture_output=True, text=True).stdout
    layers = [json.loads(line) for line in texts.splitlines()][len(CATALOGUE):]
    compared = 0
    for number, layer in enumerate(layers):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(layer))
        text = printed("show", str(path), "--format", "text").strip()
        folder = tmp_path / str(number)
        folder.mkdir()
        exported, described = Exported(text, folder), json.loads(printed("show", "--format", "json", "--", text))
        shape = SHAPES[number % 3]
        wanted = [in_double(engine, described, exported, shape, training) for training in (True, False)]
        if all(tensor.abs().max() < 1e3 for results in wanted for tensor in results.values()):
            assert_agreement(engine, described, exported, shape, 2e-3)
            compared += 1
    assert compared >= 20


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
@pytest.mark.parametrize("layer", CATALOGUE)
def test_nvcc_takes_the_cuda_source(layer, tmp_path):
    source = tmp_path / "layer.cu"
    source.write_text(printed("export", layer, "--format", "cuda"))
    subprocess.run([NVCC, "-c", "-arch=sm_90", "-Werror", "all-warnings", "-o", tmp_path / "layer.o", source], check=True,
                   timeout=300)


def test_the_source_begins_with_the_layer_and_says_how_to_call_it(normact):
    for language in ("c", "cuda"):
        out, _ = normact("export", "EvoNorm-B0", "--format", language)
        comment = out.split("*/")[0]
        assert "x/max(std_batch(x), v1*x + std_instance(x))" in comment and "average_0" in comment and "epsilon" in comment
        assert max(map(len, out.splitlines())) <= 120
