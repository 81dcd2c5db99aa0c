"""Certificates as people bring them, with what is wrong in words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.tls.authority import make_intermediate, make_leaf, make_root
from appliance.tls.material import CertificateError, is_for, judge, parse_material
from tests.support.secure import CURVE, openssl

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SIGNER = make_intermediate(make_root("root", [], NOW), "signer", NOW)
PEM = make_leaf(SIGNER, ["a.test", "*.b.test", "192.168.1.2"], NOW)
OTHER = make_leaf(SIGNER, ["a.test"], NOW)
KEY_END = b"-----END PRIVATE KEY-----\n"
CHAIN = PEM.partition(KEY_END)[2]
KEY, OTHER_KEY = (pem.partition(KEY_END)[0] + KEY_END for pem in (PEM, OTHER))
LEAF, UPPER = CHAIN.split(b"-----END CERTIFICATE-----\n")[:2]
END = b"-----END CERTIFICATE-----\n"


def test_what_a_certificate_says_is_known() -> None:
    material = parse_material(CHAIN, KEY)
    assert material.names == ("a.test", "*.b.test", "192.168.1.2")
    assert material.issuer == "signer"
    assert material.pem.count(b"BEGIN CERTIFICATE") == 2
    assert parse_material(PEM, PEM) == material


@pytest.mark.parametrize(
    ("chain", "key", "what"),
    [
        pytest.param(b"", KEY, "is not PEM text", id="empty"),
        pytest.param(b"\x30\x82" * 99, KEY, "is not PEM text", id="DER"),
        pytest.param(CHAIN[:300], KEY, "is spoilt", id="cut short"),
        pytest.param(LEAF[:80] + b"!!" + LEAF[82:] + END, KEY, "is spoilt", id="spoilt"),
        pytest.param(CHAIN, OTHER_KEY, "does not belong to its key", id="another key"),
        pytest.param(CHAIN, CHAIN, "has a key that is not one", id="a certificate for a key"),
        pytest.param(CHAIN, KEY[:90], "has a key that is not one", id="a key cut short"),
        pytest.param(UPPER + END + LEAF + END, KEY, "must stand first", id="the wrong way round"),
    ],
)
def test_what_cannot_be_used_is_said(chain: bytes, key: bytes, what: str) -> None:
    with pytest.raises(CertificateError, match=what):
        parse_material(chain, key)


def test_an_encrypted_key_is_said(tmp_path: Path) -> None:
    begin = [word for word in CURVE if word != "-nodes"]
    openssl(
        tmp_path, "req", "-x509", *begin, "-passout", "pass:secret", "-subj", "/CN=a.test",
        "-keyout", "key.pem", "-out", "cert.pem",
    )  # fmt: skip
    with pytest.raises(CertificateError, match="encrypted: remove its passphrase"):
        parse_material((tmp_path / "cert.pem").read_bytes(), (tmp_path / "key.pem").read_bytes())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.test", True),
        ("x.b.test", True),
        ("*.b.test", True),
        ("x.y.b.test", False),
        ("b.test", False),
        ("*.a.test", False),
        ("192.168.1.2", True),
        ("192.168.1.3", False),
        ("*", True),
    ],
)
def test_a_wildcard_stands_for_one_label(host: str, expected: bool) -> None:
    assert is_for(("a.test", "*.b.test", "192.168.1.2"), host) is expected


def test_a_certificate_that_works_may_still_be_wrong() -> None:
    material = parse_material(CHAIN, KEY)
    assert judge(material, "a.test", NOW) is None
    late, early = NOW + timedelta(days=91), NOW - timedelta(days=2)
    for host, now, told in (
        ("a.test", late, "has expired on 2027-02-26: "),
        ("a.test", NOW + timedelta(days=84), "expires on 2027-02-26: "),
        ("a.test", early, "is not valid before 2026-11-27: "),
        ("c.test", NOW, "is for a.test, *.b.test, 192.168.1.2, not for c.test: "),
    ):
        what = judge(material, host, now)
        assert what is not None
        assert what.startswith(told)
