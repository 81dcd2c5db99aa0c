"""A site tried out before it is saved: what is found, in words with a way out."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance import rehearsal
from appliance.rehearsal import (
    About,
    Finding,
    Outcome,
    Surroundings,
    judge_backend,
    judge_certificate,
    judge_name,
    rehearse,
)
from appliance.routing.model import Site, TlsMode, parse_backend
from appliance.upstream.dial import Dialer
from tests.support.backend import ScriptedBackend
from tests.support.secure import Authority, SecureServer

GOOD, DOUBTFUL, BAD, UNKNOWN = Outcome.GOOD, Outcome.DOUBTFUL, Outcome.BAD, Outcome.UNKNOWN
OURS = ("192.168.1.5",)


@pytest.mark.parametrize(
    ("found", "own", "outcome", "words"),
    [
        (None, (), UNKNOWN, "no DNS server has answered"),
        ((), (), DOUBTFUL, "is not in the DNS"),
        (("192.168.1.5",), ("192.168.1.5",), GOOD, "leads to this box (192.168.1.5)"),
        (("127.0.0.1",), ("127.0.0.1",), GOOD, "for browsers on the box itself"),
        (("192.168.1.9",), (), DOUBTFUL, "leads to 192.168.1.9, which is not this box"),
        (("8.8.8.8",), (), DOUBTFUL, "which is not this box"),
    ],
    ids=["no answer", "unknown", "here", "loopback", "elsewhere", "a router perhaps"],
)
def test_a_name_leads_here_or_it_is_said_where(
    found: tuple[str, ...] | None, own: tuple[str, ...], outcome: Outcome, words: str
) -> None:
    finding = judge_name("photos.test", found, OURS, lambda address: address in own)
    assert (finding.outcome, words in finding.what) == (outcome, True)
    assert bool(finding.way_out) == (outcome is not GOOD)


def test_the_way_out_of_a_name_names_the_address_and_thinks_of_the_router() -> None:
    def nobody(_: str) -> bool:
        return False

    way_out = judge_name("photos.test", ("8.8.8.8",), OURS, nobody).way_out
    assert way_out.startswith("fine if that is your router")
    assert "192.168.1.5" in way_out
    local = judge_name("photos.local", (), OURS, nobody)
    assert (local.outcome, "published" in local.what) == (GOOD, True)


@pytest.mark.parametrize(
    ("url", "error", "path", "outcome", "way_out"),
    [
        ("http://b:81", None, "/", GOOD, ""),
        ("tcp://b:80", None, None, GOOD, ""),
        ("http://b:81", "it answered 500", "/", DOUBTFUL, "its own log"),
        ("http://b:81", "it answered 401", "/", DOUBTFUL, "wants a login"),
        ("http://b:81", "Connection refused", "/", BAD, "nothing listens at port 81"),
        ("https://b:80", "[SSL: WRONG_VERSION_NUMBER] wrong version number", "/", BAD, "http://"),
        ("https://b:80", "certificate verify failed", "/", BAD, "backend_ca"),
        ("http://b:81", "No route to host", "/", BAD, "switched on"),
        ("http://b:81", "no answer within 5 s", "/", BAD, "should it be https://?"),
        ("unix:/run/x", "No such file or directory", "/", BAD, "socket's path"),
        ("unix:/run/x", "Permission denied", "/", BAD, "let the user of gatelight"),
    ],
)
def test_what_a_backend_says_has_a_way_out(
    url: str, error: str | None, path: str | None, outcome: Outcome, way_out: str
) -> None:
    finding = judge_backend(parse_backend(url), error, path)
    assert finding.outcome is outcome
    assert way_out in finding.way_out
    assert finding.what.startswith(url)


LOCAL = Site("a.test", (), tls=TlsMode.TERMINATE)


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (None, GOOD),
        ({"fault": None, "source": "local CA", "issuer": "x", "expires": "2027"}, GOOD),
        ({"fault": "is expired", "source": "/a", "issuer": "x", "expires": "2020"}, DOUBTFUL),
        ({"fault": "cannot be read", "source": "/a", "issuer": None, "expires": None}, BAD),
    ],
)
def test_a_certificate_is_told_before_it_is_needed(
    found: Mapping[str, Any] | None, outcome: Outcome
) -> None:
    assert judge_certificate(LOCAL, found).outcome is outcome


# For real.

AROUND = Surroundings(OURS, [80], [], lambda site: None)


def findings(*urls: str, around: Surroundings = AROUND, **settings: Any) -> list[Finding]:
    site = Site("localhost", tuple(parse_backend(url) for url in urls), **settings)

    async def run() -> list[Finding]:
        return await rehearse(site, around, Dialer(asyncio.get_running_loop()))

    return asyncio.run(run())


def of_backends(found: list[Finding]) -> list[tuple[Outcome, str]]:
    return [(each.outcome, each.what) for each in found if each.about is About.BACKEND]


def test_backends_are_really_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with (
        ScriptedBackend() as plain,
        ScriptedBackend(path=str(tmp_path / "b.sock")) as local,
        SecureServer(*authority.issue("127.0.0.1")) as secure,
        socket.create_server(("127.0.0.1", 0)) as unused,
    ):
        port = unused.getsockname()[1]
        unused.close()
        found = findings(
            plain.url,
            local.url,
            f"https://127.0.0.1:{secure.port}",
            f"http://127.0.0.1:{secure.port}",
            f"https://127.0.0.1:{plain.port}",
            f"http://127.0.0.1:{port}",
            "http://nowhere.invalid",
        )
        told = of_backends(found)
        assert [outcome for outcome, _ in told] == [GOOD, GOOD, BAD, BAD, BAD, BAD, BAD]
        assert "certificate verify failed" in told[2][1]
        ways = [each.way_out for each in found if each.about is About.BACKEND]
        assert "backend_ca" in ways[2]
        assert "https://" in ways[3]
        assert "http://" in ways[4], told[4]
        assert "nothing listens" in ways[5]
        assert "cannot be resolved" in told[6][1]
        trusted = findings(f"https://127.0.0.1:{secure.port}", backend_ca=str(authority.ca))
        assert of_backends(trusted)[0][0] is GOOD
        assert plain.heads[0].startswith(b"GET / HTTP/1.1\r\nHost: localhost\r\n")


def test_a_backend_that_says_nothing_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsal, "BACKEND_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ((outcome, what),) = of_backends(findings(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        assert (outcome, "no answer within 0.2 s" in what) == (BAD, True)


def test_a_name_of_this_machine_is_found_to_lead_here() -> None:
    (name, *_) = findings("http://127.0.0.1:9")
    assert (name.about, name.outcome) == (About.NAME, GOOD)


@pytest.mark.parametrize(
    ("tls", "around", "outcome", "words"),
    [
        (TlsMode.OFF, AROUND, GOOD, "no certificate is needed"),
        (TlsMode.OFF, Surroundings((), [], [443], lambda _: None), BAD, "plain HTTP"),
        (TlsMode.TERMINATE, AROUND, BAD, "nothing listens for TLS"),
        (TlsMode.TERMINATE, Surroundings((), [], [443], lambda _: None), GOOD, "own CA signs"),
        (TlsMode.PASSTHROUGH, Surroundings((), [], [443], lambda _: None), GOOD, "its own"),
    ],
    ids=["plain", "no port for plain", "no port for TLS", "local CA", "carried"],
)
def test_the_certificate_is_told(
    tls: TlsMode, around: Surroundings, outcome: Outcome, words: str
) -> None:
    found = findings("tcp://127.0.0.1:9", around=around, tls=tls)
    (finding,) = [each for each in found if each.about is About.CERTIFICATE]
    assert (finding.outcome, words in finding.what) == (outcome, True), finding.what
