"""The command: answers, bytes of files, errors and exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance import __version__
from display.hdmi.box import Box
from display.hdmi.cli import main
from display.hdmi.config_edit import BEGIN, END
from display.hdmi.probe import RASPI_FIRMWARE_HOOK
from display.hdmi.situation import CUSTOM_CMDLINE
from display.hdmi.trial_run import STATUS_FILE
from tests.support import edids
from tests.support.box import ROOT
from tests.support.pi import STATE, CardboardPi

LINE = b"console=tty1 root=/dev/mmcblk0p2 rootwait\n"
ON_PI4 = "--model", "pi4", "--driver", "firmware"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card's boot partition in a reader."""
    (tmp_path / "config.txt").write_bytes(b"hdmi_mode=19\n#arm_freq=800\ndisable_overscan=1\n")
    (tmp_path / "cmdline.txt").write_bytes(LINE)
    return tmp_path


@pytest.fixture
def pi(tmp_path: Path) -> CardboardPi:
    """A Raspberry Pi 4 with KMS, an old monitor and a card of Raspberry Pi OS."""
    pi = CardboardPi(tmp_path)
    pi.is_a("Raspberry Pi 4 Model B Rev 1.4")
    pi.boot_files({"config.txt": b"dtoverlay=vc4-kms-v3d\n", "cmdline.txt": LINE})
    pi.connect(0, edids.OLD_MONITOR)
    pi.connect(1, None, status="disconnected")
    pi.write("sys/kernel/debug/dri/1/state", STATE)
    return pi


def box(pi: CardboardPi) -> Box:
    return Box(root=pi.root, machine=pi)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


SHAPES = [
    ("carriage returns", b"a=1\r\nhdmi_mode=19\r\n"),
    ("Latin-1", b"# \xe9cran\nhdmi_mode=19\n"),
    ("no last line end", b"hdmi_mode=19"),
    ("ends in a section", b"[pi3]\nhdmi_mode=19\n"),
    ("ends in a section, no line end", b"[pi3]"),
    ("includes", b"include extra.txt\n"),
    ("31 KB", b"#" + b"x" * 60 + b"\n" * 31_000),
    ("a line over 98 characters", b"hdmi_timings=" + b"1 " * 60 + b"\n"),
    ("empty", b""),
    ("zeros and a mark", b"\xef\xbb\xbfa=1\n\0\0\n"),
]


