"""A certificate with its key, read and judged (PURE)."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

# As early as a person is told that a certificate of theirs will expire.
SOON = timedelta(days=7)


class CertificateError(ValueError):
    """Why a certificate cannot be used, in words that follow "the certificate ..."."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a site shows, and what is worth knowing about it."""

    pem: bytes
    """Key and chain in one text, the site's own certificate first."""
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def parse_material(chain: bytes, key: bytes) -> Material:
    """From a certificate chain and its key, both PEM. Raises CertificateError."""
    certificates = _parse_chain(chain)
    own = certificates[0]
    private = _parse_key(key)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if _public_bytes(own) != public:
        if any(_public_bytes(other) == public for other in certificates[1:]):
            raise CertificateError("must stand first in its file, before those that signed it")
        raise CertificateError("does not belong to its key: put two there that do")
    key_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Material(
        key_pem + b"".join(each.public_bytes(Encoding.PEM) for each in certificates),
        name_of(own.issuer),
        names_of(own),
        own.not_valid_before_utc,
        own.not_valid_after_utc,
    )


def _parse_chain(chain: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise CertificateError('is not PEM text: it has to hold "-----BEGIN CERTIFICATE-----"')
    try:
        return x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise CertificateError(f"is spoilt ({error}): put it there anew") from None


def _parse_key(key: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(key, password=None)
    except TypeError:
        raise CertificateError("has a key that is encrypted: remove its passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            'has a key that is not one: it has to hold "-----BEGIN PRIVATE KEY-----"'
        ) from None


def _public_bytes(certificate: x509.Certificate) -> bytes:
    try:
        public = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def name_of(name: x509.Name) -> str:
    """A subject or an issuer as people call it."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            return str(attribute.value)
    return name.rfc4514_string() or "nobody"


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses a certificate is for (RFC 6125: the alternative names only)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return (*(name.lower() for name in found.get_values_for_type(x509.DNSName)), *addresses)


def is_for(names: tuple[str, ...], host: str) -> bool:
    """Whether a certificate with these names is good for a site's host pattern."""
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare)) in names
    except ValueError:
        pass
    parent = host.partition(".")[2]
    return host == "*" or host in names or (not host.startswith("*.") and f"*.{parent}" in names)


def judge(material: Material, host: str, now: datetime) -> str | None:
    """What is wrong with a certificate that works all the same."""
    if now > material.not_after:
        return f"has expired on {material.not_after:%Y-%m-%d}: put a new one there"
    if now < material.not_before:
        return f"is not valid before {material.not_before:%Y-%m-%d}: put one there that is"
    if material.not_after - now < SOON:
        return f"expires on {material.not_after:%Y-%m-%d}: put a new one there"
    if not is_for(material.names, host):
        names = ", ".join(material.names) or "no name"
        return f"is for {names}, not for {host}: put one there that is"
    return None
