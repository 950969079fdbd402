"""`normact export-study`: what csv readers, json, Optuna and TensorBoard find in it."""

import csv
import datetime
import io
import json
import math
import os
import shutil
import sqlite3
import subprocess
import time

import pytest

from conftest import PROGRAM

A_DAY_AGO = ("UPDATE evaluation SET finished = finished - 86400",)
EVIL = '=HYPERLINK("http://evil";"a")\r\n,"quoted"\t\x1b[31m<script>\u202e'


@pytest.fixture
def study(normact, finished_study):
    """A copy of the finished study, to change."""
    shutil.copy(finished_study, normact.folder / "small.study.db")
    return normact


def change(normact, *statements):
    with sqlite3.connect(normact.folder / "small.study.db") as database:
        for statement, *values in statements:
            database.execute(statement, values)


def more_candidates(normact, count):
    """Adds invalid candidates to the study."""
    change(normact, ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                     "INSERT INTO candidate (fingerprint, hash, graph, origin, invalid, proposer) "
                     "SELECT fingerprint, hash, graph, origin, 'not finite', proposer FROM n, candidate WHERE id = 1", count))


def everything(normact):
    return json.loads(normact("export-study", "--format", "json")[0])


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_json_has_every_candidate_as_top_shows_the_best(study):
    document = everything(study)
    assert (document["format"], document["version"]) == ("normact/study", 1)
    top = study.json("top", "--count", 1000)
    assert document["configuration"] == top["configuration"]
    candidates = {candidate["candidate"]: candidate for candidate in document["candidates"]}
    assert list(candidates) == list(range(1, top["funnel"]["proposed"] + 1))
    for layer in top["layers"]:
        del layer["rank"]
        assert candidates[layer["candidate"]] == layer


def test_csv_has_the_same(study):
    change(study, ("UPDATE candidate SET graph = ? WHERE id = 2", json.dumps(
        {"format": "normact/layer", "version": 1, "nodes": [{"op": "x"}, {"op": "neg", "inputs": [0]}]})))
    rows = csv_rows(study("export-study", "-o", "out.csv") and (study.folder / "out.csv").read_bytes().decode())
    candidates = everything(study)["candidates"]
    assert len(rows) == len(candidates)
    for row, candidate in zip(rows, candidates):
        assert int(row["candidate"]) == candidate["candidate"] and row["state"] == candidate["state"]
        assert (float(row["mean"]) if row["mean"] else None) == candidate["mean"]
        scores = [score["accuracy"] for score in candidate["scores"]]
        assert ([float(row["synthetic/resnet-micro"])] if row["synthetic/resnet-micro"] else []) == scores
        assert row["hash"] == candidate["hash"] and (int(row["parent"]) if row["parent"] else None) == candidate["parent"]
    assert rows[1]["text"] == "(-x)" and study.json("show", "(-x)")["text"] == "-x"
    assert all(row["text"][0] not in "=+-@'" for row in rows)


def test_csv_runs_nothing_in_a_spreadsheet_and_keeps_hostile_texts_in_their_cells(study):
    change(study, ("UPDATE candidate SET origin = ?", EVIL), ("UPDATE evaluation SET reason = ?", "-2+3"))
    rows = csv_rows(study("export-study", "-o", "out.csv") and (study.folder / "out.csv").read_bytes().decode())
    assert len(rows) == len(everything(study)["candidates"])
    assert {row["origin"] for row in rows} == {"'" + EVIL}
    assert "'-2+3" in {row["reason"] for row in rows}
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for row in rows for cell in row.values())


def test_accuracies_that_are_no_numbers_are_nothing(study):
    change(study, ("UPDATE score SET accuracy = NULL WHERE id = 1",))
    odd = next(c for c in everything(study)["candidates"] if c["scores"] and c["scores"][0]["accuracy"] is None)
    assert odd["mean"] is None
    rows = csv_rows(study("export-study")[0])
    assert rows[odd["candidate"] - 1]["mean"] == rows[odd["candidate"] - 1]["synthetic/resnet-micro"] == ""


def load_optuna(path):
    import optuna
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    return optuna.load_study(study_name=None, storage=storage)


