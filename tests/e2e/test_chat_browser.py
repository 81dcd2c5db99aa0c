"""The chat through the proxy, in a real Chromium with two pages."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.e2e.test_demo import demo, free_port
from tests.support.program import Program, running

LIMIT_MS = 30_000
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NARROW, WIDE = {"width": 360, "height": 640}, {"width": 1280, "height": 800}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("chromium")), executable_path=CHROMIUM, args=OPTIONS
        )
        context.set_default_timeout(LIMIT_MS)
        yield context
        context.close()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def box(port: int) -> Iterator[Program]:
    with running(*demo(port)) as program:
        program.read_until("Ctrl-C")
        yield program


def open_page(browser: BrowserContext, port: int, host: str = "chat.localhost") -> Page:
    page = browser.new_page()
    page.goto(f"http://{host}:{port}/")
    return page


def expect_lines(page: Page, lines: list[str]) -> None:
    expect(page.locator("#messages li")).to_have_text(lines, timeout=LIMIT_MS)


def expect_state(page: Page, words: str) -> None:
    expect(page.locator("#state")).to_have_text(re.compile(words), timeout=LIMIT_MS)


def say(page: Page, text: str) -> None:
    page.get_by_placeholder("Type your message here").fill(text)
    page.get_by_role("button", name="Send").click()


@pytest.mark.usefixtures("box")
def test_two_pages_talk_and_one_leaves(browser: BrowserContext, port: int) -> None:
    first = open_page(browser, port)
    expect_lines(first, ["Welcome, User 1"])
    second = open_page(browser, port)
    expect_lines(second, ["Welcome, User 2"])
    say(first, "<b>is anybody there?</b>")
    say_one = "User 1 says: <b>is anybody there?</b>"
    expect_lines(second, ["Welcome, User 2", say_one])
    say(second, "yes, grüß dich")
    say_two = "User 2 says: yes, grüß dich"
    expect_lines(first, ["Welcome, User 1", say_one, say_two])
    expect_lines(second, ["Welcome, User 2", say_one, say_two])
    second.close()
    expect_lines(first, ["Welcome, User 1", say_one, say_two, "User 2 has disconnected"])
    first.close()


def test_a_page_says_that_it_lost_the_box_and_comes_back(
    browser: BrowserContext, box: Program, port: int
) -> None:
    page = open_page(browser, port)
    expect_state(page, "connected as User 1")
    box.end()
    expect_state(page, "connection lost|connecting")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    with running(*demo(port)) as again:
        again.read_until("Ctrl-C")
        expect_state(page, "connected as User 1")
        expect_lines(page, ["Welcome, User 1", "Welcome, User 1"])
    page.close()


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["a phone", "a desk"])
def test_the_page_fits(browser: BrowserContext, port: int, size: dict[str, int]) -> None:
    page = open_page(browser, port)
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    expect_state(page, "connected")
    say(page, "a-word-that-has-no-end-" * 40)
    expect(page.locator("#messages li")).to_have_count(2, timeout=LIMIT_MS)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    expect(page.get_by_placeholder("Type your message here")).to_be_in_viewport()
    page.close()


@pytest.mark.usefixtures("box")
def test_the_browser_is_told_which_backend_answered(browser: BrowserContext, port: int) -> None:
    page = open_page(browser, port, "hello.localhost")
    expect(page.get_by_role("heading")).to_have_text(re.compile("hello [123] answered"))
    page.close()
