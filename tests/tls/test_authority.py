"""The local CA's certificates, judged by openssl and by Python's own verification."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.tls.authority import (
    LEAF_LIFE,
    Signer,
    domain_of,
    make_intermediate,
    make_leaf,
    make_root,
    parse_signer,
    permits,
)
from appliance.tls.contexts import load_pem, make_context
from appliance.tls.material import parse_material

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LONG = ".".join(["a" * 60] * 3) + ".home.arpa"


@pytest.fixture(scope="module")
def root() -> Signer:
    return make_root("Gatelight on gate", ["example.org", "198.51.100.7"], NOW)


@pytest.fixture(scope="module")
def intermediate(root: Signer) -> Signer:
    return make_intermediate(root, "signer", NOW)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        pytest.param(["photos.home.arpa"], "photos.home.arpa", id="a name"),
        pytest.param(["*.lab.home.arpa"], "x.lab.home.arpa", id="a wildcard"),
        pytest.param(["gate.local", "192.168.1.2", "[fd00::2]"], "192.168.1.2", id="an address"),
        pytest.param(["gate.local", "192.168.1.2", "[fd00::2]"], "fd00::2", id="an IPv6 address"),
        pytest.param([LONG], LONG, id="a name too long for a subject"),
    ],
)
def test_openssl_takes_the_chain(
    tmp_path: Path, root: Signer, intermediate: Signer, names: list[str], asked: str
) -> None:
    pem = make_leaf(intermediate, names, NOW)
    (tmp_path / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "chain.pem").write_bytes(pem)
    kind = "-verify_ip" if asked[0].isdigit() or ":" in asked else "-verify_hostname"
    subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-purpose", "sslserver", kind, asked),
            *("-attime", str(int(NOW.timestamp())), "-CAfile", "root.pem"),
            *("-untrusted", "chain.pem", "chain.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    load_pem(make_context(), pem)
    material = parse_material(pem, pem)
    assert material.issuer == "signer"
    assert material.not_after == NOW + LEAF_LIFE


def test_what_the_root_may_not_sign_is_refused_by_clients(
    tmp_path: Path, intermediate: Signer, root: Signer
) -> None:
    assert not permits(root.certificate, "bank.example.com")
    (tmp_path / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "chain.pem").write_bytes(make_leaf(intermediate, ["bank.example.com"], NOW))
    done = subprocess.run(
        [
            *("openssl", "verify", "-attime", str(int(NOW.timestamp())), "-CAfile", "root.pem"),
            *("-untrusted", "chain.pem", "chain.pem"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "permitted subtree violation" in done.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photos.home.arpa", True),
        ("*.home.arpa", True),
        ("home.arpa", True),
        ("nothome.arpa", False),
        ("www.example.org", True),
        ("example.com", False),
        ("10.1.2.3", True),
        ("[fd12::1]", True),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("nas", False),
    ],
)
def test_a_root_is_bound_to_the_home_and_its_domains(
    root: Signer, name: str, expected: bool
) -> None:
    assert permits(root.certificate, name) is expected


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("photos.example.org", "example.org"),
        ("example.org", "example.org"),
        ("*.lab.example.org", "lab.example.org"),
        ("nas", "nas"),
        ("198.51.100.7", "198.51.100.7"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_a_root_is_asked_for_by_domain(name: str, domain: str) -> None:
    assert domain_of(name) == domain
    assert permits(make_root("r", [domain], NOW).certificate, name)


def test_a_signer_comes_back_as_it_was_kept(root: Signer, intermediate: Signer) -> None:
    found = parse_signer(root.to_pem())
    assert found.certificate == root.certificate
    mixed = root.to_pem().split(b"-----BEGIN CERT")[0] + intermediate.to_pem()[-700:]
    for spoilt in (b"", root.to_pem()[:200], mixed):
        with pytest.raises(ValueError, match=r"."):
            parse_signer(spoilt)


def test_nothing_outlives_what_signed_it(root: Signer) -> None:
    late = root.certificate.not_valid_after_utc - timedelta(days=9)
    intermediate = make_intermediate(root, "signer", late)
    leaf = parse_material(*[make_leaf(intermediate, ["a.test"], late)] * 2)
    assert leaf.not_after == root.certificate.not_valid_after_utc
    for certificate in (root.certificate, intermediate.certificate):
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert basic.critical
        assert basic.value.ca
