"""tools/gpu-check runs as a whole where there is no GPU, on the CPU: what it would say of one is not tested here."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "tools" / "gpu-check"
PACKAGE = os.environ["NORMACT_PYTHON_PACKAGE"]


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, "--package", PACKAGE, *arguments], capture_output=True, text=True)


def test_writes_both_reports(tmp_path):
    done = run("--device", "cpu", "--out", tmp_path, "--minutes", "20")  # more than a busy machine needs
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "gpu-check.json").read_text())
    assert report["comparison"]["compared"] > 50
    assert report["comparison"]["differences"] == []
    assert report["comparison"]["not deterministic"] == []
    assert all("normact" in row for row in report["layers"])
    assert "## Layers, forward and backward" in (tmp_path / "gpu-check.md").read_text()


def test_finds_a_difference(tmp_path):
    """The comparison itself, with a layer that is wrong."""
    program = f"""
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader("gpu_check", {str(SCRIPT)!r})
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(check)
normact = check.load({PACKAGE!r})
import torch
right = {{"y": torch.ones(3), "gradient of x": torch.zeros(3)}}
wrong = {{"y": torch.tensor([1, 1, 1.01]), "gradient of x": torch.zeros(3)}}
missing = {{"y": torch.tensor([1, 1, float("nan")]), "gradient of x": torch.zeros(3)}}
assert check.differs(right, right, 1e-6) == []
assert len(check.differs(wrong, right, 1e-6)) == 1
assert len(check.differs(missing, right, 1e-6)) == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_candidates_an_hour_are_those_of_a_whole_training_in_each_anchor():
    program = f"""
import importlib.machinery, importlib.util
loader = importlib.machinery.SourceFileLoader("gpu_check", {str(SCRIPT)!r})
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(check)
check.load({PACKAGE!r})
import torch, torch_anchors
anchors = {{name: {{"first_s": 10, "step_ms": 20}} for name in ("a", "b")}}
assert check.candidates_per_hour(anchors, steps=1000, at_once=1) == 3600 / 60
assert check.candidates_per_hour(anchors, steps=1000, at_once=4) == 4 * 3600 / 60
check.BATCH, check.CROP = 2, 24
row = check.torch_steps("EvoNorm-S0", torch_anchors.SMALL["resnet-tiny"], torch.device("cpu"), compiled=False, runs=1)
assert 0 < row["step_ms"] < 1e3 * row["first_s"] + 1e4
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_says_that_there_is_no_gpu():
    done = run("--device", "cuda")
    if done.returncode == 2:
        assert "PyTorch finds no GPU here" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
