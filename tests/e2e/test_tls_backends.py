"""Backends over https: verified against a private CA, refused when they do not fit, or let pass."""

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.box import Box, site


class Secure(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"x" * 300_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private CA and a certificate for localhost, made with openssl."""
    path = tmp_path_factory.mktemp("ca")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run(path, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA")
    run(path, "req", *curve, "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=localhost")
    (path / "names").write_text("subjectAltName=DNS:localhost")
    sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    run(path, "x509", "-req", "-in", "req.pem", "-out", "cert.pem", "-extfile", "names", *sign)
    return path


def run(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Secure)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


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
            assert box.get(host="good.test").count(b"x") >= 300_000
        assert b"200 OK" in box.get(host="waved.test")
        for host in ("stranger.test", "misnamed.test"):
            assert box.get(host=host).startswith(b"HTTP/1.1 502"), host
        assert box.get(host="no-ca.test").startswith(b"HTTP/1.1 50")
