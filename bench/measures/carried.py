"""TLS carried undecrypted by its name: bytes, and how long a small message takes."""

import time

from bench.behind import plan_behind
from bench.carried_client import download, ping, upload
from bench.carriers import CARRIERS
from bench.figures import Figure, Measurement
from bench.lab import Lab, counted_cpu
from bench.running import Running, free_port, running

BASELINES = ("haproxy", "haproxy-splice", "nginx")
WAYS = {"download": download, "upload": upload}


def measure(lab: Lab) -> Measurement:
    sizes = lab.sizes
    note = (
        f"{sizes.body_bytes / 1e9:g} GB over one connection, then {sizes.pings} messages of 64 "
        f"bytes there and back, {sizes.rounds} alternated runs. The name is read from the hello; "
        "beyond it plain bytes are carried, which nobody in between may look at anyway. "
        "haproxy-splice is HAProxy with splice forced both ways."
    )
    measurement = Measurement("carried", "TLS carried undecrypted", note)
    cpu = {way: Figure(f"{way}: CPU per GB", "s", 3, BASELINES) for way in WAYS}
    speed = {way: Figure(f"{way}: speed", "MB/s", 0) for way in WAYS}
    message = Figure("a message there and back, p50", "us", 1, ("haproxy",))

    def run(target: Running) -> None:
        for way, move in WAYS.items():
            begin = time.monotonic()
            with counted_cpu(target) as used:
                move(target.port, sizes.body_bytes)
            took_s = time.monotonic() - begin
            if target.pid:
                cpu[way].add(target.name, used.seconds / (sizes.body_bytes / 1e9))
            speed[way].add(target.name, sizes.body_bytes / 1e6 / took_s)
            lab.say(f"  {target.name} {way}: {used.seconds:.2f} CPU s in {took_s:.2f} s")
        message.add(target.name, ping(target.port, sizes.pings))

    with running(plan_behind(lab.new_folder("behind"), free_port())) as behind:
        for _ in range(sizes.rounds):
            with lab.targets(measurement, [behind.port], direct=True, family=CARRIERS) as targets:
                lab.alternate(measurement, targets, 1, run)
    measurement.figures = [figure for way in WAYS for figure in (cpu[way], speed[way])] + [message]
    return measurement
