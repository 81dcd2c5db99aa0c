"""The dashboard's pages at a first visit: how soon something is seen, and what it weighs.

    python -m bench.dashboard             # about two minutes; needs chromium

The box runs here, on loopback ports, with forty sites, and is ended. The table is for
docs/dashboard.md. What ten open dashboards take from the traffic is measured by bench.admin_api.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.admin_api import ask, wait_for_sites
from bench.running import free_port

SITES = 40
VISITS = 9
PATIENCE_S = 30.0
PASSWORD = "correct horse"
PAGES = ("/login", "/", "/sites", "/sites/s1.home.arpa", "/add", "/log", "/certificates", "/box")
PAINT = """() => new Promise((told) => {
  new PerformanceObserver((list) => {
    const seen = list.getEntriesByName("first-contentful-paint")[0];
    if (!seen) return;
    const kinds = ["resource", "navigation"].flatMap((kind) => performance.getEntriesByType(kind));
    const bytes = kinds.reduce((sum, each) => sum + each.transferSize, 0);
    told({ painted: seen.startTime, bytes });
  }).observe({ type: "paint", buffered: true });
})"""


@contextmanager
def box(folder: Path) -> Iterator[int]:
    """A claimed box; the dashboard's port."""
    admin = free_port()
    lines = [
        "[listen]", 'http = "127.0.0.1:0"', f'admin = "127.0.0.1:{admin}"',
        f'admin_socket = "{folder}/admin.sock"', "[proxy]", "workers = 1",
        f'state_dir = "{folder}"', f'access_log = "{folder}/access.log"',
    ]  # fmt: skip
    for number in range(SITES):
        host = f'[[site]]\nhost = "s{number}.home.arpa"'
        lines += [host, 'backends = ["http://127.0.0.1:9"]']
    config = folder / "gatelight.toml"
    config.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "appliance", "serve", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        path = folder / "admin.sock"
        wait_for_sites(path, SITES)
        code = json.loads(ask(path, "GET", "/v1/status")[1])["claim"]["code"]
        ask(path, "POST", "/v1/claim", {"code": code, "password": PASSWORD})
        yield admin
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def visit(browser: Browser, url: str, path: str) -> tuple[float, int]:
    """A first visit: when something is seen, in ms, and the bytes that it took."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    if path != "/login":
        enter(page, url)
        page.goto("about:blank")
    # As at a first visit, with the session's cookie alone.
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    page.goto(f"{url}{path}", wait_until="load")
    found = page.evaluate(PAINT)
    context.close()
    return float(found["painted"]), int(found["bytes"])


def enter(page: Page, url: str) -> None:
    """Logs in."""
    page.goto(f"{url}/login")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("[data-hero]").wait_for()


def paint(admin: int) -> None:
    """Each page at a first visit."""
    print("| page | first paint, median (most) | bytes |\n| --- | --- | --- |")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox"]
        )
        for path in PAGES:
            visits = [visit(browser, f"http://127.0.0.1:{admin}", path) for _ in range(VISITS)]
            painted = [each[0] for each in visits]
            times = f"{statistics.median(painted):.0f} ms ({max(painted):.0f})"
            print(f"| `{path}` | {times} | {max(each[1] for each in visits):,} |")
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, box(Path(folder)) as admin:
        paint(admin)


if __name__ == "__main__":
    main()
