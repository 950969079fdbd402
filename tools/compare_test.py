"""`normact compare`: layers side by side, and the file that keeps their scores."""

import json
import os
import shutil
import signal
import time

import pytest
from conftest import a_duplicate, settings

S0 = "x*sigmoid(v1*x)/std_group(x)"


def wait_for_a_score(path):
    """Waits until a running comparison has put its first score into its file."""
    deadline = time.monotonic() + 60
    while not path.exists() or not any(layer["scores"] for layer in json.loads(path.read_text())["layers"]):
        assert time.monotonic() < deadline, "no score within a minute"
        time.sleep(0.05)


def test_compare_trains_every_layer_with_every_seed(normact):
    document = normact.json("compare", "BN-ReLU", S0, "--seeds", 3, *settings(), "--set", 'scoring.anchors=["resnet-micro","mobilenet-micro"]')
    assert [layer["name"] for layer in document["layers"]] == ["BN-ReLU", S0]
    assert document["tasks"] == ["synthetic/resnet-micro", "synthetic/mobilenet-micro"]
    for layer in document["layers"]:
        assert [(score["replicate"], score["task"]) for score in layer["scores"]] == [
            (replicate, task) for replicate in range(3) for task in document["tasks"]]
        means = [sum(s["accuracy"] for s in layer["scores"] if s["replicate"] == r) / 2 for r in range(3)]
        mean = sum(means) / 3
        error = (sum((value - mean) ** 2 for value in means) / 2 / 3) ** 0.5
        assert layer["mean"] == pytest.approx(mean)
        assert layer["standard_error"] == pytest.approx(error)


def test_compare_gives_a_studys_score_again(here):
    best = here.json("top")["layers"][0]
    document = here.json("compare", best["candidate"], "--study", "small.study.db")
    accuracies = [score["accuracy"] for score in document["layers"][0]["scores"]]
    assert accuracies == [score["accuracy"] for score in best["scores"]], "to the last bit"


def test_compare_gives_a_duplicate_the_score_that_it_shares(here, finished_study):
    duplicate = a_duplicate(finished_study)
    study = here.json("show", duplicate)["candidate"]
    document = here.json("compare", duplicate, "--study", "small.study.db")
    assert [score["accuracy"] for score in document["layers"][0]["scores"]] == [
        score["accuracy"] for score in study["scores"]], "to the last bit"


def test_a_layer_with_settings_of_its_own_is_trained_with_them(normact, finished_study):
    layer = json.loads(normact("show", "EvoNorm-S0", "--format", "json")[0])
    (normact.folder / "usual.json").write_text(json.dumps(layer))
    (normact.folder / "own.json").write_text(json.dumps(layer | {"settings": {"groups": 2, "epsilon": 1.0}}))
    shutil.copy(finished_study, normact.folder / "a.study.db")
    layers = normact.json("compare", "own.json", "usual.json", "FRN-TLU", S0, 1, "--study", "a.study.db",
                          "--set", "scoring.layer.groups=4")["layers"]
    assert [(layer["groups"], layer["epsilon"]) for layer in layers] == [
        (2, 1.0), (4, 1e-5), (32, 1e-6), (4, 1e-5), (4, 1e-5)]
    own, usual = ([score["accuracy"] for score in layer["scores"]] for layer in layers[:2])
    alone = normact.json("compare", S0, *settings(scoring__layer__groups=2, scoring__layer__epsilon=1,
                                                  scoring__quality__minimum_accuracy=0))["layers"][0]
    assert own == [score["accuracy"] for score in alone["scores"]] != usual


def test_compare_does_not_depend_on_threads_or_order(normact):
    one = normact.json("compare", "BN-ReLU", "GN-ReLU", "--seeds", 2, "--threads", 1, *settings())
    two = normact.json("compare", "GN-ReLU", "BN-ReLU", "--seeds", 2, "--threads", 4, *settings())
    accuracies = [{layer["name"]: [score["accuracy"] for score in layer["scores"]] for layer in document["layers"]}
                  for document in (one, two)]
    assert accuracies[0] == accuracies[1]


def test_compare_prints_a_table_and_each_score_as_it_comes(normact):
    out, err = normact("compare", "BN-ReLU", "GN-ReLU", "--seeds", 2, *settings())
    assert out.splitlines()[0].split() == ["layer", "mean", "resnet-micro", "text", "form"]
    assert out.count("±") == 4 and len(out.splitlines()) == 3
    assert err.count("seed ") == 4


