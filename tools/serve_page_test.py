"""The page of `normact serve` in a real browser: it searches, sorts, compares and follows a search, and no study harms it."""

import json
import shutil
import sqlite3
import time

from browser import overflow, shows, until
from conftest import settings
from server import Server


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
    page.get_by_role("button", name="mean", exact=True).press("Enter")
    shows(page, f"=== {scored}")
    assert page.evaluate("document.activeElement.textContent") == "mean", "the heads outlive pages, and keep the focus"
    page.get_by_label("Order").select_option("oldest")
    page.get_by_label("By accuracy on").select_option(label="resnet-micro")
    page.wait_for_selector("#candidates th[aria-sort=descending] >> text='resnet-micro'")
    page.get_by_label("Order").select_option("best")
    shows(page, f"=== {scored}")
    for i in (0, 1, 2):
        page.locator("#candidates input").nth(i).check()
    page.get_by_role("button", name="Compare 3").click()
    page.wait_for_selector("dialog svg.chart")
    assert page.locator("dialog thead th").count() >= 4
    assert page.locator("dialog ol.line ins, dialog ol.line del").count() > 0
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
    page.close()

    def made_later(made):
        """The first report that is made after that one."""
        while (report := server.json("report"))["made"] == made:
            time.sleep(0.5)
        return report

    before = server.json("report")
    told.write_text("{")  # somebody writes it anew
    while_written = made_later(before["made"])
    assert while_written["reevaluation"] == before["reevaluation"]
    told.write_text(json.dumps(json.loads(out) | {"seeds": 99}))
    assert made_later(while_written["made"])["reevaluation"]["seeds"] == 99
    told.write_text("{")
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