@pytest.mark.parametrize("before", [row[1] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_every_shape_of_file_is_set_shown_and_undone(
    card: Path, before: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = card / "config.txt"
    path.write_bytes(before)
    (card / "extra.txt").write_bytes(b"hdmi_group=1\n[pi3]\n")
    where = "--boot", str(card), *ON_PI4
    assert main(["set", "--mode", "1280x1024@60", *where, "--yes"]) == 0
    end = b"\r\n" if b"\r\n" in before else b"\n"
    is_joined = bool(before) and not before.endswith(b"\n")
    block = end.join([b"[all]", b"hdmi_group=2", b"hdmi_mode=35", END, b""])
    begin = BEGIN + b" (+1)" * is_joined + end
    after = path.read_bytes()
    assert after == before + end * is_joined + begin + block
    assert (card / "cmdline.txt").read_bytes() == LINE
    capsys.readouterr()
    assert main(["show", "--json", *where]) == 0
    counting = {
        entry["name"]: entry["value"] for entry in answer(capsys)["settings"] if entry["counts"]
    }
    assert (counting["hdmi_group:0"], counting["hdmi_mode:0"]) == ("2", "35")
    assert main(["set", "--mode", "1280x1024@60", *where, "--yes"]) == 0
    assert path.read_bytes() == after
    assert main(["safe", *where]) == 0
    assert main(["undo", "2", *where]) == 0
    assert path.read_bytes() == before
    assert main(["set", "--mode", "1280x1024@60", *where]) == 0
    assert main(["reset", *where]) == 0
    capsys.readouterr()
    assert main(["show", "--json", *where]) == 0
    assert not any(entry["ours"] for entry in answer(capsys)["settings"])
    assert main(["undo", "2", *where]) == 0
    assert path.read_bytes() == before


def test_nothing_outside_the_folder_is_written(card: Path) -> None:
    assert main(["set", "--mode", "1280x1024@60", "--boot", str(card), *ON_PI4]) == 0
    assert {path.name for path in card.iterdir()} == {
        "config.txt",
        "cmdline.txt",
        "gatelight-history",
    }


def test_what_set_prints_is_what_it_does(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set", "--mode", "1280x1024@60", "--boot", str(card), *ON_PI4])
    assert capsys.readouterr().out.splitlines() == [
        "config.txt:",
        f"  + {BEGIN.decode()}",
        "  + [all]",
        "  + hdmi_group=2",
        "  + hdmi_mode=35",
        f"  + {END.decode()}",
        "config.txt:1: hdmi_mode=19 stays, and is overruled",
        "done; gatelight-hdmi undo takes it back",
    ]


def test_show_says_which_lines_count_and_why_the_others_do_not(
    card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (card / "config.txt").write_bytes(
        b"hdmi_mode=4\nhdmi_mode=19\n[pi3]\nhdmi_group=1\n[all]\nconfig_hdmi_boost=4\nhdmi_drive = 2\n"
        b"# \x1b[31m\n"
    )
    (card / "cmdline.txt").write_bytes(b"root=a video=HDMI-A-1:640x480@60\n")
    assert main(["show", "--boot", str(card), *ON_PI4]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "model: pi4"
    assert lines[1].startswith("driver: firmware")
    assert lines[-6:] == [
        "config.txt:1 hdmi_mode=4 no effect: a later line wins (config.txt:2)",
        "config.txt:2 hdmi_mode=19 in effect",
        "config.txt:4 hdmi_group=1 no effect: in a section for another board, display or moment ([pi3])",
        "config.txt:6 config_hdmi_boost=4 no effect: this model does not read it",
        'config.txt:7 hdmi_drive = 2 no effect: spaces around "=" are not allowed',
        "cmdline.txt:1 video=HDMI-A-1:640x480@60 no effect: the firmware's display does not read it",
    ]
    assert main(["show", "--boot", str(card), "--model", "pi4", "--driver", "kms"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "config.txt:2 hdmi_mode=19 no effect: the KMS display driver does not read it" in lines
    assert lines[-1] == "cmdline.txt:1 video=HDMI-A-1:640x480@60 in effect"


def test_show_tells_display_mode_and_driver_of_a_running_pi(
    pi: CardboardPi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--json"], box(pi)) == 0
    table = answer(capsys)
    assert (table["model"], table["driver"], table["trial"]) == ("pi4", "kms", None)
    first, second = table["ports"]
    assert first["mode_in_use"] == "1280x1024@60"
    assert first["display"] | {"problems": None} == {
        "maker": "ACR", "product": 0x1234, "name": "Acer AL1715", "serial": "L480C", "year": 2012,
        "edid_version": "1.3", "edid_filter": "ACR-Acer_AL1715", "preferred": "1280x1024@60.02",
        "native": "1280x1024", "size_cm": [38, 30], "hdmi": False, "audio": False,
        "max_tmds_khz": None, "problems": None,
    }  # fmt: skip
    assert (second["connected"], second["display"]) == (False, None)
    assert main(["show"], box(pi)) == 0
    text = capsys.readouterr().out
    assert "HDMI 0 (HDMI-A-1): Acer AL1715 (ACR)\n  in use:    1280x1024@60\n" in text
    assert "HDMI 1 (HDMI-A-2): nothing plugged in\n" in text


def test_modes_has_every_number_and_what_the_display_offers(
    pi: CardboardPi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["modes", "--json"], box(pi)) == 0
    table = answer(capsys)
    assert [row["hdmi_mode"] for row in table["cea"]] == list(range(1, 108))
    assert [row["hdmi_mode"] for row in table["dmt"]] == list(range(1, 87))
    offered = [row["hdmi_mode"] for row in table["dmt"] if row["offered"]]
    assert offered == [4, 5, 6, 8, 9, 10, 11, 16, 17, 18, 21, 35, 36]
    assert table["dmt"][34] | {"note": None} == {
        "hdmi_group": 2, "hdmi_mode": 35, "mode": "1280x1024@60.02", "width": 1280, "height": 1024,
        "refresh_hz": 60.02, "interlaced": False, "reduced_blanking": False, "aspect": "5:4",
        "pixel_clock_khz": 108000, "kms": "1280x1024", "video": "1280x1024@60", "repetition": 1,
        "offered": True, "impossible": None, "note": None,
    }  # fmt: skip
    assert [mode["mode"] for mode in table["ports"][0]["offered"]][:2] == [
        "1280x1024@60.02",
        "640x480@59.94",
    ]
    assert table["ports"][1]["offered"] is None


def test_modes_are_printed_as_tables(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edid = card / "edid.bin"
    edid.write_bytes(edids.TELEVISION)
    assert main(["modes", "DMT", "--boot", str(card), *ON_PI4, "--edid", str(edid)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "HDMI 0 (HDMI-A-1): TV 42 (SAM)" in lines
    assert "1920x1080@60 148.5 MHz detailed preferred" in lines
    assert "35 1280x1024@60.02 5:4 108 MHz 1280x1024@60" in lines
    assert "CEA, televisions: hdmi_group=1" not in lines
    assert main(["modes", "CEA", "--boot", str(card), *ON_PI4, "--edid", str(edid)]) == 0
    more = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "20 1920x1080i@50 16:9 74.25 MHz 1920x1080@50i offered" in more
    assert "7 720x480i@59.94 16:9 27 MHz 720x480@60i" in more
    assert any(
        line.startswith("81 ") and "not here: the pi4 sends two pixels" in line for line in lines
    )


USAGE = [
    (["set", "--boot", "."], "nothing is asked of port 0"),
    (["set", "--mode", "big", "--boot", "."], '"big" is not a mode in --mode'),
    (["set", "--boost", "12", "--boot", "."], '"12" is not possible for --boost'),
    (["undo", "0", "--boot", "."], '"0" is not possible for undo'),
    (["modes", "VGA", "--boot", "."], 'there is no table "vga"'),
    (["set", "--mode", "640x480", "--try", "5", "--boot", "."], '"5" is not possible for --try'),
    (["set", "--mode", "640x480", "--try", "60", "--boot", "."], "a trial needs a box that restarts"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), USAGE, ids=[" ".join(row[0]) for row in USAGE])
def test_wrong_use_is_exit_code_2(
    words: list[str],
    said: str,
    card: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(card)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith(f"gatelight: {said}")) == ("", True)


@pytest.mark.parametrize(
    "words",
    [[], ["sett"], ["show", "--port", "2"], ["set", "--driver", "x11"], ["set", "--model", "pi9"]],
)
def test_a_command_line_that_is_none_is_exit_code_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_a_refusal_is_exit_code_1_and_names_the_nearest(
    card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["set", "--mode", "3840x2160@60", "--boot", str(card), "--model", "pi3", "--json"]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["nearest"]
    assert err.startswith("gatelight: 3840x2160@60 cannot be shown on HDMI port 0 of the pi3 (")
    assert (card / "config.txt").read_bytes().startswith(b"hdmi_mode=19\n#arm")
    assert not (card / "gatelight-history").exists()


FAILURES = [
    (["confirm"], "no trial is under way in"),
    (["undo"], "there is no such step in the history: nothing can be undone"),
    (["set", "--rotate", "90", "--model", "pi5", "--driver", "firmware"], "there is no firmware display on the pi5"),
    (["show", "--port", "1", "--model", "pi3", "--boot", "/gone"], "there is no folder /gone"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), FAILURES, ids=[row[1] for row in FAILURES])
def test_a_failure_is_exit_code_1_and_one_line(
    words: list[str], said: str, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words if "--boot" in words else [*words, "--boot", str(card)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"gatelight: {said}")
    assert err.count("\n") == 1


def test_what_a_kill_left_half_done_is_put_right_before_the_next_change(
    card: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (card / "config.txt").read_bytes()
    where = ["--boot", str(card), *ON_PI4]
    with monkeypatch.context() as patch:
        patch.setattr("display.hdmi.history.History.commit", lambda *_: None)
        assert main(["safe", *where]) == 0
    assert (card / "gatelight-history/pending.json").exists()
    capsys.readouterr()
    assert main(["set", "--mode", "1280x1024@60", *where]) == 1
    assert "the files have changed meanwhile" in capsys.readouterr().err
    assert (card / "config.txt").read_bytes() == before
    assert main(["set", "--mode", "1280x1024@60", *where]) == 0
    assert main(["undo", *where]) == 0
    assert (card / "config.txt").read_bytes() == before


def test_history_says_what_undo_takes_back(card: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--boot", str(card), *ON_PI4]
    for words in (["set", "--mode", "1280x1024@60"], ["safe"], ["undo"], ["set", "--rotate", "90"]):
        assert main([*words, *where]) == 0
    capsys.readouterr()
    assert main(["history", "--json", *where]) == 0
    entries = answer(capsys)["entries"]
    assert [(entry["action"], entry["undo"], entry["undoes"]) for entry in entries] == [
        ("set --mode 1280x1024@60", 2, []),
        ("safe", None, []),
        ("undo 1", None, [2]),
        ("set --rotate 90", 1, []),
    ]
    assert main(["history", *where]) == 0
    assert capsys.readouterr().out.startswith("undo 1  4  20")


def test_a_running_box_is_asked_first_and_a_trial_restarts_it(
    pi: CardboardPi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["set", "--mode", "1280x1024@60"], box(pi)) == 2
    assert 'nobody is here to answer "Restart now and try it?' in capsys.readouterr().err
    assert main(["set", "--mode", "1280x1024@60", "--yes", "--json"], box(pi)) == 0
    assert answer(capsys)["trial_seconds"] == 60
    assert pi.reboots == [False]
    line = LINE.rstrip() + b" video=HDMI-A-1:1280x1024@60D\n"
    assert pi.read("boot/firmware/cmdline.txt") == line
    assert main(["set", "--mode", "640x480@60", "--yes"], box(pi)) == 1
    assert "a trial is under way" in capsys.readouterr().err
    assert main(["show"], box(pi)) == 0
    assert "on trial: 1280x1024@60.02 on HDMI 0, it has not begun\n" in capsys.readouterr().out
    assert main(["undo"], box(pi)) == 0
    assert pi.read("boot/firmware/cmdline.txt") == LINE


def test_a_kernel_that_can_arms_a_tryboot_and_confirm_keeps_it(pi: CardboardPi) -> None:
    pi.write("dev/vcio", b"")
    assert main(["set", "--mode", "1280x1024@60", "--yes", "--try", "10"], box(pi)) == 0
    assert pi.reboots == [True]
    assert pi.read("boot/firmware/cmdline.txt") == LINE
    assert b"cmdline=gatelight-try-cmdline.txt\n" in pi.read("boot/firmware/tryboot.txt")
    trials = box(pi).trials()
    seen: list[Any] = []

    class Clock:
        def monotonic(self) -> float:
            return 1000.0

        def sleep(self, seconds: float, /) -> None:
            seen.append(json.loads(pi.read(str(STATUS_FILE.relative_to("/")))))
            assert main(["confirm"], box(pi)) == 0

    trials.clock = Clock()
    trials.run()
    assert seen == [{"port": 0, "mode": "1280x1024@60.02", "ends_monotonic_s": 1010.0}]
    assert pi.read("boot/firmware/cmdline.txt").endswith(b"video=HDMI-A-1:1280x1024@60D\n")
    names = {path.name for path in (pi.root / "boot/firmware").iterdir()}
    assert names == {"config.txt", "cmdline.txt", "gatelight-history"}


def test_no_try_only_writes_and_debian_keeps_it(pi: CardboardPi) -> None:
    pi.write(RASPI_FIRMWARE_HOOK, "#!/bin/sh\n")
    pi.write("etc/default/raspi-firmware", "")
    assert main(["set", "--mode", "1280x1024@60", "--no-try", "--yes"], box(pi)) == 0
    assert pi.reboots == []
    assert pi.read(CUSTOM_CMDLINE.lstrip("/")) == b"video=HDMI-A-1:1280x1024@60D\n"
    assert main(["undo"], box(pi)) == 0
    assert not (pi.root / CUSTOM_CMDLINE.lstrip("/")).exists()


def test_a_box_that_is_no_pi_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show"], Box(root=tmp_path)) == 1
    assert capsys.readouterr().err.startswith(
        "gatelight: there are no boot files in /boot/firmware or"
    )


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"gatelight-hdmi {__version__}\n"


def test_the_installed_command_answers(card: Path) -> None:
    command = Path(sys.executable).with_name("gatelight-hdmi")
    done = subprocess.run(
        [command, "show", "--boot", str(card)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "hdmi_mode=19" in done.stdout
