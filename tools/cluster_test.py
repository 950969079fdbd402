"""One study in PostgreSQL, many processes: the program as a user meets it, and what goes wrong on the way.

Run beside a server of its own by results/with_postgresql.sh.
"""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PROGRAM, settings

SERVER = os.environ["NORMACT_TEST_POSTGRESQL"]
PASSWORD = open(os.environ["PGPASSFILE"]).read().strip().rpartition(":")[2]
DOCS = Path(__file__).parent.parent / "docs" / "commands.md"
METRICS = {"normact_candidates", "normact_evaluated_last_hour", "normact_workers", "normact_worker_seen_seconds",
           "normact_worker_evaluated"}
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


# ---- commands ----

def test_a_study_is_made_worked_for_looked_at_and_deleted(normact, place):
    make(normact, place)
    assert place in normact.json("study", "list", "--study", SERVER)["studies"]
    normact("worker", "--study", place, "--threads", 2)  # the budget is reached: nothing to do
    assert normact.json("top", "--study", place)["layers"]
    info = normact.json("study", "info", "--study", place)
    assert info["configuration"]["scoring"]["dataset"]["name"] == "synthetic"
    _, error = normact("study", "delete", "--study", place, status=2)
    assert "--yes" in error
    normact("study", "delete", "--study", place, "--yes")
    _, error = normact("top", "--study", place, status=1)
    assert "there is no study of this name" in error


def test_workers_stop_at_the_budget(normact, place):
    make(normact, place, budget__scored=40)
    running = workers(normact, place, 3)
    assert [process.wait(100) for process in running] == [0, 0, 0]
    assert 40 <= number(place, "SELECT SUM(scored) FROM counts") < 44
    audit(place)


def test_a_worker_that_is_told_to_stop_gives_back_and_ends_well(normact, place):
    slow = {"budget__scored": 0, "scoring__training__steps": 100000}
    search = normact.start("search", "--study", place, "--threads", 1, *settings(**slow))
    wait_until(lambda: place in normact.json("study", "list", "--study", SERVER)["studies"])
    running = workers(normact, place, 2)
    wait_until(lambda: sum(len(worker["claims"]) for worker in normact.json("status", "--study", place)["workers"]) == 3)
    for process in running:  # Slurm asks a process twice
        process.send_signal(signal.SIGTERM)
    end(running)
    in_kubernetes, = workers(normact, place, 1, "--status-when-stopped", "143")
    in_kubernetes.send_signal(signal.SIGTERM)
    assert in_kubernetes.wait(60) == 143
    search.send_signal(signal.SIGINT)
    assert search.wait(60) == 130
    assert number(place, "SELECT COUNT(*) FROM evaluation WHERE state = 'open' AND lease_until > 0") == 0
    audit(place)


