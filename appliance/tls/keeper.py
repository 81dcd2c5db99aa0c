"""Keeps a certificate for every site that ends TLS here: from files, from a store, or its own.

`refresh` looks at all of them and says what has changed; it reads and writes files, so it runs
beside the loop. What is wrong with one site's certificate concerns that site alone, and the one it
had stays in force. Nothing is issued, renewed or called expired while the clock is not set.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from appliance.atomic_file import replace_file
from appliance.clock import Clock
from appliance.routing.model import CertificateFiles, CertificatePem, Site, TlsMode
from appliance.tls.authority import make_leaf
from appliance.tls.contexts import load_pem, make_context
from appliance.tls.material import CertificateError, Material, judge, parse_material
from appliance.tls.roots import SECRET, Root, RootError, Roots

LOCAL = "local CA"
NO_CLOCK = "waits: the clock of this box is not set yet"
# Stands for the box itself: it has the names that a site for all names has.
OWN = Site("*", (), tls=TlsMode.TERMINATE)
# A certificate is renewed when this part of its life is left.
RENEW_AT = 1 / 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one site's certificate."""

    host: str
    source: str
    """The file it comes from, or who it is from."""
    material: Material | None = None
    fault: str | None = None
    """What is wrong, with the way out; there may be a certificate all the same."""
    seen: object = None
    """What it was read from; the same again need not be read."""


