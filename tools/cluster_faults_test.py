"""What goes wrong where many processes work for one study in PostgreSQL, and that nothing is lost.

Run beside a server of its own by results/with_postgresql.sh.
"""

import json
import os
import random
import re
import signal
import subprocess
import time

import pytest
from cluster import (audit, end, goes_on, make, number, own_state, place, server, set_steps, sql, start_study, wait_until,
                     workers)
from conftest import PROGRAM


def test_workers_that_are_killed_lose_nothing(normact, place):
    start_study(normact, place)
    draw = random.Random(1)
    running = workers(normact, place, 3)
    for _ in range(15):
        time.sleep(draw.uniform(0, 1))
        victim = draw.randrange(len(running))
        running[victim].kill()
        running[victim].wait()
        running[victim] = workers(normact, place, 1)[0]
    time.sleep(1)  # the last one has to be there before it can be asked to stop
    goes_on(place)
    end(running)
    audit(place)
    # What the dead held returns after its lease, and nothing else stays open.
    time.sleep(3)
    last = workers(normact, place, 1)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM evaluation WHERE state = 'open' AND worker <> "
                                     "(SELECT MAX(id) FROM worker)") == 0)
    end(last)
    audit(place)


def test_a_worker_that_slept_past_its_lease_comes_back_to_a_study_that_went_on(normact, place):
    start_study(normact, place)
    set_steps(place, 300)  # nearly all of the time goes into evaluations, so that sleep comes over one
    sleeper, other = workers(normact, place, 2)
    draw = random.Random(2)
    for _ in range(8):
        time.sleep(draw.uniform(0, 0.5))
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(4)
        scored = number(place, "SELECT SUM(scored) FROM counts")
        sleeper.send_signal(signal.SIGCONT)
        wait_until(lambda: number(place, "SELECT SUM(scored) FROM counts") > scored)
    end([sleeper, other])
    audit(place)
    assert number(place, "SELECT COUNT(*) FROM evaluation WHERE attempts > 1") > 0, "no lease ran out"


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_database_that_goes_away_is_waited_for(normact, place, how):
    start_study(normact, place)
    running = workers(normact, place, 3)
    draw = random.Random(3)
    for _ in range(4):
        time.sleep(draw.uniform(0.5, 2))
        server(how)
        time.sleep(draw.uniform(0, 3))
        assert [process.poll() for process in running] == [None] * 3
        server("start")
        goes_on(place)
    end(running)
    audit(place)
    logs = "".join(path.read_text() for path in normact.folder.glob("*.log"))
    assert "Waiting for it" in logs and "The database is back" in logs


def test_connections_that_are_cut_at_any_moment_lose_nothing(normact, place):
    start_study(normact, place)
    running = workers(normact, place, 3)
    draw = random.Random(4)
    for _ in range(60):
        time.sleep(draw.uniform(0, 0.1))
        sql(place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                   "AND pid <> pg_backend_pid()")
    goes_on(place)
    end(running)
    audit(place)


def test_a_worker_can_be_stopped_while_the_database_is_away_and_its_outcome_is_brought_later(normact, place):
    start_study(normact, place)
    set_steps(place, 300)
    running = workers(normact, place, 2)
    wait_until(lambda: sum(len(worker["claims"]) for worker in normact.json("status", "--study", place)["workers"]) == 2)
    server("kill")
    try:
        wait_until(lambda: list((normact.folder / "state").rglob("*.json")))
        end(running)
    finally:
        server("start")
    kept = list((normact.folder / "state").rglob("*.json"))
    assert kept
    last = workers(normact, place, 1)
    wait_until(lambda: not list((normact.folder / "state").rglob("*.json")))
    end(last)
    audit(place)
    for letter in kept:
        assert letter.name.rpartition("-")[2].removesuffix(".json") in {
            fingerprint for fingerprint, in sql(place, "SELECT fingerprint FROM evaluation WHERE state <> 'open'")}


def test_clocks_of_workers_do_not_matter(normact, place):
    start_study(normact, place)
    wrong = {"LD_PRELOAD": os.environ["WRONG_CLOCK"]}
    running = [subprocess.Popen([PROGRAM, "worker", "--study", place, "--threads", "1", "--no-canary"],
                                cwd=normact.folder, stdout=subprocess.DEVNULL,
                                stderr=open(normact.folder / f"worker-{hours}.log", "w"), env=os.environ | wrong | {"WRONG_CLOCK_SECONDS": str(hours * 3600)})
               for hours in (5, -5)]
    assert [process.poll() for process in running] == [None, None]
    goes_on(place, results=5)
    for hours in (5, -5):
        assert "LD_PRELOAD" not in (normact.folder / f"worker-{hours}.log").read_text()
    for worker, in sql(place, "SELECT id FROM worker WHERE ended IS NULL"):
        wait_until(lambda: number(place, f"SELECT evaluated FROM worker WHERE id = {worker}") > 0)
    end(running)
    audit(place)
    assert number(place, "SELECT COUNT(*) FROM evaluation WHERE attempts > 1") == 0


