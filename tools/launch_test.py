"""What `normact launch` writes, and workers on this machine."""

import json
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import PROGRAM, settings
from kubernetes_validate import validate

PLACE = "postgresql://me@db.example/lab#first"


def dry(normact, where, *words):
    return normact("launch", where, "--study", PLACE, "--dry-run", *words)[0]


def test_a_slurm_job_is_an_array_that_stops_in_time_and_queues_again(normact):
    script = dry(normact, "slurm", "--workers", 64, "--threads", 4, "--gpus", 1, "--memory", "8G", "--time", "12:00:00",
                 "--partition", "gpu", "--env", "NORMACT_DATA=/big disk/data")
    for line in ("--array=0-63", "--cpus-per-task=4", "--gres=gpu:1", "--mem=8G", "--time=12:00:00", "--partition=gpu",
                 "--requeue", "--signal=B:USR1@120"):
        assert f"#SBATCH {line}\n" in script
    assert "export NORMACT_DATA='/big disk/data'\n" in script
    assert f"worker --study {PLACE} --threads 4 &" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


def test_nothing_of_the_environment_goes_along_but_what_is_named(normact):
    script = normact("launch", "slurm", "--study", PLACE, "--dry-run", environment={"PGPASSWORD": "geheim"})[0]
    export, = [line for line in script.splitlines() if "--export" in line]
    assert "PGPASSFILE" in export and "ALL" not in export and "PGPASSWORD" not in export
    assert "geheim" not in script


@pytest.mark.parametrize("words", [("--workers", 1), ("--gpus", 2, "--memory", "16Gi", "--data-claim", "images",
                                                      "--env", "TZ=UTC", "--workers", 500)])
def test_a_kubernetes_manifest_is_valid_and_refers_to_the_secret(normact, words):
    text = dry(normact, "kubernetes", "--image", "registry.example/normact:1", *words)
    manifest = json.loads(text)
    validate(manifest, "1.30", strict=True)
    assert manifest["spec"]["completionMode"] == "Indexed"
    container, = manifest["spec"]["template"]["spec"]["containers"]
    assert container["args"][:3] == ["worker", "--study", PLACE]
    assert container["args"][-2:] == ["--status-when-stopped", "143"]  # else the Job would not replace it
    assert {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "normact-postgresql", "key": "password"}}} in (
        container["env"])
    assert container["resources"]["limits"]["cpu"] == "1"
    if "--gpus" in words:
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
        assert {"name": "NORMACT_DATA", "value": "/data"} in container["env"]


@pytest.mark.parametrize("words, told", [
    (("slurm",), "--study is missing"),
    (("slurm", "--study", "postgresql://me:geheim@db/lab"), "PGPASSFILE"),
    (("moon", "--study", PLACE), "slurm, kubernetes and local"),
    (("kubernetes", "--study", PLACE), "--image is missing"),
    (("kubernetes", "--study", "a.study.db", "--image", "x"), "PostgreSQL"),
    (("slurm", "--study", PLACE, "--workers", 0), "--workers"),
    (("slurm", "--study", PLACE, "--partition", "a\n#SBATCH --uid=0"), "--partition"),
    (("slurm", "--study", PLACE, "--name", "A B"), "--name"),
    (("slurm", "--study", PLACE, "--env", "1=2"), "NAME=VALUE"),
    (("slurm", "--study", PLACE, "--env", "PGPASSWORD=geheim"), "~/.pgpass"),
])
def test_bad_words_are_refused_and_secrets_not_repeated(normact, words, told):
    done = normact("launch", *words, "--dry-run", status=1 if "geheim@" in " ".join(map(str, words)) else 2)
    assert told in done[1] and "geheim" not in "".join(done)


def test_machines_are_given_the_program_itself_and_not_what_sets_it_up(normact):
    script = normact("launch", "slurm", "--study", PLACE, "--dry-run", environment={"NORMACT_COMMAND": "/x/tools/run"})[0]
    assert "/x/tools/run" not in script and f"{PROGRAM} worker" in script


def test_a_study_name_can_not_break_out_of_the_script(normact):
    study = "x'; touch broken; '.study.db"
    script = normact("launch", "slurm", "--study", study, "--dry-run")[0]
    command, = [line for line in script.splitlines() if " worker --study " in line]
    words = subprocess.run(["bash", "-c", "set -- " + command.rstrip(" &") + '; printf "%s\\n" "$@"'],
                           capture_output=True, text=True, cwd=normact.folder).stdout.splitlines()
    assert study in words and not (normact.folder / "broken").exists()


def test_local_workers_work_until_the_budget_and_keep_logs(normact):
    normact("search", "--study", "s.study.db", "--threads", 1, *settings(budget__scored=1))
    with sqlite3.connect(normact.folder / "s.study.db") as study:
        configuration, = study.execute("SELECT configuration FROM study").fetchone()
        study.execute("UPDATE study SET configuration = ?", (re.sub(r'"scored": *1', '"scored": 20', configuration),))
    normact("launch", "local", "--study", "s.study.db", "--workers", 3)
    logs = [(normact.folder / f"normact-{worker}.log").read_text() for worker in range(3)]
    assert all("The study's budget is reached" in log for log in logs)
    assert len(normact.scores("s.study.db")) >= 20


def test_local_workers_are_told_to_stop(normact):
    slow = settings(budget__scored=0, scoring__training__steps=100000)
    search = normact.start("search", "--study", "s.study.db", "--threads", 1, *slow)
    while not (normact.folder / "s.study.db").exists():
        time.sleep(0.05)
    launched = normact.start("launch", "local", "--study", "s.study.db", "--workers", 2)
    while len(normact.json("status", "--study", "s.study.db")["workers"]) < 3:
        time.sleep(0.05)
    for process in (launched, search):
        process.send_signal(signal.SIGINT)
    assert launched.wait(60) == 0
    search.wait(60)
    assert normact.json("status", "--study", "s.study.db")["workers"] == []


def test_a_local_worker_that_fails_is_told(normact):
    done = normact("launch", "local", "--study", "none.study.db", "--workers", 1, status=1)
    assert "Worker 0 failed; normact-0.log says why" in done[1]
    assert "there is no study" in (normact.folder / "normact-0.log").read_text()
