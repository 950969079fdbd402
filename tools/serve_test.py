"""`normact serve`: a study by HTTP; nothing can be changed through it."""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request

import pytest
from conftest import settings
from server import Server


def all_candidates(server, **parameters):
    rows, after = [], ""
    while after is not None:
        page = server.json("candidates", after=after, **parameters)
        rows += page["candidates"]
        after = page["next"]
    return rows


def test_it_tells_what_report_and_top_tell(server, here):
    report = server.json("report")
    assert report["format"] == "normact/report"
    top = here.json("top", "--count", 20)
    assert report["funnel"] == top["funnel"] == server.json("status")["funnel"]
    assert [row["candidate"] for row in report["layers"]] == [row["candidate"] for row in top["layers"]]
    best = top["layers"][0]
    told = server.json("candidate", id=best["candidate"])
    assert told["layer"]["hash"] == best["hash"] and told["layer"]["details"]["response"]["inputs"]
    assert told["lineage"][0]["candidate"] == best["candidate"]


def test_pages_join_to_all_candidates(server):
    funnel = server.json("status")["funnel"]
    for order in ("newest", "oldest"):
        rows = all_candidates(server, order=order, limit=7)
        ids = [row["candidate"] for row in rows]
        assert len(ids) == len(set(ids)) == funnel["proposed"]
        assert ids == sorted(ids, reverse=order == "newest")
    best = [row["mean"] for row in all_candidates(server, order="best", limit=4)]
    assert len(best) == funnel["scored"] and best == sorted(best, reverse=True)


def test_candidates_are_sorted_by_one_anchor(server):
    [task] = server.json("candidates")["tasks"]
    for order, sign in (("best", -1), ("worst", 1)):
        accuracies = [row["accuracies"][0] for row in all_candidates(server, order=order, task=task, limit=4)]
        assert len(accuracies) == server.json("status")["funnel"]["scored"]
        assert accuracies == sorted(accuracies, key=lambda accuracy: sign * accuracy)
    assert server.ask("/api/candidates?task=imagenet")[0] == 400


def test_candidates_are_filtered(server):
    funnel = server.json("status")["funnel"]
    for state in ("invalid", "duplicate", "quality", "stability", "scored"):
        assert len(all_candidates(server, order="oldest", state=state)) == funnel[state], state
    rows = all_candidates(server, order="best", **{"with": "std_batch", "without": "exp"})
    assert rows
    for row in rows:
        assert "std_batch" in row["text"] and "exp" not in row["text"]
    same = [row["candidate"] for row in all_candidates(server, order="oldest", same_as="abs(x)/std_batch(x)")]
    assert same[:2] == [1, 2], "the study begins with two ways to write it"


def test_formulas_of_two_candidates_are_compared(server):
    change = server.json("difference", **{"from": 1, "to": 2})["change"]
    assert change["before"] == "abs(x)/std_batch(x)" and "max(x, -x)" in change["after"]
    marked = [change["after"][begin:end] for begin, end in change["after_marks"]]
    assert marked and "std_batch(x)" not in "".join(marked), "what both have"
    assert server.json("difference", **{"from": 1, "to": 1})["change"]["after_marks"] == []


@pytest.mark.parametrize("path", [
    "/api/candidates?order=random", "/api/candidates?limit=1000", "/api/candidates?with=frob", "/api/candidates?after=x",
    "/api/candidates?same_as=x*(", "/api/candidates?limit=1&limit=2", "/api/candidates?frob=1", "/api/candidate",
    "/api/candidate?id=-1", "/api/candidate?id=1%20OR%201", "/api/candidate?id=99999999", "/api/candidate?id=1&x=2",
    "/api/difference?from=1", "/api/difference?from=1&to=99999999",
])
def test_what_makes_no_sense_is_refused_with_the_reason(server, path):
    status, _, body = server.ask(path)
    assert status == 400 and json.loads(body)["error"]


