"""`normact verify`: a score again, to the last bit."""

import shutil
import sqlite3

from conftest import a_duplicate


def test_a_score_can_be_had_again_to_the_last_bit(here):
    best = here.json("top")["layers"][0]["candidate"]
    out, _ = here("verify", "--score", best)
    assert "identical to the last bit" in out
    document = here.json("verify", "--score", best)
    assert document["identical"] is True
    assert [score["accuracy"] for score in document["again"]] == [
        score["accuracy"] for score in document["candidate"]["scores"]]


def test_a_duplicates_score_is_that_of_the_layer_it_shares(here, finished_study):
    assert here.json("verify", "--score", a_duplicate(finished_study))["identical"] is True


def test_a_changed_score_is_found_out(normact, finished_study):
    shutil.copy(finished_study, normact.folder / "a.study.db")
    best = normact.json("top")["layers"][0]["candidate"]
    with sqlite3.connect(normact.folder / "a.study.db") as database:
        database.execute("UPDATE score SET accuracy = accuracy + 1e-16 + accuracy * 3e-16 WHERE fingerprint = "
                         "(SELECT fingerprint FROM candidate WHERE id = ?)", (best,))
    out, _ = normact("verify", "--score", best, status=1)
    assert "NOT the same" in out and "different" in out
    assert normact.json("verify", "--score", best, status=1)["identical"] is False


def test_verify_names_what_has_no_score(here):
    _, err = here("verify", status=2)
    assert "--score" in err
    _, err = here("verify", "--score", "999999", status=2)
    assert "999999" in err
    scored = set(here.scores("small.study.db"))
    invalid = next(id for id in range(1, 10000)
                   if id not in scored and here.json("show", id)["candidate"]["state"] == "invalid")
    _, err = here("verify", "--score", invalid, status=2)
    assert "its state is 'invalid'" in err
