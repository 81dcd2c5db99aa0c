"""The system below Gatelight: made once, kept between builds, looked over before it is used."""

import contextlib
import hashlib
import os
import re
from pathlib import Path

from maker.errors import BuildError
from maker.layers import base_command, base_key, source_lines
from maker.mirror import check_mirror, find_mirrors
from maker.options import Options
from maker.running import run, say

BLOCK_BYTES = 1 << 20


def have_base(options: Options, log: Path) -> Path:
    """The base as a tar file. Raises BuildError."""
    mirror, security = (options.mirror, "") if options.mirror else find_mirrors()
    sources = source_lines(mirror, security, options.kernel)
    path = options.cache / f"base-{base_key(options, sources)}.tar"
    if path.exists() and not options.is_fresh:
        if is_sound(path):
            say(f"the base is there already: {path}")
            return path
        say(f"the base {path} is damaged, and is made anew")
    check_mirror(mirror)
    _make(options, sources, path, log)
    return path


def _make(options: Options, sources: tuple[str, ...], path: Path, log: Path) -> None:
    say("making the base: 10 to 40 minutes, once")
    options.cache.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tar")
    try:
        run(base_command(options, sources, fresh), log, tell=progress)
        sum_path(path).write_text(checksum(fresh))
        fresh.replace(path)
    except OSError as error:
        raise BuildError(f"{path} cannot be kept ({error.strerror}): make room there") from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def progress(said: str) -> str:
    """How far the base is, by what its tools have said (PURE)."""
    in_all = sum(int(count) for count in re.findall(r"([0-9]+) newly installed", said))
    fetched, unpacked, done = (
        len(re.findall(rf"^{word}", said, re.MULTILINE))
        for word in ("Get:", "Unpacking ", "Setting up ")
    )
    if not unpacked:
        return f"  {fetched} files fetched"
    return f"  of {in_all} packages {unpacked} are unpacked, {done} set up"


def sum_path(path: Path) -> Path:
    """Where the checksum of a base is kept."""
    return path.with_suffix(".sha256")


def is_sound(path: Path) -> bool:
    """Whether a kept base is as it was written."""
    try:
        return sum_path(path).read_text() == checksum(path)
    except OSError:
        return False


def checksum(path: Path) -> str:
    """SHA-256, in hex."""
    summed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            summed.update(block)
    return summed.hexdigest()
