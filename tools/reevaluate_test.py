"""`normact reevaluate`: the best layers and known ones, trained again until their order is clear."""

import json
import re
import shlex
import shutil
import signal
import sqlite3
import time

import pytest
from conftest import Normact, settings

REFERENCES = ["BN-ReLU", "GN-ReLU", "EvoNorm-B0", "EvoNorm-S0"]
SHORT = ["--steps", 3, "--seeds", 3]


@pytest.fixture
def study(finished_study, tmp_path):
    """The program beside a copy of the finished study, which it may write."""
    shutil.copy(finished_study, tmp_path / "small.study.db")
    return Normact(tmp_path)


def trials(normact, where="1 = 1"):
    """The rows of the trials: (id, value, worker)."""
    with sqlite3.connect(f"file:{normact.folder / 'small.study.db'}?mode=ro", uri=True) as database:
        return database.execute(f"SELECT id, value, worker FROM trial WHERE {where} ORDER BY id").fetchall()


def finished(normact):
    return trials(normact, "state = 'finished'")


def wait_for_trials(normact, count):
    deadline = time.monotonic() + 120
    while len(finished(normact)) < count:
        assert time.monotonic() < deadline, "no trials within two minutes"
        time.sleep(0.05)


def values(document, part="validation"):
    """By layer and condition, the values of each seed."""
    return {(layer["name"], condition["condition"]): condition["values"]
            for layer in document[part]["layers"] for condition in layer["conditions"]}


def test_the_best_layers_and_the_references_are_ranked(study):
    best = study.json("top")["layers"][:3]
    document = study.json("reevaluate", "--top", 3, *SHORT)
    assert document["finished"] and document["seeds"] == 3
    layers = document["validation"]["layers"]
    names = {layer["name"] for layer in layers}
    assert names == {f"candidate {layer['candidate']}" for layer in best} | set(REFERENCES)
    assert {layer["name"] for layer in layers if layer["reference"]} == set(REFERENCES)
    assert sum(layer["probability_best"] for layer in layers) == pytest.approx(1, abs=0.02)
    assert layers[0]["against_best"] == {"difference": 0, "low": 0, "high": 0}
    for layer in layers:
        assert layer["seeds"] == 3 and 1 <= layer["first_rank"] <= layer["last_rank"] <= 7
        measured = layer["conditions"][0]["values"]
        assert layer["mean"] == pytest.approx(sum(measured) / 3)
        deviation = (sum((value - layer["mean"]) ** 2 for value in measured) / 2) ** 0.5
        assert layer["margin"] == pytest.approx(4.302653 * deviation / 3 ** 0.5), "Student's t, two degrees of freedom"
        assert layer["separated"] == (layer["against_best"]["high"] < 0)
    first = layers[0]["conditions"][0]["values"]
    for layer in layers[1:]:
        own = layer["conditions"][0]
        assert own["difference"]["mean"] == pytest.approx(sum(a - b for a, b in zip(own["values"], first)) / 3)


def test_a_table_says_what_is_not_separated(study):
    out, err = study("reevaluate", "--top", 2, *SHORT)
    lines = out.splitlines()
    assert lines[0].split()[:4] == ["layer", "P(best)", "rank", "accuracy"]
    assert len(lines[1:7]) == 6 and all("±" in line for line in lines[1:7])
    assert "Not separated from " in out or "is better than all others" in out
    assert err.count("seed ") >= 18 and "6 layers, up to 3 seeds" in err


