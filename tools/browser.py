"""A real Chromium for tests of pages: everything it complains of is a failure."""

import contextlib
import shutil
import time

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")


class Pages:
    """Opens pages, and keeps what they say on the console and which addresses they ask for."""

    def __init__(self, browser):
        self.browser = browser
        self.complaints, self.requests = [], []

    def open(self, url, **options):
        page = self.browser.new_context(**options).new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)
        page.wait_for_selector("#layers")
        return page


@contextlib.contextmanager
def chromium():
    """Chromium without a sandbox, which containers can't give; it only ever sees our own pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pages = Pages(browser)
        yield pages
        browser.close()
        assert pages.complaints == []


def until(page, expression, seconds=60):
    """Waits until an expression of JavaScript is true. (Playwright's own waiting evaluates texts in the page, which its
    content security policy forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def overflow(page):
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def shows(page, count):
    """Waits until the table has so many candidates: "=== 50"."""
    until(page, f"document.querySelectorAll('#candidates tbody tr').length {count}")
