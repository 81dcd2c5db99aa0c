"""The dashboard in a real Chromium: a box's whole life by its pages, on a phone and a desk."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.test_chat_browser import CHROMIUM, OPTIONS
from tests.e2e.test_demo import free_port
from tests.e2e.test_display import display, fetch
from tests.support.admin_client import LOOPBACK, PASSWORD, find_admin_port
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site, wait_until
from tests.support.dashboard import (
    DESK,
    PATIENCE_MS,
    PHONE,
    claim,
    find_barriers,
    find_overflow,
    log_in,
    visit,
)
from tests.support.program import running

LOOKS = [(PHONE, "dark"), (PHONE, "light"), (DESK, "dark"), (DESK, "light")]
LOOK_IDS = ["phone, dark", "phone, light", "desk, dark", "desk, light"]
MOST_BYTES = 150_000
HOST = "app.localhost"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def see(page: Page, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)


def see_verdict(page: Page, word: str) -> None:
    expect(page.locator("h1")).to_have_text(word, timeout=PATIENCE_MS)


def fill_site(page: Page, name: str, address: str) -> None:
    if name:
        page.get_by_label("Name").fill(name)
    page.get_by_role("textbox", name="Behind it").fill(address)


def keep_sites_apart(folder: Path) -> str:
    """Sites in a file of their own, which is there and empty."""
    (folder / "sites.toml").touch()
    return f'[store]\nfile = "{folder / "sites.toml"}"'


@contextmanager
def hello() -> Iterator[str]:
    """The address of a backend that is gone at the end, with its port."""
    with running("-u", "examples/hello/hello.py", "--port", "0", "--name", "hello") as program:
        found = re.search(r"http://[\w.:]+\d", program.read_until("http://"))
        assert found
        yield found[0]


@pytest.mark.parametrize(("size", "theme"), [LOOKS[0], LOOKS[3]], ids=[LOOK_IDS[0], LOOK_IDS[3]])
def test_a_box_is_claimed_fed_broken_mended_and_brought_to_a_new_card(
    tmp_path: Path, chromium: Browser, backend: ScriptedBackend, size: dict[str, int], theme: str
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    with (
        visit(chromium, size, theme, accept_downloads=True) as page,
        visit(chromium, size, theme) as guest,
    ):
        with Box(old, keep_sites_apart(old), listen=LOOPBACK) as box:
            url = claim(page, box)
            see_verdict(page, "Ready")
            with hello() as address:
                page.get_by_role("link", name="Add the first site").click()
                fill_site(page, HOST, address)
                findings = page.locator("[data-findings]")
                expect(findings).to_contain_text(f"{address} answers", timeout=PATIENCE_MS)
                expect(findings).to_contain_text(HOST)
                expect(findings).to_contain_text("no certificate is needed")
                page.get_by_role("button", name="Save").click()
                see(page, "Saved, and in force.")
                guest.goto(f"http://{HOST}:{box.port}/")
                expect(guest.get_by_role("heading")).to_have_text("hello answered")
                page.goto(url)
                see_verdict(page, "All well")
            guest.reload()
            # Nobody has loaded the page again.
            see_verdict(page, "Site down")
            see(page, "Connection refused")
            see(page, f"Nothing listens at port {address.rpartition(':')[2]} there")
            page.get_by_role("button", name="Acknowledge", exact=True).click()
            expect(page.get_by_label("What nobody has acknowledged")).to_have_count(0)
            see(page, "Acknowledged.")
            page.get_by_role("link", name=HOST, exact=True).first.click()
            expect(page.locator(".log")).to_contain_text("502")
            page.get_by_role("link", name="Edit").click()
            fill_site(page, "", f"http://127.0.0.1:{backend.port}")
            page.get_by_role("button", name="Save").click()
            see(page, "Saved, and in force.")
            guest.reload()
            expect(guest.locator("body")).to_contain_text(HOST)
            page.goto(f"{url}/box")
            with page.expect_download() as saved:
                page.get_by_role("link", name="Save a backup").click()
            saved.value.save_as(tmp_path / "backup.tar.gz")
        with Box(new, keep_sites_apart(new), listen=LOOPBACK) as box:
            page.context.clear_cookies()
            url = claim(page, box)
            see_verdict(page, "Ready")
            page.goto(f"{url}/box")
            page.get_by_label("The backup's file").set_input_files(tmp_path / "backup.tar.gz")
            page.get_by_role("button", name="Restore it").click()
            see(page, "Restored: 1 site")
            guest.goto(f"http://{HOST}:{box.port}/")
            expect(guest.locator("body")).to_contain_text(HOST)
            page.goto(f"{url}/sites/{HOST}/remove")
            page.get_by_role("button", name="Remove it").click()
            see(page, "Removed.")
            page.goto(f"{url}/box")
            page.get_by_role("button", name="Log out").click()
            see(page, "Log in to see it and steer it.")
            page.goto(f"{url}/sites")
            see(page, "Log in to see it and steer it.")


@pytest.fixture(scope="module")
def busy_box(tmp_path_factory: pytest.TempPathFactory, backend: ScriptedBackend) -> Iterator[Box]:
    """Sites of every kind, and a box that is claimed."""
    folder = tmp_path_factory.mktemp("busy")
    well = f"http://127.0.0.1:{backend.port}"
    sites = "".join(
        (
            site("well.localhost", well),
            site("half.localhost", well, "http://nowhere.invalid"),
            site("down.localhost", "http://nowhere.invalid"),
            site("secure.home.arpa", well, more='tls = "terminate"'),
            site("*.a-long-name-in-the-garden-house-behind-the-old-orchard.home.arpa", well),
        )
    )
    listen = f'{LOOPBACK}\nhttps = "127.0.0.1:0"'
    with Box(folder, sites, listen=listen) as box:
        for _ in range(3):
            box.get(host="well.localhost")
        yield box


@pytest.fixture(scope="module")
def claimed_box(chromium: Browser, busy_box: Box) -> Box:
    with visit(chromium) as page:
        claim(page, busy_box)
    return busy_box


PAGES = (
    "/", "/sites", "/sites/half.localhost", "/add", "/sites/half.localhost/edit",
    "/sites/half.localhost/remove", "/log", "/certificates", "/screen", "/screen/hdmi", "/box", "/trust",
    "/nothing",
)  # fmt: skip


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_IDS)
def test_every_page_fits_and_has_no_barrier_that_matters(
    chromium: Browser, claimed_box: Box, size: dict[str, int], theme: str
) -> None:
    with visit(chromium, size, theme) as page:
        url = log_in(page, claimed_box)
        for path in PAGES:
            page.goto(f"{url}{path}")
            assert find_barriers(page) == [], path
            assert find_overflow(page) == 0, path
        page.context.clear_cookies()
        page.goto(url)
        assert find_barriers(page) == []


def test_the_way_in_of_a_new_box_has_no_barrier_either(tmp_path: Path, chromium: Browser) -> None:
    with Box(tmp_path, "", listen=LOOPBACK) as box, visit(chromium, PHONE) as page:
        page.goto(f"http://127.0.0.1:{find_admin_port(box)}/")
        see(page, "Claim this box")
        assert find_barriers(page) == []


def test_a_site_is_added_by_keyboard_alone(
    tmp_path: Path, chromium: Browser, backend: ScriptedBackend
) -> None:
    with (
        Box(tmp_path, keep_sites_apart(tmp_path), listen=LOOPBACK) as box,
        visit(chromium) as page,
    ):
        url = claim(page, box)

        def go_to(words: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                script = "document.activeElement.innerText || document.activeElement.name || ''"
                if page.evaluate(script) == words:
                    return
            raise AssertionError(f"no way by Tab to {words}")

        page.goto(f"{url}/sites")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("To the content")
        expect(page.locator(":focus")).to_be_in_viewport()
        page.keyboard.press("Enter")
        go_to("Add a site")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.type(HOST)
        go_to("backends")
        page.keyboard.type("nonsense://here")
        go_to("Save")
        page.keyboard.press("Enter")
        # What is wrong is told, and is where the cursor is.
        expect(page.locator("#backends")).to_be_focused()
        expect(page.locator("#backends-fault")).to_be_visible()
        page.keyboard.press("Control+A")
        page.keyboard.type(f"http://127.0.0.1:{backend.port}")
        go_to("Save")
        page.keyboard.press("Enter")
        see(page, "Saved, and in force.")


def test_what_others_send_is_shown_and_never_run(chromium: Browser, claimed_box: Box) -> None:
    evil = "<img/src=x/onerror=alert(1)><script>alert(2)</script>"
    with visit(chromium) as page:
        url = log_in(page, claimed_box)
        page.goto(f"{url}/log")
        claimed_box.get(f"/{evil}", host="well.localhost", more=f"User-Agent: {evil}\r\n")
        expect(page.locator(".log li").first).to_contain_text(f"GET /{evil}", timeout=PATIENCE_MS)
        page.reload()
        expect(page.locator(".log li").first).to_contain_text(f"GET /{evil}")
        page.goto(f"{url}/add")
        fill_site(page, evil, f"http://{evil}")
        expect(page.locator("[data-findings] .mark.down")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".said")).to_be_visible()
        assert page.get_by_label("Name").input_value() == evil
        page.goto(f"{url}/sites?find={evil}")
        see(page, "No site is called")


def test_the_log_is_live_filtered_and_can_be_held(chromium: Browser, claimed_box: Box) -> None:
    with visit(chromium) as page:
        url = log_in(page, claimed_box)
        page.goto(f"{url}/log?site=well.localhost&status=2xx")
        rows = page.locator(".log li")
        claimed_box.get("/wanted", host="well.localhost")
        claimed_box.get("/other", host="nobody.localhost")
        expect(rows.first).to_contain_text("GET /wanted", timeout=PATIENCE_MS)
        expect(page.get_by_text("/other")).to_have_count(0)
        page.get_by_role("button", name="Pause").click()
        claimed_box.get("/missed", host="well.localhost")
        page.get_by_role("button", name="Go on").click()
        claimed_box.get("/after", host="well.localhost")
        expect(rows.first).to_contain_text("GET /after", timeout=PATIENCE_MS)
        page.get_by_label("with these words").fill("wanted")
        page.get_by_role("button", name="Show").click()
        expect(rows).to_have_count(1)


def test_a_page_says_that_the_box_is_away_and_goes_on_when_it_is_back(
    tmp_path: Path, chromium: Browser
) -> None:
    listen = f'admin = "127.0.0.1:{free_port()}"'
    with visit(chromium) as page:
        with Box(tmp_path, "", listen=listen) as box:
            url = claim(page, box)
            see_verdict(page, "Ready")
        see(page, "The box does not answer: what is shown is from before.")
        with Box(tmp_path, "", listen=listen):
            expect(page.locator("[data-lost]")).to_be_hidden(timeout=PATIENCE_MS)
            see_verdict(page, "Ready")
            other = page.context.new_page()
            other.goto(f"{url}/box")
            other.get_by_role("button", name="Log out").click()
            see(page, "Log in to see it and steer it.")


def test_the_screen_is_the_one_that_the_box_shows(tmp_path: Path, chromium: Browser) -> None:
    more = '[display]\noutput = "none"\n'
    with Box(tmp_path, more, listen=LOOPBACK) as box, visit(chromium) as page:
        url = claim(page, box)
        page.goto(f"{url}/screen")
        see(page, "The screen does not answer")
        see(page, "Start gatelight-display")
        with display(box):
            picture = page.locator("[data-screen]")
            expect(picture).to_be_visible(timeout=PATIENCE_MS)
            before = wait_until(lambda: read_picture(page), "a picture")
            page.get_by_role("button", name="Next page").click()
            after = wait_until(lambda: changed(page, before), "another page")
            page.keyboard.press("ArrowLeft")
            wait_until(lambda: changed(page, after), "the page before")
            wait_until(lambda: read_picture(page) == fetch(box), "the very picture")


def read_picture(page: Page) -> bytes:
    """The bytes of the picture on show."""
    page.wait_for_timeout(20)
    found: Any = page.locator("[data-screen]").get_attribute("src")
    if not str(found).startswith("data:image/png;base64,"):
        return b""
    return base64.b64decode(str(found).partition(",")[2])


def changed(page: Page, before: bytes) -> bytes:
    picture = read_picture(page)
    return picture if picture != before else b""


def test_the_first_visit_is_small_and_all_of_it_comes_from_the_box(
    chromium: Browser, claimed_box: Box
) -> None:
    with visit(chromium) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        url = log_in(page, claimed_box)
        page.wait_for_load_state("load")
        script = """performance.getEntriesByType("resource")
            .concat(performance.getEntriesByType("navigation"))
            .reduce((sum, each) => sum + each.transferSize, 0)"""
        assert 10_000 < page.evaluate(script) < MOST_BYTES
        assert asked
        assert all(each.startswith((url, "data:")) for each in asked)
        assert PASSWORD not in "".join(asked)
