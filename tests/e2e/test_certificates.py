"""Certificates in a real box: the clock, replaced and faulty files, a disk that takes nothing, and the
command."""

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from appliance.tls.authority import LEAF_LIFE, make_intermediate, make_leaf, make_root
from tests.support.backend import ScriptedBackend
from tests.support.box import IN_A_NAMESPACE, ROOT, Box, site, wait_until
from tests.support.moment import NOW, Moment
from tests.support.secure import Authority, connect, get, trusting
from tests.support.secure_box import ENDED, ask, root_of, secure_box, with_files


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend() as started:
        yield started


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def cert(*arguments: str) -> tuple[int, str, str]:
    """`gatelight cert`: its exit code, answer and words."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "cert", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def shown(box: Box, name: str) -> x509.Certificate:
    """What a client is shown that takes anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(box.secure_port, context, name) as sock:
        return x509.load_der_x509_certificate(sock.getpeercert(binary_form=True) or b"")


def is_refused(box: Box, name: str) -> bool:
    """Whether there is no certificate for this name, as its client's alert says."""
    try:
        shown(box, name)
    except ssl.SSLError as error:
        return "ALERT_INTERNAL_ERROR" in str(error)
    return False


def fault_of(box: Box, host: str) -> str | None:
    """What `gatelight cert list` finds wrong with a site's certificate."""
    listed = json.loads(cert("list", "--json", "--socket", str(box.socket))[1])
    fault: str | None = next(each["fault"] for each in listed if each["host"] == host)
    return fault


# The clock.


