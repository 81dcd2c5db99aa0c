"""Certificates made with openssl, a server that has one, and clients that check it."""

import http.server
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Authority:
    """A CA of the test's own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        begin = ("req", "-x509", *CURVE, "-days", "2", "-subj", "/CN=Test CA")
        openssl(folder, *begin, "-keyout", "ca.key", "-out", "ca.pem")
        self.ca = folder / "ca.pem"

    def issue(self, *names: str, days: int = 2) -> tuple[Path, Path]:
        """A certificate for these names, and its key, as two files."""
        stem = names[0].replace("*", "_")
        key, request, certificate = (f"{stem}.{kind}" for kind in ("key", "req", "pem"))
        openssl(
            self.folder, "req", *CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={names[0]}"
        )
        kinds = [f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names]
        (self.folder / "names").write_text(f"subjectAltName={','.join(kinds)}")
        openssl(
            self.folder,
            *("x509", "-req", "-in", request, "-out", certificate, "-extfile", "names"),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days)),
        )
        return self.folder / certificate, self.folder / key

    def trusting(self) -> ssl.SSLContext:
        """A client's settings that trust this authority alone."""
        return trusting(self.ca)


def trusting(root: Path) -> ssl.SSLContext:
    """A client's settings that trust one root alone."""
    context = ssl.create_default_context(cafile=root)
    # This authority is as bare as the usual home-made one, which Python 3.13 alone would refuse.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    return context


class SecureHandler(http.server.BaseHTTPRequestHandler):
    """Answers each request with so many bytes as its path says, and who answered."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(self.path.strip("/") or 0)
        self.answer(b"x" * size)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.answer(b"taken")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class SecureServer:
    """An HTTPS server on a free loopback port, in threads."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SecureHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # Handshakes belong into the threads of their connections, not before them.
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = int(self.server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()


def connect(
    port: int, context: ssl.SSLContext, name: str | None, address: str = "127.0.0.1"
) -> ssl.SSLSocket:
    """A client's connection after its handshake; a name of None is not checked."""
    sock = socket.create_connection((address, port), timeout=20)
    try:
        return context.wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def get(sock: ssl.SSLSocket, path: str, host: str) -> bytes:
    """One request and all that comes back until the end."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    found = b""
    while data := sock.recv(1 << 16):
        found += data
    return found
