"""The keeper of all certificates, with a clock of the test's."""

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.clock import FixedClock
from appliance.routing.model import CertificateFiles, CertificatePem, Site, TlsMode, parse_backend
from appliance.tls import keeper as keeping
from appliance.tls import roots as rooting
from appliance.tls.authority import LEAF_LIFE, make_intermediate, make_leaf, make_root
from appliance.tls.keeper import NO_CLOCK, Keeper
from appliance.tls.material import CertificateError, parse_material

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SIGNER = make_intermediate(make_root("root", [], NOW), "signer", NOW)
BACKENDS = (parse_backend("http://10.0.0.1"),)
KEY_END = b"-----END PRIVATE KEY-----\n"


class Box:
    """A keeper, what it says, and what is in force by what it tells."""

    def __init__(self, folder: Path, is_set: bool = True) -> None:
        self.folder = folder
        self.clock = FixedClock(NOW, is_set)
        self.said: list[str] = []
        self.names = ["gate", "gate.local", "192.168.1.2"]
        self.pems: dict[str, bytes | None] = {}
        self.told: list[str] = []
        self.start()

    def start(self) -> None:
        self.keeper = Keeper(self.folder, "gate", self.clock, lambda: self.names, self.said.append)

    def refresh(self, *sites: Site) -> None:
        self.told = []
        self.keeper.refresh(sites, self._changed)

    def _changed(self, host: str, pem: bytes | None) -> None:
        self.told.append(host)
        self.pems[host] = pem

    def names_of(self, host: str) -> tuple[str, ...]:
        pem = self.pems[host]
        assert pem is not None
        return parse_material(pem, pem).names


def local(host: str) -> Site:
    return Site(host, BACKENDS, tls=TlsMode.TERMINATE)


