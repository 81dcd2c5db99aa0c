"""A trial, with the power cut after every single step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from display.hdmi.steps import Change, Entry, Found
from display.hdmi.trial import (
    MARKS,
    TABLE,
    Action,
    Event,
    Method,
    Phase,
    Trial,
    boot_event,
    choose_actions,
    encode_trial,
    parse_trial,
)

ENTRY = Entry(7, "set", None, (Change("config.txt", "a", "b"), Change("cmdline.txt", "c", "d")))


@dataclass(frozen=True, slots=True)
class Box:
    """A box and its card. `booted` are the files this boot was started with."""

    trial: Trial
    files: tuple[Found, Found] = (Found.OLD, Found.OLD)
    tryboot_file: bool = False
    recorded: bool = False
    boot: int = 1
    booted: tuple[Found, Found] = (Found.OLD, Found.OLD)
    is_tryboot: bool = False
    counting: bool = False

    @property
    def has_old_picture(self) -> bool:
        return self.booted == (Found.OLD, Found.OLD)


def start(box: Box, *, armed: bool = False) -> Box:
    """The next boot; a tryboot happens when it was armed and its file is there."""
    is_tryboot = armed and box.tryboot_file
    booted = (Found.NEW, Found.NEW) if is_tryboot else box.files
    return replace(box, boot=box.boot + 1, booted=booted, is_tryboot=is_tryboot, counting=False)


def step(box: Box, action: Action) -> Iterator[Box]:
    """The box after each single thing that an action writes."""
    if action in MARKS:
        yield replace(box, trial=replace(box.trial, phase=MARKS[action], boot_id=str(box.boot)))
    elif action in (Action.PUT_NEW, Action.PUT_OLD):
        kind = Found.NEW if action is Action.PUT_NEW else Found.OLD
        yield (box := replace(box, files=(kind, box.files[1])))
        yield replace(box, files=(kind, kind))
    elif action in (Action.PUT_TRYBOOT, Action.DROP_TRYBOOT):
        yield replace(box, tryboot_file=action is Action.PUT_TRYBOOT)
    elif action is Action.RECORD:
        yield replace(box, recorded=True)
    elif action is Action.CLEAR:
        yield replace(box, trial=replace(box.trial, phase=Phase.IDLE))
    elif action is Action.COUNT_DOWN:
        yield replace(box, counting=True)


def moments(box: Box, event: Event) -> Iterator[tuple[Box, bool]]:
    """The box at each moment of an event, and whether it restarts by itself there."""
    yield box, False
    for action in choose_actions(box.trial, event) or ():
        if action in (Action.REBOOT, Action.REBOOT_TRYBOOT):
            box = start(box, armed=action is Action.REBOOT_TRYBOOT)
            yield box, True
        for moment in step(box, action):
            box = moment
            yield box, False


def settle(box: Box, confirms: bool) -> tuple[Box, int]:
    """The box some time after a start, and how often it has restarted by itself."""
    restarts = 0
    while box.trial.phase is not Phase.IDLE:
        if box.counting:
            event = Event.CONFIRM if confirms else Event.GIVE_UP
        else:
            event = boot_event(box.trial, str(box.boot), box.is_tryboot, box.files)
        for moment, restarted in moments(box, event):
            box, restarts = moment, restarts + restarted
        assert restarts < 5, "it restarts for ever"
    return box, restarts


def lives(box: Box, event: Event, confirms: bool, cuts: int) -> Iterator[Box]:
    """Every box that a life with up to `cuts` power cuts leads to, just after the last cut."""
    for moment, restarted in moments(box, event):
        if cuts:
            after = start(moment)
            yield after
            if after.trial.phase is not Phase.IDLE:
                following = boot_event(after.trial, str(after.boot), after.is_tryboot, after.files)
                yield from lives(after, following, confirms, cuts - 1)
        box = moment
        if restarted and box.trial.phase is not Phase.IDLE:
            following = boot_event(box.trial, str(box.boot), box.is_tryboot, box.files)
            yield from lives(box, following, confirms, cuts)
            return
    if box.counting and box.trial.phase is Phase.RUNNING:
        yield from lives(box, Event.CONFIRM if confirms else Event.GIVE_UP, confirms, cuts)


def begin(method: Method) -> Box:
    return Box(Trial(method, Phase.IDLE, ENTRY, 0, "1280x1024@60", 60, "0"))


@pytest.mark.parametrize("method", Method)
def test_a_black_screen_ends_after_one_restart_whenever_the_power_goes(method: Method) -> None:
    boxes = list(lives(begin(method), Event.SET, confirms=False, cuts=3))
    assert len(boxes) > 50
    for box in boxes:
        settled, restarts = settle(box, confirms=False)
        assert settled.has_old_picture, box
        assert settled.files == (Found.OLD, Found.OLD), box
        assert restarts <= 1, box
        assert not settled.tryboot_file
        assert not settled.recorded


@pytest.mark.parametrize("method", Method)
def test_files_are_never_left_half_old_half_new(method: Method) -> None:
    for box in lives(begin(method), Event.SET, confirms=True, cuts=3):
        settled, restarts = settle(box, confirms=True)
        assert settled.files[0] is settled.files[1], box
        assert settled.recorded is (settled.files[0] is Found.NEW), box
        assert settled.booted == settled.files, box
        assert restarts <= 1, box


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize(("confirms", "kind"), [(True, Found.NEW), (False, Found.OLD)])
def test_without_a_cut_a_confirmed_mode_stays_and_another_goes(
    method: Method, confirms: bool, kind: Found
) -> None:
    *_, (box, _) = moments(begin(method), Event.SET)
    settled, restarts = settle(box, confirms)
    assert settled.files == (kind, kind)
    assert restarts == (0 if confirms else 1)


BOOTS = [
    ("the same boot", Method.DEAD_MAN, "now", False, [Found.NEW], Event.SAME_BOOT),
    ("the new files", Method.DEAD_MAN, "next", False, [Found.NEW, Found.NEW], Event.BOOT_NEW),
    ("the old files", Method.DEAD_MAN, "next", False, [Found.OLD], Event.BOOT_OLD),
    ("some of both", Method.DEAD_MAN, "next", False, [Found.OLD, Found.NEW], Event.BOOT_MIXED),
    ("half a file", Method.DEAD_MAN, "next", False, [Found.NEW, Found.TORN], Event.BOOT_MIXED),
    (
        "an edit on a laptop",
        Method.DEAD_MAN,
        "next",
        False,
        [Found.OLD, Found.OTHER],
        Event.BOOT_OTHER,
    ),
    (
        "one new file, and one edited on a laptop",
        Method.DEAD_MAN,
        "next",
        False,
        [Found.NEW, Found.OTHER],
        Event.BOOT_MIXED,
    ),
    (
        "new, and made anew around it",
        Method.DEAD_MAN,
        "next",
        False,
        [Found.NEW, Found.NEW_PART],
        Event.BOOT_NEW,
    ),
    ("old, and edited around it", Method.DEAD_MAN, "next", False, [Found.OLD_PART], Event.BOOT_OLD),
    ("somebody's tryboot", Method.DEAD_MAN, "next", True, [Found.NEW], Event.BOOT_NEW),
    ("our tryboot", Method.TRYBOOT, "next", True, [Found.OLD], Event.BOOT_TRY),
    ("a tryboot that was not", Method.TRYBOOT, "next", False, [Found.OLD], Event.BOOT_OLD),
]


@pytest.mark.parametrize(
    ("method", "boot_id", "is_tryboot", "found", "event"),
    [row[1:] for row in BOOTS],
    ids=[row[0] for row in BOOTS],
)
def test_a_start_means_what_was_found(
    method: Method, boot_id: str, is_tryboot: bool, found: list[Found], event: Event
) -> None:
    trial = Trial(method, Phase.ARMED, ENTRY, 0, "640x480@60", 60, "now")
    assert boot_event(trial, boot_id, is_tryboot, found) is event


@pytest.mark.parametrize("method", Method)
def test_every_start_has_an_answer_in_every_phase(method: Method) -> None:
    starts = {Event.SAME_BOOT, Event.BOOT_OLD, Event.BOOT_NEW, Event.BOOT_MIXED, Event.BOOT_OTHER}
    for phase in (Phase.ARMED, Phase.RUNNING, Phase.CONFIRMED):
        assert starts <= TABLE[method][phase].keys()


@pytest.mark.parametrize("method", Method)
def test_nothing_restarts_before_the_trial_has_ended_or_been_armed(method: Method) -> None:
    """A restart with the phase still there would be counted as one more by the next boot."""
    for phase in Phase:
        for actions in TABLE[method].get(phase, {}).values():
            if Action.REBOOT in actions and phase is not Phase.IDLE:
                assert actions.index(Action.CLEAR) < actions.index(Action.REBOOT)


def test_the_phase_file_comes_back_as_written() -> None:
    change = Change("tryboot.txt", None, "e")
    trial = Trial(Method.TRYBOOT, Phase.RUNNING, ENTRY, 1, "1920x1080i@50", 30, "id", (change,))
    assert parse_trial(encode_trial(trial)) == trial
