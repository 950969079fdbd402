"""Workers that a real Slurm starts, stops, cancels and queues again, on a study in a real PostgreSQL.

Run by results/with_postgresql.sh and tools/with_slurm.sh.
"""

import random
import re
import subprocess
import time

import pytest
from cluster import SERVER, audit, goes_on, number, start_study, wait_until

names = iter(range(1000))


@pytest.fixture
def place():
    return f"{SERVER}#slurm-{next(names)}"


def launch(normact, place, *words):
    said, _ = normact("launch", "slurm", "--study", place, "--workers", 2, *words)
    return re.search(r"Submitted batch job (\d+)", said)[1]


def states(job):
    done = subprocess.run(["squeue", "--noheader", "--array", "--job", job, "--format=%T"], capture_output=True, text=True)
    return done.stdout.split()


def ended(place):
    """All workers, of any start, have given their claims back."""
    return number(place, "SELECT COUNT(*) FROM worker WHERE ended IS NULL") == 0


def test_an_array_works_and_is_cancelled(normact, place):
    start_study(normact, place)
    draw = random.Random(1)
    for launched in (1, 2, 3):
        job = launch(normact, place)
        wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") == 1 + 2 * launched)
        goes_on(place)
        time.sleep(draw.uniform(0, 1))
        subprocess.run(["scancel", job], check=True)
        wait_until(lambda: not states(job))
        wait_until(lambda: ended(place))
    assert number(place, "SELECT COUNT(*) FROM evaluation WHERE state = 'open' AND lease_until > 0") == 0
    audit(place)


def test_a_job_that_is_queued_again_goes_on(normact, place):
    start_study(normact, place)
    job = launch(normact, place)
    draw = random.Random(2)
    for queued in (1, 2, 3):
        wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") == 1 + 2 * queued, seconds=200)
        goes_on(place)
        time.sleep(draw.uniform(0, 1))
        subprocess.run(["scontrol", "requeue", job], check=True)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") == 9, seconds=200)
    goes_on(place)
    subprocess.run(["scancel", job], check=True)
    wait_until(lambda: not states(job))
    audit(place)


def test_a_job_whose_time_is_nearly_over_stops_well_and_queues_itself_again(normact, place):
    start_study(normact, place)
    job = launch(normact, place, "--time", "2")  # minutes; the warning comes two minutes before the end, so at once
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker WHERE ended IS NOT NULL") >= 3, seconds=200)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") >= 5, seconds=200)
    subprocess.run(["scancel", job], check=True)
    wait_until(lambda: not states(job))
    wait_until(lambda: ended(place))
    audit(place)
    logs = "".join(path.read_text() for path in normact.folder.glob("normact-*.log"))
    assert "Stopping: unfinished evaluations are given back" in logs


def test_a_job_that_is_preempted_gives_way_and_goes_on_later(normact, place):
    start_study(normact, place)
    job = launch(normact, place, "--threads", 2)  # all processors that the node has
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") == 3)
    subprocess.run(["sbatch", "--partition=urgent", "--cpus-per-task=4", "--output=/dev/null", "--wrap=sleep 5"],
                   cwd=normact.folder, check=True, capture_output=True)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker WHERE ended IS NOT NULL") >= 3, seconds=200)
    wait_until(lambda: number(place, "SELECT COUNT(*) FROM worker") >= 5, seconds=200)
    goes_on(place)
    subprocess.run(["scancel", job], check=True)
    wait_until(lambda: not states(job))
    audit(place)
