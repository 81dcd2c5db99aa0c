"""The dashboard in a real Chromium."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.support.admin_client import PASSWORD, find_admin_port, find_code
from tests.support.box import Box

PATIENCE_MS = 20_000
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
# What a page is not to do: run what its policy forbids, or fail.
_FORBIDDEN = re.compile(r"Content.Security.Policy|Refused to|Uncaught|Failed to execute", re.I)


@contextmanager
def visit(
    browser: Browser,
    size: dict[str, int] = DESK,
    theme: Any = "dark",
    **more: Any,
) -> Iterator[Page]:
    """A page in a browser of its own; at its end nothing must have gone wrong in it."""
    faults: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if _FORBIDDEN.search(message.text):
            faults.append(message.text)

    viewport: Any = size
    context = browser.new_context(viewport=viewport, color_scheme=theme, **more)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", hear)
    page.on("dialog", lambda dialog: faults.append(f"a dialog: {dialog.message}"))
    try:
        yield page
        assert not faults
    finally:
        context.close()


def url_of(box: Box) -> str:
    """Where the dashboard is, for a browser on the same machine."""
    return f"http://127.0.0.1:{find_admin_port(box)}"


def claim(page: Page, box: Box, url: str = "") -> str:
    """Claims the box by its page; the dashboard's address."""
    url = url or url_of(box)
    page.goto(url)
    page.get_by_label("Code").fill(find_code(box))
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Claim it").click()
    page.locator("[data-hero]").wait_for()
    return url


def log_in(page: Page, box: Box) -> str:
    """Logs in by the page; the dashboard's address."""
    url = url_of(box)
    page.goto(url)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-hero]").wait_for()
    return url


def find_barriers(page: Page) -> list[str]:
    """What axe-core calls serious or critical on the page."""
    script = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
    page.evaluate(script)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['impact']} {each['id']}: {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def find_overflow(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))
