"""`normact report`: one page that tells all of a study, in a real browser."""

import itertools
import json
import math
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from browser import overflow
from conftest import Normact, settings

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def report(finished_study, tmp_path_factory):
    """The page of the finished study, and of a re-evaluation."""
    folder = tmp_path_factory.mktemp("report")
    file = folder / "report.html"
    shutil.copy(finished_study, folder)
    normact = Normact(folder)
    found, _ = normact("reevaluate", "--top", 3, "--steps", 3, "--seeds", 3, "--batch-sizes", "4,8", "--test", "--json")
    (folder / "found.json").write_text(found)
    out, _ = normact("report", "--study", finished_study, "-o", file, "--layers", 5, "--reevaluation", "found.json")
    assert re.search(r"2\d scored layers of \d+ candidates", out)
    return file


def test_the_page_loads_without_a_complaint_and_asks_for_nothing(report, pages):
    page = pages.open(report.as_uri())
    assert page.locator("h2").all_inner_texts()[:2] == ["What was found", "The best layers"]
    assert page.locator("article.layer").count() == 5
    assert page.locator("#funnel tbody tr").count() >= 3
    for chart in page.locator("svg.chart[role=img]").all():
        assert chart.locator("path, circle, rect").count() > 3
    assert [url for url in pages.requests if not url.startswith(("file:", "blob:", "data:"))] == []


def test_the_page_says_what_the_json_says(here, report, pages):
    document = here.json("report", "--layers", 5, "--no-speed")
    assert (document["format"], document["version"]) == ("normact/report", 1)
    top = here.json("top", "--count", 5)
    assert document["funnel"] == top["funnel"]
    assert [layer["candidate"] for layer in document["layers"]] == [layer["candidate"] for layer in top["layers"]]
    best = document["layers"][0]
    assert best["details"]["speed"] is None and best["details"]["bytes"] > 0
    assert document["scores"]["count"] == sum(document["scores"]["histogram"]["counts"]) == top["funnel"]["scored"]
    assert document["costs"]["front_by_bytes"] and document["costs"]["front_by_operations"]
    assert not document["costs"]["front_by_seconds"]
    page = pages.open(report.as_uri())
    shown = page.locator("article.layer").first.inner_text()
    assert best["text"] in shown and f"{best['mean']:.4f}" in shown
    measured = json.loads(page.locator("#report").inner_text())["layers"][0]["details"]["speed"]
    assert [row["engine"] for row in measured] == ["cpu", "aten"] and all(0 < row["forward"] < 10 for row in measured)


def test_it_names_the_known_layers_that_the_study_came_upon(normact, pages):
    initial = '["max(x, zero)", "BN-ReLU"]'
    normact("search", "--study", "known.study.db", "--threads", 1, *settings(
        budget__scored=4, evolution__initial=initial, scoring__quality__minimum_accuracy=0))
    known = normact.json("report", "--no-speed")["known"]
    means = {layer["candidate"]: layer["mean"] for layer in normact.json("top", "--count", 100)["layers"]}
    assert {"ReLU", "BN-ReLU"} <= {layer["name"] for layer in known}
    for layer in known:
        assert layer["mean"] == means.get(layer["candidate"])
        assert layer["mean"] is None or layer["rank"] == 1 + sum(mean > layer["mean"] for mean in means.values())
    normact("report", "--no-speed", "-o", "known.html")
    page = pages.open((normact.folder / "known.html").as_uri())
    assert f"{known[0]['name']} (#{known[0]['candidate']}) {known[0]['mean']:.4f}" in page.locator("#summary").inner_text()


def test_the_genealogy_ends_at_an_ancestor_without_a_parent(here):
    document = here.json("report", "--no-speed")
    genealogy = document["genealogy"]
    for layer, line in zip(document["layers"], genealogy["lines"]):
        rows = [genealogy["candidates"][str(candidate)] for candidate in line]
        assert line[0] == layer["candidate"] and rows[-1]["parent"] is None
        assert [row["parent"] for row in rows[:-1]] == line[1:]


def test_the_genealogy_has_ancestors_that_left_the_window(normact):
    normact("search", "--study", "short.study.db", "--threads", 1, *settings(
        budget__scored=25, evolution__window=2, evolution__random_share=0.1, scoring__quality__minimum_accuracy=0))
    lines = normact.json("report", "--no-speed")["genealogy"]["lines"]
    assert max(map(len, lines)) > 3, "more generations than the window has layers"


