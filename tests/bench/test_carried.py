"""The two ends of the passthrough measure, with nothing in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.wire.client_hello import parse_client_hello
from bench.behind import plan_behind
from bench.carried_client import connect, download, hello, ping, tell, upload
from bench.certificate import make_certificate
from bench.running import HOST, Running, free_port, running


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(plan_behind(tmp_path_factory.mktemp("behind"), free_port())) as started:
        yield started


def test_the_hello_names_the_site() -> None:
    found = parse_client_hello(hello())
    assert found is not None
    assert found.server_name == HOST.encode()


def test_bytes_go_both_ways_and_messages_come_back(behind: Running) -> None:
    download(behind.port, 1_000_001)
    upload(behind.port, 1_000_001)
    assert 0 < ping(behind.port, 20) < 1e6


def test_a_client_that_leaves_in_the_middle_is_no_fault(behind: Running) -> None:
    with connect(behind.port) as connection:
        tell(connection, b"D", 1 << 30)
        assert connection.recv(10)
    download(behind.port, 10)


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    assert make_certificate(tmp_path) == tmp_path
    before = (tmp_path / "both.pem").read_bytes()
    make_certificate(tmp_path)
    assert (tmp_path / "both.pem").read_bytes() == before
    assert b"BEGIN CERTIFICATE" in before
    assert b"BEGIN PRIVATE KEY" in before