def test_every_network_batch_size_and_seed_is_a_condition_of_as_many_images(study):
    document = study.json("reevaluate", "--top", 1, "--with", "BN-ReLU", "--steps", 4, "--seeds", 2,
                          "--anchors", "mobilenet-micro,resnet-micro", "--batch-sizes", "4,8")
    conditions = document["validation"]["conditions"]
    assert [(c["anchor"], c["batch"], c["steps"]) for c in conditions] == [
        ("mobilenet-micro", 4, 8), ("mobilenet-micro", 8, 4), ("resnet-micro", 4, 8), ("resnet-micro", 8, 4)]
    assert [c["learning_rate"] for c in conditions] == [0.05, 0.1, 0.05, 0.1]
    assert all(len(v) == 2 and None not in v for v in values(document).values())
    out, _ = study("reevaluate", "--top", 1, "--with", "BN-ReLU", "--steps", 4, "--seeds", 2,
                   "--anchors", "mobilenet-micro,resnet-micro", "--batch-sizes", "4,8")
    assert "mobilenet-micro 4" in out and "resnet-micro 8" in out
    others = [condition for layer in document["validation"]["layers"][1:] for condition in layer["conditions"]]
    for condition in others:
        assert condition["separated"] == (abs(condition["difference"]["mean"]) > condition["difference"]["margin"])
    open_differences = [condition for condition in others if not condition["separated"]]
    assert open_differences, "two trainings of a few steps"
    *table, legend, _, untried = out.splitlines()
    assert untried == "Not tried: another optimizer (--optimizers), the test images (--test)."
    assert sum(line.count("≈") for line in table) == len(open_differences) and "not separated from" in legend


def test_it_says_what_was_not_tried_by_what_was_trained(study):
    words = ["reevaluate", "--top", 0, "--with", "BN-ReLU", "--steps", 3, "--seeds", 1]

    def untried(*more):
        last = study(*words, *more)[0].splitlines()[-1]
        return re.findall(r"--[a-z-]+", last) if last.startswith("Not tried") else []

    assert untried() == ["--anchors", "--batch-sizes", "--optimizers", "--test"]
    assert untried("--anchors", "resnet-micro", "--batch-sizes", 8, "--optimizers", "sgd", "--test") == [
        "--anchors", "--batch-sizes", "--optimizers"], "the study's own"
    assert untried("--anchors", "mobilenet-micro", "--batch-sizes", 4, "--set", "scoring.training.optimizer=adamw", "--test") == []


def test_nothing_is_trained_twice_and_more_can_be_asked_for(study):
    command = ["reevaluate", "--top", 1, "--with", "BN-ReLU"]
    first = study.json(*command, *SHORT)
    rows = finished(study)
    assert len(rows) == 6
    out, err = study(*command, *SHORT)
    assert "seed " not in err and finished(study) == rows
    more = study.json(*command, "--with", "GN-ReLU", "--steps", 3, "--seeds", 4)
    assert finished(study)[:6] == rows
    for key, old in values(first).items():
        assert values(more)[key][:3] == old


def test_without_other_settings_schedules_are_longer_than_the_searchs(study):
    document = study.json("reevaluate", "--top", 1, "--with", "BN-ReLU", "--seeds", 1)
    assert document["validation"]["conditions"][0]["steps"] == 12, "four times three"
    assert all(layer["margin"] is None and not layer["separated"] for layer in document["validation"]["layers"])


def test_survivors_are_judged_on_the_test_images_at_the_end(study):
    document = study.json("reevaluate", "--top", 1, "--with", "BN-ReLU", *SHORT, "--test")
    assert document["finished"]
    left = [layer for layer in document["test"]["layers"] if layer["seeds"] == 3]
    assert len(left) == 2 and values(document, "test") != values(document)
    out, _ = study("reevaluate", "--top", 1, "--with", "BN-ReLU", *SHORT, "--test")
    assert "On the test images:" in out


def test_adamw_is_another_condition_with_a_rate_of_its_own(study):
    document = study.json("reevaluate", "--top", 0, "--with", "BN-ReLU", "--with", "GN-ReLU", *SHORT, "--optimizers", "sgd,adamw")
    sgd, adamw = document["validation"]["conditions"]
    assert adamw["optimizer"] == "adamw" and adamw["learning_rate"] == pytest.approx(sgd["learning_rate"] / 100)
    assert adamw["weight_decay"] == 0.05


