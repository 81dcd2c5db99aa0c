"""What every measure needs: sizes, a folder, backends and targets that run, taking turns."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.certificate import make_certificate
from bench.figures import Measurement
from bench.loads import LoadError
from bench.processes import read_cpu_s
from bench.running import DIRECT, Running, StartError, free_port, running
from bench.targets import PROXIES, Checks, Launch, Proxy, Setup


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything. The defaults are a full measurement, about 45 minutes."""

    rounds: int = 5
    seconds: float = 5.0
    connections: int = 50
    ab_requests: int = 1_000_000
    ab_rounds: int = 1
    ab_concurrency: int = 100
    spread_requests: int = 1000
    spread_rounds: int = 3
    body_bytes: int = 1_000_000_000
    idle_connections: int = 10_000
    kill_requests: int = 200_000
    kill_concurrency: int = 50
    kills: int = 5
    handshakes: int = 3000
    pings: int = 20_000
    checked: int = 1000
    checked_seconds: float = 30.0
    fault_requests: int = 20_000
    replacements: int = 50


QUICK = Sizes(
    rounds=1,
    seconds=1.0,
    ab_requests=2000,
    spread_requests=120,
    spread_rounds=1,
    body_bytes=100_000_000,
    idle_connections=300,
    kill_requests=3000,
    kills=2,
    handshakes=100,
    pings=500,
    checked=50,
    checked_seconds=3.0,
    fault_requests=2000,
    replacements=3,
)


@dataclass(slots=True)
class Lab:
    """One measurement in the making; its folder is the caller's to remove."""

    folder: Path
    proxies: Sequence[str]
    sizes: Sizes
    say: Callable[[str], None] = print
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_folder(self, name: str) -> Path:
        path = self.folder / f"{next(self.numbers)}-{name}"
        path.mkdir(parents=True)
        return path

    def launch(
        self,
        name: str,
        backends: Sequence[int],
        workers: int = 1,
        family: Mapping[str, Proxy] = PROXIES,
        secure: bool = False,
        checks: Checks | None = None,
    ) -> Launch:
        certificate = make_certificate(self.folder) if secure else None
        setup = Setup(self.new_folder(name), free_port(), backends, workers, certificate, checks)
        return family[name].plan(setup)

    def members(self, family: Mapping[str, Proxy]) -> list[str]:
        """Those of a family that were chosen; a variant goes with its proxy."""
        return [name for name in family if {name, name.partition("-")[0]} & set(self.proxies)]

    @contextlib.contextmanager
    def targets(
        self,
        measurement: Measurement,
        backends: Sequence[int],
        direct: bool = False,
        family: Mapping[str, Proxy] = PROXIES,
        secure: bool = False,
    ) -> Iterator[list[Running]]:
        """All that start; the others become faults of the measurement."""
        with contextlib.ExitStack() as stack:
            started = []
            if direct:
                started.append(Running(DIRECT, backends[0], 0, self.folder))
            names = self.proxies if family is PROXIES else self.members(family)
            for name in names:
                launch = self.launch(name, backends, family=family, secure=secure)
                try:
                    started.append(stack.enter_context(running(launch)))
                except StartError as error:
                    self.fault(measurement, str(error))
            yield started

    def fault(self, measurement: Measurement, text: str) -> None:
        if text not in measurement.faults:
            measurement.faults.append(text)
        self.say(f"  ! {text}")

    def alternate(
        self,
        measurement: Measurement,
        targets: Sequence[Running],
        rounds: int,
        run: Callable[[Running], None],
    ) -> None:
        """Every target once a round; one that fails a load is left out from then on."""
        left = list(targets)
        for number in range(rounds):
            for target in tuple(left):
                try:
                    run(target)
                except (LoadError, OSError) as error:
                    self.fault(measurement, f"{target.name}, round {number + 1}: {error}")
                    left.remove(target)


@dataclass(slots=True)
class Cpu:
    """CPU seconds a target's whole tree spends within the block."""

    seconds: float = 0.0


@contextlib.contextmanager
def counted_cpu(target: Running) -> Iterator[Cpu]:
    cpu = Cpu()
    before = read_cpu_s(target.pid) if target.pid else 0.0
    yield cpu
    if target.pid:
        cpu.seconds = read_cpu_s(target.pid) - before