def test_status_shows_workers_steps_and_pace(normact, place):
    slow = {"budget__scored": 0, "scoring__training__steps": 100000, "lease_seconds": 3}
    search = normact.start("search", "--study", place, "--threads", 1, *settings(**slow))

    def step():
        if place not in normact.json("study", "list", "--study", SERVER)["studies"]:
            return 0
        found = normact.json("status", "--study", place)["workers"]
        return found and found[0]["claims"] and found[0]["claims"][0]["step"]

    wait_until(step)
    text, _ = normact("status", "--study", place)
    assert re.search(r"#\d+ training resnet-micro \d+/100000", text), text
    example = re.search(r"<!-- normact status --json -->\n```json\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    document, documented = normact.json("status", "--study", place), json.loads(example)
    assert list(document) == list(documented)
    assert list(document["workers"][0]) == list(documented["workers"][0])
    assert list(document["workers"][0]["claims"][0]) == list(documented["workers"][0]["claims"][0])
    metrics, _ = normact("status", "--study", place, "--prometheus")
    assert set(re.findall(r"^(normact_\w+)\{", metrics, re.MULTILINE)) == METRICS
    for line in metrics.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|normact_\w+\{(\w+="[^"]*",?)+\} \d+', line), line
    search.send_signal(signal.SIGINT)
    search.wait(60)


def test_a_file_moves_to_the_database_and_back(normact, place):
    normact("search", "--study", "s.study.db", "--threads", 1, *settings(budget__scored=5))
    normact("study", "copy", "s.study.db", place)
    normact("study", "copy", place, "back.study.db")
    assert normact.scores("s.study.db") == normact.scores(place) == normact.scores("back.study.db")
    best = normact.json("top", "--study", place)["layers"][0]["candidate"]
    normact("verify", "--score", best, "--study", place)


def test_what_a_faulty_worker_found_is_taken_back_and_done_again(normact, place):
    make(normact, place, budget__scored=10)
    before = normact.scores(place)
    text, _ = normact("study", "invalidate", "--study", place, "--worker", 1)
    assert "evaluations are taken back" in text, "and no trainings, since none were done"
    assert normact.scores(place) == {}
    normact("worker", "--study", place, "--threads", 1)
    assert {candidate: score for candidate, score in normact.scores(place).items() if candidate in before} == before
    audit(place)
    _, error = normact("study", "invalidate", "--study", place, status=2)
    assert "--host" in error


def test_a_worker_whose_canary_differs_is_refused(normact, place):
    make(normact, place, budget__scored=2)
    set_budget(place, 4)
    sql(place, "UPDATE score SET accuracy = accuracy + 0.01")
    _, error = normact("worker", "--study", place, "--threads", 1, status=1)
    assert "refused" in error and "instead of" in error
    assert number(place, "SELECT COUNT(*) FROM worker WHERE refused <> ''") == 1
    sql(place, "UPDATE score SET accuracy = accuracy - 0.01")
    normact("worker", "--study", place, "--threads", 1)
    assert number(place, "SELECT SUM(scored) FROM counts") >= 4


def test_workers_of_another_release_are_refused(normact, place):
    make(normact, place)
    for version, words in ((1, "of an older normact"), (99, "of a newer normact")):
        sql(place, f"UPDATE schema_version SET version = {version}")
        _, error = normact("worker", "--study", place, status=1)
        assert words in error


# ---- credentials ----

def test_a_password_in_the_place_is_refused_and_shown_nowhere(normact):
    for place in (SERVER.replace("@", ":geheim@"), SERVER + "?password=geheim"):
        for command in ("search", "worker", "top", "status"):
            out, error = normact(command, "--study", place, status=1)
            assert "PGPASSFILE" in error and "geheim" not in out + error


def test_the_password_is_in_no_output_no_command_line_and_not_in_the_study(normact, place):
    make(normact, place)
    running = workers(normact, place, 1)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") == 2)
    seen = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
    end(running)
    texts = [seen, *normact("study", "info", "--study", place), *normact("status", "--study", place, "--json")]
    texts += [path.read_text() for path in normact.folder.glob("*.log")]
    for table, in sql(place, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
        texts += ["\t".join(row) for row in sql(place, f"SELECT * FROM {table}")]
    assert not [text for text in texts if PASSWORD in text]


# ---- faults ----

ENDLESS = {"budget__scored": 0, "budget__proposed": 0, "lease_seconds": 3}


def goes_on(place, results=1):
    """Waits for new scores."""
    scored = number(place, "SELECT SUM(scored) FROM counts")
    wait_until(lambda: number(place, "SELECT SUM(scored) FROM counts") >= scored + results)


def start_study(normact, place, **changes):
    normact("search", "--study", place, "--threads", 1, *settings(**(ENDLESS | {"budget__scored": 1} | changes)))
    set_budget(place, 0)


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


def set_steps(place, steps):
    sql(place, "UPDATE study SET configuration = regexp_replace(configuration, '(\"training\".*?\"steps\": *)[0-9]+', '\\1%d')" % steps)


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