def test_optuna_loads_it(study):
    import optuna
    change(study, ("UPDATE candidate SET origin = ?", EVIL), ("UPDATE score SET accuracy = NULL WHERE id = 1",), A_DAY_AGO)
    _, err = study("export-study", "--format", "optuna", "-o", "out.journal")
    assert "JournalFileBackend" in err
    loaded = load_optuna(study.folder / "out.journal")
    candidates = everything(study)["candidates"]
    assert len(loaded.trials) == len(candidates)
    with sqlite3.connect(study.folder / "small.study.db") as database:
        finished = dict(database.execute("SELECT candidate, finished FROM evaluation WHERE finished IS NOT NULL"))
    assert len(finished) > 20
    states = {"scored": "COMPLETE", "open": "RUNNING", "invalid": "FAIL", "quarantined": "FAIL"}
    for trial, candidate in zip(loaded.trials, candidates):
        expected = "FAIL" if candidate["state"] == "scored" and candidate["mean"] is None else states.get(candidate["state"], "PRUNED")
        assert trial.state.name == expected
        assert trial.value == (candidate["mean"] if expected == "COMPLETE" else None)
        assert trial.user_attrs["layer"] == candidate["text"] and trial.user_attrs["origin"] == EVIL
        used = {node["op"] + ("_" + node["over"] if "over" in node else "") for node in candidate["layer"]["nodes"]}
        assert {name for name, has in trial.params.items() if has} == used - {"x"}
        if trial.state.is_finished():
            assert abs(trial.duration.total_seconds() - candidate["seconds"]) <= 1
            ended = finished.get(candidate["evaluated"], time.time())
            assert abs(trial.datetime_complete.replace(tzinfo=datetime.UTC).timestamp() - ended) < 60
    best = study.json("top")["layers"][0]
    assert loaded.best_value == best["mean"] and loaded.direction == optuna.study.StudyDirection.MAXIMIZE
    assert loaded.user_attrs["configuration"]["seed"] == 1
    importances = optuna.importance.get_param_importances(loaded, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    assert importances and all(math.isfinite(value) for value in importances.values())
    loaded.add_trial(optuna.trial.create_trial(value=0.5))  # it is a storage like any other


def load_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    return events


def test_tensorboard_reads_it(study):
    change(study, ("UPDATE score SET accuracy = NULL WHERE id = 1",), A_DAY_AGO)
    _, err = study("export-study", "--format", "tensorboard", "-o", "runs/small")
    assert "tensorboard --logdir runs/small" in err
    assert [name for name in os.listdir(study.folder / "runs/small")] == ["events.out.tfevents.0.normact"]
    events = load_tensorboard(study.folder / "runs/small")
    candidates = everything(study)["candidates"]
    evaluated = [c for c in candidates if c["state"] == "scored" and c["evaluated"] == c["candidate"]]
    means = {event.step: event.value for event in events.Scalars("accuracy/mean")}
    assert means == {c["candidate"]: pytest.approx(c["mean"]) for c in evaluated if c["mean"] is not None}
    of_task = {event.step: event.value for event in events.Scalars("accuracy/synthetic/resnet-micro")}
    assert len(of_task) == len(evaluated) and sum(math.isnan(value) for value in of_task.values()) == 1
    assert all(23 * 3600 < time.time() - event.wall_time < 25 * 3600 for event in events.Scalars("accuracy/mean"))
    best = [event.value for event in events.Scalars("best/mean")]
    assert best == sorted(best) and best[-1] == pytest.approx(max(means.values()))
    funnel = study.json("top")["funnel"]
    for state in ("invalid", "scored", "duplicate"):
        assert funnel[state] == (events.Scalars(f"candidates/{state}")[-1].value if funnel[state] else 0)
    text = events.Tensors("best/layer")[-1].tensor_proto.string_val[0].decode()
    assert next(c for c in candidates if c["candidate"] == events.Tensors("best/layer")[-1].step)["text"] in text
    assert events.SummaryMetadata("best/layer").plugin_data.plugin_name == "text"


def test_an_empty_study_is_an_empty_file_of_its_format(study):
    change(study, *((f"DELETE FROM {table}",) for table in ("score", "failure", "evaluation", "candidate")))
    assert everything(study)["candidates"] == []
    assert csv_rows(study("export-study")[0]) == []
    study("export-study", "--format", "optuna", "-o", "out.journal")
    assert load_optuna(study.folder / "out.journal").trials == []
    study("export-study", "--format", "tensorboard", "-o", "runs")
    assert load_tensorboard(study.folder / "runs").Tags()["scalars"] == []


def test_a_file_is_replaced_as_a_whole_and_errors_say_what_to_do(study):
    (study.folder / "out.csv").write_text("old")
    study("export-study", "-o", "out.csv")
    assert (study.folder / "out.csv").read_text().startswith("candidate,parent,")
    assert "needs --output" in study("export-study", "--format", "optuna", status=2)[1]
    assert "csv, json, optuna, tensorboard" in study("export-study", "--format", "xml", status=2)[1]
    assert "nowhere/out.csv" in study("export-study", "-o", "nowhere/out.csv", status=1)[1]
    assert "out.csv" in study("export-study", "--format", "tensorboard", "-o", "out.csv", status=1)[1]
    assert not [name for name in os.listdir(study.folder) if ".partial" in name]


def test_two_exports_into_one_file_leave_each_other_alone(study):
    more_candidates(study, 20000)
    study("export-study", "-o", "alone.csv")
    alone = (study.folder / "alone.csv").read_bytes()
    exports = [study.start("export-study", "-o", "out.csv") for _ in range(3)]
    for export in exports:
        _, err = export.communicate(timeout=300)
        assert export.returncode == 0, err
        assert (study.folder / "out.csv").read_bytes() == alone
    assert not [name for name in os.listdir(study.folder) if ".partial" in name]


def memory_of(normact, *words):
    """The most memory that the program had while it ran, in MiB."""
    child = subprocess.Popen([PROGRAM, *words], cwd=normact.folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_maxrss / 1024


def test_memory_does_not_grow_with_the_study(study):
    small = memory_of(study, "export-study", "--format", "json")
    more_candidates(study, 50000)
    output = study.folder / "out.json"
    study("export-study", "--format", "json", "-o", output)
    size = output.stat().st_size / 2**20
    large = memory_of(study, "export-study", "--format", "json")
    print(f"{small:.0f} MiB, with 50,000 candidates ({size:.0f} MiB of JSON) {large:.0f} MiB")
    assert size > 20 and large - small < size / 2
