"""Backends over https: verified against a private CA, refused when they do not fit, or let pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.box import Box, site
from tests.support.secure import Authority, SecureServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ca")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with SecureServer(*Authority(folder).issue("localhost")) as server:
        yield server.port


def test_only_a_backend_that_proves_itself_is_used(tmp_path: Path, folder: Path, port: int) -> None:
    ca = f'backend_ca = "{folder}/ca.pem"'
    sites = (
        site("good.test", f"https://localhost:{port}", more=ca)
        + site("stranger.test", f"https://localhost:{port}")
        + site("misnamed.test", f"https://127.0.0.1:{port}", more=ca)
        + site("waved.test", f"https://127.0.0.1:{port}", more="backend_verify = false")
        + site("no-ca.test", f"https://localhost:{port}", more='backend_ca = "/nowhere.pem"')
    )
    with Box(tmp_path, sites) as box:
        for _ in range(3):
            assert box.get("/300000", host="good.test").count(b"x") >= 300_000
        assert b"200 OK" in box.get(host="waved.test")
        for host in ("stranger.test", "misnamed.test"):
            assert box.get(host=host).startswith(b"HTTP/1.1 502"), host
        assert box.get(host="no-ca.test").startswith(b"HTTP/1.1 50")