def test_an_ancestor_s_formula_is_marked_where_it_changed(finished_study, normact, report, pages):
    study = normact.folder / "children.study.db"
    shutil.copy(finished_study, study)
    with sqlite3.connect(study) as database:  # children are the best, so that there are ancestors to show
        database.execute("UPDATE evaluation SET mean_accuracy = 1 WHERE mean_accuracy IS NOT NULL "
                         "AND candidate IN (SELECT id FROM candidate WHERE parent IS NOT NULL)")
    rows = normact.json("report", "--study", study, "--no-speed")["genealogy"]["candidates"].values()
    changes = [row["change"] for row in rows if row["change"]]
    assert changes

    def unmarked(change, side):
        text = change[side]
        for begin, end in reversed(change[f"{side}_marks"]):
            text = text[:begin] + text[end:]
        return text.replace(" ", "")

    assert all(unmarked(change, "before") == unmarked(change, "after") for change in changes)
    page = pages.open(report.as_uri())
    shown = page.evaluate("""(changes) => changes.map((change) => {
        const code = changedFormula(change);
        const text = (gone) => { const copy = code.cloneNode(true); copy.querySelectorAll(gone).forEach((one) => one.remove()); return copy.textContent; };
        return [text("del"), text("ins"), [...code.querySelectorAll("ins")].map((one) => one.textContent)];
    })""", changes)
    for change, (after, before, added) in zip(changes, shown):
        assert after == change["after"] and before.replace(" ", "") == change["before"].replace(" ", "")
        assert added == [change["after"][begin:end] for begin, end in change["after_marks"]]


def test_generations_that_compute_the_same_are_folded(finished_study, normact, pages):
    study = normact.folder / "neutral.study.db"
    shutil.copy(finished_study, study)
    with sqlite3.connect(study) as database:
        scored = database.execute("SELECT candidate, fingerprint FROM evaluation WHERE mean_accuracy IS NOT NULL ORDER BY candidate").fetchall()
        (first, function), (best, fingerprint) = scored[0], scored[-1]
        between = database.execute("SELECT id FROM candidate WHERE id > ? AND id < ? AND id NOT IN (SELECT candidate FROM evaluation) "
                                   "ORDER BY id LIMIT 5", (first, best)).fetchall()
        parent = first
        for candidate, in between:
            database.execute("UPDATE candidate SET fingerprint = ?, invalid = NULL, parent = ? WHERE id = ?", (function, parent, candidate))
            parent = candidate
        database.execute("UPDATE candidate SET parent = ? WHERE id = ?", (parent, best))
        database.execute("UPDATE candidate SET parent = NULL WHERE id = ?", (first,))
        database.execute("UPDATE evaluation SET mean_accuracy = 1 WHERE fingerprint = ?", (fingerprint,))
    normact("report", "--study", study, "--output", "neutral.html", "--no-speed")
    page = pages.open((normact.folder / "neutral.html").as_uri())
    line = page.locator("#genealogy > details").first
    assert line.locator("> ol > li").count() == 3, "the first, a fold, the best"
    fold = line.locator("details.more")
    assert not fold.locator("li").first.is_visible()
    fold.locator("summary").press("Enter")
    assert fold.locator("li:visible").count() == 5 and "5 more generations" in fold.inner_text()


def test_a_rejected_ancestor_shows_its_state(finished_study, normact, pages):
    """Also if an audit gave it an accuracy."""
    study = normact.folder / "audited.study.db"
    shutil.copy(finished_study, study)
    with sqlite3.connect(study) as database:
        scored = database.execute(
            "SELECT candidate, fingerprint FROM evaluation WHERE mean_accuracy IS NOT NULL ORDER BY candidate").fetchall()
        (parent, audited), (best, fingerprint) = scored[0], scored[-1]
        database.execute("UPDATE evaluation SET mean_accuracy = 1 WHERE fingerprint = ?", (fingerprint,))
        database.execute("UPDATE candidate SET parent = NULL WHERE id = ?", (parent,))
        database.execute("UPDATE candidate SET parent = ? WHERE id = ?", (parent, best))
        database.execute("UPDATE evaluation SET state = 'rejected', rejection = 'quality', reason = 'made so', "
                         "audit_accuracy = mean_accuracy, mean_accuracy = NULL WHERE fingerprint = ?", (audited,))
        database.execute("UPDATE candidate SET position = NULL WHERE id = ?", (parent,))
    normact("report", "--study", study, "--output", "audited.html", "--no-speed")
    page = pages.open((normact.folder / "audited.html").as_uri())
    who = page.locator("#genealogy details[open] .who").all_inner_texts()
    row = next(text for text in who if f"#{parent} " in text)
    assert re.search(r"quality, 0\.\d{4} in an audit", row)
    assert "has its state beside it" in page.locator("#genealogy").inner_text()


