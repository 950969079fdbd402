"""`top`, `show`, `compare`, `verify`, `doctor`, and what all commands share."""

import json
import os
import re
import shutil
import signal
import sqlite3
import time
import xml.etree.ElementTree
from pathlib import Path

import pytest
from conftest import Normact, settings

COMMANDS = ["search", "top", "show", "compare", "verify", "doctor"]
S0 = "x*sigmoid(v1*x)/std_group(x)"


@pytest.fixture
def here(finished_study):
    """The program in the folder of the finished study."""
    return Normact(finished_study.parent)


# What all commands share


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_the_overview_lists_every_command(normact, words):
    out, _ = normact(*words)
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(normact, command):
    out, _ = normact(command, "--help")
    assert f"Usage: normact {command}" in out
    assert f"\n  normact {command}" in out[out.index("Example"):]
    assert "--json" in out


def test_the_version_is_one_line(normact):
    out, _ = normact("--version")
    assert re.fullmatch(r"normact \d+\.\d+\.\d+ .*LibTorch \d+\.\d+.*\n", out)


def test_a_mistyped_command_gets_the_nearest_one(normact):
    _, err = normact("serach", status=2)
    assert "did you mean search?" in err
    _, err = normact("frobnicate", status=2)
    assert all(command in err for command in COMMANDS)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["show", "BN-ReLU"], ["top", "--json"], ["--help"], ["doctor"]])
def test_output_that_can_not_be_written_is_a_failure(here, words):
    with open("/dev/full", "w") as full:
        running = here.start(*words, stdout=full)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 1 and "can't write the output" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_nowhere_to_write_a_message_is_no_abort(here):
    with open("/dev/full", "w") as full:
        for words, status in ((["frobnicate"], 2), (["show", "missing.json"], 1), (["show", "BN-ReLU"], 1)):
            assert here.start(*words, stdout=full, stderr=full).wait(timeout=30) == status


def test_a_reader_that_went_away_is_a_failure(here):
    read, write = os.pipe()
    os.close(read)
    running = here.start("top", stdout=write, before=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    os.close(write)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 1 and "can't write the output: Broken pipe" in err


# top


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


# show


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


def test_each_format_is_what_it_says(normact):
    formats = {name: normact("show", "EvoNorm-B0", "--format", name)[0] for name in ("json", "text", "dot", "latex")}
    layer = json.loads(formats["json"])
    assert (layer["format"], layer["version"], layer["name"]) == ("normact/layer", 1, "EvoNorm-B0")
    assert normact.json("show", formats["text"].strip())["hash"] == normact.json("show", "EvoNorm-B0")["hash"]
    assert formats["dot"].startswith("digraph")
    assert "\\frac" in formats["latex"]
    _, err = normact("show", "EvoNorm-B0", "--format", "png", status=2)
    assert "svg" in err


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


# compare


def wait_for_a_score(path):
    """Waits until a running comparison has put its first score into its file."""
    deadline = time.monotonic() + 60
    while not path.exists() or not any(layer["scores"] for layer in json.loads(path.read_text())["layers"]):
        assert time.monotonic() < deadline, "no score within a minute"
        time.sleep(0.05)


def a_duplicate(study):
    """A scored candidate whose function is that of an earlier, different layer."""
    with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as database:
        duplicates = database.execute(
            "SELECT c.id FROM candidate c JOIN evaluation e ON e.fingerprint = c.fingerprint "
            "WHERE e.state = 'scored' AND c.id != e.candidate AND c.hash != "
            "(SELECT hash FROM candidate WHERE id = e.candidate)").fetchall()
    assert duplicates, "the study begins with two"
    return duplicates[0][0]


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
    running.kill()
    running.communicate()
    kept = len(json.loads((normact.folder / "c.json").read_text())["layers"][0]["scores"])
    document = normact.json("compare", "GN-ReLU", "--output", "c.json", *settings())
    assert [len(layer["scores"]) for layer in document["layers"]] == [1, kept]


def test_a_file_that_can_not_be_written_is_named_before_the_first_training(normact):
    _, err = normact("compare", "BN-ReLU", "--output", "nowhere/c.json", *settings(), status=1)
    assert "nowhere/c.json" in err and "seed 0" not in err
    (normact.folder / "c.json.new").mkdir()
    _, err = normact("compare", "BN-ReLU", "--output", "c.json", *settings(), status=1)
    assert "c.json" in err and "seed 0" not in err


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


# verify


def test_a_score_can_be_had_again_to_the_last_bit(here):
    best = here.json("top")["layers"][0]["candidate"]
    out, _ = here("verify", "--score", best)
    assert "identical to the last bit" in out
    document = here.json("verify", "--score", best)
    assert document["identical"] is True
    assert [score["accuracy"] for score in document["again"]] == [
        score["accuracy"] for score in document["candidate"]["scores"]]


def test_a_duplicates_score_is_that_of_the_layer_it_shares(here, finished_study):
    assert here.json("verify", "--score", a_duplicate(finished_study))["identical"] is True


def test_a_changed_score_is_found_out(normact, finished_study):
    shutil.copy(finished_study, normact.folder / "a.study.db")
    best = normact.json("top")["layers"][0]["candidate"]
    with sqlite3.connect(normact.folder / "a.study.db") as database:
        database.execute("UPDATE score SET accuracy = accuracy + 1e-16 + accuracy * 3e-16 WHERE fingerprint = "
                         "(SELECT fingerprint FROM candidate WHERE id = ?)", (best,))
    out, _ = normact("verify", "--score", best, status=1)
    assert "NOT the same" in out and "different" in out
    assert normact.json("verify", "--score", best, status=1)["identical"] is False


def test_verify_names_what_has_no_score(here):
    _, err = here("verify", status=2)
    assert "--score" in err
    _, err = here("verify", "--score", "999999", status=2)
    assert "999999" in err
    scored = set(here.scores("small.study.db"))
    invalid = next(id for id in range(1, 10000)
                   if id not in scored and here.json("show", id)["candidate"]["state"] == "invalid")
    _, err = here("verify", "--score", invalid, status=2)
    assert "it is invalid" in err


# doctor


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


# What docs/commands.md promises


DOCS = Path(__file__).parent.parent / "docs" / "commands.md"


def shape(value):
    """The structure of a document: keys, and the types of what they hold; a list counts by its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def documented(command):
    """The example that follows the line `<!-- normact COMMAND --json -->`."""
    text = DOCS.read_text()
    block = re.search(rf"<!-- normact {command} --json -->\n```json\n(.*?)```", text, re.DOTALL)
    return json.loads(block.group(1))


def test_the_documented_json_is_what_is_printed(here):
    candidate = 1  # has scores, and moments
    documents = {
        "top": here.json("top"),
        "search": here.json("search", "--study", "small.study.db"),
        "show": here.json("show", candidate),
        "compare": here.json("compare", "BN-ReLU", "EvoNorm-S0", "--seeds", 2, "--study", "small.study.db"),
        "verify": here.json("verify", "--score", candidate),
        "doctor": here.json("doctor"),
    }
    for command, document in documents.items():
        # What a configuration and a layer hold is documented elsewhere; parents differ from layer to layer.
        left_out = {"configuration", "scoring", "layer", "parent", "evaluated"}

        def trimmed(value):
            if isinstance(value, dict):
                return {k: "elsewhere" if k in left_out else trimmed(v) for k, v in value.items()}
            return [trimmed(inner) for inner in value] if isinstance(value, list) else value

        assert shape(trimmed(document)) == shape(trimmed(documented(command))), command