def test_values_of_several_measures_are_standardized(study):
    document = study.json("reevaluate", "--top", 0, "--with", "BN-ReLU", "--with", "GN-ReLU", "--anchors",
                          "resnet-micro,unet-tiny@shapes", *SHORT)
    assert document["validation"]["measure"] is None
    assert [c["measure"] for c in document["validation"]["conditions"]] == ["accuracy", "mean IoU"]


def test_layers_are_paired_by_seed(study):
    document = study.json("reevaluate", "--top", 0, "--with", "max(x, -x)/std_batch(x)", "--with",
                          "x/std_batch(x)", *SHORT)
    again = study.json("reevaluate", "--top", 0, "--with", "abs(x)/std_batch(x)", "--with", "BN-ReLU", *SHORT)
    same, other = values(document), values(again)
    assert other[("abs(x)/std_batch(x)", "resnet-micro, batch 8, sgd")] == same[
        ("max(x, -x)/std_batch(x)", "resnet-micro, batch 8, sgd")], "one function, the same weights and images"


def test_layers_that_compute_the_same_race_once(study):
    document = study.json("reevaluate", "--top", 0, "--with", "abs(x)/std_batch(x)", "--with",
                          "max(x, -x)/std_batch(x)", "--with", "BN-ReLU", *SHORT)
    assert len(document["validation"]["layers"]) == 2


def test_the_order_in_which_layers_are_named_changes_nothing(study):
    named = [word for name in REFERENCES for word in ("--with", name)]
    reversed_names = [word for name in reversed(REFERENCES) for word in ("--with", name)]
    one, other = (study.json("reevaluate", "--top", 1, *SHORT, *words) for words in (named, reversed_names))
    assert one == other


def test_it_names_the_data_sets_that_are_trained_on(study):
    document = study.json("reevaluate", "--top", 0, "--with", "BN-ReLU", *SHORT, "--anchors", "unet-tiny@shapes")
    assert document["dataset"] == "shapes"


