"""nginx and HAProxy behind passthrough, configured as docs/https.md says, told who the client is."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.box import ROOT, Box, site, wait_until
from tests.support.secure import Authority, connect, get

PAGE = (ROOT / "docs/https.md").read_text()
HOST = "cloud.home.arpa"
PROGRAMS = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def example(language: str, more: str) -> str:
    """What the page shows for a server; it says `more` in addition."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert r'\n"' in found[1]
    return found[1].replace(r'\n"', rf'{more}\n"')


def find(program: str) -> str:
    path = shutil.which(program, path=PROGRAMS)
    assert path, f"{program} is not installed: ./scripts/test installs it"
    return path


def version_of(program: str) -> tuple[int, ...]:
    done = subprocess.run([find(program), "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    assert found is not None
    return tuple(int(part) for part in found[0].split("."))


def nginx_knows_tags() -> bool:
    return version_of("nginx") >= (1, 23, 2)


def haproxy_knows_tags() -> bool:
    """All of them: it has long known the authority."""
    return version_of("haproxy") >= (2, 9)


def plan_nginx(folder: Path, port: int, certificate: Path, key: Path) -> list[str]:
    more = " $proxy_protocol_tlv_authority $proxy_protocol_tlv_alpn" * nginx_knows_tags()
    server = example("nginx", more).replace("listen 443", f"listen 127.0.0.1:{port}")
    server = server.replace("/etc/ssl/cloud.pem", str(certificate))
    server = server.replace("/etc/ssl/cloud.key", str(key)).replace("192.168.1.2", "127.0.0.1")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{places}{server} }}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def plan_haproxy(folder: Path, port: int, certificate: Path, key: Path) -> list[str]:
    both = folder / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    frontend = example("haproxy", " %[fc_pp_tlv(1)]" * haproxy_knows_tags()).replace(
        "bind :443", f"bind 127.0.0.1:{port}"
    )
    frontend = frontend.replace("/etc/ssl/cloud-and-key.pem", str(both))
    (folder / "haproxy.cfg").write_text(f"defaults\n    timeout client 20s\n{frontend}")
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def serving(command: list[str], port: int) -> Iterator[None]:
    """The program in the foreground, until the end of the block."""
    process = subprocess.Popen([find(command[0]), *command[1:]])
    try:
        wait_until(lambda: listens(port), f"{command[0]} listening")
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("plan", [plan_nginx, plan_haproxy], ids=["nginx", "HAProxy"])
def test_the_backend_knows_the_client_it_never_sees(
    tmp_path: Path,
    port: int,
    plan: Callable[[Path, int, Path, Path], list[str]],
    version: str,
) -> None:
    authority = Authority(tmp_path / "ca")
    more = f'tls = "passthrough"\nproxy_protocol = "{version}"'
    sites = site(HOST, f"tcp://127.0.0.1:{port}", more=more)
    trusted = 'trusted_proxies = ["127.0.0.1/32"]'
    listen = 'https = "127.0.0.1:0"\naccept_proxy_protocol = true'
    with (
        serving(plan(tmp_path, port, *authority.issue(HOST)), port),
        Box(tmp_path, sites, trusted, listen=listen) as box,
        socket.create_connection(("127.0.0.1", box.secure_port), timeout=20) as raw,
    ):
        # A client from elsewhere, as the test can only come from here: a proxy before the box says so.
        raw.sendall(b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n")
        with authority.trusting().wrap_socket(raw, server_hostname=HOST) as sock:
            told = get(sock, "/", HOST).split(b"\r\n\r\n")[1].decode()
    words = told.split()
    assert words[0] == "203.0.113.9"
    if plan is plan_haproxy:
        assert words[1] == "4711"
        tags = [HOST, "http/1.1"][: 1 + haproxy_knows_tags()]
        assert words[2:] == (tags if version == "v2" else [])
    else:
        assert words[1:3] == ["203.0.113.9", "4711"]
        tags = [HOST, "http/1.1"] if nginx_knows_tags() else []
        assert words[3:] == (tags if version == "v2" else [])


def test_without_a_proxy_before_the_box_the_backend_knows_the_socket(
    tmp_path: Path, port: int
) -> None:
    authority = Authority(tmp_path / "ca")
    more = 'tls = "passthrough"\nproxy_protocol = "v2"'
    sites = site(HOST, f"https://127.0.0.1:{port}", more=more)
    with (
        serving(plan_nginx(tmp_path, port, *authority.issue(HOST)), port),
        Box(tmp_path, sites, listen='https = "127.0.0.1:0"') as box,
        connect(box.secure_port, authority.trusting(), HOST) as sock,
    ):
        name, own_port = sock.getsockname()
        told = get(sock, "/", HOST).split(b"\r\n\r\n")[1].decode()
        assert told.split()[:3] == [name, name, str(own_port)]
