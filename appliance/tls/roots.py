"""The local CA on disk: roots, each with the intermediate that signs for it.

One root does for a home. Another is made when a site comes whose name the ones that are there may
not sign for; it has to be trusted in its turn, and the old ones stay as good as they were.

    roots/1/root.pem          key and certificate, mode 0600
    roots/1/intermediate.pem  the same
    roots/1/root.crt          the certificate, for anybody
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.atomic_file import replace_file, sync_folder
from appliance.tls.authority import (
    INTERMEDIATE_LIFE,
    Signer,
    domain_of,
    make_intermediate,
    make_root,
    parse_signer,
    permits,
)
from appliance.tls.material import name_of

SECRET, PUBLIC = 0o600, 0o644
FOLDER_MODE = 0o755


class RootError(OSError):
    """A root that cannot be read or kept, in words."""


@dataclass(frozen=True, slots=True)
class Root:
    """One root with its intermediate."""

    folder: Path
    root: Signer
    intermediate: Signer

    @property
    def name(self) -> str:
        """What it is called in the lists of phones and browsers."""
        return name_of(self.root.certificate.subject)

    @property
    def certificate_pem(self) -> bytes:
        """What clients are taught to trust."""
        return self.root.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """By which a person can compare it."""
        return self.root.certificate.fingerprint(SHA256()).hex(":").upper()


class Roots:
    """The roots of one folder; `host_name` is the box's, which their names bear."""

    def __init__(self, folder: Path, host_name: str) -> None:
        self._folder = folder
        self._host_name = host_name
        self._known: dict[Path, Root] = {}

    def read(self) -> list[Root]:
        """Those that are there, the oldest first. Raises RootError for one that is spoilt."""
        return [self._read(self._folder / str(number)) for number in self._numbers()]

    def _numbers(self) -> list[int]:
        return sorted(int(path.name) for path in self._paths() if path.name.isdigit())

    def _paths(self) -> Iterator[Path]:
        try:
            yield from self._folder.iterdir()
        except FileNotFoundError:
            return
        except OSError as error:
            raise RootError(f"{self._folder} cannot be read: {error.strerror}") from None

    def _read(self, folder: Path) -> Root:
        if folder not in self._known:
            signers = [_read_signer(folder / name) for name in ("root.pem", "intermediate.pem")]
            self._known[folder] = Root(folder, *signers)
        return self._known[folder]

    def find(self, names: Sequence[str], others: Sequence[str], now: datetime) -> Root:
        """The root that may sign for all the names; made when there is none yet.

        A new one may sign for `others` too, so that it need not be followed by more. Raises
        RootError.
        """
        for root in self.read():
            if all(permits(root.root.certificate, name) for name in names):
                return self._fresh(root, now)
        number = max(self._numbers(), default=0) + 1
        return self._make(number, sorted({domain_of(name) for name in (*names, *others)}), now)

    def _fresh(self, root: Root, now: datetime) -> Root:
        """With an intermediate that is good for a while yet."""
        if root.intermediate.certificate.not_valid_after_utc - now > INTERMEDIATE_LIFE / 3:
            return root
        intermediate = self._make_intermediate(root.root, now)
        _write(root.folder / "intermediate.pem", intermediate.to_pem(), SECRET)
        renewed = self._known[root.folder] = Root(root.folder, root.root, intermediate)
        return renewed

    def _make(self, number: int, domains: Sequence[str], now: datetime) -> Root:
        of = f" {number}" if number > 1 else ""
        root = make_root(f"Gatelight{of} on {self._host_name}", domains, now)
        made = Root(self._folder / str(number), root, self._make_intermediate(root, now))
        # A power cut on the way leaves a folder that is not a root yet: the rename makes it one.
        unfinished = self._folder / f".{number}"
        _make_folder(unfinished)
        _write(unfinished / "root.pem", root.to_pem(), SECRET)
        _write(unfinished / "intermediate.pem", made.intermediate.to_pem(), SECRET)
        _write(unfinished / "root.crt", made.certificate_pem, PUBLIC)
        try:
            unfinished.rename(made.folder)
            sync_folder(self._folder)
        except OSError as error:
            raise RootError(f"cannot make {made.folder} ({error.strerror})") from None
        self._known[made.folder] = made
        return made

    def _make_intermediate(self, root: Signer, now: datetime) -> Signer:
        return make_intermediate(root, f"Gatelight on {self._host_name}, signer", now)


def _read_signer(path: Path) -> Signer:
    try:
        return parse_signer(path.read_bytes())
    except OSError as error:
        raise RootError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, x509.InvalidVersion) as error:
        raise RootError(
            f"{path} is spoilt ({error}): put it back from a backup, or move its folder away for a "
            "new root, which devices have to be taught again"
        ) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    except OSError as error:
        raise RootError(
            f"cannot make {folder} ({error.strerror}): let this user write there"
        ) from None


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        replace_file(path, content, mode)
    except OSError as error:
        what = f"cannot write {path} ({error.strerror})"
        raise RootError(f"{what}: make room, or let this user write there") from None
