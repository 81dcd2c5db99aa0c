"""Who is let in over TCP, and by which proofs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.admin.account import csrf_of
from appliance.admin.exchange import FORM, Answer, Peer, Request
from tests.support.admin import NAME, Office

PASSWORD = "correct horse"
HERE = {"host": "127.0.0.1:8470"}
ORIGIN = "http://127.0.0.1:8470"
CLIENT = Peer("192.0.2.7")


def ask(
    office: Office,
    method: str,
    path: str,
    body: bytes = b"",
    peer: Peer = CLIENT,
    **fields: Any,
) -> Answer:
    async def read_body(limit: int) -> bytes:
        return body

    names = {name.replace("_", "-"): value for name, value in fields.items()}
    segments = tuple(path[1:].split("/"))
    request = Request(method, segments, {}, {**HERE, **names}, peer, read_body)
    return asyncio.run(office.app.ask(request))


def claimed(folder: Path) -> tuple[Office, str]:
    """An office, and the secret of a session."""
    office = Office(folder)
    code = str(office.account.code)
    return office, asyncio.run(office.account.claim(code, PASSWORD))


def cookie(secret: str, name: str = "gatelight-admin") -> dict[str, Any]:
    return {"cookie": f"a=b; {name}={secret}"}


def test_before_the_claim_nothing_is_told_over_tcp_and_all_over_the_socket(tmp_path: Path) -> None:
    office = Office(tmp_path)
    routes = [(m, p) for m, p, _, _ in office.api.routes() if p not in ("/v1/claim", "/v1/login")]
    for method, path in routes:
        answer = ask(office, method, path.replace("{", "").replace("}", ""), b"{}")
        assert answer.status == 403, path
        assert b"a.test" not in answer.body
    assert ask(office, "GET", "/v1/nothing").status == 403
    assert ask(office, "GET", "/v1/status", peer=Peer()).status == 200
    assert ask(office, "POST", "/v1/login", b'{"password": ""}').status == 403


def test_after_it_a_session_or_a_token_is_needed(tmp_path: Path) -> None:
    office, secret = claimed(tmp_path)
    token = office.account.add_token("script")["token"]
    assert ask(office, "GET", "/v1/status").status == 401
    assert ask(office, "GET", "/v1/status", **cookie(secret)).status == 200
    assert ask(office, "GET", "/v1/status", **cookie(secret + "x")).status == 401
    assert ask(office, "GET", "/v1/status", authorization=f"Bearer {token}").status == 200
    assert ask(office, "GET", "/v1/status", authorization=f"Bearer {secret}").status == 401
    assert ask(office, "GET", "/v1/status", authorization=f"Basic {token}").status == 401
    assert ask(office, "GET", "/v1/nothing").status == 401


CHANGES: list[tuple[Mapping[str, str], int]] = [
    ({}, 403),
    ({"x_csrf_token": "wrong"}, 403),
    ({"x_csrf_token": "{csrf}"}, 204),
    ({"x_csrf_token": "{csrf}", "origin": ORIGIN, "sec_fetch_site": "same-origin"}, 204),
    ({"x_csrf_token": "{csrf}", "origin": "http://evil.test"}, 403),
    ({"x_csrf_token": "{csrf}", "origin": "null"}, 403),
    ({"x_csrf_token": "{csrf}", "origin": "https://127.0.0.1:8470"}, 403),
    ({"x_csrf_token": "{csrf}", "sec_fetch_site": "cross-site"}, 403),
    ({"x_csrf_token": "{csrf}", "sec_fetch_site": "same-site"}, 403),
]


@pytest.mark.parametrize(("fields", "status"), CHANGES)
def test_a_session_changes_nothing_without_the_page_s_proof(
    tmp_path: Path, fields: Mapping[str, str], status: int
) -> None:
    office, secret = claimed(tmp_path)
    filled: dict[str, Any] = {
        name: value.replace("{csrf}", csrf_of(secret)) for name, value in fields.items()
    }
    answer = ask(office, "POST", "/v1/reload", **cookie(secret), **filled)
    assert answer.status == status
    assert office.box.done == (["reload"] if status == 204 else [])


def test_a_form_carries_the_proof_in_a_field(tmp_path: Path) -> None:
    office, secret = claimed(tmp_path)
    good = f"csrf={csrf_of(secret)}".encode()
    for body, status in ((good, 204), (b"csrf=x", 403), (b"", 403)):
        fields = {**cookie(secret), "content_type": f"{FORM}; charset=utf-8"}
        assert ask(office, "POST", "/v1/reload", body, **fields).status == status


def test_a_token_needs_no_proof(tmp_path: Path) -> None:
    office, _ = claimed(tmp_path)
    token = office.account.add_token("script")["token"]
    assert ask(office, "POST", "/v1/reload", authorization=f"bearer {token}").status == 204


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8470", 401),
        ("[::1]:8470", 401),
        ("192.168.1.5", 401),
        ("localhost:8470", 401),
        ("gatelight.localhost", 401),
        (NAME, 401),
        (f"{NAME}.:8470", 401),
        ("evil.test:8470", 421),
        ("127.0.0.1.evil.test", 421),
        ("localhost.evil.test", 421),
        ("", 421),
        ("[", 421),
    ],
)
def test_only_the_box_s_own_names_are_served(tmp_path: Path, host: str, status: int) -> None:
    office, _ = claimed(tmp_path)
    assert ask(office, "GET", "/v1/status", host=host).status == status
    login = ask(office, "POST", "/v1/login", b'{"password": "correct horse"}', host=host)
    assert login.status == (200 if status == 401 else 421)


def test_a_login_gives_a_new_session_and_ignores_one_that_was_brought(tmp_path: Path) -> None:
    office, _ = claimed(tmp_path)
    fixed = "x" * 43
    body = b'{"password": "correct horse"}'
    answer = ask(office, "POST", "/v1/login", body, **cookie(fixed))
    (given,) = [value for name, value in answer.fields if name == "Set-Cookie"]
    secret = given.split(";")[0].partition("=")[2]
    assert secret != fixed
    assert ask(office, "GET", "/v1/status", **cookie(fixed)).status == 401
    assert ask(office, "GET", "/v1/status", **cookie(secret)).status == 200
    assert "HttpOnly" in given
    assert "SameSite=Strict" in given
    assert "Secure" not in given


def test_over_tls_the_cookie_is_for_tls_and_this_host_only(tmp_path: Path) -> None:
    office, _ = claimed(tmp_path)
    peer = Peer("192.0.2.7", is_secure=True)
    body = b'{"password": "correct horse"}'
    answer = ask(office, "POST", "/v1/login", body, peer, origin="https://127.0.0.1:8470")
    (given,) = [value for name, value in answer.fields if name == "Set-Cookie"]
    assert given.startswith("__Host-gatelight-admin=")
    assert given.endswith("; Secure")
    secret = given.split(";")[0].partition("=")[2]
    assert ask(office, "GET", "/v1/status", peer=peer, **cookie(secret)).status == 401
    named = cookie(secret, "__Host-gatelight-admin")
    assert ask(office, "GET", "/v1/status", peer=peer, **named).status == 200


def test_a_login_sent_by_another_page_is_refused(tmp_path: Path) -> None:
    office, _ = claimed(tmp_path)
    body = b'{"password": "correct horse"}'
    assert ask(office, "POST", "/v1/login", body, origin="http://evil.test").status == 403


def test_guesses_are_limited_for_a_client_and_in_all(tmp_path: Path) -> None:
    office, secret = claimed(tmp_path)
    wrong, right = b'{"password": "wrong horse"}', b'{"password": "correct horse"}'
    office.account._is_right = lambda password: _answer(password == PASSWORD)  # type: ignore[method-assign]
    statuses = [ask(office, "POST", "/v1/login", wrong).status for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    answer = ask(office, "POST", "/v1/login", right)
    assert answer.status == 429
    assert dict(answer.fields)["Retry-After"] == "301"
    assert ask(office, "GET", "/v1/status", **cookie(secret)).status == 200
    for number in range(40):
        ask(office, "POST", "/v1/login", wrong, Peer(f"198.51.100.{number}"))
    assert ask(office, "POST", "/v1/login", right, Peer("203.0.113.1")).status == 429
    office.now_s += 301
    assert ask(office, "POST", "/v1/login", right).status == 200


def test_guesses_of_the_code_are_limited_too(tmp_path: Path) -> None:
    office = Office(tmp_path)
    body = b'{"code": "AAA-AAA", "password": "correct horse"}'
    statuses = [ask(office, "POST", "/v1/claim", body).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]


async def _answer(value: bool) -> bool:
    return value


def test_a_reset_is_not_to_be_had_over_tcp(tmp_path: Path) -> None:
    office, secret = claimed(tmp_path)
    fields = {**cookie(secret), "x_csrf_token": csrf_of(secret)}
    assert ask(office, "POST", "/v1/reset", **fields).status == 403
    assert office.account.is_claimed
    assert ask(office, "POST", "/v1/reset", peer=Peer()).status == 200
    assert not office.account.is_claimed


def test_logging_out_ends_the_session(tmp_path: Path) -> None:
    office, secret = claimed(tmp_path)
    fields = {**cookie(secret), "x_csrf_token": csrf_of(secret)}
    answer = ask(office, "POST", "/v1/logout", **fields)
    assert "Max-Age=0" in dict(answer.fields)["Set-Cookie"]
    assert ask(office, "GET", "/v1/status", **cookie(secret)).status == 401


def test_every_answer_says_what_a_browser_may_do_with_it(tmp_path: Path) -> None:
    fields = dict(ask(Office(tmp_path), "GET", "/v1/status").fields)
    policy = fields["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert fields["Cache-Control"] == "no-store"


def test_a_fault_of_ours_is_a_sentence_and_a_line_in_the_log(tmp_path: Path) -> None:
    office = Office(tmp_path)

    def fail() -> None:
        raise RuntimeError("oh no")

    office.box.reload = fail  # type: ignore[method-assign]
    answer = ask(office, "POST", "/v1/reload", peer=Peer())
    assert answer.status == 500
    assert b"oh no" not in answer.body
    (line,) = office.complaints
    assert "POST /v1/reload: RuntimeError: oh no (" in line