class Keeper:
    """The certificates of one box; `box_names` are what it is called itself, for the site `*`."""

    def __init__(
        self,
        state_dir: Path,
        host_name: str,
        clock: Clock,
        read_box_names: Callable[[], Sequence[str]],
        say: Callable[[str], None],
    ) -> None:
        self._leaves = state_dir / "tls" / "sites"
        self._roots = Roots(state_dir / "tls" / "roots", host_name)
        self._clock = clock
        self._read_box_names = read_box_names
        self._say = say
        self.entries: dict[str, Entry] = {}
        self.own: Entry | None = None

    def refresh(self, sites: Iterable[Site], changed: Callable[[str, bytes | None], None]) -> None:
        """Looks at every site, and tells the PEM of each that has changed; None: there is none."""
        wanted = {site.host: site for site in sites if site.tls is TlsMode.TERMINATE}
        now = self._clock.now() if self._clock.is_set() else None
        others = [n for site in wanted.values() if not site.certificate for n in self._names(site)]
        for host, site in wanted.items():
            old = self.entries.get(host)
            entry = self.entries[host] = self._look(site, old, others, now)
            if entry.fault and entry.fault != (old.fault if old else None):
                self._say(f"{host}: {entry.fault}")
            if _pem_of(entry) != _pem_of(old):
                changed(host, _pem_of(entry))
        for host in self.entries.keys() - wanted.keys():
            del self.entries[host]
            changed(host, None)

    def refresh_own(self) -> Entry:
        """The certificate for the box's own names, which a site `*` of the local CA has too."""
        shared = self.entries.get(OWN.host)
        old = shared if shared is not None and shared.source == LOCAL else self.own
        now = self._clock.now() if self._clock.is_set() else None
        entry = self._from_local(OWN, old, [], now)
        if entry.fault and entry.fault != (self.own.fault if self.own else None):
            self._say(f"the dashboard: {entry.fault}")
        self.own = entry
        return entry

    def look(self, sites: Iterable[Site]) -> list[Entry]:
        """What there is for each site, without issuing or changing anything."""
        now = self._clock.now() if self._clock.is_set() else None
        return [
            self._look(site, None, [], now) if site.certificate else self._kept(site)
            for site in sites
            if site.tls is TlsMode.TERMINATE
        ]

    def renew(self, site: Site) -> Entry:
        """A new certificate of the local CA at once. Raises CertificateError in words."""
        if site.certificate is not None:
            raise CertificateError(
                f"comes from {_source_of(site)}: it is taken anew when it changes"
            )
        if not self._clock.is_set():
            raise CertificateError(NO_CLOCK)
        entry = self._issue(site, None, [], self._clock.now())
        if entry.material is None:
            raise CertificateError(entry.fault or "cannot be made")
        self.entries[site.host] = entry
        return entry

    def roots(self) -> list[Root]:
        """The local CA's roots. Raises RootError."""
        return self._roots.read()

    def _look(
        self, site: Site, old: Entry | None, others: Sequence[str], now: datetime | None
    ) -> Entry:
        source = _source_of(site)
        if old is not None and old.source != source:
            old = None
        match site.certificate:
            case CertificateFiles(certificate, key):
                return self._from_files(Entry(site.host, source), old, certificate, key, now)
            case CertificatePem(certificate, key):
                texts = (certificate.encode(), key.encode())
                return self._from_texts(Entry(site.host, source, seen=texts), old, texts, now)
        return self._from_local(site, old, others, now)

    # From files, and from a store.

    def _from_files(
        self, entry: Entry, old: Entry | None, certificate: str, key: str, now: datetime | None
    ) -> Entry:
        try:
            seen = tuple(_fingerprint(Path(path)) for path in (certificate, key))
            if old is not None and old.seen == seen and old.material is not None:
                return _judged(old, now)
            texts = (Path(certificate).read_bytes(), Path(key).read_bytes())
        except OSError as error:
            file = error.filename or certificate
            fault = f"{file} cannot be read ({error.strerror}): put it where this user may read it"
            return replace(entry, material=old.material if old else None, fault=fault)
        return self._from_texts(replace(entry, seen=seen), old, texts, now)

    def _from_texts(
        self, entry: Entry, old: Entry | None, texts: tuple[bytes, bytes], now: datetime | None
    ) -> Entry:
        if old is not None and old.seen == entry.seen:
            return _judged(old, now)
        try:
            material = parse_material(*texts)
            _try_out(material)
        except CertificateError as error:
            fault = f"the certificate {entry.source} {error}"
            return replace(entry, material=old.material if old else None, fault=fault)
        return _judged(replace(entry, material=material), now)

    # From the local CA.

    def _names(self, site: Site) -> tuple[str, ...]:
        if site.host == "*":
            return tuple(dict.fromkeys(self._read_box_names()))
        return (site.host,)

    def _from_local(
        self, site: Site, old: Entry | None, others: Sequence[str], now: datetime | None
    ) -> Entry:
        entry = old or self._kept(site)
        if now is None:
            return replace(entry, fault=None if entry.material else NO_CLOCK)
        if entry.material is not None and self._is_good(entry.material, site, now):
            return replace(entry, fault=entry.fault if entry.fault != NO_CLOCK else None)
        return self._issue(site, entry, others, now)

    def _is_good(self, material: Material, site: Site, now: datetime) -> bool:
        life = material.not_after - material.not_before
        bare = {name.strip("[]") for name in self._names(site)}
        return set(material.names) == bare and material.not_after - now > life * RENEW_AT

    def _leaf_path(self, host: str) -> Path:
        return self._leaves / f"{quote(host, safe='')}.pem"

    def _kept(self, site: Site) -> Entry:
        """What was issued before this process began."""
        entry = Entry(site.host, LOCAL)
        try:
            text = self._leaf_path(site.host).read_bytes()
            return replace(entry, material=parse_material(text, text))
        except (OSError, CertificateError):
            # Not there yet, or spoilt: it is issued anew.
            return entry

    def _issue(self, site: Site, old: Entry | None, others: Sequence[str], now: datetime) -> Entry:
        names = self._names(site)
        material = old.material if old is not None else None
        try:
            root = self._roots.find(names, others, now)
            text = make_leaf(root.intermediate, names, now)
        except (RootError, ValueError) as error:
            return Entry(site.host, LOCAL, material, f"no certificate can be issued: {error}")
        fresh = Entry(site.host, LOCAL, parse_material(text, text))
        path = self._leaf_path(site.host)
        try:
            self._leaves.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, text, SECRET)
        except OSError as error:
            # Good for as long as this process lives; the next one issues another.
            what = f"its certificate cannot be kept in {path} ({error.strerror})"
            return replace(fresh, fault=f"{what}: make room, or let this user write there")
        return fresh


def _pem_of(entry: Entry | None) -> bytes | None:
    return entry.material.pem if entry is not None and entry.material is not None else None


def _source_of(site: Site) -> str:
    match site.certificate:
        case CertificateFiles(certificate, _):
            return certificate
        case CertificatePem():
            return site.origin
    return LOCAL


def _fingerprint(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _judged(entry: Entry, now: datetime | None) -> Entry:
    if entry.material is None or now is None:
        return entry
    what = judge(entry.material, entry.host, now)
    return replace(entry, fault=f"the certificate {entry.source} {what}" if what else None)


def _try_out(material: Material) -> None:
    """Whether OpenSSL takes it too: it minds keys that are too short, for one."""
    try:
        load_pem(make_context(), material.pem)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise CertificateError(f"is refused by OpenSSL ({reason}): put another there") from None