class Files:
    """A certificate and its key, as a person puts them."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        source = CertificateFiles(str(self.certificate), str(self.key))
        self.site = Site("a.test", BACKENDS, tls=TlsMode.TERMINATE, certificate=source)

    def put(self, pem: bytes, key_of: bytes | None = None) -> None:
        self.certificate.write_bytes(pem.partition(KEY_END)[2])
        self.key.write_bytes((key_of or pem).partition(KEY_END)[0] + KEY_END)


def leaf(now: datetime = NOW, host: str = "a.test") -> bytes:
    return make_leaf(SIGNER, [host], now)


# The local CA.


def test_a_site_gets_a_certificate_that_is_kept_and_renewed(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("photos.home.arpa"), local("*"), Site("plain.test", BACKENDS))
    assert box.told == ["photos.home.arpa", "*"]
    assert box.names_of("photos.home.arpa") == ("photos.home.arpa",)
    assert box.names_of("*") == ("gate", "gate.local", "192.168.1.2")
    first = box.pems["photos.home.arpa"]
    box.start()
    box.refresh(local("photos.home.arpa"))
    assert box.pems["photos.home.arpa"] == first
    box.clock.time = NOW + LEAF_LIFE * 0.6
    box.refresh(local("photos.home.arpa"))
    assert box.told == []
    box.clock.time = NOW + LEAF_LIFE * 0.7
    box.refresh(local("photos.home.arpa"))
    assert box.told == ["photos.home.arpa"]
    box.refresh()
    assert box.pems["photos.home.arpa"] is None
    assert len(box.keeper.roots()) == 1
    assert box.said == []


def test_an_address_that_has_changed_is_certified_anew(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("*"))
    box.names = ["gate", "192.168.1.77"]
    box.refresh(local("*"))
    assert box.names_of("*") == ("gate", "192.168.1.77")


def test_keys_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    Box(tmp_path).refresh(local("a.test"))
    modes = {
        str(path.relative_to(tmp_path / "tls")): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (tmp_path / "tls").rglob("*")
        if path.is_file()
    }
    assert modes == {
        "roots/1/root.pem": "0o600",
        "roots/1/intermediate.pem": "0o600",
        "roots/1/root.crt": "0o644",
        "sites/a.test.pem": "0o600",
    }


def test_nothing_is_issued_before_the_clock_is_set(tmp_path: Path) -> None:
    box = Box(tmp_path, is_set=False)
    box.clock.time = datetime(1970, 1, 1, tzinfo=UTC)
    box.refresh(local("a.test"))
    assert (box.told, box.keeper.entries["a.test"].fault) == ([], NO_CLOCK)
    assert not (tmp_path / "tls").exists()
    with pytest.raises(CertificateError, match="clock"):
        box.keeper.renew(local("a.test"))
    box.clock.time, box.clock.believed = NOW, True
    box.refresh(local("a.test"))
    assert box.told == ["a.test"]
    assert box.keeper.entries["a.test"].fault is None


def test_what_was_issued_before_is_shown_while_the_clock_is_not_set(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("a.test"))
    box.clock.time, box.clock.believed = datetime(1970, 1, 1, tzinfo=UTC), False
    before = box.pems.pop("a.test")
    box.start()
    box.refresh(local("a.test"))
    assert box.pems["a.test"] == before
    assert box.keeper.entries["a.test"].fault is None


def test_a_domain_that_the_root_may_not_sign_for_gets_a_root_of_its_own(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("a.home.arpa"), local("www.example.org"), local("nas"))
    assert len(box.keeper.roots()) == 1
    box.refresh(local("a.home.arpa"), local("b.example.org"), local("c.example.com"))
    assert [root.name for root in box.keeper.roots()] == [
        "Gatelight on gate",
        "Gatelight 2 on gate",
    ]
    assert box.said == []


def test_an_intermediate_is_renewed_in_time_and_the_root_stays(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("a.test"))
    (before,) = box.keeper.roots()
    box.clock.time = NOW + timedelta(days=900)
    box.start()
    box.refresh(local("a.test"))
    (after,) = box.keeper.roots()
    assert after.root.certificate == before.root.certificate
    assert after.intermediate.certificate != before.intermediate.certificate
    box.start()
    assert box.keeper.roots()[0].intermediate.certificate == after.intermediate.certificate


def test_renew_issues_at_once(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("a.test"))
    entry = box.keeper.renew(local("a.test"))
    assert entry.material is not None
    assert entry.material.pem != box.pems["a.test"]
    box.start()
    box.refresh(local("a.test"))
    assert box.pems["a.test"] == entry.material.pem


# A disk that does not do as it is told.


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_a_root_that_cannot_be_kept_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    box = Box(tmp_path)

    def fail(*arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(rooting, "replace_file", fail)
        for _ in range(2):
            box.refresh(local("a.test"))
    (line,) = box.said
    assert line.startswith("a.test: no certificate can be issued: cannot write ")
    assert os.strerror(code) in line
    assert box.told == []
    box.refresh(local("a.test"))
    assert box.told == ["a.test"]
    assert box.keeper.entries["a.test"].fault is None


def test_a_certificate_that_cannot_be_kept_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path)

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keeping, "replace_file", fail)
    for _ in range(2):
        box.refresh(local("a.test"))
    assert box.pems["a.test"]
    (line,) = box.said
    assert line.startswith("a.test: its certificate cannot be kept in ")


def test_a_spoilt_root_is_said_and_not_replaced(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.refresh(local("a.test"))
    path = tmp_path / "tls/roots/1/root.pem"
    path.write_bytes(path.read_bytes()[:100])
    box.start()
    box.refresh(local("a.test"), local("b.test"))
    assert box.pems.keys() == {"a.test"}
    assert "root.pem is spoilt" in box.said[0]
    assert "put it back from a backup" in box.said[0]
    assert len(path.read_bytes()) == 100


def test_a_root_whose_making_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tls/roots/.1").mkdir(parents=True)
    (tmp_path / "tls/roots/.1/root.pem").write_bytes(b"half of it")
    box = Box(tmp_path)
    box.refresh(local("a.test"))
    assert box.told == ["a.test"]
    assert os.listdir(tmp_path / "tls/roots") == ["1"]


# Files of the user's own.


def test_a_pair_of_files_is_shown_and_read_anew_when_replaced(tmp_path: Path) -> None:
    box, files = Box(tmp_path), Files(tmp_path)
    files.put(leaf())
    box.refresh(files.site)
    assert box.told == ["a.test"]
    box.refresh(files.site)
    assert box.told == []
    files.put(leaf())
    box.refresh(files.site)
    assert box.told == ["a.test"]
    assert box.said == []
    assert box.keeper.entries["a.test"].source == str(files.certificate)


def test_a_faulty_pair_leaves_the_old_one_in_force_and_harms_no_other(tmp_path: Path) -> None:
    box, files = Box(tmp_path), Files(tmp_path)
    files.put(leaf())
    box.refresh(files.site)
    before = box.pems["a.test"]
    files.put(leaf(), key_of=leaf())
    for _ in range(3):
        box.refresh(files.site, local("b.test"))
    assert box.pems["a.test"] == before
    assert box.pems["b.test"]
    (line,) = box.said
    told = f"a.test: the certificate {files.certificate} does not belong to its key: put two there that do"
    assert line == told
    files.put(leaf())
    box.refresh(files.site, local("b.test"))
    assert box.told == ["a.test"]
    assert box.keeper.entries["a.test"].fault is None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    box, files = Box(tmp_path), Files(tmp_path)
    files.put(leaf())
    files.certificate.unlink()
    box.refresh(files.site)
    files.certificate.mkdir()
    box.refresh(files.site)
    files.certificate.rmdir()
    for line, reason in zip(box.said, ("No such file or directory", "Is a directory"), strict=True):
        assert line.startswith(f"a.test: {files.certificate} cannot be read ({reason}): ")
    assert box.told == []
    files.put(leaf())
    box.refresh(files.site)
    assert box.told == ["a.test"]


def test_an_expired_file_is_shown_and_said(tmp_path: Path) -> None:
    box, files = Box(tmp_path), Files(tmp_path)
    files.put(leaf(NOW - timedelta(days=200)))
    box.clock.believed = False
    box.refresh(files.site)
    assert (box.told, box.said) == (["a.test"], [])
    box.clock.believed = True
    for _ in range(2):
        box.refresh(files.site)
    (line,) = box.said
    assert f"the certificate {files.certificate} has expired on 2026-08-10" in line


def test_a_key_too_short_for_openssl_is_said(tmp_path: Path) -> None:
    from tests.support.secure import openssl

    openssl(
        tmp_path, "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=a.test",
        "-keyout", "key.pem", "-out", "cert.pem",
    )  # fmt: skip
    box, files = Box(tmp_path), Files(tmp_path)
    box.refresh(files.site)
    assert "is refused by OpenSSL (EE_KEY_TOO_SMALL)" in box.said[0]


def test_a_store_may_give_the_text_itself(tmp_path: Path) -> None:
    box = Box(tmp_path)
    text = leaf().decode()
    source = CertificatePem(text, text)
    site = Site("a.test", BACKENDS, tls=TlsMode.TERMINATE, certificate=source, origin="redis: x")
    box.refresh(site)
    assert box.told == ["a.test"]
    with pytest.raises(CertificateError, match="comes from redis: x"):
        box.keeper.renew(site)
    changed = Site(
        "a.test",
        BACKENDS,
        tls=TlsMode.TERMINATE,
        certificate=CertificatePem("x", "y"),
        origin="redis: x",
    )
    box.refresh(changed)
    assert "the certificate redis: x is not PEM text" in box.said[0]
    assert box.told == []


# The box's own.


def test_the_box_has_a_certificate_for_its_names_and_shares_it_with_a_site_for_all(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path)
    box.refresh()
    own = box.keeper.refresh_own()
    assert own.material is not None
    assert set(own.material.names) == set(box.names)
    assert box.keeper.refresh_own().material is own.material
    box.refresh(local("*"))
    assert box.pems["*"] == own.material.pem
    box.names = ["gate", "10.0.0.1"]
    box.refresh(local("*"))
    renewed = box.keeper.refresh_own()
    assert renewed.material is not None
    assert renewed.material.pem == box.pems["*"]
    assert set(renewed.material.names) == set(box.names)


def test_the_box_s_own_waits_for_the_clock_too(tmp_path: Path) -> None:
    box = Box(tmp_path, is_set=False)
    own = box.keeper.refresh_own()
    assert (own.material, own.fault) == (None, NO_CLOCK)
    assert box.said == [f"the dashboard: {NO_CLOCK}"]
    box.clock.believed = True
    assert box.keeper.refresh_own().material is not None