def test_a_layer_that_ends_its_workers_is_quarantined_with_the_log_of_the_last_one(normact, place):
    # The second one trains for as long as it is let; one that diverges would end by itself.
    start_study(normact, place, evolution__initial='["abs(x)/std_batch(x)", "BN-ReLU"]')
    set_steps(place, 1_000_000)
    for attempt in (1, 2, 3):  # maximum_attempts
        worker, = workers(normact, place, 1)
        wait_until(lambda: number(place, "SELECT COUNT(*) FROM evaluation JOIN worker_log USING (worker) WHERE state = 'open' "
                                         f"AND attempts = {attempt} AND step > 0 AND tail LIKE '%begun%'"))
        worker.kill()
        worker.wait()
        time.sleep(3.5)  # past the lease
    last, = workers(normact, place, 1)
    wait_until(lambda: number(place, "SELECT SUM(quarantined) FROM counts"))
    end([last])
    layer, = normact.json("status", "--study", place)["quarantined"]
    reason = layer["reason"]
    assert re.search(r"^3 attempts failed; in the last one worker 4 on \S+ stopped without a word, training resnet-micro "
                     r"\d+/1000000\nIts log ended with:\n.*candidate \d+ begun$", reason), reason
    text, _ = normact("status", "--study", place)
    assert re.search(r"\n  3 attempts failed; .*\n  Its log ended with:\n .*begun", text), text
    audit(place)


def test_a_full_disk_of_a_worker_loses_nothing_while_the_database_is_away(normact, place):
    start_study(normact, place)
    set_steps(place, 300)  # nearly all of the time goes into evaluations, so that outages find one at work
    state = normact.folder / "state"
    state.mkdir()
    log = normact.folder / "worker.log"
    on_a_full_disk = 'mount -t tmpfs -o size=4k full "$0" && { yes > "$0/filler"; exec "$@"; }'
    worker = subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", on_a_full_disk, state, PROGRAM, "worker", "--study", place,
         "--threads", "1", "--no-canary"], cwd=normact.folder, stdout=subprocess.DEVNULL, stderr=open(log, "w"))
    draw = random.Random(5)
    for _ in range(6):
        time.sleep(draw.uniform(0, 1))
        server("kill")
        time.sleep(draw.uniform(2, 4))
        assert worker.poll() is None
        server("start")
        goes_on(place)
    end([worker])
    assert log.read_text().count("Make room, or set XDG_STATE_HOME") >= 3
    audit(place)
    assert number(place, "SELECT COUNT(*) FROM evaluation WHERE state <> 'open' AND attempts > 1") == 0


def test_scores_are_taken_back_while_workers_work(normact, place):
    start_study(normact, place)
    running = workers(normact, place, 3)
    for _ in range(6):
        goes_on(place, results=5)
        source, = sql(place, "SELECT id FROM worker WHERE refused = '' AND ended IS NULL ORDER BY random() LIMIT 1")[0]
        normact("study", "invalidate", "--study", place, "--worker", source)
        assert number(place, f"SELECT COUNT(*) FROM evaluation WHERE worker = {source} AND state IN ('scored', 'rejected')") == 0
        wait_until(lambda: any(process.poll() == 1 for process in running))
        running = [process for process in running if process.poll() is None]
        running += workers(normact, place, 3 - len(running))
    end(running)
    audit(place)


# ---- re-evaluation ----

def reevaluations(normact, place, count, *words):
    """So many processes at work on one re-evaluation of 12 seeds."""
    command = ["reevaluate", "--study", place, "--threads", 1, "--steps", 3, "--seeds", 12, "--json", *words]
    running = [normact.start(*command) for _ in range(count)]
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM trial WHERE state = 'finished'") > 2)
    return running


def test_a_reevaluation_is_shared_and_survives_a_kill_and_a_database_that_goes_away(normact, place):
    make(normact, place, lease_seconds=3)
    first, second, third = reevaluations(normact, place, 3)
    first.kill()
    first.communicate()
    server("stop")
    time.sleep(1)
    server("start")
    outputs = [process.communicate(timeout=280) for process in (second, third)]
    assert [second.returncode, third.returncode] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0], "both tell the same"
    assert json.loads(outputs[0][0])["finished"]
    assert number(place, "SELECT COUNT(*) FROM trial WHERE state <> 'finished'") == 0
    assert number(place, "SELECT COUNT(DISTINCT (condition, layer, replicate)) FROM trial") == number(
        place, "SELECT COUNT(*) FROM trial")
    audit(place)
