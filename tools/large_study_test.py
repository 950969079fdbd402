"""100,000 candidates in the browser, as a file and live."""

import re
import shutil
import sqlite3
import time

import pytest
from browser import shows, until
from server import Server


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