def test_a_layer_tells_its_graph_and_what_it_does(report, pages):
    page = pages.open(report.as_uri())
    layer = page.locator("article.layer").nth(1)
    layer.locator("summary").first.click()
    layer.locator("svg.chart").first.wait_for()  # the page fills a layer when its "toggle" event comes, later than the click
    assert "before → after" in layer.inner_text()
    assert layer.locator("svg.chart").count() >= 1
    if shutil.which("dot"):
        labels = layer.locator(".picture text").all_text_contents()
        assert "x" in labels


# What people with one kind of cones missing see of linear red, green, blue: Machado, Oliveira and Fernandes 2009, severity 1.
VISIONS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}


def lab(colour, vision):
    """CIELAB of a colour "#rrggbb" as such eyes see it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    seen = [min(1, max(0, sum(a * b for a, b in zip(row, linear)))) for row in vision]
    white = (0.9505, 1, 1.089)
    xyz = [sum(a * b for a, b in zip(row, seen)) / w for row, w in zip(
        ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)), white)]
    x, y, z = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_colours_of_data_are_told_apart_by_all_eyes():
    """On light paper, dark paper and in print. A difference of 2.3 is just seen; Okabe's and Ito's colours differ by 16."""
    palettes = re.findall("".join(rf"--c{i}: (#[0-9a-f]{{6}});\s*" for i in range(7)), (HERE / "page" / "style.css").read_text())
    assert len(palettes) == 3
    for palette in palettes:
        for vision in VISIONS.values():
            for one, other in itertools.combinations(palette, 2):
                assert math.dist(lab(one, vision), lab(other, vision)) > 15, (one, other)


def test_the_first_words_say_what_the_re_evaluation_came_to(report, pages):
    found = json.loads((report.parent / "found.json").read_text())["test"]["layers"]
    judged = [layer for layer in found if layer["seeds"] > 0]
    page = pages.open(report.as_uri())
    first = f"#{judged[0]['candidate']}" if judged[0]["candidate"] else judged[0]["name"]
    said = page.locator("#summary").inner_text()
    assert f"Evaluated again on test images, {first} is first of {len(judged)} layers" in said

    def says(validation, test):
        return page.evaluate("""([validation, test]) => evaluatedAgain({ validation: { layers: validation }, test: test && { layers: test } },
            { candidate: 1 })?.textContent ?? null""", [validation, test])

    def layer(candidate, seeds, separated):
        return {"candidate": candidate, "seeds": seeds, "separated": separated, "probability_best": 0.5,
                "against_best": {"difference": -0.01}}

    one, two, out = layer(1, 3, False), layer(2, 3, False), layer(1, 0, None)
    assert says([two, one], None) == ("Evaluated again on validation images, #2 is first of 2 layers (50% that it is the best of "
                                      "them), and #1 is -0.0100 from it, which is not separated.")
    assert "on validation images" in says([one, two], [out, layer(2, 0, None)]), "no test has begun"
    assert says([one, two], [two, out]).endswith("#2 is first of 1 layers (50% that it is the best of them); #1 had dropped out before.")
    assert says([out], None) is None


def test_it_tells_what_a_reevaluation_found(here, pages):
    found = here.json("reevaluate", "--top", 2, "--with", "BN-ReLU", "--steps", 3, "--seeds", 3)
    found["validation"]["layers"][-1]["name"] = "<img src=x onerror=alert(1)>"
    (here.folder / "found.json").write_text(json.dumps(found))
    here("report", "--output", "found.html", "--no-speed", "--reevaluation", "found.json")
    page = pages.open((here.folder / "found.html").as_uri())
    shown = page.locator("#reevaluation")
    assert shown.locator("tbody tr").count() >= 3
    best = found["validation"]["layers"][0]
    assert f"{best['mean']:.4f} ± {best['margin']:.4f}" in shown.inner_text()
    assert page.locator("#reevaluation img").count() == 0


def test_a_reevaluation_of_another_study_is_refused(here):
    found = here.json("reevaluate", "--top", 1, "--with", "BN-ReLU", "--steps", 3, "--seeds", 3)
    found["study"] = "another.study.db"
    for layer in found["validation"]["layers"]:
        layer["hash"] = "0" * 32
    (here.folder / "others.json").write_text(json.dumps(found))
    _, error = here("report", "--no-speed", "--reevaluation", "others.json", status=2)
    assert "not this study's" in error and "another.study.db" in error


def reevaluation(**changes):
    """The shape of one, with changes, as text."""
    return json.dumps({"format": "normact/reevaluate", "version": 1, "study": "a.study.db", "seeds": 1, "finished": True, "test": None,
                       "validation": {"layers": [], "conditions": []}} | changes)


def test_a_reevaluation_may_be_empty(here):
    (here.folder / "empty.json").write_text(reevaluation())
    assert here.json("report", "--no-speed", "--reevaluation", "empty.json")["reevaluation"]["seeds"] == 1


@pytest.mark.parametrize("text", [
    "", "[]", '{"format": "normact/top", "version": 1}', '{"format": 5}', reevaluation(version="1"), reevaluation(study=None),
    '{"format": "normact/reevaluate", "version": 1}', reevaluation(validation=None), reevaluation(validation=[]),
    reevaluation(validation={"layers": []}), reevaluation(validation={"conditions": []}),
    reevaluation(validation={"layers": {}, "conditions": []}), reevaluation(validation={"layers": [5], "conditions": []}),
    reevaluation(validation={"layers": [{"conditions": []}], "conditions": []}), reevaluation(test={"layers": []}),
])
def test_a_reevaluation_must_be_one(here, text):
    (here.folder / "wrong.json").write_text(text)
    _, error = here("report", "--no-speed", "--reevaluation", "wrong.json", status=2)
    assert "wrong.json" in error and "normact reevaluate" in error


def test_json_can_be_taken_along(here, report, pages):
    page = pages.open(report.as_uri())
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").first.click()
    layer = json.loads(open(download.value.path()).read())
    assert layer["format"] == "normact/layer"
    (here.folder / "taken.json").write_text(json.dumps(layer))
    assert here.json("show", "taken.json")["hash"] == here.json("top")["layers"][0]["hash"]


def test_it_is_used_by_keyboard(report, pages):
    page = pages.open(report.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    chart = page.locator("#progress svg.chart[role=img]").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    told = page.locator("#progress .readout").first
    first = told.inner_text()
    assert re.search(r"mean accuracy 0\.\d{4} · #\d+", first)
    page.keyboard.press("End")
    assert told.inner_text() != first
    page.keyboard.press("Enter")
    best = page.locator("article.layer > details").first
    assert best.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    summary = page.locator("article.layer summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert best.get_attribute("open") is None


@pytest.mark.parametrize("options", [
    {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
    {"viewport": {"width": 1400, "height": 900}, "color_scheme": "dark"},
    {"viewport": {"width": 800, "height": 600}, "reduced_motion": "reduce"},
])
def test_it_fits_the_window(report, pages, options):
    page = pages.open(report.as_uri(), **options)
    for _ in range(2):  # what opens has more to open
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        page.wait_for_timeout(200)
    assert overflow(page) <= 0
    assert page.locator("#reevaluation td.formula").first.bounding_box()["width"] > 120, "so that words hold together"


def contrast(page, selector):
    """The contrast of an element's text with the page, as WCAG defines it."""
    return page.evaluate("""(selector) => {
        const light = (colour) => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
                .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const one = light(getComputedStyle(document.querySelector(selector)).color);
        const two = light(getComputedStyle(document.body).backgroundColor);
        return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    }""", selector)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_dark(report, pages, scheme):
    page = pages.open(report.as_uri(), color_scheme=scheme)
    for selector in ("main p", ".note", "nav a", "thead th", ".legend li"):
        assert contrast(page, selector) >= 4.5, f"{selector} in {scheme}"


