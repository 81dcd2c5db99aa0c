"""A real Chromium: warned until it trusts the local root, then at home, WebSockets included."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, expect, sync_playwright

from tests.e2e.test_chat_browser import CHROMIUM, LIMIT_MS, OPTIONS, expect_lines, say
from tests.support.box import Box, site, wait_until
from tests.support.program import running

HOST = "chat.home.arpa"


@pytest.fixture(scope="module")
def chat() -> Iterator[str]:
    with running("-u", "examples/chat/chat.py", "--port", "0") as program:
        line = program.read_until("http://")
        found = re.search(r"http://[\w.:]+", line)
        assert found, line
        yield found[0]


@contextmanager
def browser(folder: Path, root: Path | None) -> Iterator[BrowserContext]:
    """Chromium with a home of its own, in which it trusts `root`."""
    database = folder / ".pki/nssdb"
    database.mkdir(parents=True)
    commands = [["-N", "--empty-password"]]
    if root is not None:
        commands.append(["-A", "-t", "C,,", "-n", "gatelight", "-i", str(root)])
    for command in commands:
        subprocess.run(["certutil", "-d", f"sql:{database}", *command], check=True)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder / "profile"),
            executable_path=CHROMIUM,
            args=[*OPTIONS, "--host-resolver-rules=MAP *.home.arpa 127.0.0.1"],
            env={**os.environ, "HOME": str(folder)},
        )
        context.set_default_timeout(LIMIT_MS)
        yield context
        context.close()


def secure_box(folder: Path, url: str) -> Box:
    more = 'tls = "terminate"\nredirect_http = true\nhsts = true'
    return Box(folder, site(HOST, url, more=more), listen='https = "127.0.0.1:0"')


def test_chromium_warns_about_a_root_it_was_not_taught(tmp_path: Path, chat: str) -> None:
    assert CHROMIUM, "chromium is not installed: ./scripts/test installs it"
    with secure_box(tmp_path, chat) as box, browser(tmp_path / "home", None) as context:
        page = context.new_page()
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(f"https://{HOST}:{box.secure_port}/")
        told = f"does not trust the certificate of {HOST}"
        wait_until(lambda: told in box.errors.read_text(), "a word about it")


def test_chromium_is_at_home_with_the_root_that_the_command_gives(
    tmp_path: Path, chat: str
) -> None:
    assert shutil.which("certutil"), "libnss3-tools is not installed: ./scripts/test installs it"
    with (
        secure_box(tmp_path, chat) as box,
        browser(tmp_path / "home", tmp_path / "tls/roots/1/root.crt") as context,
    ):
        first, second = context.new_page(), context.new_page()
        answer = first.goto(f"http://{HOST}:{box.port}/")
        assert answer is not None
        assert answer.url == f"https://{HOST}:{box.secure_port}/"
        details = answer.security_details()
        assert details is not None
        assert details["protocol"] == "TLS 1.3"
        assert (details["issuer"] or "").startswith("Gatelight on ")
        expect_lines(first, ["Welcome, User 1"])
        second.goto(f"https://{HOST}:{box.secure_port}/")
        say(second, "over TLS")
        expect_lines(first, ["Welcome, User 1", "User 2 says: over TLS"])
        assert first.evaluate("window.isSecureContext")
        expect(first.locator("#state")).to_have_text(re.compile("connected as User 1"))
        assert "does not trust" not in box.errors.read_text()
