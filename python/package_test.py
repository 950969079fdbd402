"""The package installs with pip from the build tree and works without the source tree.

Run by ctest, which names the folder in NORMACT_PYTHON_PACKAGE. Needs tools/requirements-test.txt.
"""

import os
import shutil
import subprocess
import sys


def test_installs_with_pip(tmp_path):
    source = tmp_path / "source"  # pip leaves files of its own there
    shutil.copytree(os.environ["NORMACT_PYTHON_PACKAGE"], source, ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
    installed = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
                    "--disable-pip-version-check", "--target", installed, source], check=True)
    code = ("import torch, normact; print(normact.__file__); "
            "print(normact.Layer('x*sigmoid(v1*x)/std_group(x)', 8)(torch.ones(2, 8, 3, 3)).shape)")
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path,
                             env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}).stdout
    assert str(installed) in printed and "torch.Size([2, 8, 3, 3])" in printed
