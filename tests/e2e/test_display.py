"""`gatelight-display run` as a process, beside a real `gatelight serve`."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from display.app import App
from display.finding import Found
from display.outputs.base import Output
from display.outputs.buses import I2cBus
from display.outputs.framebuffer import FileFramebuffer, FramebufferOutput
from display.outputs.geometry import Geometry, encode_pixels
from display.outputs.oled import OledOutput
from display.pages.registry import draw_page
from display.settings import parse_settings
from tests.support.backend import ScriptedBackend
from tests.support.box import Box, site, wait_until
from tests.support.controllers import I2cWire, make_chip

DISPLAY = '[display]\noutput = "none"\n'


@contextmanager
def display(box: Box) -> Iterator[subprocess.Popen[bytes]]:
    """The screen's process, ended at the end."""
    with open(box.folder / "display-errors", "ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "display.cli", "run", "--config", str(box.config)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        assert process.wait(10) in (0, -signal.SIGTERM, -signal.SIGKILL)


def fetch(box: Box, request: bytes = b"GET /v1/screen.png HTTP/1.1\r\n\r\n") -> bytes:
    """The body of the answer on the screen's socket; empty while there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(box.folder / "display.sock"))
            client.sendall(request)
            answer = b""
            while part := client.recv(65536):
                answer += part
    except OSError:
        return b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if b" 200 " in head[:20] or b" 204 " in head[:20] else b""


def is_red(picture: bytes) -> bool:
    """Whether the picture says that the proxy has gone."""
    if not picture:
        return False
    colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 20) or []
    return any(count > 1000 and colour == (0xFF, 0x6B, 0x5E) for count, colour in colours)


@pytest.fixture(name="backend")
def start_backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


def test_it_shows_the_box_survives_its_death_and_says_that_it_has_gone(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    with Box(tmp_path, site("a.test", backend.url), more=DISPLAY) as box:
        with display(box) as process:
            first = wait_until(lambda: fetch(box), "a picture")
            assert Image.open(io.BytesIO(first)).size == (800, 480)
            body = b'{"button": "next"}'
            head = f"POST /v1/screen/press HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
            fetch(box, head.encode() + body)
            wait_until(lambda: fetch(box) not in (b"", first), "another page")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        with display(box):
            wait_until(lambda: fetch(box), "a picture of its successor")
            box.signal(signal.SIGTERM)
            wait_until(lambda: is_red(fetch(box)), "the proxy gone")
        assert "Traceback" not in (tmp_path / "display-errors").read_text()


def test_a_stopped_screen_does_not_stop_the_proxy(tmp_path: Path, backend: ScriptedBackend) -> None:
    with Box(tmp_path, site("a.test", backend.url), more=DISPLAY) as box, display(box) as process:
        wait_until(lambda: fetch(box), "a picture")
        process.send_signal(signal.SIGSTOP)
        for _ in range(50):
            assert b"200 OK" in box.get(host="a.test")


def test_a_preview_shows_the_running_box(tmp_path: Path, backend: ScriptedBackend) -> None:
    out = tmp_path / "a.png"
    with Box(tmp_path, site("a.test", backend.url), more=DISPLAY) as box:
        command = [sys.executable, "-m", "display.cli", "preview", "--page", "sites"]
        command += ["--device", "hdmi-320x240", "--socket", str(box.socket), "--out", str(out)]
        subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=20)
    assert Image.open(out).size == (320, 240)


def keep(output: Output) -> Output:
    """Opens what is open already."""
    return output


@pytest.mark.filterwarnings("ignore:Image.Image.getdata")
def test_under_load_every_screen_shows_the_traffic_of_the_real_box(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    """An OLED decoded from its bus, and a framebuffer of 16 bits with padded lines."""
    chip = make_chip("ssd1306", 128, 64)
    bus = I2cBus(os.open(os.devnull, os.O_RDWR), I2cWire(chip).write)
    stride = 480 * 2 + 32
    geometry = Geometry(480, 320, 16, stride, red_offset=11, memory_bytes=320 * stride)
    framebuffer = FileFramebuffer(str(tmp_path / "fb"), geometry)
    outputs: dict[str, Output] = {
        "oled": OledOutput("oled", "ssd1306", (128, 64), bus),
        "panel": FramebufferOutput("panel", framebuffer),
    }
    found = [
        Found(name, partial(keep, output), name == "oled", has_console=name == "panel")
        for name, output in outputs.items()
    ]

    async def live(box: Box) -> None:
        settings = parse_settings(box.config.read_text(), str(box.config))
        app = App(settings, lambda *_: found)
        running = asyncio.create_task(app.run())
        loop = asyncio.get_running_loop()

        def is_shown() -> bool:
            frame = app.frame
            if frame is None or not (frame.view.known.proxy.requests_per_s or 0) > 1:
                return False
            oled = draw_page("overview", frame.view, 128, 64, "1").image
            panel = draw_page("overview", frame.view, 480, 320).image
            row = encode_pixels(panel.crop((0, 40, 480, 41)), geometry)
            start = 40 * stride
            shown = framebuffer.memory[start : start + len(row)]
            return chip.image.tobytes() == oled.tobytes() and shown == row

        async with asyncio.timeout(20):
            while not is_shown():
                answer = await loop.run_in_executor(None, box.get)
                assert b"200 OK" in answer
        assert app.status is not None
        assert [site.host for site in app.status.sites] == ["a.test"]
        app.stop()
        await running

    with Box(tmp_path, site("a.test", backend.url), more=DISPLAY) as box:
        asyncio.run(live(box))
