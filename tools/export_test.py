"""`normact export`: a layer in every format, on the standard output and in files."""

import json
import os

import pytest


def test_every_format_of_the_help_gives_what_show_gives(normact):
    listed = normact("export", "--help")[0].split("The formats:\n")[1].split("\n\n")[0]
    formats = [line.split()[0] for line in listed.splitlines()]
    assert {"pytorch", "c", "cuda", "json", "text", "latex", "dot", "svg"} <= set(formats)
    for name in formats:
        out, _ = normact("export", "EvoNorm-B0", "--format", name)
        assert out.endswith("\n") and out == normact("show", "EvoNorm-B0", "--format", name)[0]


def test_a_file_holds_the_old_or_the_new_layer(normact):
    for layer in ("BN-ReLU", "EvoNorm-S0"):
        assert normact("export", layer, "--format", "json", "-o", "layer.json") == ("", "")
        assert json.loads((normact.folder / "layer.json").read_text())["name"] == layer
    before = (normact.folder / "layer.json").read_text()
    _, err = normact("export", "BN-ReLU", "--format", "svg", "--output", "layer.json", status=1,
                     environment={"PATH": "/nowhere"})
    assert "graphviz" in err and (normact.folder / "layer.json").read_text() == before
    assert os.listdir(normact.folder) == ["layer.json"]
    _, err = normact("export", "BN-ReLU", "--format", "json", "-o", "nowhere/layer.json", status=1)
    assert "nowhere/layer.json" in err


def test_what_is_exported_bears_the_name_that_is_asked_for(normact):
    def exported(form, *words):
        return normact("export", "--format", form, *words)[0]

    assert "class EvoNormB0(nn.Module)" in exported("pytorch", "EvoNorm-B0")
    assert "class BestOfAll(nn.Module)" in exported("pytorch", "EvoNorm-B0", "--name", "best of all")
    assert "class Layer(nn.Module)" in exported("pytorch", "x*sigmoid(x)")
    assert "class LayerNone(nn.Module)" in exported("pytorch", "x*sigmoid(x)", "--name", "None")
    assert "void best_of_all_training(" in exported("c", "EvoNorm-B0", "--name", "best of all")
    assert "cudaError_t layer_backward(" in exported("cuda", "x*sigmoid(x)")
    assert json.loads(exported("json", "EvoNorm-B0", "--name", "best"))["name"] == "best"


def test_a_candidate_is_exported_by_its_id(here):
    best = here.json("top")["layers"][0]
    out, _ = here("export", best["candidate"], "--format", "pytorch")
    assert f'formula = "{best["text"]}"' in out and f"class Candidate{best['candidate']}(" in out


@pytest.mark.parametrize("words, hint", [
    (["BN-ReLU"], "--format FORMAT with one of pytorch"),
    (["BN-ReLU", "--format", "word"], "the formats are pytorch"),
    (["BN-ReLU", "--format", "onnx"], "torch.onnx.export"),
    (["BN-ReLU", "--format", "c", "--name", "n" * 300], "at most 200"),
    (["BN-ReLU", "--format", "c", "--name", ""], "--name is empty"),
    (["--format", "c"], "LAYER is missing"),
])
def test_wrong_use_says_what_to_do(normact, words, hint):
    _, err = normact("export", *words, status=2)
    assert hint in err
