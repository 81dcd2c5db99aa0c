"""Sites in Redis: what many of them cost, and how soon a change counts.

    python -m bench.redis_sites                    # all of it, about 8 minutes
    python -m bench.redis_sites --sizes 10,1000    # smaller

Redis, two backends and the box run here, on Unix sockets and loopback ports, and are ended. The
tables are for docs/performance.md.
"""

import argparse
import contextlib
import json
import math
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from appliance.status_command import fetch_status
from bench.backends import plan_web
from bench.loads import run_wrk
from bench.processes import TICKS_PER_S, read_stats
from bench.running import Running, free_port, running, stop
from bench.targets import gatelight_program

WORKERS = 2
# As many as reach both workers for certain enough.
CLIENTS = 8
PATIENCE_S = 120.0
# Between two looks at the status, which has its cost with many sites.
LOOK_S = 0.1
SAMPLE = 20
CHANGES = 200
LOAD_CONNECTIONS = 50
STORM_PER_S = 1000
STORM_S = 10.0
PAGE = 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def row(*cells: object) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def host_of(number: int) -> str:
    return f"s{number}.home.arpa"


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Any]:
    """A server of our own, and a client of it."""
    path = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(path))
    try:
        wait_for(lambda: answers(client))
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()


def answers(client: Any) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(client.ping())
    return False


def wait_for(condition: Any, what: str = "it", pause_s: float = 0.002) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise TimeoutError(what)
        time.sleep(pause_s)


def fill(client: Any, sites: int, backend: int) -> None:
    """So many sites as hipache has them, each with a backend, and one for all other hosts."""
    client.flushall()
    for start in range(0, sites, PAGE):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, min(sites, start + PAGE)):
            # One of the backends listens, the others only make each site another one.
            url = f"http://127.0.0.1:{backend}"
            pipeline.rpush(f"frontend:{host_of(number)}", f"site{number}", url)
        pipeline.execute()
    client.rpush("frontend:*", "all", f"http://127.0.0.1:{backend}")