def test_a_comparison_goes_on_where_its_file_ends(normact):
    command = ["compare", "BN-ReLU", "GN-ReLU", "--seeds", 2, "--output", "c.json"]
    first = normact.json(*command, *settings())
    assert json.loads((normact.folder / "c.json").read_text()) == first
    _, err = normact(*command, *settings())
    assert "seed " not in err, "nothing is trained again"
    more = normact.json("compare", "EvoNorm-S0", "--seeds", 2, "--output", "c.json", *settings())
    assert [layer["name"] for layer in more["layers"]] == ["EvoNorm-S0", "BN-ReLU", "GN-ReLU"]
    assert more["layers"][1:] == first["layers"], "what was there is kept"
    fewer = normact.json(*command[:3], "--seeds", 1, "--output", "c.json", *settings())
    assert fewer["seeds"] == 2 and len(fewer["layers"][0]["scores"]) == 2
    before = (normact.folder / "c.json").read_text()
    _, err = normact(*command, *settings(scoring__training__steps=4), status=1)
    assert "other settings" in err
    assert (normact.folder / "c.json").read_text() == before


def test_a_stopped_comparison_keeps_what_is_finished(normact):
    command = ["compare", "BN-ReLU", "GN-ReLU", "--seeds", 500, "--output", "c.json", *settings()]
    running = normact.start(*command)
    wait_for_a_score(normact.folder / "c.json")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130 and "The same command goes on" in err
    assert json.loads((normact.folder / "c.json").read_text())["layers"][0]["scores"]
    assert [path.name for path in normact.folder.iterdir()] == ["c.json"], "nothing else is left"


def test_two_comparisons_do_not_write_one_file(normact):
    running = normact.start("compare", "BN-ReLU", "--seeds", 500, "--output", "c.json", *settings())
    wait_for_a_score(normact.folder / "c.json")
    _, err = normact("compare", "GN-ReLU", "--output", "c.json", *settings(), status=1)
    assert "c.json is in use" in err
    (normact.folder / "link.json").symlink_to("c.json")
    _, err = normact("compare", "GN-ReLU", "--output", "link.json", *settings(), status=1)
    assert "c.json is in use" in err
    running.kill()
    running.communicate()
    kept = len(json.loads((normact.folder / "c.json").read_text())["layers"][0]["scores"])
    document = normact.json("compare", "GN-ReLU", "--output", "c.json", *settings())
    assert [len(layer["scores"]) for layer in document["layers"]] == [1, kept]


def test_a_file_that_can_not_be_written_is_named_before_the_first_training(normact):
    for name in ("nowhere/c.json", 245 * "n"):
        _, err = normact("compare", "BN-ReLU", "--output", name, *settings(), status=1)
        assert f"can't write {name}" in err and "seed 0" not in err
    (normact.folder / "dangling").symlink_to("nothing")
    (normact.folder / "loop").symlink_to("loop")
    for name in ("dangling", "loop"):
        _, err = normact("compare", "BN-ReLU", "--output", name, *settings(), status=2)
        assert f"{name} is a link that leads nowhere" in err and (normact.folder / name).is_symlink()
    (normact.folder / "folder").mkdir()
    os.mkfifo(normact.folder / "pipe")
    for name in ("folder", "pipe"):
        _, err = normact("compare", "BN-ReLU", "--output", name, *settings(), status=2)
        assert f"{name} is not a file" in err and "seed 0" not in err


def test_files_of_others_beside_a_comparison_stay_as_they_are(normact):
    (normact.folder / "c.json.new").write_text("mine")
    (normact.folder / "there.json").symlink_to("c.json")
    normact("compare", "BN-ReLU", "--output", "c.json", *settings())
    normact("compare", "GN-ReLU", "--output", "there.json", *settings())
    assert (normact.folder / "there.json").is_symlink()
    assert len(json.loads((normact.folder / "c.json").read_text())["layers"]) == 2
    assert (normact.folder / "c.json.new").read_text() == "mine"
    (normact.folder / "c.json.lock").write_text("mine")
    _, err = normact("compare", "BN-ReLU", "--output", "c.json", *settings(), status=1)
    assert "c.json.lock is not a lock" in err
    assert (normact.folder / "c.json.lock").read_text() == "mine"


@pytest.mark.parametrize("words, status, hint", [
    (["BN-ReLU", "--seeds", "0"], 2, "--seeds"),
    (["BN-RELUU"], 2, "BN-ReLU"),
    ([], 2, "LAYER"),
    (["BN-ReLU", "--study", "none.db"], 1, "none.db"),
    (["BN-ReLU", "--study", "none.db", "--preset", "demo"], 2, "--preset"),
    (["99"], 2, "study"),
])
def test_compare_names_what_is_wrong(normact, words, status, hint):
    _, err = normact("compare", *words, status=status)
    assert hint in err
