"""`normact export --format pytorch`: the file that a user takes away, against the layer that it was made of.

Run by ctest, which names the program in NORMACT and puts the built package normact on PYTHONPATH.
"""

import importlib.util
import itertools
import json
import subprocess
import sys

import onnxruntime
import pytest
import torch

import normact as package
from conftest import PROGRAM, layers_of_primitives

CATALOGUE = torch.ops.normact.catalogue()
CHANNELS = 12


def images(seed=0, shape=(4, CHANNELS, 5, 7)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomized(module, seed=1):
    """No parameter and no average stays at a value at which a mistake would not show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return module


def results(module, x):
    """The output, all gradients and the averages afterwards."""
    x = x.clone().requires_grad_()
    y = module(x)
    gradients = torch.autograd.grad(y, [x, *module.parameters()], images(7, y.shape).to(y.dtype), allow_unused=True,
                                    materialize_grads=True)
    return [tensor.double() for tensor in (y.detach(), *gradients, *module.buffers())]


def is_finite(layer):
    """Random graphs divide by what happens to be near 0, or overflow."""
    modes = (randomized(package.Layer(layer, CHANNELS)).train(training) for training in (True, False))
    return all(tensor.isfinite().all() for module in modes for tensor in results(module, images()))


RANDOM = list(itertools.islice(filter(is_finite, torch.ops.normact.random_layers(0, 250)), 100))


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """From a layer to the class in its exported file."""
    folder = tmp_path_factory.mktemp("exported")
    classes = {}

    def load(layer):
        if layer not in classes:
            path = folder / f"layer_{len(classes)}.py"
            word = layer
            if layer.startswith("{"):
                word = path.with_suffix(".json")
                word.write_text(layer)
            subprocess.run([PROGRAM, "export", "--format", "pytorch", "--name", "taken home", "-o", path, "--", word],
                           check=True, timeout=120)
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[path.stem] = module
            spec.loader.exec_module(module)
            classes[layer] = module.TakenHome
        return classes[layer]

    return load


@pytest.fixture
def alone(monkeypatch):
    """Makes an exported class one that found no package normact."""

    def without(kind):
        monkeypatch.setattr(sys.modules[kind.__module__], "normact", None)
        return kind

    return without


def assert_near(found, wanted, tolerance):
    """Relative to the largest value."""
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.shape == theirs.shape
        size = 1 + theirs.abs().max()
        assert torch.allclose(mine / size, theirs / size, rtol=tolerance, atol=tolerance), \
            f"apart by {(mine - theirs).abs().max() / size:.2e}"


# Roundings of float32 carry this far in layers that divide by small differences; a wrong operation goes farther.
OF_FLOAT32 = 1e-3


def assert_computes_the_same(kind, layer):
    for training in (True, False):
        wanted = randomized(package.Layer(layer, CHANNELS)).train(training)
        found = kind(CHANNELS).train(training)
        found.load_state_dict(wanted.state_dict())
        assert_near(results(found, images()), results(wanted, images()), OF_FLOAT32)
        package.Layer(layer, CHANNELS).load_state_dict(found.state_dict())  # and back


@pytest.mark.parametrize("layer", [*CATALOGUE, *RANDOM[:40]])
def test_the_exported_module_computes_what_normact_computes(load, alone, layer):
    assert_computes_the_same(alone(load(layer)), layer)


@pytest.mark.parametrize("name, layer", layers_of_primitives().items())
def test_every_primitive_is_exported(load, alone, name, layer):
    assert_computes_the_same(alone(load(layer)), layer)


@pytest.mark.parametrize("layer", CATALOGUE)
def test_it_starts_as_the_layer_does_and_any_number_of_channels_will_do(load, alone, layer):
    kind = alone(load(layer))
    for channels in (1, 7, 33, 64):
        wanted, found = package.Layer(layer, channels), kind(channels)
        for name, tensor in wanted.state_dict().items():
            assert torch.equal(found.state_dict()[name], tensor), name
        x = images(2, (3, channels, 4, 3))
        assert_near(results(found, x), results(wanted, x), OF_FLOAT32)


@pytest.mark.parametrize("layer", ["EvoNorm-B0", "x/rms_batch(std_batch(x))"])
def test_an_empty_batch_leaves_the_averages_as_they_were(load, alone, layer):
    module = randomized(alone(load(layer))(CHANNELS))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    x = torch.zeros(0, CHANNELS, 2, 2, requires_grad=True)
    y = module(x)
    y.sum().backward()
    assert y.shape == x.shape
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_what_does_not_fit_is_refused(load, alone):
    kind = alone(load("EvoNorm-S0"))
    for shape in ((2, 1, 2, 2), (2, CHANNELS + 1, 2, 2), (CHANNELS, 2, 2)):
        with pytest.raises(ValueError, match=rf"must be \[N, {CHANNELS}, H, W\]"):
            kind(CHANNELS)(torch.zeros(shape))
    with pytest.raises(ValueError, match="groups is 0"):
        kind(CHANNELS, groups=0)


@pytest.mark.parametrize("layer", CATALOGUE)
def test_with_the_package_its_fused_operator_runs_the_layer(load, layer):
    found, wanted = randomized(load(layer)(CHANNELS)), randomized(package.Layer(layer, CHANNELS))
    assert found.can_be_fused(images())
    for mode in (True, False):
        for mine, theirs in zip(results(found.train(mode), images()), results(wanted.train(mode), images()), strict=True):
            assert torch.equal(mine, theirs)
    assert not found.can_be_fused(images().double())  # which the operator does not take
    assert found(images().double()).dtype == torch.float64


@pytest.mark.parametrize("layer", ["EvoNorm-B0", "EvoNorm-S0", "BN-ReLU", "std_group(x)"])
def test_types_and_memory_formats_stay(load, alone, layer):
    module = randomized(alone(load(layer))(CHANNELS))
    x = images()
    y = module.eval()(x)
    for kind, tolerance in ((torch.bfloat16, 2e-2), (torch.float16, 2e-3)):
        lower = module(x.to(kind))
        assert lower.dtype == kind
        assert_near([lower.double()], [y.double()], tolerance)
    last = module(x.contiguous(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert_near([last.double()], [y.double()], 1e-6)
    assert not module.double()(x.double()).isnan().any()


def test_training_is_deterministic_and_survives_a_step_between_evaluation_and_its_backward(load, alone):
    kind = alone(load("BN-ReLU"))
    first, second = (results(randomized(kind(CHANNELS)), images()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    module = randomized(kind(CHANNELS)).eval()
    y = module(images().requires_grad_())
    module.train()(images(3))
    y.sum().backward()


@pytest.mark.parametrize("layer", ["EvoNorm-B0", "EvoNorm-S0", "BIN-ReLU", "sqrt(x) + log(x)*rms_layer(x)"])
def test_it_compiles(load, alone, layer):
    kind = alone(load(layer))
    for mode in (True, False):
        plain, compiled = (randomized(kind(CHANNELS)).train(mode) for _ in range(2))
        found = results(torch.compile(compiled, backend="aot_eager", fullgraph=True), images())
        assert_near(found, results(plain, images()), 1e-5)


@pytest.mark.parametrize("layer", ["EvoNorm-B0", "EvoNorm-S0", "BIN-ReLU"])
def test_it_compiles_with_the_default_backend(load, alone, layer):
    kind = alone(load(layer))
    plain, compiled = (randomized(kind(CHANNELS)) for _ in range(2))
    assert_near(results(torch.compile(compiled, fullgraph=True), images()), results(plain, images()), 1e-5)


def run_by_onnx(module, x, path):
    torch.onnx.export(module, (x,), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


@pytest.mark.parametrize("layer", CATALOGUE)
def test_it_runs_as_onnx_also_where_the_package_is(load, tmp_path, layer):
    module = randomized(load(layer)(CHANNELS)).eval()
    y = run_by_onnx(module, images(), tmp_path / "layer.onnx")
    assert_near([torch.from_numpy(y).double()], [module(images()).detach().double()], 1e-4)


@pytest.mark.parametrize("layer", RANDOM)
def test_a_random_layer_runs_as_onnx(load, alone, tmp_path, layer):
    module = randomized(alone(load(layer))(CHANNELS)).eval()
    y = run_by_onnx(module, images(), tmp_path / "layer.onnx")
    assert_near([torch.from_numpy(y).double()], [module(images()).detach().double()], OF_FLOAT32)


def test_there_are_a_hundred_random_layers():
    assert len(RANDOM) == 100


def test_names_from_anywhere_stand_in_the_file_as_plain_text(normact):
    layer = json.loads(normact("show", "BN-ReLU", "--format", "json")[0])
    layer["name"] = '"""; import os; os.abort() \\"""#\N{GREEK SMALL LETTER ALPHA}'
    (normact.folder / "evil.json").write_text(json.dumps(layer))
    out, _ = normact("export", "evil.json", "--format", "pytorch")
    assert out.isascii() and "class ImportOsOsAbort(" in out and '"""; import' not in out
    exec(compile(out, "exported.py", "exec"), {"__name__": "exported"})


@pytest.mark.parametrize("package", [None, "raise OSError('Could not load this library')", "raise ImportError", "x = 1"])
def test_it_runs_beside_a_package_of_that_name_that_is_none_or_does_not_load(normact, package):
    normact("export", "EvoNorm-S0", "--format", "pytorch", "-o", "evonorm.py")
    (normact.folder / "normact").mkdir()
    if package is not None:
        (normact.folder / "normact" / "__init__.py").write_text(package)
    code = ("import evonorm, torch; layer = evonorm.EvoNormS0(8); x = torch.ones(1, 8, 2, 2); "
            "print(layer.can_be_fused(x), layer(x).shape)")
    done = subprocess.run([sys.executable, "-c", code], cwd=normact.folder, capture_output=True, text=True,
                          env={"PYTHONPATH": "", "PATH": ""}, timeout=120)
    assert done.returncode == 0 and "False torch.Size([1, 8, 2, 2])" in done.stdout, done.stderr


def test_the_file_is_short_and_needs_torch_alone(normact):
    out, _ = normact("export", "EvoNorm-S0", "--format", "pytorch", "-o", "evonorm.py")
    assert out == ""
    text = (normact.folder / "evonorm.py").read_text()
    assert "class EvoNormS0(nn.Module)" in text
    assert len(text.splitlines()) < 120 and max(map(len, text.splitlines())) <= 120
    code = "import evonorm, torch; print(evonorm.EvoNormS0(8)(torch.ones(1, 8, 2, 2)).shape)"
    done = subprocess.run([sys.executable, "-c", code], cwd=normact.folder, capture_output=True, text=True,
                          env={"PYTHONPATH": "", "PATH": ""}, timeout=120)
    assert done.returncode == 0 and "[1, 8, 2, 2]" in done.stdout, done.stderr
