"""`normact top`: the best layers of a study."""

import shutil

import pytest

from conftest import settings


def test_top_ranks_by_mean_accuracy(here):
    layers = here.json("top", "--count", 1000)["layers"]
    means = [layer["mean"] for layer in layers]
    assert means == sorted(means, reverse=True) and len(means) >= 25
    assert [layer["rank"] for layer in layers] == list(range(1, len(layers) + 1))
    for layer in layers:
        accuracies = [score["accuracy"] for score in layer["scores"]]
        assert layer["mean"] == pytest.approx(sum(accuracies) / len(accuracies))
    assert len({layer["fingerprint"] for layer in layers}) == len(layers), "one function counts once"


def test_top_takes_the_only_study_of_the_folder(here, normact):
    assert here("top")[0] == here("top", "--study", "small.study.db")[0]
    _, err = normact("top", status=2)
    assert "normact search" in err or "search" in err
    for name in ("a", "b"):
        shutil.copy(here.folder / "small.study.db", normact.folder / f"{name}.study.db")
    _, err = normact("top", status=2)
    assert "a.study.db, b.study.db" in err


def test_top_shows_so_many_layers_as_asked(here):
    out, _ = here("top", "--count", 3)
    assert len(out[: out.index("\n\n")].splitlines()) == 4
    here("top", "--count", "0", status=2)
    _, err = here("top", "--study", "none.db", status=1)
    assert "none.db" in err


@pytest.mark.parametrize("cost", ["bytes", "operations"])
def test_what_a_layer_costs_can_be_an_objective(normact, cost):
    words = settings(budget__scored=8, scoring__quality__minimum_accuracy=0, evolution__cost=cost)
    out, _ = normact("search", "--study", "cheap.study.db", *words)
    assert f" {cost} " in out.splitlines()[0]
    layers = normact.json("top", "--study", "cheap.study.db")["layers"]
    assert all(layer["bytes_an_element"] in range(20, 100, 4) and layer["operations_an_element"] > 0 for layer in layers)
    best = layers[0][f"{cost}_an_element"]
    assert f"  {best}  " in normact("top", "--study", "cheap.study.db", "--count", 1)[0]
    _, err = normact("search", "--study", "b.study.db", *words, "--set", "evolution.choice=mean", status=2)
    assert "evolution.choice must be pareto" in err
