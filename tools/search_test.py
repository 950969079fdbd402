"""`normact search`: from the first candidate to the command that goes on."""

import json
import pty
import os
import select
import shlex
import signal
import sqlite3
import time

import pytest
from conftest import PROGRAM, settings


def wait_for_scores(normact, study, count=1):
    """Waits until a running search has so many scores, and gives them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (normact.folder / study).exists():
            scores = normact.scores(study)
            if len(scores) >= count:
                return scores
        time.sleep(0.05)
    raise AssertionError(f"no {count} scores within a minute")


def leases_held(path):
    """How many evaluations of a study are in somebody's hands."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return database.execute("SELECT COUNT(*) FROM evaluation WHERE state = 'open' AND lease_until > 0").fetchone()[0]


def test_a_search_ends_with_its_best_layers_and_what_to_type_next(normact):
    out, err = normact("search", "--study", "a.study.db", *settings(budget__scored=5))
    lines = out.splitlines()
    assert lines[0].split() == ["rank", "id", "mean", "resnet-micro", "origin", "layer"]
    assert [line.split()[0] for line in lines[1:6]] == ["1", "2", "3", "4", "5"]
    assert "proposed →" in out and "an hour" in out
    for command in ("show", "compare", "verify", "search"):
        assert f" {command} " in out
    assert "a.study.db (new)" in err and "best 0." in err


def test_each_advice_can_be_typed(normact):
    out, _ = normact("search", "--study", "with blank.study.db", *settings(budget__scored=3))
    advice = out[out.index("Next:"):].splitlines()[1:]
    assert len(advice) == 4
    for line in advice[:3]:  # the fourth goes on with the search
        words = shlex.split(line.split("  ")[0])[1:]
        normact(*words)


def test_a_search_is_named_after_its_preset_or_file(normact):
    normact("search", *settings(budget__proposed=3))
    assert (normact.folder / "demo.study.db").exists()
    configuration = normact.json("top")["configuration"]
    (normact.folder / "mine.json").write_text(json.dumps(configuration))
    normact("search", "--config", "mine.json")
    assert (normact.folder / "mine.study.db").exists()


def test_the_same_command_goes_on(normact):
    command = ["search", "--study", "a.study.db", *settings(budget__scored=5)]
    normact(*command)
    before = normact.scores("a.study.db")
    _, err = normact(*command)
    assert "goes on" in err
    assert normact.scores("a.study.db") == before, "the budget was reached already"
    normact("search", "--study", "a.study.db", "--set", "budget.scored=9")
    after = normact.scores("a.study.db")
    assert len(after) >= 9
    assert after | before == after, "scores are kept as they were"


def test_a_reached_budget_is_answered_with_a_larger_one(normact):
    out, _ = normact("search", "--study", "a.study.db", *settings(budget__scored=4))
    resume = out.splitlines()[-1].split("  ")[0]
    assert "--set budget.scored=" in resume
    normact(*shlex.split(resume)[1:])
    assert len(normact.scores("a.study.db")) >= 8


@pytest.mark.parametrize("change, key", [
    (["--set", "evolution.window=7"], "evolution.window: 100 there, 7 asked for"),
    (["--set", "seed=3"], "seed: 1 there, 3 asked for"),
    (["--preset", "laptop-b"], "evolution.window: 100 there, 200 asked for"),
])
def test_other_settings_than_the_studys_are_refused_and_named(normact, change, key):
    command = ["search", "--study", "a.study.db", *settings(budget__scored=3)]
    normact(*command)
    before = (normact.folder / "a.study.db").read_bytes()
    _, err = normact(*command, *change, status=2)
    assert key in err
    assert "search --study a.study.db" in err
    assert (normact.folder / "a.study.db").read_bytes() == before


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_it_with_the_command_that_goes_on(normact, number, status):
    running = normact.start("search", "--study", "a.study.db", "--threads", 2, *settings())
    scored = wait_for_scores(normact, "a.study.db", 3)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == status, err
    resume = err.splitlines()[-1].removeprefix("Stopped. Go on with: ")
    assert shlex.split(resume)[1:] == ["search", "--study", "a.study.db", "--threads", "2"]
    kept = normact.scores("a.study.db")
    assert kept | scored == kept
    # What was in work was given back: it is taken up at once, not after its lease of a minute.
    goal = len(kept) + 3
    normact(*shlex.split(resume)[1:], "--set", f"budget.scored={goal}")
    assert len(normact.scores("a.study.db")) >= goal


