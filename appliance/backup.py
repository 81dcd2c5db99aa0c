"""All that a new card needs, as one file: the sites, the local CA, and the configuration to read.

A gzipped tar, so that any tool can look into it. Unpacking trusts nothing in it: each name has to
be one of ours, nothing is written by the name it has, and sizes are bounded as they are read.
"""

import gzip
import io
import json
import re
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance import __version__
from appliance.admin.exchange import Refusal
from appliance.atomic_file import replace_file, sync_folder
from appliance.config import ConfigError, parse_sites
from appliance.stores.base import Table
from appliance.toml_edit import edit_sites, sites_in

FORMAT = 1
ABOUT, SITES, CONFIG = "gatelight-backup.json", "sites.toml", "gatelight.toml"
# A hundred thousand sites take some 30 MB.
MAX_FILE_BYTES = 64 << 20
MAX_ALL_BYTES = 96 << 20
MAX_MEMBERS = 1000
_ROOT_FILE = re.compile(r"tls/roots/([1-9][0-9]{0,2})/(root\.pem|intermediate\.pem|root\.crt)")
SECRET, PUBLIC = 0o600, 0o644
_WHERE = "the backup"


def pack(sites: Mapping[str, Table], config: Path, state_dir: Path) -> bytes:
    """The backup as it is now. Raises Refusal."""
    about = {"format": FORMAT, "version": __version__, "sites": len(sites)}
    files = {
        ABOUT: json.dumps(about).encode(),
        SITES: edit_sites("", sites).encode(),
    }
    try:
        files[CONFIG] = config.read_bytes()
        files |= {name: path.read_bytes() for name, path in _root_files(state_dir)}
    except OSError as error:
        what = f"{error.filename} cannot be read ({error.strerror})"
        raise Refusal(503, what, _WHERE, "let the user of gatelight read it") from None
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), SECRET, int(time.time())
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def _root_files(state_dir: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted((state_dir / "tls" / "roots").glob("*/*")):
        name = str(path.relative_to(state_dir))
        if _ROOT_FILE.fullmatch(name):
            yield name, path


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup that was read whole and found good."""

    sites: Mapping[str, Table]
    roots: Mapping[str, Mapping[str, bytes]]
    """By number, each with its files by name."""

    def put_roots(self, state_dir: Path) -> int:
        """Puts the CA's roots first, those of this box behind them; how many are new.

        What this box has issued so far is issued anew, by them. Raises Refusal.
        """
        folder = state_dir / "tls" / "roots"
        try:
            there = _read_there(folder)
            fresh = [
                files for files in self.roots.values() if files["root.pem"] not in there.values()
            ]
            if not fresh:
                return 0
            for index, files in enumerate(fresh, 1):
                _write_root(folder / f".{index}", files)
            # From here on there is nothing but renames: a gap in the numbers does no harm.
            for number in sorted(map(int, there), reverse=True):
                (folder / str(number)).rename(folder / str(number + len(fresh)))
            for index in range(1, len(fresh) + 1):
                (folder / f".{index}").rename(folder / str(index))
            sync_folder(folder)
            for leaf in (state_dir / "tls" / "sites").glob("*.pem"):
                leaf.unlink()
        except OSError as error:
            what = f"the roots cannot be put into {folder} ({error.strerror})"
            way_out = "make room, or let the user of gatelight write there"
            raise Refusal(503, what, str(folder), way_out) from None
        return len(fresh)


def _read_there(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("[1-9]*/root.pem")}


def _write_root(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        replace_file(folder / name, content, PUBLIC if name.endswith(".crt") else SECRET)


def unpack(content: bytes) -> Unpacked:
    """Reads a backup. Raises Refusal."""
    files = _read_members(content)
    try:
        about = json.loads(files.get(ABOUT, b""))
        if about["format"] != FORMAT:
            raise _refuse(f"its format is {about['format']}, not {FORMAT}", "update this box first")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _refuse("this is no backup of Gatelight", "choose the file that was saved") from None
    return Unpacked(_read_sites(files.get(SITES, b"")), _read_roots(files))


def _read_members(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflate(content)), mode="r:") as archive:
            for member in archive:
                name = member.name
                if not (name in (ABOUT, SITES, CONFIG) or _ROOT_FILE.fullmatch(name)):
                    shown = "".join(c if c.isprintable() else "?" for c in name[:80])
                    raise _refuse(f'no backup of ours holds "{shown}"', "choose another file")
                size += member.size
                too_large = member.size > MAX_FILE_BYTES or size > MAX_ALL_BYTES
                if not member.isreg() or too_large or len(files) >= MAX_MEMBERS:
                    raise _refuse(f"{name} is no file of ours, or too large", "choose another file")
                file = archive.extractfile(member)
                files[name] = file.read() if file is not None else b""
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        way_out = "choose the file that was saved, whole"
        raise _refuse(f"it cannot be read ({error})", way_out) from None
    return files


def _inflate(content: bytes) -> bytes:
    """All of it, with its checksum checked, or nothing: a file may be cut on its way."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        data = file.read(MAX_ALL_BYTES + 1)
    if len(data) > MAX_ALL_BYTES:
        raise _refuse("it is too large", "choose another file")
    return data


def _read_sites(content: bytes) -> dict[str, Table]:
    try:
        text = content.decode()
        parse_sites(text, SITES)
    except UnicodeDecodeError:
        raise _refuse(f"{SITES} is not UTF-8 text", "choose another backup") from None
    except ConfigError as error:
        raise _refuse(str(error.faults[0]), "mend the file in it, or choose another") from None
    return sites_in(text)


def _read_roots(files: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    roots: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        match = _ROOT_FILE.fullmatch(name)
        if match is not None:
            roots.setdefault(match[1], {})[match[2]] = content
    for number, found in sorted(roots.items()):
        _check_root(number, found)
    return dict(sorted(roots.items(), key=lambda item: int(item[0])))


def _check_root(number: str, files: Mapping[str, bytes]) -> None:
    """Nothing becomes a CA of this box that its own reader would refuse."""
    # What it needs takes 10 MB.
    from appliance.tls.authority import parse_signers

    if set(files) != {"root.pem", "intermediate.pem", "root.crt"}:
        raise _refuse(f"root {number} is not whole", "choose another backup")
    try:
        parse_signers(files["root.pem"], files["intermediate.pem"])
        if files["root.crt"] not in files["root.pem"]:
            raise ValueError("root.crt is another's")
    except ValueError as error:
        raise _refuse(f"root {number} is spoilt ({error})", "choose another backup") from None


def _refuse(what: str, way_out: str) -> Refusal:
    return Refusal(422, what, _WHERE, way_out)
