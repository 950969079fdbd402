"""Studies on disk: killed, damaged, foreign and read-only ones."""

import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest
from conftest import Normact, settings


def count_scores(path):
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            return database.execute("SELECT COUNT(*) FROM score").fetchone()[0]
        except sqlite3.OperationalError:  # the tables are being made
            return 0


def test_nothing_that_was_scored_is_lost_when_it_is_killed(normact):
    """kill -9 at random moments, some while it starts, some after a new score; the same command goes on each time."""
    chance = random.Random(1)
    path = normact.folder / "a.study.db"
    command = ["search", "--study", path.name, "--threads", 2, *settings(lease_seconds=3, maximum_attempts=100)]
    seen = {}
    for run in range(16):
        running = normact.start(*command)
        goal = count_scores(path) + 1 if run % 2 else 0
        while count_scores(path) < goal and running.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3 if goal else 0.6))
        assert running.poll() is None, running.communicate()
        running.kill()
        running.communicate()
        if path.exists():
            now = normact.scores(path.name)
            assert now | seen == now, "a score is lost or changed"
            assert len(now) >= goal
            seen = now
    normact(*command, "--set", f"budget.scored={len(seen) + 5}")
    now = normact.scores(path.name)
    assert now | seen == now and len(now) >= len(seen) + 5
    funnel = normact.json("top", "--study", path.name)["funnel"]
    assert funnel["proposed"] == sum(count for name, count in funnel.items() if name != "proposed")


def test_a_killed_search_leaves_a_sound_database(normact):
    path = normact.folder / "a.study.db"
    running = normact.start("search", "--study", path.name, *settings())
    while count_scores(path) == 0 and running.poll() is None:
        time.sleep(0.01)
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    with sqlite3.connect(f"file:{path}?mode=rw", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_killed_study_may_be_moved_alone_after_a_look_at_it(normact):
    """What is recorded lies in the file FILE-wal until the last user of the study ends."""
    path = normact.folder / "a.study.db"
    running = normact.start("search", "--study", path.name, *settings())
    while count_scores(path) < 3 and running.poll() is None:
        time.sleep(0.01)
    running.kill()
    running.communicate()
    seen = normact.scores(path.name)  # normact top
    assert [file.name for file in normact.folder.iterdir()] == [path.name]
    (normact.folder / "elsewhere").mkdir()
    path.rename(normact.folder / "elsewhere" / path.name)
    assert Normact(normact.folder / "elsewhere").scores(path.name) == seen != {}


def test_a_study_that_is_taken_away_ends_its_search(normact):
    path = normact.folder / "a.study.db"
    running = normact.start("search", "--study", path.name, *settings())
    while count_scores(path) < 1 and running.poll() is None:
        time.sleep(0.01)
    path.rename(normact.folder / "b.study.db")
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1 and "moved, removed or replaced" in err
    _, err = normact("search", "--study", path.name, *settings(), status=1)
    assert "a.study.db-" in err and "left of a study" in err
    (normact.folder / "b.study.db").rename(path)
    assert normact.scores(path.name)


@pytest.mark.parametrize("name", [":memory:", "file:a.db?mode=memory"])
def test_a_name_that_means_something_to_sqlite_is_a_name(normact, name):
    normact("search", "--study", name, *settings(budget__proposed=20))
    assert (normact.folder / name).is_file()
    assert normact.json("top", "--study", name)["funnel"]["proposed"] >= 20


def foreign_text(path):
    path.write_text("not a study at all, but somebody's diary\n" * 100)


def foreign_database(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE diary (day TEXT)")


def empty_file(path):
    path.write_bytes(b"")


def torn_study(path, finished_study):
    whole = finished_study.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def overwritten_study(path, finished_study):
    data = bytearray(finished_study.read_bytes())
    data[4096: -4096] = os.urandom(len(data) - 8192)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [foreign_text, foreign_database, empty_file, torn_study, overwritten_study])
def test_what_is_no_sound_study_is_refused_and_left_as_it_is(normact, finished_study, damage):
    path = normact.folder / "a.study.db"
    damage(path, finished_study) if damage.__code__.co_argcount == 2 else damage(path)
    before = path.read_bytes()
    for command in (["search", "--study", "a.study.db", *settings(budget__scored=1000)], ["top", "--study", "a.study.db"],
                    ["verify", "--score", "1", "--study", "a.study.db"], ["show", "1", "--study", "a.study.db"]):
        out, err = normact(*command, status=1)
        assert "a.study.db" in err, err
    assert path.read_bytes() == before


def test_a_folder_in_place_of_a_study_is_named(normact):
    (normact.folder / "a.study.db").mkdir()
    _, err = normact("search", "--study", "a.study.db", *settings(), status=1)
    assert "a.study.db" in err


def test_a_folder_that_is_not_there_is_named(normact):
    _, err = normact("search", "--study", "nowhere/a.study.db", *settings(), status=1)
    assert "nowhere" in err


@pytest.fixture
def read_only_folder(finished_study):
    """A folder with a study in it, where nobody may write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(finished_study, folder / "a.study.db")
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def obey_permissions():
    """Makes this process one whose programs permissions bind, also where they are root's."""
    drop_from_bounding_set = 24  # PR_CAPBSET_DROP of linux/prctl.h
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def test_a_read_only_folder_is_named(read_only_folder):
    before = (read_only_folder / "a.study.db").read_bytes()
    for study in ("a.study.db", "new.study.db"):
        running = Normact(read_only_folder).start(
            "search", "--study", study, *settings(budget__scored=1000), before=obey_permissions)
        _, err = running.communicate(timeout=60)
        assert running.returncode in (1, 2) and study in err, err
    assert (read_only_folder / "a.study.db").read_bytes() == before


def test_on_a_full_disk_nothing_is_lost(normact):
    """A limit on the file's size stands in for the end of the disk."""
    command = ["search", "--study", "a.study.db", *settings()]

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    running = normact.start(*command, before=limit)
    _, err = running.communicate(timeout=100)
    assert running.returncode == 1 and "a.study.db" in err, err
    assert "is safe" in err and "Then go on with: " in err
    seen = normact.scores("a.study.db")
    assert seen
    normact(*command, "--set", f"budget.scored={len(seen) + 3}")
    now = normact.scores("a.study.db")
    assert now | seen == now and len(now) >= len(seen) + 3


def test_control_characters_in_a_study_do_not_reach_the_terminal(normact, finished_study):
    path = normact.folder / "a.study.db"
    path.write_bytes(finished_study.read_bytes())
    with sqlite3.connect(path) as database:
        database.execute("UPDATE candidate SET origin = ?", ("\x1b]0;owned\x07\x1b[31m\u202e\n",))
    candidate = next(iter(normact.scores("a.study.db")))
    for command in (["top"], ["show", candidate]):
        out, _ = normact(*command, "--study", "a.study.db")
        assert "\\u001b]0;owned" in out
        assert not set(out) & {"\x1b", "\x07", "\u202e"}