def test_a_second_signal_ends_it_at_once(normact):
    # A step takes a while, and only after it the first signal would end the search.
    slow = settings(scoring__training__steps=100000, scoring__training__batch=4000, scoring__training__crop=32)
    running = normact.start("search", "--study", "a.study.db", "--threads", 1, *slow)
    study = normact.folder / "a.study.db"
    while not study.exists() or leases_held(study) == 0:
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    for line in running.stderr:
        if "Stopping" in line:
            break
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, "128 + the second one"
    assert "Go on with" not in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("number, status", [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_nowhere_to_write_messages_ends_no_search(normact, number, status):
    with open("/dev/full", "w") as full:
        normact.start("search", "--study", "a.study.db", *settings(budget__scored=3), stderr=full).communicate(timeout=60)
        seen = normact.scores("a.study.db")
        assert len(seen) >= 3
        running = normact.start("search", "--study", "a.study.db", "--set", "budget.scored=0", stderr=full)
        wait_for_scores(normact, "a.study.db", len(seen) + 3)
        running.send_signal(number)
        running.communicate(timeout=30)
    assert running.returncode == status
    assert leases_held(normact.folder / "a.study.db") == 0, "claims are given back"


def test_ctrl_c_on_a_terminal_stops_it(normact):
    process, ours = pty.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(normact.folder)
        os.execv(PROGRAM, [PROGRAM, "search", "--study", "a.study.db", *settings()])
    shown, sent = b"", False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the program has ended
            break
        if not sent and b"\x1b[K0:0" in shown and b"best" in shown:
            os.write(ours, b"\x03")
            sent = True
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    text = shown.decode()
    assert text.count("\r\x1b[K0:0") >= 1, "a line that is rewritten"
    assert "Go on with: " in text


def test_without_a_terminal_nothing_steers_one(normact):
    out, err = normact("search", "--study", "a.study.db", *settings(budget__scored=3))
    assert "\x1b" not in out + err and "\r" not in out + err


def test_two_processes_share_a_study(normact):
    command = ["search", "--study", "a.study.db", "--threads", 1, *settings(budget__scored=40)]
    both = [normact.start(*command), normact.start(*command)]
    for process in both:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    document = normact.json("top", "--study", "a.study.db", "--count", 1000)
    assert 40 <= document["funnel"]["scored"] <= 42
    assert len(document["layers"]) == document["funnel"]["scored"], "no layer was scored twice"
    assert len({layer["fingerprint"] for layer in document["layers"]}) == len(document["layers"])


def test_the_seed_and_one_thread_give_the_same_study_again(normact):
    command = [*settings(budget__scored=10), "--threads", 1]
    normact("search", "--study", "a.study.db", *command)
    normact("search", "--study", "b.study.db", *command)
    assert normact.scores("a.study.db") == normact.scores("b.study.db")


@pytest.mark.parametrize("words, hint", [
    (["--set", "scoring.training.step=3"], "scoring.training.steps"),
    (["--set", "scoring.training.steps=many"], "scoring.training.steps"),
    (["--set", "scoring.training.steps=0"], "scoring.training.steps"),
    (["--set", "nonsense"], "nonsense"),
    (["--set", "scoring.anchors=resnet"], "scoring.anchors: unknown anchor"),
    (["--set", "scoring.dataset.name=mnist"], "scoring.dataset.name: there is no data set"),
    (["--set", "scoring.engine=gpu"], "scoring.engine: no engine"),
    (["--preset", "laptops"], "laptop-s"),
    (["--threads", "0"], "--threads"),
    (["--threads", "x"], "--threads"),
    (["--stduy", "a.db"], "--study"),
    (["--study"], "study"),
    (["surplus"], "surplus"),
    (["--preset", "demo", "--config", "a.json"], "--config"),
])
def test_wrong_options_are_named(normact, words, hint):
    out, err = normact("search", *words, status=2)
    assert hint in err and out == ""
    assert not list(normact.folder.iterdir()), "nothing was made"


@pytest.mark.parametrize("text, hint", [
    ('{"seed": 1', "line 1"),
    ('{"sede": 1}', "seed"),
    ('{"scoring": {"training": {"learning_rate": 1e999}}}', "1e999"),
    ('{"seed": "\\u001b[31mred"}', "seed"),
])
def test_a_wrong_configuration_file_is_named(normact, text, hint):
    (normact.folder / "mine.json").write_text(text)
    _, err = normact("search", "--config", "mine.json", status=2)
    assert "mine.json" in err and hint in err
    assert "\x1b" not in err


def test_missing_images_are_named_before_a_study_is_made(normact):
    _, err = normact("search", "--set", "scoring.dataset.name=cifar-10", "--set", "scoring.dataset.folder=nowhere",
                     status=1)
    assert "nowhere" in err and "fetch-cifar10" in err
    assert not list(normact.folder.iterdir())
