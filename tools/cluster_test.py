"""One study in PostgreSQL, many processes: the program as a user meets it.

Run beside a server of its own by results/with_postgresql.sh.
"""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from cluster import SERVER, audit, end, make, number, own_state, place, set_budget, sql, wait_until, workers
from conftest import settings

PASSWORD = open(os.environ["PGPASSFILE"]).read().strip().rpartition(":")[2]
DOCS = Path(__file__).parent.parent / "docs" / "commands.md"
METRICS = {"normact_candidates", "normact_evaluated_last_hour", "normact_workers", "normact_worker_seen_seconds",
           "normact_worker_evaluated"}


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
