"""The seed's experiment: three slow backends behind a proxy against one of them direct."""

from bench.backends import AT_A_TIME, SLEEP_S, plan_python
from bench.figures import Figure, Measurement
from bench.lab import Lab
from bench.loads import run_ab
from bench.running import DIRECT, Running, free_port, running

BACKENDS = 3
CONCURRENCY = 100


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"Backends that sleep {SLEEP_S * 1e3:.0f} ms and serve {AT_A_TIME} at a time: one direct, "
        f"{BACKENDS} behind each proxy; `ab -n {sizes.spread_requests} -c {CONCURRENCY}`, "
        f"{sizes.spread_rounds} runs. The seed had 2.77."
    )
    rate = Figure("rate", "1/s", 1)
    times = Figure("times direct", "x", 2)

    def run(target: Running) -> None:
        result = run_ab(target.port, sizes.spread_requests, CONCURRENCY)
        rate.add(target.name, result.per_s)
        lab.say(f"  {target.name}: {result.per_s:.1f} requests/s")

    measurement = Measurement("spread", "One backend direct, three behind the proxy", note)
    ports = [free_port() for _ in range(BACKENDS)]
    with (
        running(plan_python("sleepers", lab.new_folder("sleepers"), ports)),
        lab.targets(measurement, ports, direct=True) as targets,
    ):
        lab.alternate(measurement, targets, sizes.spread_rounds, run)
    direct = rate.median(DIRECT) or 0.0
    for name, values in rate.runs.items() if direct else ():
        for value in values:
            times.add(name, value / direct)
    measurement.figures = [rate, times]
    return measurement
