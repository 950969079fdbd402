"""Runs the real program, as a user does: what the tests of the command line share."""

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

pytest.register_assert_rewrite("cluster", "browser")  # which are imported by tests, and check things, too

PROGRAM = os.path.abspath(os.environ["NORMACT"])

# Three steps on synthetic images: a candidate takes milliseconds.
SMALL_TASK = {
    "scoring.dataset.name": "synthetic",
    "scoring.anchors": "resnet-micro",
    "scoring.training.steps": 3,
    "scoring.training.batch": 8,
    "scoring.training.crop": 8,
    "scoring.training.validation_images": 100,
    "scoring.training.validation_batch": 100,
    "scoring.quality.steps": 2,
    "scoring.quality.images": 20,
    "scoring.quality.minimum_accuracy": 0.1,
    "scoring.stability.steps": 1,
    "budget.minutes": 0,
}


def layers_of_primitives():
    """A layer for each primitive of the schema, and for moments each index set, of x and of one value a channel."""
    schema = json.loads((Path(__file__).parents[1] / "docs" / "layer.schema.json").read_text())["$defs"]
    operations = [({"op": op}, 1) for op in schema["unary"]["properties"]["op"]["enum"]]
    operations += [({"op": op}, 2) for op in schema["binary"]["properties"]["op"]["enum"]]
    moment = schema["moment"]["properties"]
    operations += [({"op": op, "over": over}, 1) for op in moment["op"]["enum"] for over in moment["over"]["enum"]]
    layers = {}
    for node, arity in operations:
        nodes = [{"op": "x"}, {"op": "v1"}, node | {"inputs": [0, 1][:arity]}, node | {"inputs": [1, 0][:arity]},
                 {"op": "add", "inputs": [2, 3]}, {"op": "mul", "inputs": [0, 4]}]
        layers["_".join(node.values())] = json.dumps({"format": "normact/layer", "version": 1, "nodes": nodes})
    return layers


def settings(**changes):
    """The options of a small study; double underscores stand for dots: budget__scored=20."""
    values = SMALL_TASK | {key.replace("__", "."): value for key, value in changes.items()}
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


class Normact:
    """The program, run in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, *words, status=0, environment=None):
        """Runs a command to its end and checks its exit status; gives (stdout, stderr)."""
        done = subprocess.run(
            [PROGRAM, *map(str, words)], cwd=self.folder, capture_output=True, text=True, timeout=300,
            env=os.environ | (environment or {}),
        )
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    def json(self, *words, status=0):
        return json.loads(self(*words, "--json", status=status)[0])

    def start(self, *words, before=lambda: None, **options):
        """Starts a command and does not wait for it. Ctrl-C has its default meaning, wherever the tests run; `before`
        may change that and more, in the new process."""

        def prepare():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            before()

        return subprocess.Popen(
            [PROGRAM, *map(str, words)], cwd=self.folder, text=True,
            preexec_fn=prepare, restore_signals=False,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
        )

    def scores(self, study):
        """Every scored layer of a study with its accuracies."""
        layers = self.json("top", "--study", study, "--count", 100000)["layers"]
        return {layer["candidate"]: [score["accuracy"] for score in layer["scores"]] for layer in layers}


@pytest.fixture
def normact(tmp_path):
    return Normact(tmp_path)


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory):
    """A study that has reached its budget. Tests read it and leave it as it is.

    Its first two layers compute the same, which only the fingerprint knows."""
    folder = tmp_path_factory.mktemp("finished")
    same = '["abs(x)/std_batch(x)", "max(x, -x)/std_batch(x)"]'
    Normact(folder)("search", "--study", "small.study.db", *settings(
        budget__scored=25, evolution__initial=same, scoring__quality__minimum_accuracy=0))
    return folder / "small.study.db"


@pytest.fixture
def here(finished_study):
    """The program in the folder of the finished study."""
    return Normact(finished_study.parent)


def a_duplicate(study):
    """A scored candidate whose function is that of an earlier, different layer."""
    with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as database:
        duplicates = database.execute(
            "SELECT c.id FROM candidate c JOIN evaluation e ON e.fingerprint = c.fingerprint "
            "WHERE e.state = 'scored' AND c.id != e.candidate AND c.hash != "
            "(SELECT hash FROM candidate WHERE id = e.candidate)").fetchall()
    assert duplicates, "the study begins with two"
    return duplicates[0][0]


@pytest.fixture(scope="session")
def server(finished_study):
    from server import Server

    running = Server(Normact(finished_study.parent), "--study", finished_study)
    yield running
    running.stop()


@pytest.fixture
def pages():
    """Chromium, which must not complain of anything."""
    from browser import chromium

    with chromium() as opened:
        yield opened
