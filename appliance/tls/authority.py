"""The local CA's certificates: a root, an intermediate, and those of sites (PURE but for the keys).

All keys are ECDSA on P-256: every client knows it, and a Pi signs with it in a millisecond. The
root is what people teach their phones to trust, so it may sign for their own domains and nothing
else (name constraints, RFC 5280 4.2.1.10): a thief of its key cannot pass for a bank.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_LIFE = timedelta(days=20 * 365)
INTERMEDIATE_LIFE = timedelta(days=3 * 365)
# Long enough for a box that is off for a season, short enough to be used to being renewed.
LEAF_LIFE = timedelta(days=90)
# Clients' clocks are not all right either.
BACKDATED = timedelta(days=1)
# RFC 5280 A.1, ub-common-name.
MAX_COMMON_NAME = 64

# Names that mean something in one's own network only: RFC 8375, RFC 6762, RFC 6761, ICANN's
# .internal, and what routers make of it.
HOME_DOMAINS = ("home.arpa", "local", "internal", "lan", "home", "localhost", "test")
HOME_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
    "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate that may sign others, with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def to_pem(self) -> bytes:
        """Key and certificate in one text."""
        return _key_pem(self.key) + self.certificate.public_bytes(Encoding.PEM)


def parse_signer(pem: bytes) -> Signer:
    """The inverse of Signer.to_pem. Raises ValueError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("its key is not one of ours")
    certificate = x509.load_pem_x509_certificate(pem)
    if certificate.public_key() != key.public_key():
        raise ValueError("its key belongs to another certificate")
    return Signer(certificate, key)


def parse_signers(root: bytes, intermediate: bytes) -> tuple[Signer, Signer]:
    """A root and its intermediate, as they are kept. Raises ValueError."""
    found = parse_signer(root), parse_signer(intermediate)
    try:
        found[1].certificate.verify_directly_issued_by(found[0].certificate)
    except (InvalidSignature, TypeError, ValueError):
        raise ValueError("its intermediate is another's") from None
    return found


def make_root(name: str, domains: Sequence[str], now: datetime) -> Signer:
    """A root that may sign for the home's names and networks, and for `domains`."""
    key = ec.generate_private_key(ec.SECP256R1())
    allowed = [_subtree(each) for each in dict.fromkeys((*HOME_DOMAINS, *HOME_NETWORKS, *domains))]
    builder = (
        _begin(_named(name), _named(name), key, now, now + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(allowed, None), critical=True)
    )
    return Signer(builder.sign(key, SHA256()), key)


def make_intermediate(root: Signer, name: str, now: datetime) -> Signer:
    """The certificate that signs for sites, so that the root's key is used rarely."""
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + INTERMEDIATE_LIFE, root.certificate.not_valid_after_utc)
    builder = (
        _begin(_named(name), root.certificate.subject, key, now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(_authority_of(root), critical=False)
    )
    return Signer(builder.sign(root.key, SHA256()), key)


def make_leaf(intermediate: Signer, names: Sequence[str], now: datetime) -> bytes:
    """A site's key and its certificate chain, as PEM in one text."""
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + LEAF_LIFE, intermediate.certificate.not_valid_after_utc)
    is_short = len(names[0]) <= MAX_COMMON_NAME
    subject = _named(names[0]) if is_short else x509.Name([])
    builder = (
        _begin(subject, intermediate.certificate.subject, key, now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=not is_short
        )
        .add_extension(_authority_of(intermediate), critical=False)
    )
    certificate = builder.sign(intermediate.key, SHA256())
    chain = (certificate, intermediate.certificate)
    return _key_pem(key) + b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def permits(root: x509.Certificate, name: str) -> bool:
    """Whether a root may sign for a name, which may be a wildcard or an address."""
    try:
        constraints = root.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    wanted = _general(name)
    for allowed in constraints.permitted_subtrees or ():
        if isinstance(allowed, x509.IPAddress) and isinstance(wanted, x509.IPAddress):
            if ipaddress.ip_address(str(wanted.value)) in ipaddress.ip_network(str(allowed.value)):
                return True
        elif isinstance(allowed, x509.DNSName) and isinstance(wanted, x509.DNSName):
            bare = wanted.value.removeprefix("*.")
            if bare == allowed.value or bare.endswith("." + allowed.value):
                return True
    return False


def domain_of(name: str) -> str:
    """What a root has to be allowed to sign for a name: its domain, or the address itself."""
    if name.startswith("[") or name.replace(".", "").isdigit():
        return name
    if name.startswith("*."):
        return name[2:]
    return name.partition(".")[2] if name.count(".") >= 2 else name


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:MAX_COMMON_NAME])])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)


def _subtree(domain: str) -> x509.GeneralName:
    """A domain with all below it, or a network."""
    try:
        return x509.IPAddress(ipaddress.ip_network(domain.strip("[]")))
    except ValueError:
        return x509.DNSName(domain)


def _authority_of(signer: Signer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())


def _usage(signs: bool) -> x509.KeyUsage:
    """RFC 5280 4.2.1.3: a CA signs certificates, a site signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