def test_there_is_no_way_to_write(server, finished_study):
    before = finished_study.read_bytes()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/", "/api/report", "/api/candidate?id=1"):
            status, headers, _ = server.ask(path, method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert server.ask("/../../etc/passwd")[0] == 404
    assert server.ask("/api/nothing")[0] == 404
    assert finished_study.read_bytes() == before


def test_only_requests_to_this_machine_are_answered(server):
    assert server.ask("/api/status", Host=f"localhost:{server.port}")[0] == 200
    for host in ("evil.example", f"evil.example:{server.port}", "localhost.evil.example"):
        status, _, body = server.ask("/api/status", Host=host)
        assert status == 403 and b"funnel" not in body


def test_every_answer_says_what_a_browser_may_do_with_it(server):
    for path in ("/", "/page.js", "/api/status", "/nothing"):
        headers = server.ask(path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_requests_are_bounded(server):
    status, _, body = server.ask("/" + "a" * 20000)
    assert status == 414 and b"too long" in body
    assert server.ask("/api/status", **{"X-Long": "a" * 20000})[0] == 400
    endless = b"GET /api/status HTTP/1.1\r\n" + b"X-More: and more\r\n" * 5000
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as long:
        with contextlib.suppress(ConnectionError):  # who does not stop is cut off
            long.sendall(endless + b"\r\n")
            assert b"funnel" not in long.recv(1000)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as silent:
        silent.sendall(b"GET /api/status HTTP/1.1\r\n")
        assert b"funnel" not in silent.recv(1000), "who says nothing more is left"
    assert server.ask("/api/status")[0] == 200


@pytest.mark.parametrize("ranges", ["bytes=0-9", "bytes=" + ",".join(["0-"] * 2000), "bytes=5-"])
def test_ranges_are_ignored(server, ranges):
    """The library would copy the whole page for each of them."""
    whole = server.ask("/page.js")[2]
    status, headers, body = server.ask("/page.js", Range=ranges)
    assert (status, body) == (200, whole) and "Content-Range" not in headers


def test_slow_clients_leave_the_others_their_answers(server):
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(20)]
    begin = time.monotonic()
    for one in slow:
        one.sendall(b"GET /api/status HTTP/1.1\r\n")
    ended = set()
    while len(ended) < len(slow):
        assert server.ask("/api/status")[0] == 200
        assert time.monotonic() - begin < 60, "a trickle is not cut off"
        for one in set(slow) - ended:
            try:
                one.sendall(b"X-Slow: yes\r\n")
                readable, _, _ = select.select([one], [], [], 0)
                if readable:
                    assert b"funnel" not in one.recv(1000)
                    ended.add(one)
            except ConnectionError:
                ended.add(one)
        time.sleep(1)
    for one in slow:
        one.close()


def test_a_crowd_is_turned_away_and_not_kept(server):
    """Of connections beyond those that are served and that wait, nothing is kept; when they are gone, all is as before."""
    crowd = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(150)]
    time.sleep(1)
    turned_away, _, _ = select.select(crowd, [], [], 0)
    assert len(turned_away) >= 150 - 32 - 64
    for one in crowd:
        one.close()
    time.sleep(1)
    assert server.ask("/api/status")[0] == 200


def test_another_address_of_this_machine_needs_no_token(here, finished_study):
    server = Server(here, "--study", finished_study, "--address", "127.0.0.2")
    with urllib.request.urlopen(f"{server.url}api/status", timeout=60) as answer:
        assert answer.status == 200
    request = urllib.request.Request(f"{server.url}api/status", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=60)
    server.stop()
    assert "--token-file" in here("serve", "--address", "127.example.org", status=2)[1]


def test_another_address_needs_a_token(here, finished_study):
    _, err = here("serve", "--address", "0.0.0.0", status=2)
    assert "--token-file" in err
    token = here.folder / "token"
    token.write_text("0123456789abcdefXYZ\n")
    token.chmod(0o644)
    assert "chmod 600" in here("serve", "--address", "0.0.0.0", "--token-file", token, status=1)[1]
    token.chmod(0o600)
    server = Server(here, "--study", finished_study, "--address", "0.0.0.0", "--token-file", token)
    basic = base64.b64encode(b"me:0123456789abcdefXYZ").decode()
    assert server.ask("/api/status")[0] == 401
    assert server.ask("/", Authorization="Bearer 0123456789abcdefXY")[0] == 401
    assert server.ask("/api/status", Authorization="Bearer 0123456789abcdefXYZ")[0] == 200
    assert server.ask("/api/status", Authorization=f"Basic {basic}", Host="node-17.lab:1")[0] == 200
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(here, finished_study, number):
    server = Server(here, "--study", finished_study)
    assert server.ask("/api/status")[0] == 200
    server.stop(number)


def test_what_can_t_be_done_is_told(here, server, normact):
    assert "in use" in here("serve", "--port", server.port, status=1)[1]
    assert "no study" in normact("serve", status=2)[1]
    assert "there is no study" in normact("serve", "--study", "absent.db", status=1)[1]


def test_a_study_that_is_moved_or_replaced_is_not_told_of_any_more(finished_study, normact):
    study, away = normact.folder / "moved.study.db", normact.folder / "away.study.db"
    shutil.copy(finished_study, study)
    server = Server(normact, "--study", study)
    assert server.ask("/api/report")[0] == 200
    study.rename(away)
    for path in ("/api/status", "/api/candidates", "/api/report"):
        status, _, body = server.ask(path)
        assert status == 500 and (b"moved" in body or b"there is no study" in body)
    other = normact.folder / "other.study.db"
    normact("search", "--study", other, *settings(budget__scored=1, scoring__quality__minimum_accuracy=0))
    other.rename(study)
    for path in ("/api/status", "/api/report"):
        status, _, body = server.ask(path)
        assert status == 500 and b"another study" in body
    away.replace(study)
    assert server.ask("/api/status")[0] == 200
    server.stop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write to every file")
def test_a_file_that_can_t_be_written_is_shown(finished_study, normact):
    study = normact.folder / "read-only.study.db"
    shutil.copy(finished_study, study)
    study.chmod(0o444)
    server = Server(normact, "--study", study)
    assert server.json("status")["funnel"]["scored"] > 0
    server.stop()
