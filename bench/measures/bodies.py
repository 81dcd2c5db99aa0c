"""A large download and a large upload: CPU seconds per GB."""

import time
from collections.abc import Callable

from bench.backends import make_large, plan_python, plan_web
from bench.figures import BASELINE, Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.running import Running, free_port, running
from bench.transfers import download, upload


def measure_way(
    lab: Lab, measurement: Measurement, port: int, way: str, move: Callable[[int, int], None]
) -> None:
    """One direction through each target, in turn."""
    size_bytes = lab.sizes.body_bytes
    cpu = Figure(f"{way}: CPU per GB", "s", 2, (BASELINE,))
    speed = Figure(f"{way}: speed", "MB/s", 0)

    def run(target: Running) -> None:
        begin = time.monotonic()
        with counted_cpu(target) as used:
            move(target.port, size_bytes)
        took_s = time.monotonic() - begin
        cpu.add(target.name, used.seconds / (size_bytes / 1e9))
        speed.add(target.name, size_bytes / 1e6 / took_s)
        lab.say(f"  {target.name} {way}: {used.seconds:.2f} CPU s in {took_s:.2f} s")

    with lab.targets(measurement, [port]) as targets:
        lab.alternate(measurement, targets, lab.sizes.rounds, run)
    measurement.figures += [cpu, speed]


def measure(lab: Lab) -> Measurement:
    note = (
        f"{lab.sizes.body_bytes / 1e9:g} GB of zeros over one connection, {lab.sizes.rounds} "
        "alternated runs; the file comes from nginx, the upload is thrown away by the backend. "
        "nginx streams (no temporary files)."
    )
    measurement = Measurement("bodies", "Large bodies", note)
    web_folder = lab.new_folder("web")
    make_large(web_folder, lab.sizes.body_bytes)
    with running(plan_web(web_folder, free_port())) as web:
        measure_way(lab, measurement, web.port, "download", download)
    with running(plan_python("sink", lab.new_folder("sink"), [free_port()])) as sink:
        measure_way(lab, measurement, sink.port, "upload", upload)
    return measurement
