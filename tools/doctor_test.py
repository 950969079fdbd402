"""`normact doctor`: what a machine has and lacks."""

import json
import os
from pathlib import Path

import pytest


def test_the_doctor_says_whether_a_search_can_run(normact):
    document = normact.json("doctor")
    assert document["search_can_run"] is True
    subjects = [finding["subject"] for finding in document["findings"]]
    for subject in ("build", "processor", "memory", "allocator", "disk", "engine aten", "synthetic", "graphviz"):
        assert subject in subjects


def test_the_doctor_sees_what_is_missing(normact):
    done = normact.start("doctor", "--json", env=os.environ | {"PATH": "/nowhere"})
    out, err = done.communicate(timeout=60)
    graphviz = next(f for f in json.loads(out)["findings"] if f["subject"] == "graphviz")
    assert graphviz["state"] == "lacks" and "apt-get" in graphviz["advice"]


def hide_images(folder, *names):
    """A place for data sets that is looked at first, with empty folders; gives the environment that names it."""
    for name in names:
        (folder / name).mkdir(parents=True)
    return {"NORMACT_DATA": str(folder)}


def test_the_doctor_wants_some_real_images(normact):
    environment = hide_images(normact.folder / "data", "fashion-mnist", "cifar-10-batches-bin", "cifar-100-binary")
    out, _ = normact("doctor", status=1, environment=environment)
    assert "A search can't run here" in out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("broken")] == ["fashion-mnist"]


CIFAR_10 = Path(os.environ.get("NORMACT_DATA", "nowhere")) / "cifar-10-batches-bin"


@pytest.mark.skipif(not CIFAR_10.is_dir(), reason="needs the real CIFAR-10 in $NORMACT_DATA")
def test_the_doctor_is_content_with_other_images_than_a_search_takes_by_itself(normact):
    environment = hide_images(normact.folder / "data", "fashion-mnist", "cifar-100-binary")
    (normact.folder / "data" / CIFAR_10.name).symlink_to(CIFAR_10.absolute())
    out, _ = normact("doctor", environment=environment)
    assert "broken" not in out
    assert out.endswith(" search --set scoring.dataset.name=cifar-10\n")