@dataclass(slots=True)
class Box:
    """A running `gatelight serve`."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def get(self, host: str) -> bytes:
        """One request on a connection of its own."""
        with contextlib.suppress(OSError), self.connect() as client:
            return ask(client, host, "close")
        return b""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def status(self) -> dict[str, Any]:
        return fetch_status(str(self.folder / "admin.sock"))

    def count_sites(self) -> int:
        """How many are in force; none while nobody answers."""
        with contextlib.suppress(OSError):
            return int(self.status()["sites_total"])
        return 0

    def processes(self) -> tuple[int, list[int]]:
        """Control and the workers."""
        workers = [int(worker["pid"]) for worker in self.status()["proxy"]["workers"]]
        children = [s.pid for s in read_stats().values() if s.parent == self.process.pid]
        return next(pid for pid in children if pid not in workers), workers


def ask(client: socket.socket, host: str, connection: str = "keep-alive") -> bytes:
    """One request and its small answer."""
    send(client, host, connection)
    return receive(client)


def send(client: socket.socket, host: str, connection: str = "keep-alive") -> None:
    text = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n"
    client.sendall(text.encode())


def receive(client: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = client.recv(65536)
        if not data:
            return answer
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        data = client.recv(65536)
        if not data:
            break
        body += data
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def box(folder: Path, store: Path, fresh: bool = True) -> Iterator[Box]:
    """The box on its sites in Redis; `fresh`: it has nothing on disk."""
    state = folder / "state"
    if fresh:
        shutil.rmtree(state, ignore_errors=True)
    state.mkdir(exist_ok=True)
    port = free_port()
    config = state / "gatelight.toml"
    config.write_text(
        f'[listen]\nhttp = "127.0.0.1:{port}"\nadmin_socket = "{state}/admin.sock"\n'
        f'[proxy]\nworkers = {WORKERS}\naccess_log = "{state}/access.log"\n'
        f'state_dir = "{state}"\ndrain = "1s"\n[store]\nurl = "unix://{store}"\n'
    )
    with (state / "said").open("ab") as said:
        command = [gatelight_program(), "serve", "--config", str(config)]
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    try:
        yield Box(process, port, state)
    finally:
        stop(process)


def time_to_serve(served: Box, sites: int) -> float:
    """Until all sites and the one for all others are in force, from the start of the process."""
    began_s = time.monotonic()
    wait_for(lambda: served.count_sites() > sites, "the sites", LOOK_S)
    taken_s = time.monotonic() - began_s
    for number in random.Random(1).sample(range(sites), min(SAMPLE, sites)):
        assert b" 200 " in served.get(host_of(number))[:20]
    return taken_s


def memory_kb(pid: int) -> tuple[int, int]:
    """What a process has for itself, and its part of what is shared (proc(5), smaps_rollup)."""
    values = dict.fromkeys(("Private_Clean", "Private_Dirty", "Pss_Shmem"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in values:
            values[name] = int(rest.split()[0])
    return values["Private_Clean"] + values["Private_Dirty"], values["Pss_Shmem"]


@dataclass(slots=True)
class Memory:
    """Of one box, in kB."""

    control: int
    worker: int
    shared: int


def read_memory(served: Box) -> Memory:
    control, workers = served.processes()
    readings = [memory_kb(pid) for pid in (control, *workers)]
    children = sum(shared for _, shared in readings)
    supervisor = memory_kb(served.process.pid)[1]
    return Memory(readings[0][0], readings[1][0], children + supervisor)


def time_change(
    served: Box, client: Any, clients: list[socket.socket], host: str, port: int
) -> float:
    """From SET until every connection of a set that reaches all workers has the new backend."""
    name = f"{port}".encode()
    settings = json.dumps({"backends": [f"http://127.0.0.1:{port}"]})
    began_s = time.perf_counter()
    client.set(f"gatelight:site:{host}", settings)
    while True:
        # All at once, so that none waits for another's answer.
        for each in clients:
            send(each, host)
        answers = [receive(each) for each in clients]
        if all(name in answer.rpartition(b"\r\n\r\n")[2] for answer in answers):
            return time.perf_counter() - began_s


def time_changes(served: Box, client: Any, ports: Sequence[int], count: int) -> list[float]:
    """Many changes of one site, one after the other, in milliseconds."""
    taken = []
    host = "changing.home.arpa"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(CLIENTS)]
        for number in range(count + 5):
            taken.append(1000 * time_change(served, client, clients, host, ports[number % 2]))
            time.sleep(0.01)
    # The first ones meet connections that are not open yet.
    return taken[5:]


def time_lookups(served: Box, sites: int) -> list[float]:
    """First requests to sites that the workers have not met, in microseconds."""
    taken = []
    numbers = random.Random(2).sample(range(sites), min(1000, sites))
    with served.connect() as client:
        ask(client, "other.home.arpa")
        for number in numbers:
            began_s = time.perf_counter()
            ask(client, host_of(number))
            taken.append(1e6 * (time.perf_counter() - began_s))
    return taken


@contextlib.contextmanager
def load(served: Box, seconds: float, results: list[float]) -> Iterator[None]:
    """Keep-alive traffic beside the block; requests a second are added to `results`."""

    def run() -> None:
        done = run_wrk(served.port, "browser", LOAD_CONNECTIONS, seconds)
        results.append(done.requests / done.seconds)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        time.sleep(0.5)
        yield
    finally:
        thread.join()


class Bench:
    """Everything that the measures share."""

    def __init__(self, folder: Path, client: Any, web: Running, ports: Sequence[int]) -> None:
        self.folder = folder
        self.client = client
        self.web = web
        self.ports = ports
        self.store = folder / "redis.sock"

    def sizes(self, sizes: Sequence[int]) -> None:
        """What 10 sites and 100,000 cost."""
        print(
            row("sites", "first start, s", "cold start without Redis, s", "control, MB")
            + " worker, MB | shared, MB | first request to a site, µs p50 (p99) |"
            " change in force, ms p50 (p99) |"
        )
        print(row(*["---:"] * 8))
        for sites in sizes:
            fill(self.client, sites, self.web.port)
            with box(self.folder, self.store) as served:
                first_s = time_to_serve(served, sites)
                wait_for(lambda: served.status()["store"]["ok"], "all sites")
                time.sleep(6)
                memory = read_memory(served)
                lookups = time_lookups(served, sites)
                changes = time_changes(served, self.client, self.ports, CHANGES // 2)
                time.sleep(6)
            # Nobody listens where Redis was.
            self.store.rename(self.folder / "away.sock")
            with box(self.folder, self.store, fresh=False) as served:
                cold_s = time_to_serve(served, sites)
            (self.folder / "away.sock").rename(self.store)
            print(
                row(
                    f"{sites:,}",
                    f"{first_s:.2f}",
                    f"{cold_s:.2f}",
                    *(f"{kb / 1000:.1f}" for kb in (memory.control, memory.worker, memory.shared)),
                    f"{percentile(lookups, 0.5):.0f} ({percentile(lookups, 0.99):.0f})",
                    f"{percentile(changes, 0.5):.1f} ({percentile(changes, 0.99):.1f})",
                ),
                flush=True,
            )

    def under_load(self, sites: int) -> None:
        """From SET to the first request routed by it while both workers are busy."""
        fill(self.client, sites, self.web.port)
        rates: list[float] = []
        with box(self.folder, self.store) as served:
            time_to_serve(served, sites)
            with load(served, 20.0, rates):
                changes = time_changes(served, self.client, self.ports, CHANGES)
        print(
            f"\n{len(changes)} changes among {sites:,} sites, {rates[0]:,.0f} requests/s beside: "
            f"p50 {percentile(changes, 0.5):.1f} ms, p99 {percentile(changes, 0.99):.1f} ms, "
            f"most {max(changes):.1f} ms",
            flush=True,
        )

    def storm(self, sites: int, rounds: int = 3) -> None:
        """What 1,000 changes a second cost the traffic, alternated with none."""
        print(
            f"\n{row('changes a second', 'requests/s', 'worker CPU, µs a request', 'control CPU')}"
        )
        print(row(*["---:"] * 4))
        fill(self.client, sites, self.web.port)
        with box(self.folder, self.store) as served:
            time_to_serve(served, sites)
            control, workers = served.processes()
            for _ in range(rounds):
                for per_s in (0, STORM_PER_S):
                    rates: list[float] = []
                    before = read_cpu(control, workers)
                    made = 0
                    with load(served, STORM_S, rates):
                        made = self._change(sites, per_s, STORM_S - 1)
                    after = read_cpu(control, workers)
                    requests = rates[0] * STORM_S
                    print(
                        row(
                            f"{made / (STORM_S - 1):,.0f}",
                            f"{rates[0]:,.0f}",
                            f"{1e6 * (after[1] - before[1]) / requests:.1f}",
                            f"{100 * (after[0] - before[0]) / STORM_S:.0f} %",
                        ),
                        flush=True,
                    )

    def _change(self, sites: int, per_s: int, seconds: float) -> int:
        """Random sites, half of the changes to other settings and half to other backends."""
        chance = random.Random(3)
        began_s = time.monotonic()
        made = 0
        while (now_s := time.monotonic() - began_s) < seconds:
            due = int(now_s * per_s) - made
            if due <= 0:
                time.sleep(0.002)
                continue
            pipeline = self.client.pipeline(transaction=False)
            for _ in range(due):
                key = f"frontend:{host_of(chance.randrange(sites))}"
                port = chance.randrange(10_000, 60_000)
                pipeline.lset(key, 1, f"http://127.0.0.1:{port}")
            pipeline.execute()
            made += due
        return made


def read_cpu(control: int, workers: Sequence[int]) -> tuple[float, float]:
    """CPU seconds of control, and of the workers together."""
    stats = read_stats()
    return stats[control].ticks / TICKS_PER_S, sum(stats[w].ticks for w in workers) / TICKS_PER_S


def serve_name(port: int) -> None:
    """A backend that answers with its own port."""
    import asyncio

    import uvloop

    body = str(port).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    class Name(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            for _ in range(data.count(b"\r\n\r\n")):
                self._transport.write(answer)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Name, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(run())


@contextlib.contextmanager
def names() -> Iterator[list[int]]:
    """Two such backends."""
    ports = [free_port(), free_port()]
    command = [sys.executable, "-m", "bench.redis_sites", "--serve"]
    processes = [subprocess.Popen([*command, str(port)]) for port in ports]
    try:
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.redis_sites", description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000,10000,100000")
    parser.add_argument("--only", choices=["sizes", "load", "storm"])
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve_name(options.serve)
        return
    sizes = [int(text) for text in options.sizes.split(",")]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatelight-bench-")))
        client = stack.enter_context(redis_server(folder))
        web = stack.enter_context(running(plan_web(folder / "web", free_port())))
        ports = stack.enter_context(names())
        bench = Bench(folder, client, web, ports)
        if options.only in (None, "sizes"):
            bench.sizes(sizes)
        if options.only in (None, "load"):
            bench.under_load(sizes[-1])
        if options.only in (None, "storm"):
            bench.storm(sizes[-1])


if __name__ == "__main__":
    main()
