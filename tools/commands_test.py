"""What all commands share, and the JSON that docs/commands.md promises."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

COMMANDS = ["search", "worker", "launch", "status", "study", "top", "show", "diff", "export", "export-study", "report", "serve", "compare", "reevaluate",
            "verify",
            "bench", "doctor"]
S0 = "x*sigmoid(v1*x)/std_group(x)"


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_the_overview_lists_every_command(normact, words):
    out, _ = normact(*words)
    assert [line.split()[0] for line in out.splitlines() if line.startswith("  ")] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(normact, command):
    out, _ = normact(command, "--help")
    assert f"Usage: normact {command}" in out
    assert f"\n  normact {command}" in out[out.index("Example"):]
    # Some print no data; export and export-study have --format json.
    assert "--json" in out or command in ("worker", "launch", "serve", "export", "export-study")


def test_help_for_a_command_may_be_asked_for_in_two_ways(normact):
    assert normact("help", "top") == normact("top", "--help")


def test_an_empty_value_is_no_value(normact):
    for words in (["search", "--study", ""], ["compare", "BN-ReLU", "--output", ""]):
        _, err = normact(*words, status=2)
        assert "is empty" in err


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
        "diff": here.json("diff", "EvoNorm-S0", "EvoNorm-S1"),
        "compare": here.json("compare", "BN-ReLU", "EvoNorm-S0", "--seeds", 2, "--study", "small.study.db"),
        "reevaluate": here.json("reevaluate", "--top", 1, "--with", "BN-ReLU", "--seeds", 2, "--study", "small.study.db"),
        "verify": here.json("verify", "--score", candidate),
        "doctor": here.json("doctor"),
    }
    # A reference has no id, and which layer comes first is open; the example begins with a candidate.
    documents["reevaluate"]["validation"]["layers"].sort(key=lambda layer: layer["reference"])
    for command, document in documents.items():
        # What a configuration and a layer hold is documented elsewhere; parents differ from layer to layer.
        left_out = {"configuration", "scoring", "layer", "parent", "evaluated"}

        def trimmed(value):
            if isinstance(value, dict):
                return {k: "elsewhere" if k in left_out else trimmed(v) for k, v in value.items()}
            return [trimmed(inner) for inner in value] if isinstance(value, list) else value

        assert shape(trimmed(document)) == shape(trimmed(documented(command))), command
