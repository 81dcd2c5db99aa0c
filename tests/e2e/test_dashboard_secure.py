"""The dashboard off the box: over TLS, in a Chromium that trusts the local root."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.test_demo import free_port
from tests.e2e.test_https_browser import browser
from tests.support.admin_client import find_admin_port
from tests.support.box import Box, wait_until
from tests.support.dashboard import claim


def test_off_the_box_it_is_secure_and_leads_a_phone_to_the_root(tmp_path: Path) -> None:
    box_folder = tmp_path / "box"
    box_folder.mkdir()
    port = free_port()
    with Box(box_folder, "", listen=f'admin = "0.0.0.0:{port}"') as box:
        root = box_folder / "tls/roots/1/root.crt"
        wait_until(root.exists, "a root")
        assert find_admin_port(box) == port
        with browser(tmp_path / "home", root) as context:
            page = context.new_page()
            # Plain HTTP is sent on.
            page.goto(f"http://localhost:{port}/")
            assert page.url.startswith(f"https://localhost:{port}/")
            claim(page, box, f"https://localhost:{port}")
            (cookie,) = context.cookies()
            assert cookie["name"] == "__Host-gatelight-admin"
            assert cookie["secure"]
            assert cookie["httpOnly"]
            assert cookie["sameSite"] == "Strict"
            page.goto(f"https://localhost:{port}/certificates")
            code = page.locator("svg.qr")
            expect(code).to_be_visible()
            address = str(code.get_attribute("aria-label")).removeprefix("QR code for ")
            assert f":{port}/trust" in address
            context.clear_cookies()
            page.goto(f"https://localhost:{port}/trust")
            with page.expect_download() as saved:
                page.get_by_role("link", name="Download the root").click()
            assert Path(saved.value.path()).read_bytes() == root.read_bytes()
