"""`normact show`: one layer in every form."""

import json
import os
import shutil
import time
import xml.etree.ElementTree

import pytest

S0 = "x*sigmoid(v1*x)/std_group(x)"


def test_show_tells_what_is_known_of_a_layer(here):
    out, _ = here("show", "evonorm-s0")
    assert out.startswith("EvoNorm-S0\n") and S0 in out and "arXiv" in out and "std over group" in out
    best = here.json("top")["layers"][0]
    out, _ = here("show", best["candidate"])
    assert best["text"] in out and best["hash"] in out and f"{best['mean']:.4f}" in out
    assert here("show", f"#{best['candidate']}")[0] == out


def test_every_way_to_name_a_layer_names_the_same_one(normact):
    (normact.folder / "mine.json").write_text(normact("show", "EvoNorm-S0", "--format", "json")[0])
    hashes = {normact.json("show", layer)["hash"] for layer in ("EvoNorm-S0", S0, "mine.json")}
    assert len(hashes) == 1


def test_a_layer_is_drawn_as_lines_that_any_terminal_can_show(normact):
    tree = ["max(□, zero)   ReLU",
            "└─ □ + v0      affine batch normalization of x",
            "   └─ □/□",
            "      ├─ v1*□",
            "      │  └─ x - □",
            "      │     └─ mean_batch(x)",
            "      └─ std_batch(x)"]
    out, _ = normact("show", "BN-ReLU", environment={"LC_ALL": "C.UTF-8"})
    assert out.splitlines()[-len(tree):] == tree
    out, _ = normact("show", "BN-ReLU", environment={"LC_ALL": "POSIX"})
    assert out.isascii() and "`- _ + v0" in out
    long = "x"
    for i in range(100):
        long = f"tanh({long} + v{i % 2})"
    out, _ = normact("show", long)
    assert " more lines" in out and len(out.splitlines()) < 60
    out, _ = normact("show", long, "--format", "tree")
    assert " more lines" not in out and len(out.splitlines()) == 200


def test_each_format_is_what_it_says(normact):
    formats = {name: normact("show", "EvoNorm-B0", "--format", name)[0] for name in ("json", "text", "dot", "latex", "schedule")}
    layer = json.loads(formats["json"])
    assert (layer["format"], layer["version"], layer["name"]) == ("normact/layer", 1, "EvoNorm-B0")
    assert normact.json("show", formats["text"].strip())["hash"] == normact.json("show", "EvoNorm-B0")["hash"]
    assert formats["dot"].startswith("digraph")
    assert "\\frac" in formats["latex"]
    assert "moves 12 bytes an element in float32; the floor is 12" in formats["schedule"].split("backward")[0]
    _, err = normact("show", "EvoNorm-B0", "--format", "png", status=2)
    assert "svg" in err


def test_a_text_form_may_be_longer_than_a_name_and_have_several_lines(normact):
    long = "x"
    for i in range(60):
        long = f"tanh({long})" if i % 3 else f"({long} + v{i % 2})"
    assert normact.json("show", long)["name"].startswith("layer ")
    for text in (long, "x +\n  tanh(x)"):
        document = normact.json("show", text)
        layer = json.loads(normact("show", text, "--format", "json")[0])
        assert layer["name"] == document["name"] == document["layer"]["name"]
        (normact.folder / "layer.json").write_text(json.dumps(layer))
        assert normact.json("show", "layer.json")["hash"] == document["hash"]


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_a_drawing_is_svg(normact):
    out, _ = normact("show", "EvoNorm-B0", "--format", "svg")
    root = xml.etree.ElementTree.fromstring(out)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    labels = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert any("max" in label for label in labels)


def test_without_graphviz_a_drawing_says_what_to_do(normact):
    _, err = normact("show", "BN-ReLU", "--format", "svg", status=1, environment={"PATH": "/nowhere"})
    assert "graphviz" in err and "--format dot" in err


def test_a_failing_graphviz_is_told(normact):
    fake = normact.folder / "dot"
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    _, err = normact("show", "BN-ReLU", "--format", "svg", status=1, environment={"PATH": str(normact.folder)})
    assert "dot failed with status 3" in err
    fake.write_text("#!/bin/sh\ncat >/dev/null\n")
    _, err = normact("show", "BN-ReLU", "--format", "svg", status=1,
                     environment={"PATH": f"{normact.folder}:{os.environ['PATH']}"})
    assert "dot has drawn nothing" in err


@pytest.mark.parametrize("layer, hint", [
    ("EvoNormS0", "did you mean EvoNorm-S0?"),
    ("x*sigmoid(v1*x", "column"),
    ("x*frob(x)", "frob"),
    ("", "no layer"),
    ("x" * 100_000, "no layer"),
    ("(" * 50_000, "no layer"),
])
def test_what_is_no_layer_is_told_where(normact, layer, hint):
    _, err = normact("show", layer, status=2)
    assert hint in err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "normact/layer"}', "\x00\x1b[31m" * 100,
                                  '{"format": "normact/layer", "version": 1, "name": "a", "nodes": [{"op": "frob"}]}'])
def test_a_file_that_is_no_layer_is_named(normact, text):
    (normact.folder / "bad.json").write_text(text)
    _, err = normact("show", "bad.json", status=1)
    assert "bad.json" in err and "\x1b" not in err
    _, err = normact("show", "missing.json", status=1)
    assert "missing.json" in err


def test_a_huge_file_is_refused_at_once(normact):
    with open(normact.folder / "huge.json", "wb") as file:
        file.truncate(100 << 20)
    start = time.monotonic()
    _, err = normact("show", "huge.json", status=1)
    assert "huge.json" in err and time.monotonic() - start < 20


def test_control_characters_in_names_do_not_reach_the_terminal(normact):
    layer = json.loads(normact("show", "BN-ReLU", "--format", "json")[0])
    layer["name"] = "\x1b[31mred\x07\u202e\n"
    (normact.folder / "evil\x1b[31m.json").write_text(json.dumps(layer))
    for words in ([], ["--format", "dot"], ["--format", "text"], ["--json"]):
        done = normact.start("show", "evil\x1b[31m.json", *words)
        out, err = done.communicate(timeout=30)
        assert done.returncode in (0, 1), err
        assert not set(out + err) & {"\x1b", "\x07", "\u202e"}
