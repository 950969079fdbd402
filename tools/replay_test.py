"""`normact search --replay`: searches of recorded layers, without training."""

import importlib.util
import json
from pathlib import Path

import pytest

HEADER = {"format": "normact/table", "version": 1, "tasks": ["t/a"],
          "space": {"elementwise": ["mul", "max", "sigmoid", "square"], "moments": [], "index_sets": [],
                    "intermediate_nodes": 2}}
LAYERS = {"x": 0.1, "sigmoid(x)": 0.2, "max(x, zero)": 0.5, "max(x, v0)": 0.4, "max(x, v1)": 0.3, "x*v1": None,
          "x*v0": None, "square(x)": 0.25, "x*sigmoid(x)": 0.6, "sigmoid(sigmoid(x))": None}


@pytest.fixture
def table(normact):
    lines = [HEADER] + [{"layer": layer} | ({"accuracies": [best]} if best else {}) for layer, best in LAYERS.items()]
    (normact.folder / "small.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "small.jsonl"


def test_a_table_is_replayed_beside_the_papers_evolution_and_random_search(normact, table):
    out, _ = normact("search", "--replay", table, "--seeds", 30, "--evaluations", 6, "--set", "evolution.window=5")
    assert "10 recorded layers, 7 of them scored, the best 0.6000" in out
    for row in ("these settings", "the paper's evolution", "random search"):
        assert row in out
    assert not list(normact.folder.glob("*.db")), "no study is made"


def test_its_json_holds_every_method_with_intervals(normact, table):
    words = ("search", "--replay", table, "--seeds", 30, "--evaluations", 8, "--set", "evolution.random_share=0.9")
    document = normact.json(*words)
    assert (document["format"], document["version"], document["evaluations"]) == ("normact/replay", 1, 8)
    these, paper, chance = document["methods"]
    assert these["evolution"]["random_share"] == 0.9 and chance["evolution"]["random_share"] == 1
    assert paper["gain"] == {"mean": 0, "half_width": 0}
    assert [row["evaluations"] for row in these["best"]] == [1, 2, 4, 8]
    assert 0 < these["best"][0]["mean"] <= these["best"][-1]["mean"] <= 0.6
    assert normact.json(*words) == document, "the seeds decide everything"


def test_a_study_is_replayed_and_saved_as_a_table(here, normact):
    study = here.folder / "small.study.db"
    normact("search", "--replay", study, "--save-table", "study.jsonl")
    of_study, of_table = (normact.json("search", "--replay", place, "--seeds", 5, "--evaluations", 10, "--preset", "demo")
                          for place in (study, "study.jsonl"))
    assert of_study == of_table and of_study["records"] >= 25


def test_without_other_settings_a_study_is_replayed_as_it_was_searched(here, normact):
    study = here.folder / "small.study.db"
    evolution = normact.json("study", "info", "--study", study)["configuration"]["evolution"]
    methods = normact.json("search", "--replay", study, "--seeds", 2, "--evaluations", 3)["methods"]
    assert methods[0]["evolution"] == evolution and len(evolution["initial"]) == 2
    assert all(method["evolution"]["initial"] == evolution["initial"] for method in methods), "a head start is no gain"
    changed, *_ = normact.json("search", "--replay", study, "--seeds", 2, "--evaluations", 3, "--set", "evolution.window=3")["methods"]
    assert changed["evolution"] == evolution | {"window": 3}


def test_of_a_preset_the_evolution_and_the_seed_count(normact, table):
    document = normact.json("search", "--replay", table, "--seeds", 5, "--evaluations", 8, "--preset", "laptop-s",
                            "--set", "seed=7")
    assert document["first_seed"] == 7 and document["methods"][0]["evolution"]["window"] == 200


@pytest.mark.parametrize("words, hint", [
    (("--replay", "none.jsonl"), "none.jsonl"),
    (("--replay", "small.jsonl", "--study", "a.study.db"), "leave --study out"),
    (("--replay", "small.jsonl", "--evaluations", "11"), "10 records"),
    (("--seeds", "5"), "--seeds needs --replay"),
    (("--replay", "bad.jsonl"), "line 2"),
    (("--replay", "small.jsonl", "--set", "space.intermediate_nodes=5"), "only evolution.* and seed count"),
    (("--replay", "small.jsonl", "--set", "evolution.window=5", "--set", "scoring.audit_share=0.5"),
     "--set scoring.audit_share=0.5"),
])
def test_wrong_use_is_named(normact, table, words, hint):
    (normact.folder / "bad.jsonl").write_text(json.dumps(HEADER) + "\n{\"layer\": \"max(\"}\n")
    _, err = normact("search", *words, status=1 if "none" in str(words) else 2)
    assert hint in err


def test_the_documented_json_is_what_is_printed(normact, table):
    from commands_test import documented, shape

    document = normact.json("search", "--replay", table, "--seeds", 5, "--evaluations", 8)
    example = documented("search --replay")
    for method in document["methods"] + example["methods"]:
        method["evolution"] = "elsewhere"
    assert shape(document) == shape(example)


@pytest.fixture
def tune_search():
    path = Path(__file__).parents[1] / "bench" / "tune_search.py"
    spec = importlib.util.spec_from_file_location("tune_search", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("freedom, quantile, error", [
    (3, 3.1824, 0.03), (9, 2.2622, 1e-3), (19, 2.0930, 1e-4), (39, 2.0227, 1e-4), (199, 1.9720, 1e-4)])
def test_the_intervals_of_tune_search_are_by_students_distribution(tune_search, freedom, quantile, error):
    assert tune_search.students_t(freedom) == pytest.approx(quantile, abs=error)


def test_a_gain_of_tune_search_is_paired_by_seed(tune_search):
    tenths = [index / 10 for index in range(10)]
    assert tune_search.gain([value + 0.5 for value in tenths], tenths) == "+0.5000 ±0.0000"
    assert tune_search.gain(tenths, [0] * 10) == "+0.4500 ±0.2166"  # 2.2622 · 0.30277 / √10
