"""Rejected layers that are scored all the same, to judge the filters."""

import json
import sqlite3

from conftest import settings


def audited_study(normact, share, minimum=0.1):
    normact("search", "--study", "a.study.db", *settings(
        budget__proposed=40, scoring__audit_share=share, scoring__quality__minimum_accuracy=minimum))
    return normact.json("status", "--study", "a.study.db")


def test_each_filter_is_judged_by_its_audited_layers(normact):
    status = audited_study(normact, 1)
    quality, stability = status["audit"]["filters"]
    assert (quality["filter"], stability["filter"]) == ("quality", "stability")
    assert quality["audited"] == quality["rejected"] == status["funnel"]["quality"] > 0 and status["funnel"]["scored"] > 0
    assert 0 <= quality["false_rejections"]["low"] <= quality["false_rejections"]["rate"] <= 1
    for command in (("status",), ("top",), ("study", "info"), ("search", *settings())):
        out, _ = normact(*command, "--study", "a.study.db") if command[0] != "search" else normact(
            "search", "--study", "a.study.db", "--set", "budget.proposed=40")
        assert "false rejections (95%)" in out, command
    assert normact.json("top", "--study", "a.study.db")["audit"] == status["audit"]


def test_an_audited_layer_has_scores_and_stays_rejected(normact):
    audited_study(normact, 1)
    with sqlite3.connect(normact.folder / "a.study.db") as database:
        audited, = database.execute("SELECT candidate FROM evaluation WHERE audit_accuracy IS NOT NULL").fetchone()
        parents = database.execute("SELECT COUNT(*) FROM candidate c JOIN candidate p ON p.id = c.parent "
                                   "JOIN evaluation e ON e.fingerprint = p.fingerprint WHERE e.state = 'rejected'")
        assert parents.fetchone() == (0,)
    assert audited not in normact.scores("a.study.db")
    out, _ = normact("show", audited, "--study", "a.study.db")
    assert "quality" in out and "(audited) 0." in out
    assert "identical to the last bit" in normact("verify", "--score", audited, "--study", "a.study.db")[0]


def test_without_a_share_nothing_is_audited(normact):
    status = audited_study(normact, 0)
    assert [row["audited"] for row in status["audit"]["filters"]] == [0, 0]
    assert status["audit"]["filters"][0]["false_rejections"]["rate"] is None
    assert "false rejections" not in normact("top", "--study", "a.study.db")[0]


def test_without_a_scored_layer_no_share_is_known(normact):
    status = audited_study(normact, 1, minimum=0.99)
    assert status["funnel"]["scored"] == 0
    quality = status["audit"]["filters"][0]
    assert quality["audited"] > 0 and quality["best"] is not None
    for share in ("false_rejections", "as_good_as_best"):
        assert quality[share] == {"count": 0, "rate": None, "low": 0, "high": 1}
    out, _ = normact("status", "--study", "a.study.db")
    row, = (line.split() for line in out.splitlines() if line.split()[:1] == ["quality"] and line.count(" - "))
    assert row[2:5] == [str(quality["audited"]), "-", "-"]
    assert "no layer is scored" in out


def test_a_study_from_before_there_were_audits_goes_on(normact):
    audited_study(normact, 0.01)
    with sqlite3.connect(normact.folder / "a.study.db") as database:
        configuration = json.loads(database.execute("SELECT configuration FROM study").fetchone()[0])
        del configuration["scoring"]["audit_share"]
        database.execute("UPDATE study SET configuration = ?", (json.dumps(configuration),))
    normact("search", "--study", "a.study.db", "--set", "budget.proposed=45")
