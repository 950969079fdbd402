"""`normact serve`: a study in the browser, live; nothing can be changed through it."""

import base64
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from browser import chromium, overflow, until
from conftest import settings


class Server:
    """The running command, and requests to it."""

    def __init__(self, normact, *words):
        self.process = normact.start("serve", *words, "--port", 0)
        self.line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+", self.line).group(0)
        self.port = int(re.search(r":(\d+)/", self.url).group(1))

    def ask(self, path, method="GET", body=None, **headers):
        """(status, headers, body) of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def json(self, path, **parameters):
        status, _, body = self.ask(f"/api/{path}?" + urllib.parse.urlencode(parameters))
        assert status == 200, body
        return json.loads(body)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        assert self.process.wait(timeout=30) == 0, self.process.stderr.read()


@pytest.fixture(scope="session")
def server(finished_study):
    from conftest import Normact

    running = Server(Normact(finished_study.parent), "--study", finished_study)
    yield running
    running.stop()


@pytest.fixture
def pages():
    with chromium() as opened:
        yield opened


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


@pytest.mark.parametrize("path", [
    "/api/candidates?order=random", "/api/candidates?limit=1000", "/api/candidates?with=frob", "/api/candidates?after=x",
    "/api/candidates?same_as=x*(", "/api/candidates?limit=1&limit=2", "/api/candidates?frob=1", "/api/candidate",
    "/api/candidate?id=-1", "/api/candidate?id=1%20OR%201", "/api/candidate?id=99999999", "/api/candidate?id=1&x=2",
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
    assert server.ask("/" + "a" * 20000)[0] in (400, 414)
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


# ---- in the browser ----

def shows(page, count):
    """Waits until the table has so many candidates: "=== 50"."""
    until(page, f"document.querySelectorAll('#candidates tbody tr').length {count}")


def test_the_page_searches_and_compares(server, pages):
    scored = server.json("status")["funnel"]["scored"]
    page = pages.open(server.url)
    shows(page, f"=== {scored}")
    page.get_by_label("Has parts").fill("std_batch")
    page.keyboard.press("Enter")
    shows(page, f"< {scored}")
    for text in page.locator("#candidates tbody td.formula").all_inner_texts():
        assert "std_batch" in text
    page.get_by_role("button", name="Clear").click()
    shows(page, f"=== {scored}")
    page.get_by_label("Order").select_option("newest")
    shows(page, "=== 50")
    page.get_by_role("button", name="More").click()
    shows(page, "> 50")
    page.get_by_label("Order").select_option("best")
    shows(page, f"=== {scored}")
    for i in (0, 1, 2):
        page.locator("#candidates input").nth(i).check()
    page.get_by_role("button", name="Compare 3").click()
    page.wait_for_selector("dialog svg.chart")
    assert page.locator("dialog thead th").count() >= 4
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert all(url.startswith((server.url, "data:")) for url in pages.requests)


def test_the_page_sorts_by_its_columns(server, pages):
    page = pages.open(server.url)
    sorted_heads = page.locator("#candidates th[aria-sort]")
    first = page.locator("#candidates tbody tr").first
    for column, direction in (("mean", "descending"), ("resnet-micro", "descending"), ("resnet-micro", "ascending"), ("id", "descending"),
                              ("id", "ascending")):
        if column != "mean":  # that is how it begins
            page.get_by_role("button", name=column, exact=True).press("Enter")
        page.wait_for_selector(f"#candidates th[aria-sort={direction}] >> text='{column}'")
        assert sorted_heads.count() == 1
    assert first.locator("a").first.inner_text() == "#1"
    assert page.get_by_label("Order").input_value() == "oldest"


def test_the_page_tells_a_reevaluation_and_times_what_is_opened(finished_study, normact, pages):
    study, told = normact.folder / "again.study.db", normact.folder / "again.json"
    shutil.copy(finished_study, study)
    out, _ = normact("reevaluate", "--study", study, "--top", 1, "--with", "BN-ReLU", "--seeds", 3, "--steps", 3, "--json")
    told.write_text(out)
    server = Server(normact, "--study", study, "--reevaluation", told, "--speed")
    page = pages.open(server.url)
    page.wait_for_selector("#reevaluation")
    assert "BN-ReLU" in page.locator("#reevaluation tbody").first.inner_text()
    until(page, "document.querySelector('article.layer .inside')?.textContent.includes('Speed on')")
    assert "A layer is timed when it is opened" in page.locator("#costs").inner_text()
    told.write_text("{")  # somebody writes it anew
    assert server.json("report")["reevaluation"]
    page.close()
    server.stop()
    assert "--reevaluation" in normact("serve", "--study", study, "--reevaluation", told, status=2)[1]


def test_the_page_opens_any_candidate_by_keyboard(server, pages):
    page = pages.open(server.url)
    page.get_by_label("State").select_option("invalid")
    until(page, "document.querySelector('#candidates tbody')?.textContent.includes('invalid')")
    link = page.locator("#candidates tbody tr").nth(1).locator("a").first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog .inside")
    assert "fingerprint" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.tagName") == "A"


def test_the_page_fits_a_phone_and_says_what_went_wrong(server, pages):
    page = pages.open(server.url, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page.wait_for_selector("#candidates tbody tr")
    assert overflow(page) <= 0
    page.get_by_label("Has parts").fill("<b>frob</b>")
    page.get_by_role("button", name="Search").click()
    page.wait_for_selector("#candidates .error")
    assert "<b>frob</b>" in page.locator("#candidates .error").inner_text()
    pages.complaints = [text for text in pages.complaints if "400" not in text]


def test_the_page_follows_a_search(normact, pages):
    normact("search", "--study", "live.study.db", *settings(budget__scored=2, scoring__quality__minimum_accuracy=0))
    server = Server(normact, "--study", "live.study.db")
    page = pages.open(server.url)
    until(page, "/[2-4] scored/.test(document.getElementById('live')?.textContent)")
    normact("search", "--study", "live.study.db", "--set", "budget.scored=6")
    page.wait_for_selector("#live button", timeout=30000)
    page.locator("#live button").click()
    until(page, "/[6-9]scored layers/.test(document.querySelector('#summary').textContent)")
    page.close()
    server.stop()


def test_a_hostile_study_harms_nobody(finished_study, normact, pages):
    study = normact.folder / "hostile.study.db"
    shutil.copy(finished_study, study)
    evil = "</script><img src=x onerror=alert(1)>"
    with sqlite3.connect(study) as database:
        database.execute("UPDATE candidate SET origin = ?", (evil,))
        database.execute("UPDATE worker SET host = ?", (evil,))
    server = Server(normact, "--study", study)
    page = pages.open(server.url)
    page.wait_for_selector("#candidates tbody tr")
    assert page.locator("main img").count() == 0
    assert evil in page.locator("#candidates tbody").inner_text()
    page.close()
    server.stop()
    with sqlite3.connect(study) as database:
        first, huge = database.execute("SELECT fingerprint, candidate FROM evaluation WHERE mean_accuracy IS NOT NULL "
                                       "ORDER BY mean_accuracy DESC, candidate LIMIT 1").fetchone()
        nodes = '{"op": "x"},' + ",".join('{"op": "tanh", "inputs": [%d]}' % i for i in range(1000))
        database.execute("UPDATE candidate SET graph = ? WHERE fingerprint = ?",
                         ('{"format": "normact/layer", "version": 1, "name": "", "nodes": [%s]}' % nodes, first))
        odd = database.execute("SELECT candidate FROM evaluation WHERE mean_accuracy IS NOT NULL AND fingerprint != ? "
                               "ORDER BY mean_accuracy DESC, candidate LIMIT 1", (first,)).fetchone()[0]
        database.execute("UPDATE score SET accuracy = ? WHERE fingerprint = (SELECT fingerprint FROM candidate WHERE id = ?)",
                         (float("nan"), odd))  # which SQLite keeps as NULL
    server = Server(normact, "--study", study)
    assert server.json("candidate", id=odd)["layer"]["mean"] is None
    page = pages.open(server.url)
    page.wait_for_selector("#candidates tbody tr")
    row = page.locator("#candidates tbody tr", has=page.get_by_label(f"Compare {odd}", exact=True))
    assert "–" in row.inner_text() and "NaN" not in page.locator("main").inner_text()
    assert page.locator("#progress svg.chart[role=img] circle").count() > 3
    until(page, "document.querySelector('article.layer')?.textContent.includes('more than 150 nodes')")
    page.locator("#candidates tbody").get_by_role("link", name=f"#{huge}", exact=True).first.click()
    page.close()
    server.stop()
    with sqlite3.connect(study) as database:
        database.execute("UPDATE candidate SET graph = '{' WHERE id = 3")
    server = Server(normact, "--study", study)
    status, _, body = server.ask("/api/candidate?id=3")
    assert status == 500 and b"candidate 3 is damaged" in body
    assert server.ask("/api/candidate?id=4")[0] == 200, "one damaged row leaves the others"
    server.stop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write to every file")
def test_a_file_that_can_t_be_written_is_shown(finished_study, normact):
    study = normact.folder / "read-only.study.db"
    shutil.copy(finished_study, study)
    study.chmod(0o444)
    server = Server(normact, "--study", study)
    assert server.json("status")["funnel"]["scored"] > 0
    server.stop()


# ---- 100,000 candidates ----


@pytest.fixture(scope="session")
def large_study(finished_study, tmp_path_factory):
    """The finished study with 100,000 candidates more: half of them invalid, three tenths rejected, a fifth scored."""
    study = tmp_path_factory.mktemp("large") / "large.study.db"
    shutil.copy(finished_study, study)
    added, line = 100000, 20  # so many generations has each lineage
    with sqlite3.connect(study) as database:
        last, position = database.execute("SELECT MAX(id), MAX(position) FROM candidate").fetchone()
        created, worker = database.execute("SELECT created, (SELECT MIN(id) FROM worker) FROM study").fetchone()
        task = database.execute("SELECT task FROM score LIMIT 1").fetchone()[0]
        graphs = [row[0] for row in database.execute("SELECT graph FROM candidate WHERE position IS NOT NULL")]
        candidates, evaluations, scores = [], [], []
        for n in range(added):
            id, key, accuracy = last + 1 + n, f"{n + 1:032x}", 0.1 + n * 7919 % 100003 / 200000
            invalid, scored = n % 10 < 5, n % 10 >= 8
            position += scored
            candidates.append((id, key, key, graphs[n % len(graphs)], id - 1 if n % line else None, "mutation",
                               "not finite" if invalid else None, worker, position if scored else None))
            if not invalid:
                evaluations.append((key, id, "scored" if scored else "rejected", worker, "none" if scored else "quality",
                                    created + n, accuracy if scored else None))
            if scored:
                scores.append((key, task, accuracy, worker))
        database.executemany("INSERT INTO candidate (id, fingerprint, hash, graph, parent, origin, invalid, proposer, position) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", candidates)
        database.executemany("INSERT INTO evaluation (fingerprint, candidate, state, attempts, worker, lease_until, rejection, reason, "
                             "seconds, finished, mean_accuracy) VALUES (?, ?, ?, 1, ?, 0, ?, '', 1, ?, ?)", evaluations)
        database.executemany("INSERT INTO score (fingerprint, task, replicate, accuracy, seconds, worker) VALUES (?, ?, 0, ?, 1, ?)", scores)
        database.execute("UPDATE counts SET proposed = proposed + ?, invalid = invalid + ?, quality = quality + ?, scored = scored + ? "
                         "WHERE part = 0", (added, added - len(evaluations), len(evaluations) - len(scores), len(scores)))
        database.execute("UPDATE positions SET last = ?", (position,))
    return study


def has_charts(page):
    """Every chart has its points, those of the search hundreds."""
    for chart in page.locator("svg.chart[role=img]").all():
        assert chart.locator("path, circle, rect").count() > 3
    assert page.locator("#progress svg.chart[role=img]").first.locator("circle").count() > 500


def test_a_report_of_a_large_study_is_small_and_whole(large_study, normact, pages):
    file = normact.folder / "large.html"
    begin = time.monotonic()
    normact("report", "--study", large_study, "--output", file, "--no-speed")
    made = time.monotonic()
    page = pages.open(file.as_uri())
    page.wait_for_selector("#method")
    shown = time.monotonic()
    size = file.stat().st_size
    print(f"100,000 candidates: a report of {size / 1024:.0f} KiB, made in {made - begin:.2f} s, loaded in {shown - made:.2f} s")
    assert size < 1 << 20
    assert page.locator("article.layer").count() == 20
    assert re.search(r"100,\d{3}", page.locator("#funnel tbody tr").first.inner_text())
    has_charts(page)


def test_a_large_study_is_served(large_study, normact, pages):
    server = Server(normact, "--study", large_study)
    begin = time.monotonic()
    page = pages.open(server.url)
    shows(page, "=== 50")
    print(f"100,000 candidates: served and loaded in {time.monotonic() - begin:.2f} s")
    has_charts(page)
    page.get_by_role("button", name="More").click()
    shows(page, "=== 100")
    page.get_by_label("Order").select_option("oldest")
    until(page, "document.querySelector('#candidates tbody tr a')?.textContent === '#1'")
    page.close()
    server.stop()
