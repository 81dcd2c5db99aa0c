"""`gatelight-display` as it is typed."""

import json
from pathlib import Path

import pytest
from PIL import Image

from display.cli import main
from display.pages.registry import PAGES
from display.preview import GIF_FRAMES, encode_terminal
from display.scenarios import SCENARIOS, make_calm


def test_pages_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pages"]) == 0
    assert capsys.readouterr().out.splitlines() == list(PAGES)


@pytest.mark.parametrize(
    ("device", "size", "mode"),
    [
        ("ssd1306", (128, 64), "1"),
        ("ssd1306-128x32", (128, 32), "1"),
        ("ssd1322", (256, 64), "L"),
        ("ssd1351", (128, 128), "RGB"),
        ("hdmi-800x480", (800, 480), "RGB"),
        ("hdmi-3840x2160", (3840, 2160), "RGB"),
        ("hdmi-480x800", (480, 800), "RGB"),
    ],
)
def test_a_preview_is_a_png_of_the_devices_size(
    tmp_path: Path, device: str, size: tuple[int, int], mode: str
) -> None:
    out = tmp_path / "a.png"
    assert main(["preview", "--page", "overview", "--device", device, "--out", str(out)]) == 0
    image = Image.open(out)
    assert (image.format, image.size, image.mode) == ("PNG", size, mode)
    assert len(set(image.convert("L").tobytes())) > 1


def preview(out: Path, *more: str) -> int:
    return main(["preview", "--page", "overview", "--device", "ssd1306", "--out", str(out), *more])


def test_each_scenario_has_a_picture_of_its_own(tmp_path: Path) -> None:
    pictures = set()
    for name in SCENARIOS:
        assert preview(tmp_path / "a.png", "--scenario", name) == 0
        pictures.add((tmp_path / "a.png").read_bytes())
    # A trial shows on a page of its own.
    assert len(pictures) == len(SCENARIOS) - 1


def test_a_status_in_a_file_is_drawn(tmp_path: Path) -> None:
    status = make_calm()
    status["box"]["hostname"] = "attic"
    (tmp_path / "status.json").write_text(json.dumps(status))
    assert preview(tmp_path / "a.png") == 0
    assert preview(tmp_path / "b.png", "--status", str(tmp_path / "status.json")) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_a_turned_screen_is_upright(tmp_path: Path) -> None:
    assert preview(tmp_path / "a.png", "--rotate", "90") == 0
    assert Image.open(tmp_path / "a.png").size == (64, 128)


def test_a_gif_moves(tmp_path: Path) -> None:
    out = tmp_path / "a.gif"
    arguments = ["--page", "traffic", "--device", "hdmi-320x240", "--out", str(out)]
    assert main(["preview", *arguments]) == 0
    image = Image.open(out)
    # Frames that are the same are kept as one that lasts.
    assert 1 < getattr(image, "n_frames", 1) <= GIF_FRAMES


def test_the_terminal_gets_half_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(Path("-")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 32
    assert lines[0].count("\N{UPPER HALF BLOCK}") == 128


def test_a_wide_picture_is_made_to_fit_the_terminal() -> None:
    text = encode_terminal(Image.new("RGB", (640, 90)), columns=64)
    assert len(text.splitlines()) == 5
    assert text.splitlines()[0].count("\N{UPPER HALF BLOCK}") == 64


WRONG = [
    (["--page", "nope", "--device", "ssd1306", "--out", "a.png"], 2, "there is no page"),
    (["--page", "box", "--device", "vga", "--out", "a.png"], 2, "there is no device"),
    (["--page", "box", "--device", "hdmi", "--out", "a.png"], 2, "needs a size"),
    (["--page", "box", "--device", "hdmi-99x9999", "--out", "a.png"], 2, "needs a size"),
    (["--page", "box", "--device", "ssd1306-99x99", "--out", "a.png"], 2, "is not made"),
    (["--page", "box", "--device", "ssd1306", "--out", "a.txt"], 2, "has to end in"),
    (["--page", "box", "--device", "ssd1306", "--out", "/gone/a.png"], 1, "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_what_is_wrong_is_said(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("gatelight: ")
    assert words in error


@pytest.mark.parametrize("source", ["--status", "--socket", "--scenario"])
def test_a_source_that_is_not_there_is_said(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = preview(tmp_path / "a.png", source, str(tmp_path / "gone"))
    assert code == (2 if source == "--scenario" else 1)
    assert "gone" in capsys.readouterr().err


def test_a_faulty_file_keeps_the_screen_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gatelight.toml"
    config.write_text("[display]\nrotate = 5\n")
    assert main(["run", "--config", str(config)]) == 1
    assert f"gatelight: {config}: display.rotate" in capsys.readouterr().err
