"""The admin API: how long requests take, what control needs in memory, what traffic loses by it.

    python -m bench.admin_api                  # 5,000 sites, about four minutes
    python -m bench.admin_api --sites 100
    python -m bench.admin_api --only dashboards

The box runs here, on loopback ports and with a local CA when asked for TLS, and is ended. The
tables are for docs/decisions/0014-the-admin-port.md.
"""

import argparse
import contextlib
import http.client
import json
import math
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.backends import plan_web
from bench.loads import run_wrk
from bench.processes import read_memory
from bench.running import HOST, free_port, running

PATIENCE_S = 60.0
DASHBOARDS = 10
ROUNDS, ROUND_S = 6, 4.0
REQUESTS = {
    ("GET", "/v1/status"): 300,
    ("GET", "/v1/overview"): 300,
    ("GET", "/v1/sites?contains=s42"): 300,
    ("GET", "/v1/sites/s42.home.arpa"): 300,
    ("GET", "/metrics"): 50,
    ("GET", "/v1/sites/s42.home.arpa/settings"): 20,
    ("PUT", "/v1/sites/s42.home.arpa"): 20,
}


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the admin socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("box", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, target: str, content: Any = None) -> tuple[float, bytes]:
    """How long a request took, in ms, and its body."""
    connection = SocketConnection(path)
    body = None if content is None else json.dumps(content)
    began_s = time.perf_counter()
    connection.request(method, target, body)
    answer = connection.getresponse()
    data = answer.read()
    took_ms = (time.perf_counter() - began_s) * 1000
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {target} is answered {answer.status}: {data[:200]!r}")
    return took_ms, data


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def write_config(folder: Path, sites: int, admin: str) -> Path:
    lines = [
        "[listen]", 'http = "127.0.0.1:0"', f'admin = "{admin}"',
        f'admin_socket = "{folder}/admin.sock"', "[proxy]", "workers = 1",
        f'state_dir = "{folder}"', 'access_log = "off"', "[store]", f'file = "{folder}/sites.toml"',
    ]  # fmt: skip
    table = '[[site]]\nhost = "s{}.home.arpa"\nbackends = ["http://127.0.0.1:9"]\n\n'
    (folder / "sites.toml").write_text("".join(table.format(each) for each in range(sites)))
    config = folder / "gatelight.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


def control_pid(supervisor: int, path: Path) -> int:
    workers = {
        each["pid"] for each in json.loads(ask(path, "GET", "/v1/status")[1])["proxy"]["workers"]
    }
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return next(int(pid) for pid in children if int(pid) not in workers)


def measure(sites: int, admin: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "admin.sock"
        command = [sys.executable, "-m", "appliance", "serve", "--config"]
        process = subprocess.Popen(
            [*command, str(write_config(folder, sites, admin))], stderr=subprocess.DEVNULL
        )
        try:
            wait_for_sites(path, sites)
            before = read_memory(control_pid(process.pid, path)).pss_kb / 1024
            print(f"\n{sites} sites, admin at {admin}: control {before:.1f} MB (PSS)")
            if not sites:
                return
            print("")
            print("| request | p50 | p99 | bytes |\n| --- | --- | --- | --- |")
            for (method, target), count in REQUESTS.items():
                print_request(path, method, target, count)
            after = read_memory(control_pid(process.pid, path)).pss_kb / 1024
            print(f"\nafter these requests: control {after:.1f} MB (PSS)")
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def print_request(path: Path, method: str, target: str, count: int) -> None:
    times = []
    data = b""
    for number in range(count):
        content = {"backends": [f"http://127.0.0.1:{9 + number % 2}"]} if method == "PUT" else None
        took_ms, data = ask(path, method, target, content)
        times.append(took_ms)
    p50, p99 = (f"{percentile(times, share):.1f} ms" for share in (0.5, 0.99))
    print(f"| `{method} {target}` | {p50} | {p99} | {len(data)} |")


def measure_dashboards() -> None:
    """Requests a second through the proxy, with ten dashboards open and without, in turns."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        path = folder / "admin.sock"
        web = stack.enter_context(running(plan_web(folder / "web", free_port())))
        port = free_port()
        config = write_config(folder, 1, "off")
        text = config.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"')
        config.write_text(text.replace('access_log = "off"', f'access_log = "{folder}/log"'))
        table = f'[[site]]\nhost = "{HOST}"\nbackends = ["http://127.0.0.1:{web.port}"]\n'
        (folder / "sites.toml").write_text(table)
        command = [sys.executable, "-m", "appliance", "serve", "--config", str(config)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for_sites(path, 1)
            rates: dict[int, list[float]] = {0: [], DASHBOARDS: []}
            for number in range(2 * ROUNDS):
                count = (0, DASHBOARDS)[number % 2]
                with open_dashboards(path, count):
                    done = run_wrk(port, "browser", 32, ROUND_S)
                rates[count].append(done.requests / done.seconds)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
    print("\n| dashboards open | requests a second, median | least | most |")
    print("| --- | --- | --- | --- |")
    for count, found in rates.items():
        print(f"| {count} | {statistics.median(found):.0f} | {min(found):.0f} | {max(found):.0f} |")


@contextlib.contextmanager
def open_dashboards(path: Path, count: int) -> Iterator[None]:
    """Readers of the events that a dashboard reads, as one curl each."""
    url = ("http://box/v1/events?view=overview", "http://box/v1/log/events")
    command = ["curl", "-sN", "--output", "/dev/null", "--unix-socket", str(path)]
    readers = [subprocess.Popen([*command, each]) for _ in range(count) for each in url]
    try:
        yield
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait()


def wait_for_sites(path: Path, sites: int) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        try:
            status = json.loads(ask(path, "GET", "/v1/status")[1])
        except OSError:
            time.sleep(0.05)
            continue
        if status["sites_total"] == sites:
            return
        time.sleep(0.05)
    raise TimeoutError("the box has not taken its sites over")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sites", type=int, default=5000)
    parser.add_argument("--only", choices=("api", "dashboards"))
    options = parser.parse_args()
    if options.only != "dashboards":
        for admin in ("off", "127.0.0.1:0", "0.0.0.0:0"):
            measure(0, admin)
        measure(options.sites, "127.0.0.1:0")
    if options.only != "api":
        measure_dashboards()


if __name__ == "__main__":
    main()
