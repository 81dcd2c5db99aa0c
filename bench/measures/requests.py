"""CPU time of a request: on kept connections, and with a new connection for each."""

from bench.backends import plan_web
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.loads import run_wrk
from bench.running import Running, free_port, running

WARM_S = 1.0


def measure_heads(
    lab: Lab, measurement: Measurement, heads: dict[str, str], secure: bool = False
) -> Measurement:
    """A pair of figures for every kind of head: CPU time, and requests a second."""
    baselines = (BASELINE, "nginx-buffered")
    cpu = {head: Figure(f"CPU, {words}", "us", 1, baselines) for head, words in heads.items()}
    rate = {head: Figure(f"rate, {words}", "1/s", 0) for head, words in heads.items()}
    sizes = lab.sizes
    scheme = "https" if secure else "http"

    def run(target: Running) -> None:
        for head in heads:
            with counted_cpu(target) as used:
                result = run_wrk(target.port, head, sizes.connections, sizes.seconds, scheme)
            per_request_us = used.seconds * 1e6 / result.requests
            cpu[head].add(target.name, per_request_us)
            rate[head].add(target.name, result.requests / result.seconds)
            lab.say(f"  {target.name} {head}: {per_request_us:.1f} us a request")

    def warm(target: Running) -> None:
        for head in heads:
            run_wrk(target.port, head, sizes.connections, WARM_S, scheme)

    with running(plan_web(lab.new_folder("web"), free_port())) as web:
        for _ in range(sizes.rounds):
            # Started anew: where a process happens to lie in memory is worth some per cent.
            with lab.targets(measurement, [web.port], secure=secure) as targets:
                lab.alternate(measurement, targets, 1, warm)
                lab.alternate(measurement, targets, 1, run)
    measurement.figures = [figure for head in heads for figure in (cpu[head], rate[head])]
    return measurement


def measure_keepalive(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"User and system time of all processes of the target over the requests answered; wrk with "
        f"{sizes.connections} connections, {sizes.rounds} alternated runs of {sizes.seconds:g} s "
        "each. Browser head: 12 fields, about 600 bytes, 8 people and 16 addresses in turn. "
        "Minimal: only Host. nginx-buffered is nginx with `buffer=64k` on its access log."
    )
    measurement = Measurement("keepalive", "CPU time of a keep-alive request", note)
    return measure_heads(lab, measurement, {"browser": "browser head", "minimal": "minimal head"})


def measure_fresh(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"`Connection: close` on each request; wrk with {sizes.connections} connections, "
        f"{sizes.rounds} alternated runs of {sizes.seconds:g} s each; the connection to the "
        "backend is kept."
    )
    measurement = Measurement("fresh", "A new connection for each request", note)
    return measure_heads(lab, measurement, {"close": "new connection"})


def measure_tls(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        "As above over TLS 1.3 that ends at the target, certificate ECDSA P-256; wrk with "
        f"{sizes.connections} connections, {sizes.rounds} alternated runs of {sizes.seconds:g} s "
        "each. New connection: a full handshake for each request."
    )
    measurement = Measurement("tls", "CPU time of a keep-alive request over TLS", note)
    heads = {"browser": "browser head", "minimal": "minimal head", "close": "new connection"}
    return measure_heads(lab, measurement, heads, secure=True)
