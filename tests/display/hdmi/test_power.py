"""Power cuts: whatever a card has kept of the last moments, the files are whole after a repair.

The card here is a worse one than most: of a file that was not flushed it may have kept all, half,
zeros or nothing; of changes of names in a folder that was not flushed, any number of the first.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from display.hdmi.history import FOLDER, History, Places

OLD = {"config.txt": b"a=1\n" * 200, "cmdline.txt": b"root=a\n"}
NEW = {"config.txt": b"a=1\n" * 200 + b"b=2\n" * 200, "cmdline.txt": b"root=a video=b\n"}
DAMAGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: data,
    lambda data: b"",
    lambda data: data[: len(data) // 1024 * 512],
    lambda data: bytes(len(data)),
)


@dataclass
class Card:
    """What was done to a folder, call by call."""

    log: list[tuple[str, str, Any]] = field(default_factory=list)
    open_files: dict[int, str] = field(default_factory=dict)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Has the system calls written down."""
        real = {name: getattr(os, name) for name in ("open", "write", "fsync", "rename", "unlink")}

        def opened(path: Any, flags: int, *mode: Any, **more: Any) -> int:
            descriptor: int = real["open"](path, flags, *mode, **more)
            self.open_files[descriptor] = str(path)
            if flags & os.O_CREAT:
                self.log.append(("make", str(path), None))
            return descriptor

        def written(descriptor: int, data: Any) -> int:
            self.log.append(("write", self.open_files[descriptor], bytes(data)))
            done: int = real["write"](descriptor, data)
            return done

        def flushed(descriptor: int) -> None:
            real["fsync"](descriptor)
            self.log.append(("flush", self.open_files[descriptor], None))

        def renamed(source: Any, target: Any) -> None:
            real["rename"](source, target)
            self.log.append(("rename", str(source), str(target)))

        def unlinked(path: Any) -> None:
            real["unlink"](path)
            self.log.append(("unlink", str(path), None))

        for name, call in zip(real, (opened, written, flushed, renamed, unlinked), strict=True):
            patch.setattr(os, name, call)


Names = dict[str, int]


@dataclass
class Kept:
    """What a card may have kept: contents by number, names, and changes of names not yet flushed."""

    contents: list[bytes] = field(default_factory=list)
    flushed: set[int] = field(default_factory=set)
    names: Names = field(default_factory=dict)
    now: Names = field(default_factory=dict)
    pending: dict[str, list[Callable[[Names], None]]] = field(default_factory=dict)

    def add(self, path: str, data: bytes) -> None:
        """A file that has long been there."""
        self.contents.append(data)
        self.flushed.add(len(self.contents) - 1)
        self.names[path] = self.now[path] = len(self.contents) - 1

    def do(self, call: str, path: str, more: Any) -> None:
        """One call more."""
        if call == "make":
            self.contents.append(b"")
            number = len(self.contents) - 1
            self._change(path, lambda names: names.__setitem__(path, number))
        elif call == "write":
            self.contents[self.now[path]] += more
        elif call == "flush" and path in self.now:
            self.flushed.add(self.now[path])
        elif call == "flush":
            for change in self.pending.pop(path, []):
                change(self.names)
        elif call == "rename":
            number = self.now[path]

            def rename(names: Names) -> None:
                names.pop(path, None)
                names[more] = number

            self._change(path, rename)
        else:
            self._change(path, lambda names: names.pop(path, None))

    def states(self) -> Iterator[dict[str, bytes]]:
        """Every folder a power cut may leave now."""
        folders = list(self.pending.values())
        for counts in itertools.product(*(range(len(changes) + 1) for changes in folders)):
            names = dict(self.names)
            for changes, count in zip(folders, counts, strict=True):
                for change in changes[:count]:
                    change(names)
            for damage in DAMAGES:
                yield {
                    path: self.contents[n] if n in self.flushed else damage(self.contents[n])
                    for path, n in names.items()
                }

    def _change(self, path: str, change: Callable[[Names], Any]) -> None:
        self.pending.setdefault(str(Path(path).parent), []).append(change)
        change(self.now)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_whole_after_a_power_cut_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.mkdir()
    for name, data in OLD.items():
        (boot / name).write_bytes(data)
    history = History(Places(boot))
    with history.locked():
        history.apply("earlier", {"extra.txt": b"x"})
    kept, card = Kept(), Card()
    for path, data in files(boot).items():
        kept.add(path, data)
    with monkeypatch.context() as patch:
        card.watch(patch)
        with history.locked():
            history.apply("set", NEW)
    ends, states = set(), set[str]()
    for number in range(len(card.log) + 1):
        for state in kept.states():
            if (seen := repr(sorted(state.items()))) in states:
                continue
            states.add(seen)
            ends.add(repaired(tmp_path / f"{len(states)}", boot, state))
        if number < len(card.log):
            kept.do(*card.log[number])
    assert ends == {"old", "new"}
    assert len(states) > 20


def repaired(folder: Path, boot: Path, state: dict[str, bytes]) -> str:
    """Which files there are after the repair of what a power cut left."""
    (folder / FOLDER / "copies").mkdir(parents=True)
    for path, data in state.items():
        (folder / Path(path).relative_to(boot)).write_bytes(data)
    history = History(Places(folder))
    with history.locked():
        pass
    found = {name: (folder / name).read_bytes() for name in OLD}
    assert found in (OLD, NEW), f"{folder}"
    count = len(history.entries())
    assert count == (2 if found == NEW else 1), f"{folder}"
    return "new" if found == NEW else "old"
