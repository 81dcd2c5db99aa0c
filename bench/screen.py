"""What the screen costs: CPU, bytes to the device, memory, at one picture a second.

    python -m bench.screen                                  # the screen alone
    python -m bench.screen --luma-examples DIR              # beside sys_info of luma.examples

Each candidate is a process of its own. The devices are an OLED on a bus that goes nowhere and a
framebuffer in memory; the status is that of a made-up box whose figures change each second, so that
every picture is another one.
"""

import argparse
import asyncio
import importlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

WARM_S = 10.0
TICK_S = 1.0
PANELS = {
    "128x64 ssd1306": ("ssd1306", 0, 0),
    "256x64 ssd1322": ("ssd1322", 0, 0),
    "800x480, 32 bits": ("fb", 800, 480),
    "1920x1080, 32 bits": ("fb", 1920, 1080),
    "3840x2160, 32 bits": ("fb", 3840, 2160),
}
PAGES = ("overview", "traffic")


def cpu_s() -> float:
    """Processor time of this process and its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    """Memory of this process now (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def send_statuses(path: str) -> None:
    """A box whose traffic goes up and down."""
    from display.scenarios import make_calm

    chance = random.Random(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        rate = 50.0
        while not writer.is_closing():
            status = make_calm()
            rate = min(200.0, max(1.0, rate + chance.uniform(-15, 15)))
            status["proxy"] |= {"requests_per_s": round(rate, 1), "bytes_out_per_s": rate * 70_000}
            for site in status["sites"]:
                site["requests_per_s"] = round(rate * chance.random() / 4, 1)
            writer.write(f"event: status\ndata: {json.dumps(status)}\n\n".encode())
            await asyncio.sleep(TICK_S)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        await server.serve_forever()


async def show(path: str, panel: str, page: str, seconds: float) -> dict[str, float]:
    """The screen's own process on one device."""
    from display.app import App
    from display.finding import Found
    from display.outputs.base import Output
    from display.outputs.buses import I2cBus
    from display.outputs.controllers import CONTROLLERS
    from display.outputs.framebuffer import FileFramebuffer, FramebufferOutput
    from display.outputs.geometry import Geometry
    from display.outputs.oled import OledOutput
    from display.settings import Settings

    kind, width, height = PANELS[panel]
    if kind == "fb":
        size = width * height * 4
        geometry = Geometry(width, height, 32, width * 4, red_offset=16, memory_bytes=size)
        fb: Output = FramebufferOutput("fb", FileFramebuffer(path + ".fb", geometry))
    else:
        bus = I2cBus(os.open(os.devnull, os.O_RDWR))
        fb = OledOutput("oled", kind, CONTROLLERS[kind].size, bus)
    found = [Found("the screen", lambda: fb, can_burn=kind != "fb")]
    settings = Settings(admin_socket=path, pages=(page,), sleep_s=None)
    app = App(settings, lambda *_: found)
    task = asyncio.create_task(app.run())
    await asyncio.sleep(WARM_S)
    before_s, before_bytes, started_s = cpu_s(), fb.sent_bytes, time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - started_s
    figures = {
        "cpu_percent": 100 * (cpu_s() - before_s) / took_s,
        "bytes_per_s": (fb.sent_bytes - before_bytes) / took_s,
        "resident_mb": resident_mb(),
    }
    app.stop()
    await task
    return figures


class NullSerial:
    """A bus that goes nowhere, for luma."""

    def __init__(self) -> None:
        self.sent_bytes = 0
        self._file = os.open(os.devnull, os.O_RDWR)

    def command(self, *content: int) -> None:
        """Writes a command."""
        self._write(bytes(content))

    def data(self, content: Iterable[int]) -> None:
        """Writes data."""
        self._write(bytes(content))

    def cleanup(self) -> None:
        """luma asks for it."""

    def _write(self, content: bytes) -> None:
        self.sent_bytes += os.write(self._file, content)


def run_sys_info(examples: str, seconds: float, pause_s: float) -> dict[str, float]:
    """sys_info of luma.examples: its picture again and again, with its own pause or another."""
    from luma.oled.device import ssd1306

    sys.path.insert(0, examples)
    stats: Callable[[Any], None] = importlib.import_module("sys_info").stats
    serial = NullSerial()
    device = ssd1306(serial)
    stats(device)
    before_s, before_bytes, started_s = cpu_s(), serial.sent_bytes, time.monotonic()
    pictures = 0
    while time.monotonic() - started_s < seconds:
        stats(device)
        pictures += 1
        time.sleep(pause_s)
    took_s = time.monotonic() - started_s
    return {
        "cpu_percent": 100 * (cpu_s() - before_s) / took_s,
        "bytes_per_s": (serial.sent_bytes - before_bytes) / took_s,
        "resident_mb": resident_mb(),
        "pictures_per_s": pictures / took_s,
    }


def measure(*arguments: str) -> dict[str, float]:
    """Runs one candidate in a process of its own."""
    command = [sys.executable, "-m", "bench.screen", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def row(name: str, figures: dict[str, float]) -> str:
    """A line of the table."""
    cpu, sent = figures["cpu_percent"], figures["bytes_per_s"]
    return f"| {name} | {cpu:.2f} % | {sent:,.0f} | {figures['resident_mb']:.0f} MB |"


def report(options: argparse.Namespace) -> None:
    """Measures every candidate, one after the other."""
    print("| what | CPU of one core | bytes a second | memory |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = f"{folder}/admin.sock"
        source = subprocess.Popen([sys.executable, "-m", "bench.screen", "--send", path])
        try:
            for panel in PANELS:
                for page in PAGES:
                    figures = measure(
                        "--show", path, panel, page, "--seconds", str(options.seconds)
                    )
                    print(row(f"{panel}, {page}", figures), flush=True)
        finally:
            source.kill()
    if options.luma_examples:
        seconds = ("--seconds", str(options.seconds))
        for name, pause in (("its own pause of 5 s", "5"), ("without its pause", "0")):
            figures = measure("--sys-info", options.luma_examples, pause, *seconds)
            rate = figures["pictures_per_s"]
            print(row(f"128x64 sys_info, {name}, {rate:.2f} pictures/s", figures), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.screen", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--luma-examples", metavar="DIR", help="the folder of sys_info.py")
    parser.add_argument("--send", help=argparse.SUPPRESS)
    parser.add_argument("--show", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--sys-info", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        asyncio.run(send_statuses(options.send))
    elif options.show:
        path, panel, page = options.show
        print(json.dumps(asyncio.run(show(path, panel, page, options.seconds))))
    elif options.sys_info:
        folder, pause = options.sys_info
        print(json.dumps(run_sys_info(folder, options.seconds, float(pause))))
    else:
        report(options)


if __name__ == "__main__":
    main()