def test_a_stopped_run_prints_the_command_that_goes_on(study):
    running = study.start("reevaluate", "--top", 2, "--steps", 3, "--seeds", 40, "--threads", 1)
    wait_for_trials(study, 2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    kept = len(finished(study))
    assert kept >= 2 and not trials(study, "state = 'open' AND lease_until > 0"), "what was in work is given back"
    words = shlex.split(err.splitlines()[-1].split("Go on with: ")[1])
    assert words[1:] == ["reevaluate", "--study", "small.study.db", "--top", "2", "--seeds", "40", "--steps", "3", "--threads", "1"]
    document = study.json(*[word if word != "40" else "3" for word in words[1:]])
    assert document["finished"] and len(finished(study)) >= kept


def test_a_killed_run_loses_no_finished_training(study):
    with sqlite3.connect(study.folder / "small.study.db") as database:  # a lease is the study's
        configuration = database.execute("SELECT configuration FROM study").fetchone()[0]
        database.execute("UPDATE study SET configuration = ?", [configuration.replace('"lease_seconds": 60', '"lease_seconds": 3')])
    running = study.start("reevaluate", "--top", 1, "--with", "BN-ReLU", "--steps", 3, "--seeds", 12, "--threads", 2)
    wait_for_trials(study, 3)
    running.kill()
    running.communicate()
    before = finished(study)
    document = study.json("reevaluate", "--top", 1, "--with", "BN-ReLU", "--steps", 3, "--seeds", 12)
    assert document["finished"]
    assert before and set(before) <= set(finished(study)), "kept as it was"


def test_two_processes_share_the_trainings(study):
    command = ["reevaluate", "--top", 2, "--steps", 3, "--seeds", 6, "--threads", 1, "--json"]
    both = [study.start(*command) for _ in range(2)]
    outputs = [running.communicate(timeout=280) for running in both]
    assert [running.returncode for running in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0], "both print the same at the end"
    rows = finished(study)
    assert len({row[0] for row in rows}) == len(rows) == len(trials(study))
    assert len({row[2] for row in rows}) == 2, "each has trained some"
    fresh = study.json("reevaluate", "--top", 2, "--steps", 3, "--seeds", 6)
    assert fresh == json.loads(outputs[0][0]), "and so does who comes later"


def test_what_was_given_up_is_told_and_tried_again(study):
    command = ["reevaluate", "--top", 1, "--with", "BN-ReLU", *SHORT]
    whole = study.json(*command)
    with sqlite3.connect(study.folder / "small.study.db") as database:  # as after three failures
        database.execute("UPDATE trial SET state = 'quarantined', value = NULL, reason = 'no memory' WHERE id = "
                         "(SELECT MAX(id) FROM trial)")
    document = study.json(*command)
    assert document["finished"] and [None in v for v in values(document).values()].count(True) == 1
    assert sorted(layer["seeds"] for layer in document["validation"]["layers"]) == [2, 3]
    out, _ = study(*command)
    assert "Given up" in out and "no memory" in out
    out, _ = study("study", "retry")
    assert "1 trainings of re-evaluations" in out
    assert values(study.json(*command)) == values(whole)


def test_what_a_faulty_worker_trained_is_taken_back_and_counted_apart(study):
    study("reevaluate", "--top", 1, "--with", "BN-ReLU", *SHORT)
    theirs = [row[2] for row in finished(study)]
    out, _ = study("study", "invalidate", "--worker", theirs[0])
    count = theirs.count(theirs[0])
    assert f"0 evaluations and {count} trainings of re-evaluations are taken back" in out
    assert len(finished(study)) == len(theirs) - count


def test_a_copy_of_a_study_has_its_trainings(study):
    command = ["reevaluate", "--top", 1, "--with", "BN-ReLU", *SHORT]
    document = study.json(*command, "--study", "small.study.db")
    study("study", "copy", "small.study.db", "copy.study.db")
    _, err = study(*command, "--study", "copy.study.db")
    assert "seed " not in err
    assert values(study.json(*command, "--study", "copy.study.db")) == values(document)


@pytest.mark.parametrize("words, status, hint", [
    (["--anchors", "resnet-micor"], 2, "--anchors"),
    (["--anchors", "resnet-micro,,mobilenet-micro"], 2, "a word is missing"),
    (["--anchors", "resnet-micro,resnet-micro"], 2, "twice"),
    (["--anchors", "resnet-micro@mnits"], 2, "mnits"),
    (["--batch-sizes", "8,x"], 2, "'x' is no whole number"),
    (["--batch-sizes", "0"], 2, "whole number"),
    (["--batch-sizes", "100000000"], 2, "whole number"),
    (["--batch-sizes", "8,100000"], 2, "scoring.training.batch"),
    (["--optimizers", "adam"], 2, "there are sgd, adamw"),
    (["--with", "BN-RELUU"], 2, "BN-ReLU"),
    (["--with", "99999"], 2, "no candidate 99999"),
    (["--seeds", "0"], 2, "--seeds"),
    (["--top", "-1"], 2, "--top"),
    (["--study", "none.db"], 1, "none.db"),
    (["--steps", "none"], 2, "--steps"),
    (["surplus"], 2, "surplus"),
])
def test_reevaluate_names_what_is_wrong(study, words, status, hint):
    _, err = study("reevaluate", *words, status=status)
    assert hint in err
    assert not trials(study), "nothing was begun"


def test_a_worker_that_never_was_is_no_source(study):
    assert "no such worker" in study("study", "invalidate", "--worker", 77, status=1)[1]


def test_a_study_without_scores_says_how_to_get_some(normact):
    normact("search", "--study", "empty.study.db", *settings(budget__proposed=2, scoring__quality__minimum_accuracy=1))
    _, err = normact("reevaluate", "--study", "empty.study.db", status=1)
    assert "no scored layer yet" in err and "search" in err
