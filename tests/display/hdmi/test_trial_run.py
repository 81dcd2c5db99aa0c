"""Trials on a box of cardboard: real files, restarts that are counted, a clock that is turned."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from display.hdmi.config_edit import edit_config
from display.hdmi.errors import HdmiError
from display.hdmi.history import History, Places
from display.hdmi.trial_run import Trials
from tests.support.pi import CardboardPi

OLD = {"config.txt": b"a=1\n", "cmdline.txt": b"root=a\n"}
NEW = {"config.txt": b"a=2\n", "cmdline.txt": b"root=a video=b\n"}
TRYBOOT = {"tryboot.txt": b"a=2\ncmdline=try.txt\n", "try.txt": b"root=a video=b\n"}


@dataclass
class TurnedClock:
    """Goes on when somebody sleeps; `at` does things at their second."""

    now: float = 1000.0
    at: dict[float, Callable[[], object]] = field(default_factory=dict)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds
        for second in [second for second in self.at if second <= self.now]:
            self.at.pop(second)()


@dataclass
class Scene:
    trials: Trials
    box: CardboardPi
    clock: TurnedClock

    def begin(self, tryboot: bool = False) -> bool:
        return self.trials.begin("set", NEW, TRYBOOT if tryboot else {}, 0, "640x480@60", 30)

    def files(self) -> dict[str, bytes]:
        boot = self.trials.history.places.boot
        return {path.name: path.read_bytes() for path in boot.iterdir() if path.is_file()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    boot = tmp_path / "boot"
    boot.mkdir()
    for name, data in OLD.items():
        (boot / name).write_bytes(data)
    box, clock = CardboardPi(tmp_path), TurnedClock()
    history = History(Places(boot))
    return Scene(Trials(history, box, tmp_path / "run/trial.json", clock), box, clock)


@pytest.mark.parametrize("tryboot", [False, True])
def test_a_mode_nobody_sees_goes_after_its_time(scene: Scene, tryboot: bool) -> None:
    assert scene.begin(tryboot)
    assert scene.box.boots == 2
    assert scene.trials.run() == "trial of 640x480@60: not confirmed"
    assert scene.clock.now == 1030
    assert scene.box.boots == 3
    assert scene.files() == OLD
    assert scene.trials.run() == "no trial"
    assert scene.trials.history.entries() == ()


@pytest.mark.parametrize("tryboot", [False, True])
def test_a_mode_that_is_confirmed_stays(scene: Scene, tryboot: bool) -> None:
    scene.begin(tryboot)
    assert scene.files() == (OLD | TRYBOOT if tryboot else NEW)
    scene.clock.at[1010.0] = scene.trials.confirm
    assert scene.trials.run() == "trial of 640x480@60: answered"
    assert scene.files() == NEW
    assert scene.box.boots == 2
    assert [entry.action for entry in scene.trials.history.entries()] == ["set"]
    scene.trials.history.undo(1)
    assert scene.files() == OLD


@pytest.mark.parametrize("tryboot", [False, True])
def test_power_lost_during_the_trial_brings_the_old_picture(scene: Scene, tryboot: bool) -> None:
    scene.begin(tryboot)
    scene.clock.at[1005.0] = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        scene.trials.run()
    scene.box.reboot(tryboot=False)
    scene.trials.run()
    assert scene.box.boots == (3 if tryboot else 4)
    assert scene.files() == OLD
    assert scene.trials.read() is None


def test_undo_ends_a_trial_at_once(scene: Scene) -> None:
    scene.begin()
    scene.clock.at[1005.0] = scene.trials.give_up
    scene.trials.run()
    assert scene.files() == OLD
    assert scene.box.boots == 3


def test_the_screen_can_read_how_the_trial_stands(scene: Scene) -> None:
    seen: list[object] = []
    said: list[str] = []
    scene.begin()
    scene.clock.at[1005.0] = lambda: seen.append(json.loads(scene.trials.status_file.read_bytes()))
    scene.trials.run(said.append)
    assert said == ["Can you see this? Keep it within 30 s: gatelight-hdmi confirm"]
    assert seen == [{"port": 0, "mode": "640x480@60", "ends_monotonic_s": 1030.0}]
    assert not scene.trials.status_file.exists()


def test_a_service_started_anew_goes_on_with_the_old_end(scene: Scene) -> None:
    scene.begin()
    scene.clock.at[1020.0] = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        scene.trials.run()
    scene.trials.run()
    assert scene.clock.now == 1030
    assert scene.files() == OLD


def test_a_box_that_does_not_restart_has_its_files_back(scene: Scene) -> None:
    scene.box.can_reboot = False
    with pytest.raises(HdmiError, match="nobody restarts"):
        scene.begin()
    assert scene.files() == OLD
    assert scene.trials.read() is None


def test_without_its_service_there_is_no_trial(scene: Scene) -> None:
    scene.box.has_service = False
    with pytest.raises(HdmiError, match="nothing would take a black screen back"):
        scene.begin()
    assert (scene.files(), scene.box.boots) == (OLD, 1)


@pytest.mark.parametrize("damage", [b"", bytes(300), b"{"])
def test_a_phase_that_the_card_has_damaged_is_read_from_its_copy(
    scene: Scene, damage: bytes
) -> None:
    scene.begin()
    scene.trials.file.write_bytes(damage)
    assert scene.trials.run() == "trial of 640x480@60: not confirmed"
    assert scene.files() == OLD
    assert not scene.trials.second.exists()


def test_a_phase_that_nothing_is_left_of_is_said_and_not_guessed(scene: Scene) -> None:
    scene.begin()
    for file in (scene.trials.file, scene.trials.second):
        file.write_bytes(b"")
    with pytest.raises(HdmiError, match=r"nothing can be read from .*trial.json: remove it"):
        scene.trials.run()


def test_there_is_one_trial_at_a_time(scene: Scene) -> None:
    scene.begin()
    with pytest.raises(HdmiError, match="a trial is under way"):
        scene.begin()


def test_wanting_what_is_there_is_no_trial(scene: Scene) -> None:
    assert scene.trials.begin("set", OLD, {}, 0, "640x480@60", 30) is False
    assert scene.box.boots == 1
    assert scene.trials.read() is None


def test_a_mode_cannot_be_confirmed_before_its_restart(scene: Scene) -> None:
    with pytest.raises(HdmiError, match="no trial is under way"):
        scene.trials.confirm()
    scene.begin()
    with pytest.raises(HdmiError, match="its restart has not happened yet"):
        scene.trials.confirm()
    scene.trials.give_up()
    assert scene.files() == OLD


def test_a_file_edited_on_a_laptop_meanwhile_is_left_alone_and_the_other_goes_back(
    scene: Scene,
) -> None:
    scene.begin()
    (scene.trials.history.places.boot / "config.txt").write_bytes(b"# all my own\n")
    scene.trials.run()
    assert scene.files() == {**OLD, "config.txt": b"# all my own\n"}
    assert scene.trials.read() is None
    assert scene.box.boots == 3


def test_a_file_made_anew_during_the_trial_loses_our_part_only(scene: Scene) -> None:
    """As a kernel update on Debian does it."""
    new = edit_config(b"kernel=1\n", {"hdmi_mode:0": "4"})
    scene.trials.begin("set", {"config.txt": new}, {}, 0, "640x480@60", 30)
    path = scene.trials.history.places.boot / "config.txt"
    scene.clock.at[1005.0] = lambda: path.write_bytes(new.replace(b"kernel=1", b"kernel=2"))
    assert scene.trials.run() == "trial of 640x480@60: not confirmed"
    assert path.read_bytes() == b"kernel=2\n"
