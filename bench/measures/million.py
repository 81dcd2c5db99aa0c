"""ab -n 1000000 -c 100, as the seed did: what a proxy adds to the mean, and whether it grows."""

from bench.backends import plan_web
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.loads import run_ab
from bench.processes import read_memory
from bench.running import DIRECT, Running, free_port, running

WARM_PART = 50  # a fiftieth of the load first, so that start-up is not taken for growth


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"`ab -n {sizes.ab_requests} -c {sizes.ab_concurrency}`, keep-alive off. Added: the mean "
        "over direct's. Resident memory of all processes of the target, before (after a short "
        "warm-up) and after. The seed's proxy added about 0.1 ms on its machine."
    )
    mean = Figure("mean", "ms", 3)
    added = Figure("added to the mean", "ms", 3)
    cpu = Figure("CPU", "us", 1, (BASELINE,))
    before = Figure("RSS before", "MB", 1)
    after = Figure("RSS after", "MB", 1)

    def run(target: Running) -> None:
        run_ab(target.port, max(sizes.ab_requests // WARM_PART, 100), sizes.ab_concurrency)
        if target.pid:
            before.add(target.name, read_memory(target.pid).rss_kb / 1e3)
        with counted_cpu(target) as used:
            result = run_ab(target.port, sizes.ab_requests, sizes.ab_concurrency)
        mean.add(target.name, result.mean_ms)
        if target.pid:
            after.add(target.name, read_memory(target.pid).rss_kb / 1e3)
            cpu.add(target.name, used.seconds * 1e6 / result.requests)
        lab.say(f"  {target.name}: mean {result.mean_ms:.3f} ms, {result.per_s:.0f} requests/s")

    measurement = Measurement("ab", "A million requests of ab, as the seed did", note)
    with (
        running(plan_web(lab.new_folder("web"), free_port())) as web,
        lab.targets(measurement, [web.port], direct=True) as targets,
    ):
        lab.alternate(measurement, targets, sizes.ab_rounds, run)
    direct = mean.median(DIRECT) or 0.0
    for name, values in mean.runs.items() if direct else ():
        for value in values if name != DIRECT else ():
            added.add(name, value - direct)
    measurement.figures = [mean, added, cpu, before, after]
    return measurement
