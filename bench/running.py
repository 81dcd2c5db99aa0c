"""Starts a launch in the foreground, waits until it answers, ends it and its children by pid."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import read_tree
from bench.targets import Launch, Speaks

START_S = 15.0
STOP_S = 10.0
POLL_S = 0.05
DIRECT = "direct"
HOST = "photos.home.arpa"


class StartError(Exception):
    """A target that is not there or does not come up."""


@dataclass(frozen=True, slots=True)
class Running:
    """Something that answers on a port; pid 0 where no process is to be counted."""

    name: str
    port: int
    pid: int
    folder: Path


def raise_file_limit() -> int:
    """As many open files as this user may have; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int, speaks: Speaks = Speaks.HTTP) -> bool:
    """Whether a request gets a 200; an open port alone may belong to a half-started proxy."""
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
            if speaks is Speaks.TCP:
                return True
            with secured(plain) if speaks is Speaks.HTTPS else plain as connection:
                connection.sendall(request)
                return connection.recv(4096).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
    except OSError:
        return False


def secured(sock: socket.socket, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """TLS as a client that believes anybody."""
    return TRUSTING.wrap_socket(sock, server_hostname=HOST, session=session)


def trusting_context() -> ssl.SSLContext:
    """A client's settings that believe anybody: what is measured is not whether they are right."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


TRUSTING = trusting_context()


def wait_for(process: subprocess.Popen[bytes], launch: Launch, said: Path) -> None:
    end = time.monotonic() + START_S
    while not answers(launch.port, launch.speaks):
        if process.poll() is not None or time.monotonic() > end:
            lines = said.read_text(errors="replace").strip().splitlines()
            last = lines[-1][:400] if lines else "it said nothing"
            raise StartError(f"{launch.name} does not serve: {last}")
        time.sleep(POLL_S)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to the process and to the children it had."""
    children = [stat.pid for stat in read_tree(process.pid)][1:]
    process.terminate()
    try:
        process.wait(STOP_S)
        return
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait(STOP_S)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def running(launch: Launch) -> Iterator[Running]:
    """The launch, serving; gone when the block ends."""
    launch.folder.mkdir(parents=True, exist_ok=True)
    for name, text in launch.files.items():
        (launch.folder / name).write_text(text)
    if shutil.which(launch.command[0]) is None:
        raise StartError(f"{launch.name} is not installed")
    said = launch.folder / "output.log"
    with said.open("ab") as output:
        process = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | launch.environment,
            start_new_session=True,  # Ctrl-C is ours to handle, in order
        )
    try:
        wait_for(process, launch, said)
        yield Running(launch.name, launch.port, process.pid, launch.folder)
    finally:
        stop(process)