WIDEST_TABLE = "Math.max(...[...document.querySelectorAll('table')].map((table) => table.getBoundingClientRect().right))"


def test_in_print_the_first_layers_are_open_and_drawn(report, pages):
    a4 = {"width": 718, "height": 1048}  # less its margins, at 96 dots an inch
    page = pages.open(report.as_uri(), viewport=a4)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article.layer > details:not([open])").count() == 0
    assert overflow(page) <= 0 and page.evaluate(WIDEST_TABLE) <= a4["width"]
    assert page.locator("#reevaluation td.formula").first.bounding_box()["width"] > 120
    for chart in page.locator("article.layer svg.chart[tabindex]").all():
        assert chart.locator("path.line").count() > 0
        shown, drawn = chart.bounding_box()["width"], float(chart.get_attribute("viewBox").split()[2])
        assert 0.8 < shown / drawn < 1.3, "its letters are as large as the others"
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article.layer > details:not([open])").count() == 4


def test_without_javascript_it_still_tells_the_best(here, report, pages):
    page = pages.browser.new_context(java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    best = here.json("top")["layers"][0]
    assert best["text"] in page.locator("main").inner_text()
    assert f"scored {here.json('top')['funnel']['scored']}" in page.locator("main").inner_text()


def test_a_hostile_study_harms_nobody(finished_study, normact, pages):
    """Whoever made the file could write anything into it; the page must show it as text."""
    study = normact.folder / "<img src=x onerror=alert(1)>.study.db"
    shutil.copy(finished_study, study)
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&quot;{{data}}\u202e\x00"
    with sqlite3.connect(study) as database:
        database.execute("UPDATE candidate SET origin = ?", (evil,))
        database.execute("UPDATE evaluation SET reason = ?", (evil,))
        database.execute("UPDATE worker SET host = ?, device = ?, build = ?", (evil, evil, evil))
        first, second = (row[0] for row in database.execute(
            "SELECT fingerprint FROM evaluation WHERE mean_accuracy IS NOT NULL ORDER BY mean_accuracy DESC LIMIT 2"))
        database.execute("UPDATE score SET accuracy = NULL WHERE fingerprint = ?", (second,))
        nodes = '{"op": "x"},' + ",".join('{"op": "tanh", "inputs": [%d]}' % i for i in range(1000))
        database.execute("UPDATE candidate SET graph = ? WHERE fingerprint = ?",
                         ('{"format": "normact/layer", "version": 1, "name": "", "nodes": [%s]}' % nodes, first))
        database.execute("UPDATE candidate SET parent = (SELECT MAX(id) FROM candidate)")
    file = normact.folder / "report.html"
    normact("report", "--study", study, "--output", file, "--no-speed")
    page = pages.open(file.as_uri())
    assert page.locator("main img, main script, main iframe").count() == 0
    assert evil[:60] in page.locator("#method").inner_text()
    assert "onerror" in page.title()
    details = page.locator("article.layer > details").first
    assert "more than 150 nodes" in details.inner_text()
    plain = pages.browser.new_context(java_script_enabled=False).new_page()
    plain.goto(file.as_uri())
    assert plain.locator("main img").count() == 0


def test_a_study_without_scores_has_a_report(normact, pages):
    normact("search", "--study", "empty.study.db", *settings(budget__proposed=3, evolution__initial="[]",
                                                             scoring__quality__minimum_accuracy=1))
    normact("report", "--output", "empty.html", "--no-speed")
    page = pages.open((normact.folder / "empty.html").as_uri())
    assert "No layer is scored yet" in page.locator("#summary").inner_text()


def test_without_graphviz_the_report_says_so(here, tmp_path):
    document = json.loads(here("report", "--json", "--no-speed", "--layers", 1, environment={"PATH": "/nowhere"})[0])
    details = document["layers"][0]["details"]
    assert details["picture"] is None and "graphviz" in details["picture_missing"]
    assert details["response"]["inputs"]


def test_what_can_t_be_done_is_told(here, normact):
    assert "layers" in here("report", "--layers", 0, status=2)[1]
    assert "no study" in normact("report", status=2)[1]
    assert "there is no study" in normact("report", "--study", "absent.db", status=1)[1]
    _, error = here("report", "--study", "absent.db", status=1)
    assert "here are" in error and "small.study.db" in error
    assert "/nowhere" in here("report", "--no-speed", "--output", "/nowhere/report.html", status=1)[1]


def test_a_study_that_is_being_searched_is_left_as_it_is(finished_study, here):
    before = finished_study.read_bytes()
    here("report", "--study", finished_study, "--json", "--no-speed")
    assert finished_study.read_bytes() == before
