"""The admin API of a real box: claimed, changed, watched, and reset."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin_client import (
    ANYWHERE,
    LOOPBACK,
    PASSWORD,
    AdminClient,
    SocketClient,
    claim,
    find_admin_port,
    find_code,
)
from tests.support.backend import ScriptedBackend
from tests.support.box import ROOT, Box, read_all, site, wait_until


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def strict(box: Box) -> ssl.SSLContext:
    """As strict as the newest clients are: Python 3.13 and those like it."""
    root = box.folder / "tls/roots/1/root.crt"
    wait_until(root.exists, "a root")
    context = ssl.create_default_context(cafile=root)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_a_box_is_claimed_once_with_the_code_it_shows_and_remembers_it(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=LOOPBACK) as box:
        anybody = AdminClient(find_admin_port(box))
        local = SocketClient(box.socket)
        code = local.ask("GET", "/v1/status").json["claim"]["code"]
        assert code == find_code(box)
        assert anybody.ask("GET", "/v1/status").status == 403
        owner = claim(box)
        assert owner.ask("GET", "/v1/status").json["claim"] is None
        assert anybody.ask("GET", "/v1/status").status == 401
        again = anybody.ask("POST", "/v1/claim", {"code": code, "password": PASSWORD})
        assert again.status == 409
        assert local.ask("GET", "/v1/status").json["claim"] is None
    with Box(tmp_path, "", listen=LOOPBACK) as box:
        owner.port = anybody.port = find_admin_port(box)
        assert owner.ask("GET", "/v1/status").status == 200
        anybody.enter(anybody.ask("POST", "/v1/login", {"password": PASSWORD}))
        assert anybody.ask("GET", "/v1/status").status == 200


def test_another_password_ends_other_sessions_and_reset_makes_the_box_new(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=LOOPBACK) as box:
        owner = claim(box)
        thief = AdminClient(owner.port)
        thief.enter(thief.ask("POST", "/v1/login", {"password": PASSWORD}))
        change = {"old": PASSWORD, "new": "another horse"}
        owner.enter(owner.ask("POST", "/v1/password", change))
        assert thief.ask("GET", "/v1/status").status == 401
        assert owner.ask("GET", "/v1/status").status == 200
        command = [sys.executable, "-m", "appliance", "admin", "reset", "--json"]
        done = subprocess.run(
            [*command, "--socket", str(box.socket)], capture_output=True, check=True, cwd=ROOT
        )
        assert owner.ask("GET", "/v1/status").status == 403
        code = json.loads(done.stdout)["code"]
        content = {"code": code, "password": PASSWORD}
        owner.enter(owner.ask("POST", "/v1/claim", content))


def test_off_loopback_the_port_speaks_https_and_plain_http_is_sent_there(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=ANYWHERE) as box:
        port = find_admin_port(box)
        plain = AdminClient(port)
        sent = plain.ask("GET", "/v1/status", Host=f"gate.test:{port}")
        assert (sent.status, sent.fields["Location"]) == (307, f"https://gate.test:{port}/")
        login = plain.ask("POST", "/v1/login", {"password": PASSWORD})
        assert login.status == 403
        assert "Set-Cookie" not in login.fields
        owner = claim(box, strict(box))
        assert owner.fields["Cookie"].startswith("__Host-gatelight-admin=")
        assert owner.ask("GET", "/v1/status").status == 200
        # The same cookie in the clear is worth nothing.
        plain.fields = owner.fields
        assert plain.ask("GET", "/v1/status").status == 307
        assert owner.ask("GET", "/v1/status", Host="evil.test").status == 421
        root = owner.ask("GET", "/v1/roots/1.crt")
        assert root.body == (tmp_path / "tls/roots/1/root.crt").read_bytes()
        assert "attachment" in root.fields["Content-Disposition"]


def test_a_site_of_the_box_may_lead_to_its_dashboard(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=f'{LOOPBACK}\nhttps = "127.0.0.1:0"') as box:
        port = find_admin_port(box)
        dashboard = f"http://127.0.0.1:{port}"
        # What anybody's DNS may say: a site alone makes a name ours.
        elsewhere = AdminClient(port).ask("GET", "/v1/status", Host="gate.test")
        assert elsewhere.status == 421
        local = SocketClient(box.socket)
        table = {"backends": [dashboard], "tls": "terminate"}
        assert local.ask("PUT", "/v1/sites/localhost", table).status == 201
        owner = AdminClient(box.secure_port, strict(box))
        content = {"code": find_code(box), "password": PASSWORD}
        origin = f"https://localhost:{box.secure_port}"

        def served() -> bool:
            try:
                return owner.ask("GET", "/v1/status").status == 403
            except OSError:
                return False

        wait_until(served, "the dashboard's site")
        owner.enter(owner.ask("POST", "/v1/claim", content, Origin=origin))
        assert owner.fields["Cookie"].startswith("__Host-")
        assert owner.ask("POST", "/v1/reload", Origin=origin).status == 204
        assert owner.ask("POST", "/v1/reload", Origin="https://evil.test").status == 403
        assert local.ask("PUT", "/v1/sites/gate.test", {"backends": [dashboard]}).status == 201
        assert AdminClient(box.port).ask("GET", "/v1/status", Host="gate.test").status == 401


def test_whoever_says_nothing_or_nonsense_on_the_port_holds_up_nobody(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=ANYWHERE) as box:
        port = find_admin_port(box)
        quiet = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"\x16\x03\x01\x00\x05hello")
            read_all(sock)
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"\x00" * 100)
            sock.shutdown(socket.SHUT_WR)
            assert b" 400 " in read_all(sock).split(b"\r\n")[0]
        assert claim(box, strict(box)).ask("GET", "/v1/status").status == 200
        for sock in quiet:
            sock.close()


def test_a_site_is_added_served_changed_and_removed(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url), listen=LOOPBACK) as box:
        owner = claim(box)
        assert b" 404 " in box.get(host="new.test").split(b"\r\n")[0]
        table = {"backends": [backend.url]}
        added = owner.ask("PUT", "/v1/sites/new.test", table)
        assert (added.status, added.json) == (201, table)
        assert b"200 OK" in box.get(host="new.test")
        assert 'host = "new.test"' in box.config.read_text()
        listed = [each["host"] for each in owner.ask("GET", "/v1/sites").json]
        assert sorted(listed) == ["a.test", "new.test"]

        tag = str(added.fields["ETag"])
        changed = {**table, "balance": "random"}
        assert owner.ask("PUT", "/v1/sites/new.test", changed, If_Match=tag).status == 200
        late = owner.ask("PUT", "/v1/sites/new.test", table, If_Match=tag)
        assert late.status == 412
        before = box.config.read_bytes()
        wrong = owner.ask("PUT", "/v1/sites/new.test", {"backend": [backend.url]})
        assert wrong.status == 422
        assert 'unknown key; did you mean "backends"?' in wrong.json["error"]["what"]
        assert box.config.read_bytes() == before

        assert owner.ask("DELETE", "/v1/sites/new.test").status == 204
        assert b" 404 " in box.get(host="new.test").split(b"\r\n")[0]
        assert owner.ask("DELETE", "/v1/sites/new.test").status == 404


def test_guessing_is_stopped_and_those_who_are_in_go_on(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=LOOPBACK) as box:
        owner = claim(box)
        thief = AdminClient(owner.port)
        tries = [thief.ask("POST", "/v1/login", {"password": f"guess {n}!"}) for n in range(6)]
        assert [each.status for each in tries] == [403] * 5 + [429]
        assert int(tries[-1].fields["Retry-After"]) > 200
        assert thief.ask("POST", "/v1/login", {"password": PASSWORD}).status == 429
        assert owner.ask("GET", "/v1/status").status == 200


def test_scripts_use_a_token_for_as_long_as_it_is_good(tmp_path: Path) -> None:
    with Box(tmp_path, "", listen=LOOPBACK) as box:
        owner = claim(box)
        made = owner.ask("POST", "/v1/tokens", {"name": "prometheus"}).json
        script = AdminClient(owner.port)
        script.fields = {"Authorization": f"Bearer {made['token']}"}
        assert script.ask("POST", "/v1/reload").status == 204
        assert b"gatelight_connections 0\n" in script.ask("GET", "/metrics").body
        assert made["token"] not in (tmp_path / "admin.json").read_text()
        assert owner.ask("DELETE", f"/v1/tokens/{made['id']}").status == 204
        assert script.ask("GET", "/metrics").status == 401


def test_an_alert_that_somebody_knows_of_is_marked_for_all(tmp_path: Path) -> None:
    check = '[site.health]\ninterval = "100ms"\nfall = 1\n'
    with Box(tmp_path, site("a.test", "http://127.0.0.1:9", more=check)) as box:
        local = SocketClient(box.socket)

        def acknowledged() -> dict[str, bool]:
            alerts = local.ask("GET", "/v1/status").json["alerts"]
            return {each["id"]: each["acknowledged"] for each in alerts}

        wait_until(lambda: "site:a.test" in acknowledged(), "the alert")
        assert local.ask("POST", "/v1/alerts/site%3Aa.test/acknowledge").status == 204
        assert acknowledged()["site:a.test"]
        gone = "/v1/alerts/backend%3Aa.test%3Ahttp%3A%2F%2F127.0.0.1%3A8/acknowledge"
        assert local.ask("POST", gone).status == 404


def test_the_log_is_looked_through_and_followed(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url), listen=LOOPBACK) as box:
        owner = claim(box)
        with socket.create_connection(("127.0.0.1", owner.port), 20) as follower:
            head = f"GET /v1/log/events?site=a.test HTTP/1.1\r\nHost: 127.0.0.1:{owner.port}\r\n"
            follower.sendall(f"{head}Cookie: {owner.fields['Cookie']}\r\n\r\n".encode())
            found = b""
            while b": the lines from now on" not in found:
                found += follower.recv(65536)
            box.get("/here?<script>")
            box.get("/there", host="b.test")
            while b"/here" not in found:
                data = follower.recv(65536)
                assert data
                found += data
        assert b"/there" not in found

        def lines(query: str) -> list[str]:
            listed = owner.ask("GET", f"/v1/log?{query}").json["lines"]
            return [line["request"].split(" ")[1] for line in listed]

        wait_until(lambda: len(lines("")) == 2, "both lines")
        assert lines("") == ["/there", "/here?<script>"]
        assert lines("status=4xx") == ["/there"]
        assert lines("contains=HERE%3f") == ["/here?<script>"]
        assert lines("limit=1") == ["/there"]
        assert owner.ask("GET", "/v1/log?status=many").status == 400
