"""A study in PostgreSQL that many processes work for: what the tests of it share.

They are run beside a server of their own by results/with_postgresql.sh.
"""

import itertools
import os
import signal
import subprocess
import time

import pytest
from conftest import settings

SERVER = os.environ["NORMACT_TEST_POSTGRESQL"]
names = itertools.count()


def server(what):
    subprocess.run([os.environ["NORMACT_TEST_POSTGRESQL_CONTROL"], what], check=True, timeout=100)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def place():
    return f"{SERVER}#cluster-{next(names)}"


def sql(place, query):
    """The rows of a query in the study's tables."""
    schema = "normact_" + place.partition("#")[2]
    done = subprocess.run(["psql", "--no-psqlrc", "-At", "-F", "\t", "-d", SERVER, "-c", f'SET search_path TO "{schema}"', "-c", query],
                          capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()[1:]]


def number(place, query):
    return int(sql(place, query)[0][0])


def make(normact, place, **changes):
    """A study with a first scored layer or so in it."""
    normact("search", "--study", place, "--threads", 1, *settings(**({"budget__scored": 1} | changes)))


def set_budget(place, scored):
    """Another budget of scored layers for all workers to come."""
    sql(place, "UPDATE study SET configuration = regexp_replace(configuration, '\"scored\": *[0-9]+', '\"scored\": %d')" % scored)


def set_steps(place, steps):
    sql(place, "UPDATE study SET configuration = regexp_replace(configuration, '(\"training\".*?\"steps\": *)[0-9]+', '\\1%d')" % steps)


def workers(normact, place, count, *words):
    """So many workers that are there: before they listen to signals, they could not be asked to stop."""
    logs = [normact.folder / f"worker-{next(names)}.log" for _ in range(count)]
    running = [normact.start("worker", "--study", place, "--threads", 1, "--no-canary", *words,
                             stdout=subprocess.DEVNULL, stderr=open(log, "w")) for log in logs]
    wait_until(lambda: all(log.stat().st_size > 0 for log in logs))
    return running


def end(processes, within=100):
    """Asks workers to stop, and checks that all of them do, with status 0."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(within) for process in processes] == [0] * len(processes)


def wait_until(holds, seconds=100):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def audit(place):
    """Every candidate is accounted for, and no score is there twice."""
    (proposed, invalid, duplicate, quality, stability, scored, quarantined, is_open), = [
        list(map(int, row)) for row in sql(place, "SELECT SUM(proposed), SUM(invalid), SUM(duplicate), SUM(quality), SUM(stability), "
                                                  "SUM(scored), SUM(quarantined), SUM(open) FROM counts")]
    assert proposed == number(place, "SELECT COUNT(*) FROM candidate")
    assert proposed == invalid + duplicate + quality + stability + scored + quarantined + is_open
    counts = {key: int(count) for key, count in sql(
        place, "SELECT CASE state WHEN 'rejected' THEN rejection ELSE state END, COUNT(*) FROM evaluation GROUP BY 1")}
    assert counts == {key: count for key, count in [("quality", quality), ("stability", stability), ("scored", scored),
                                                    ("quarantined", quarantined), ("open", is_open)] if count}
    assert number(place, "SELECT COUNT(*) FROM score") == scored
    assert number(place, "SELECT COUNT(*) FROM score WHERE fingerprint NOT IN "
                         "(SELECT fingerprint FROM evaluation WHERE state = 'scored')") == 0
    assert number(place, "SELECT COUNT(*) FROM candidate JOIN evaluation USING (fingerprint) "
                         "WHERE invalid IS NULL AND (position IS NOT NULL) <> (state = 'scored')") == 0
    return proposed


ENDLESS = {"budget__scored": 0, "budget__proposed": 0, "lease_seconds": 3}


def goes_on(place, results=1):
    """Waits for new scores."""
    scored = number(place, "SELECT SUM(scored) FROM counts")
    wait_until(lambda: number(place, "SELECT SUM(scored) FROM counts") >= scored + results)


def start_study(normact, place, **changes):
    normact("search", "--study", place, "--threads", 1, *settings(**(ENDLESS | {"budget__scored": 1} | changes)))
    set_budget(place, 0)
