"""What hooks cost each request. Gatelight only: nobody else here is asked in Python."""

import dataclasses
from pathlib import Path

from bench.backends import plan_web
from bench.figures import Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.loads import run_wrk
from bench.running import Running, free_port, running
from bench.targets import PROXIES, Launch, Proxy, Setup, plan_gatelight

NONE, EMPTY, ROUTING = "gatelight", "gatelight-empty", "gatelight-routing"
CODE = {
    EMPTY: """from appliance.hooks import Request


def route(request: Request) -> str | None:
    return None
""",
    ROUTING: """from appliance.hooks import Request

TESTERS = frozenset(("192.168.1.20", "192.168.1.21"))


def route(request: Request) -> str | None:
    if request.client_ip in TESTERS or request.headers.get("X-Beta") == "yes":
        return "http://127.0.0.1:9001"
    return "http://127.0.0.1:{port}"
""",
}
HEAD = "browser"
WARM_S = 1.0


def plan_hooked(name: str, setup: Setup) -> Launch:
    """Gatelight with that hooks.py beside its configuration."""
    path: Path = setup.folder / "hooks.py"
    launch = plan_gatelight(dataclasses.replace(setup, hooks=path))
    code = CODE[name].replace("{port}", str(setup.backends[0]))
    return dataclasses.replace(launch, name=name, files=launch.files | {path.name: code})


HOOKED = {
    NONE: PROXIES[NONE],
    EMPTY: Proxy(EMPTY, (), lambda setup: plan_hooked(EMPTY, setup)),
    ROUTING: Proxy(ROUTING, (), lambda setup: plan_hooked(ROUTING, setup)),
}


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        "CPU time of a keep-alive request, browser head, as in the first table: without "
        "hooks; with a `route` that has no opinion; with one that looks at the client and a field "
        f"and names the backend. wrk with {sizes.connections} connections, {sizes.rounds} "
        f"alternated runs of {sizes.seconds:g} s each."
    )
    measurement = Measurement("hooks", "Hooks", note)
    cpu = Figure("CPU", "us", 1, (NONE,))

    def run(target: Running) -> None:
        with counted_cpu(target) as used:
            result = run_wrk(target.port, HEAD, sizes.connections, sizes.seconds)
        cpu.add(target.name, used.seconds * 1e6 / result.requests)
        lab.say(f"  {target.name}: {cpu.runs[target.name][-1]:.1f} us a request")

    def warm(target: Running) -> None:
        run_wrk(target.port, HEAD, sizes.connections, WARM_S)

    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        for _ in range(sizes.rounds):
            with lab.targets(measurement, [web.port], family=HOOKED) as targets:
                lab.alternate(measurement, targets, 1, warm)
                lab.alternate(measurement, targets, 1, run)
    measurement.figures = [cpu]
    return measurement
