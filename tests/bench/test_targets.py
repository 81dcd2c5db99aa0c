"""Every target is configured alike."""

from pathlib import Path

import pytest

from bench.carriers import CARRIERS
from bench.machine import parse_field, parse_version
from bench.targets import PROXIES, Launch, Setup, Speaks

SOMEWHERE = Path("/tmp/somewhere")


@pytest.fixture(params=[None, Path("/tmp/secure")], ids=["in the clear", "over TLS"])
def secure(request: pytest.FixtureRequest) -> Path | None:
    found: Path | None = request.param
    return found


@pytest.fixture(params=list(PROXIES))
def launch(request: pytest.FixtureRequest, secure: Path | None) -> Launch:
    return PROXIES[request.param].plan(Setup(SOMEWHERE, 18080, [19001, 19002], secure=secure))


def test_a_target_over_tls_shows_the_certificate(launch: Launch, secure: Path | None) -> None:
    (text,) = launch.files.values()
    assert ("/tmp/secure/" in text) is (secure is not None)
    assert launch.speaks is (Speaks.HTTP if secure is None else Speaks.HTTPS)


@pytest.mark.parametrize("name", CARRIERS)
def test_a_carrier_knows_its_backend_and_keeps_its_files(name: str) -> None:
    carrier = CARRIERS[name].plan(Setup(SOMEWHERE, 18080, [19001]))
    ((file, text),) = carrier.files.items()
    assert "127.0.0.1:18080" in text
    assert "127.0.0.1:19001" in text
    assert carrier.command[-1] == f"/tmp/somewhere/{file}"
    assert ("splice-response" in text) is (name == "haproxy-splice")
    assert carrier.name == name


def test_a_target_listens_on_loopback_and_knows_every_backend(launch: Launch) -> None:
    (text,) = launch.files.values()
    assert "18080" in text
    assert "19001" in text
    assert "19002" in text
    assert "127.0.0.1" in text


def test_a_target_keeps_its_files_in_its_folder(launch: Launch) -> None:
    (name,) = launch.files
    assert any(part == f"/tmp/somewhere/{name}" for part in launch.command)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nginx", "access_log /tmp/somewhere/access.log combined;"),
        ("nginx-buffered", "combined buffer=64k flush=1s;"),
        ("haproxy", "option httplog"),
        ("caddy", "output file /tmp/somewhere/access.log"),
        ("gatelight", 'access_log = "/tmp/somewhere/access.log"'),
    ],
)
def test_the_access_log_is_on(name: str, said: str) -> None:
    launch = PROXIES[name].plan(Setup(Path("/tmp/somewhere"), 1, [2]))
    assert said in "".join(launch.files.values())


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12-1+deb12u4"),
        ("2.6.2\n", "2.6.2"),
        ("gatelight 0.1.0", "0.1.0"),
        ("no number", "no number"),
        ("", "unknown"),
    ],
)
def test_a_version_is_found_in_what_a_program_says(text: str, version: str) -> None:
    assert parse_version(text) == version


def test_a_field_is_found_with_colon_or_equals() -> None:
    assert parse_field('ID=debian\nPRETTY_NAME="Debian 12"\n', "PRETTY_NAME") == "Debian 12"
    assert parse_field("model name\t: Some CPU\n", "model name") == "Some CPU"
    assert parse_field("", "model name") is None