def test_certificates_wait_for_the_clock_and_are_renewed_while_the_box_serves(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    """A Pi without a battery begins somewhere in the past, and then runs for months."""
    moment = Moment(tmp_path, "-20000d")
    sites = site("a.test", backend.url, more=ENDED)
    with secure_box(tmp_path, sites, environment=moment.environment) as box:
        assert is_refused(box, "a.test")
        assert fault_of(box, "a.test") == "waits: the clock of this box is not set yet"
        assert not (tmp_path / "tls").exists()
        moment.move(NOW)
        wait_until(lambda: not is_refused(box, "a.test"), "a certificate")
        assert fault_of(box, "a.test") is None
        first = shown(box, "a.test")
        with connect(box.secure_port, trusting(root_of(box)), "a.test") as kept:
            moment.move(f"+{LEAF_LIFE.days * 6 // 10}d")
            assert shown(box, "a.test") == first
            moment.move(f"+{LEAF_LIFE.days * 7 // 10}d")
            wait_until(lambda: shown(box, "a.test") != first, "the next one")
            assert b"200 OK" in get(kept, "/", "a.test")
        second = shown(box, "a.test")
        assert second.not_valid_before_utc > datetime.now(UTC) + LEAF_LIFE / 2
        assert second.issuer == first.issuer


# Files.


def test_a_replaced_file_is_shown_and_connections_stay(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    files = authority.issue("a.test")
    with secure_box(tmp_path, with_files("a.test", backend.url, files)) as box:
        before = shown(box, "a.test")
        with connect(box.secure_port, authority.trusting(), "a.test") as kept:
            authority.issue("a.test")
            wait_until(lambda: shown(box, "a.test") != before, "the new certificate")
            assert b"200 OK" in get(kept, "/", "a.test")


def test_a_whole_chain_is_shown_and_so_is_the_next_one(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    """As clients of public certificates know the root only, all between has to be shown."""
    now = datetime.now(UTC)
    root = make_root("root", [], now)
    chain, trusted = tmp_path / "chain.pem", tmp_path / "root.pem"
    trusted.write_bytes(root.to_pem())

    def put(signer: str) -> None:
        fresh = tmp_path / "fresh.pem"
        fresh.write_bytes(make_leaf(make_intermediate(root, signer, now), ["a.test"], now))
        fresh.replace(chain)

    def issuer() -> str:
        with connect(box.secure_port, trusting(trusted), "a.test") as sock:
            return str((sock.getpeercert() or {})["issuer"])

    put("the first signer")
    with secure_box(tmp_path, with_files("a.test", backend.url, (chain, chain))) as box:
        assert "the first signer" in issuer()
        put("the second signer")
        wait_until(lambda: "the second signer" in issuer(), "the other chain")


def test_a_faulty_certificate_harms_its_own_site_alone(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    good, _ = authority.issue("good.test")
    _, other_key = authority.issue("other.test")
    nowhere, old = tmp_path / "nowhere.pem", tmp_path / "old.pem"
    long_ago = datetime.now(UTC) - timedelta(days=200)
    signer = make_intermediate(make_root("root", [], long_ago), "signer", long_ago)
    old.write_bytes(make_leaf(signer, ["old.test"], long_ago))
    sites = (
        with_files("wrong.test", backend.url, (good, other_key)),
        with_files("gone.test", backend.url, (nowhere, nowhere)),
        with_files("folder.test", backend.url, (tmp_path, tmp_path)),
        with_files("old.test", backend.url, (old, old)),
        site("well.test", backend.url, more=ENDED),
    )
    with secure_box(tmp_path, *sites) as box:
        assert b"200 OK" in ask(box, "well.test")
        said = box.errors.read_text()
        assert f"gatelight: wrong.test: the certificate {good} does not belong to its key" in said
        assert f"gatelight: gone.test: {nowhere} cannot be read (No such file" in said
        assert f"gatelight: folder.test: {tmp_path} cannot be read (Is a directory)" in said
        assert f"gatelight: old.test: the certificate {old} has expired on " in said
        assert shown(box, "old.test").not_valid_after_utc < datetime.now(UTC)
        without = ("wrong.test", "gone.test", "folder.test")
        for name in without:
            assert is_refused(box, name)
        assert box.get(host="wrong.test").startswith(b"HTTP/1.1 200 ")
        known = {each["host"]: each["certificate"] for each in box.status()["sites"]}
        assert [known[name] for name in without] == [None] * 3

        def alerts() -> set[tuple[str, str]]:
            return {(each["id"], each["severity"]) for each in box.status()["alerts"]}

        expected = {(f"certificate:{name}", "critical") for name in without}
        expected.add(("certificate:old.test", "warning"))
        wait_until(lambda: expected <= alerts(), "alerts about each")


# The disk.

DISKS = {
    "full": ("mount -t tmpfs -o size=4k none {tls}", "No space left on device"),
    "read-only": ("mount -t tmpfs -o ro none {tls}", "Read-only file system"),
}


@pytest.mark.parametrize(("mount", "why"), DISKS.values(), ids=DISKS)
def test_a_disk_that_takes_nothing_is_one_clear_line_until_it_does(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority, mount: str, why: str
) -> None:
    (tmp_path / "tls").mkdir()
    sites = (
        site("own.test", backend.url, more=ENDED),
        with_files("files.test", backend.url, authority.issue("files.test")),
    )
    script = f'{mount.format(tls=tmp_path / "tls")} && exec "$0" "$@"'
    with secure_box(tmp_path, *sites, wrap=(*IN_A_NAMESPACE, script)) as box:
        with connect(box.secure_port, authority.trusting(), "files.test") as sock:
            assert b"200 OK" in get(sock, "/", "files.test")
        assert is_refused(box, "own.test")
        told = f"gatelight: own.test: no certificate can be issued: cannot [^\n]* \\({why}\\): "
        (line,) = re.findall(told + "[^\n]*", box.errors.read_text())
        assert str(tmp_path / "tls") in line
        inside = ("nsenter", f"--target={box.process.pid}", "--mount")
        user = ("--user", "--preserve-credentials") if os.geteuid() else ()
        remount = ("mount", "-o", "remount,rw,size=1m", str(tmp_path / "tls"))
        subprocess.run([*inside, *user, *remount], check=True)
        wait_until(lambda: not is_refused(box, "own.test"), "a certificate")
        assert fault_of(box, "own.test") is None


def test_a_folder_that_cannot_be_made_is_one_clear_line(
    tmp_path: Path, backend: ScriptedBackend
) -> None:
    (tmp_path / "tls").write_text("a file where a folder has to be")
    with secure_box(tmp_path, site("own.test", backend.url, more=ENDED)) as box:
        assert is_refused(box, "own.test")
        said = box.errors.read_text()
        assert said.count("own.test: no certificate can be issued: ") == 1
        assert str(tmp_path / "tls") in said


# gatelight cert.


def test_the_command_lists_renews_and_teaches_trust(
    tmp_path: Path, backend: ScriptedBackend, authority: Authority
) -> None:
    files = authority.issue("files.test")
    sites = site("a.test", backend.url, more=ENDED) + with_files("files.test", backend.url, files)
    box = secure_box(tmp_path, sites)
    socket_option, config = ("--socket", str(box.socket)), ("--config", str(box.config))
    assert cert("trust", *config)[::2] == (1, NO_ROOT_LINE)
    with box:
        code, listed, _ = cert("list", *socket_option)
        assert code == 0
        assert "a.test  until 20" in listed
        assert f"by Test CA  from {files[0]}" in listed
        before = shown(box, "a.test")
        code, renewed, _ = cert("renew", "A.test", *socket_option)
        assert (code, renewed.startswith("a.test  until 20")) == (0, True)
        wait_until(lambda: shown(box, "a.test") != before, "the new certificate")
        code, _, said = cert("renew", "files.test", *socket_option)
        assert code == 1
        assert f"gatelight: the certificate comes from {files[0]}" in said
        code, _, said = cert("renew", "nobody.test", *config)
        assert (code, "no site nobody.test ends TLS here" in said) == (1, True)
        code, taught, _ = cert("trust", *socket_option)
        assert code == 0
        for word in ("iPhone", "Android", "Windows", "macOS", "Firefox", "SHA-256  "):
            assert word in taught
        as_file = tmp_path / "taught.pem"
        as_file.write_text(taught)
        with connect(box.secure_port, trusting(as_file), "a.test") as sock:
            assert b"200 OK" in get(sock, "/", "a.test")
    assert cert("list", *socket_option)[0] == 1
    code, offline, _ = cert("list", *config)
    assert (code, offline.splitlines()) == (0, cert_lines(listed, renewed))
    assert cert("renew", "a.test", *config)[0] == 0
    assert cert("trust", *config)[1] == taught.rstrip("\n") + "\n"


NO_ROOT_LINE = (
    "gatelight: there is no root of the local CA yet: it is made for the first site with "
    'tls = "terminate" and no certificate of its own\n'
)


def cert_lines(listed: str, renewed: str) -> list[str]:
    return [*renewed.splitlines(), *listed.splitlines()[1:]]
