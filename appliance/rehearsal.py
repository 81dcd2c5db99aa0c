"""A site tried out before it is saved: does its name lead here, do its backends answer, which
certificate would be shown.

Each finding is a sentence with the way out. Nothing is changed, and all of it is bounded in time.
"""

import asyncio
import enum
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from appliance.health.probe import Probe, encode_question
from appliance.names import is_literal, resolve
from appliance.routing.model import Backend, Scheme, Site, TlsMode
from appliance.upstream.dial import Dialer, backend_context

# A person waits for it.
RESOLVE_S = 4.0
BACKEND_S = 5.0
# More are not tried at once; a list of a thousand is not typed in.
MAX_BACKENDS = 16
ANY_NAME = "gatelight-check"
# Of its own: a resolver may keep each for half a minute, and others have to go on.
_THREADS = ThreadPoolExecutor(8, "rehearsal")


class About(enum.Enum):
    NAME = "name"
    BACKEND = "backend"
    CERTIFICATE = "certificate"


class Outcome(enum.Enum):
    """In the words of states: what to worry about, and what cannot be known from here."""

    GOOD = "up"
    DOUBTFUL = "warning"
    BAD = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried; `way_out` is empty where nothing is to be done."""

    about: About
    outcome: Outcome
    what: str
    way_out: str = ""

    def describe(self) -> dict[str, str]:
        """For the API."""
        return {
            "about": self.about.value,
            "outcome": self.outcome.value,
            "what": self.what,
            "way_out": self.way_out,
        }


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the box knows of itself."""

    addresses: Sequence[str]
    http_ports: Sequence[int]
    https_ports: Sequence[int]
    certificate: Callable[[Site], Mapping[str, Any] | None]
    """What a site would show; takes a while, so it is asked in a thread."""


async def rehearse(site: Site, around: Surroundings, dialer: Dialer) -> list[Finding]:
    """All findings."""
    backends = site.backends[:MAX_BACKENDS]
    return list(
        await asyncio.gather(
            _try_name(site, around),
            *(_try_backend(site, backend, dialer) for backend in backends),
            _try_certificate(site, around),
        )
    )


async def _resolve(name: str) -> tuple[str, ...] | None:
    """None when there was no answer in time."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            return await asyncio.get_running_loop().run_in_executor(_THREADS, resolve, name)
    except TimeoutError:
        return None


async def _try_name(site: Site, around: Surroundings) -> Finding:
    host = site.host
    if host == "*" or host.startswith("["):
        what = "every name and address that leads to this box and has no site of its own"
        return Finding(About.NAME, Outcome.GOOD, what if host == "*" else f"the address {host}")
    name = f"{ANY_NAME}{host[1:]}" if host.startswith("*.") else host
    found = (name,) if is_literal(name) else await _resolve(name)
    return judge_name(host, found, around.addresses, is_own)


def judge_name(
    host: str,
    found: Sequence[str] | None,
    addresses: Sequence[str],
    is_own: Callable[[str], bool],
) -> Finding:
    """What a name's addresses say (PURE). `addresses`: by which others reach this box."""
    shown = addresses[0] if addresses else "this box's address"
    way_out = f"give {host} the address {shown} in your router's or your provider's DNS"
    if found is None:
        what = f"no DNS server has answered for {host} in time"
        return Finding(About.NAME, Outcome.UNKNOWN, what, "see which DNS server this box uses")
    if not found:
        if host.endswith(".local") and host.count(".") == 1:
            what = f"{host} is published in your network by this box as soon as it is saved"
            return Finding(About.NAME, Outcome.GOOD, what)
        what = f"{host} is not in the DNS: browsers will not find it"
        return Finding(About.NAME, Outcome.DOUBTFUL, what, way_out)
    here = [address for address in found if is_own(address)]
    if here and all(is_own_only(address) for address in here):
        what = f"{host} leads to this box, for browsers on the box itself"
        return Finding(About.NAME, Outcome.GOOD, what)
    if here:
        return Finding(About.NAME, Outcome.GOOD, f"{host} leads to this box ({here[0]})")
    what = f"{host} leads to {', '.join(found[:3])}, which is not this box"
    if not is_private(found[0]):
        way_out = f"fine if that is your router and it forwards ports 80 and 443; else {way_out}"
    return Finding(About.NAME, Outcome.DOUBTFUL, what, way_out)


def is_own_only(address: str) -> bool:
    """Whether an address means each machine to itself."""
    return address.startswith("127.") or address == "::1"


def is_private(address: str) -> bool:
    """RFC 1918, RFC 4193 and the like."""
    return ip_address(address.partition("%")[0]).is_private


def is_own(address: str) -> bool:
    """Whether an address is one of this machine's: only those can be bound to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


async def _try_backend(site: Site, backend: Backend, dialer: Dialer) -> Finding:
    url = backend.url
    address = backend.host
    if backend.scheme is not Scheme.UNIX and not is_literal(backend.host):
        found = await _resolve(backend.host)
        if not found:
            what = f"{url}: the name {backend.host} cannot be resolved"
            way_out = "see how it is written, or write its address"
            return Finding(About.BACKEND, Outcome.BAD, what, way_out)
        address = found[0]
    is_asked = site.tls is not TlsMode.PASSTHROUGH and backend.scheme is not Scheme.TCP
    path = (site.check.path if site.check else None) or "/"
    error = await _probe(site, backend, address, path if is_asked else None, dialer)
    return judge_backend(backend, error, path if is_asked else None)


async def _probe(
    site: Site, backend: Backend, address: str, path: str | None, dialer: Dialer
) -> str | None:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str | None] = loop.create_future()

    def tell(error: object) -> None:
        if not answered.done():
            answered.set_result(str(error) or type(error).__name__ if error else None)

    probe = Probe(encode_question(path, _host_for(site, backend)) if path else b"", tell)

    def connected(error: OSError | None) -> None:
        if isinstance(error, ConnectionError) and error.errno:
            tell(os.strerror(error.errno))
        elif error is not None:
            tell(error.strerror or error or "no connection in time")

    try:
        if backend.scheme is Scheme.UNIX:
            dialer.connect_unix(backend.path, b"", probe, BACKEND_S, connected)
        else:
            is_tls = backend.scheme is Scheme.HTTPS and path is not None
            tls = backend_context(site.backend_ca, site.backend_verify) if is_tls else None
            dialer.connect_tcp(
                address, backend.port, tls, backend.host, b"", probe, BACKEND_S, connected
            )
        async with asyncio.timeout(BACKEND_S):
            return await answered
    except TimeoutError:
        probe.end(None)
        return f"no answer within {BACKEND_S:g} s"
    except OSError as error:
        return f"its CA file {site.backend_ca} cannot be read: {error.strerror}"


def _host_for(site: Site, backend: Backend) -> str:
    if site.host_header == "backend":
        return backend.host or "localhost"
    if site.host_header != "keep":
        return site.host_header
    return f"{ANY_NAME}{site.host[1:]}" if site.host.startswith("*.") else site.host


def judge_backend(backend: Backend, error: str | None, path: str | None) -> Finding:
    """What a try of a backend says (PURE); `path` is what it was asked for."""
    url = backend.url
    if error is None:
        what = f"{url} answers" if path else f"{url} takes connections"
        return Finding(About.BACKEND, Outcome.GOOD, what)
    if error.startswith("it answered "):
        status = error.removeprefix("it answered ")
        is_fault = status.startswith("5")
        what = f"{url} answers {path} with {status}"
        way_out = "see its own log" if is_fault else "fine if it wants a login or another path"
        return Finding(About.BACKEND, Outcome.DOUBTFUL, what, way_out)
    return Finding(About.BACKEND, Outcome.BAD, f"{url}: {error}", way_out_of(error, backend))


def way_out_of(error: str, backend: Backend) -> str:
    """What to do about an error of a connection (PURE)."""
    low = error.lower()
    if "refused" in low:
        port = backend.port
        return f"nothing listens at port {port} there: does the service run, is its port right?"
    if "certificate" in low and "verify" in low:
        return "name its authority with backend_ca, or switch backend_verify off for this site"
    if "wrong_version_number" in low or "wrong version number" in low or "record layer" in low:
        return "it does not speak TLS there: write http://"
    if "valid http" in low or "without an answer" in low:
        return "it may speak TLS there: write https://"
    if "no answer within" in low:
        other = "http://" if backend.scheme is Scheme.HTTPS else "https://"
        return f"it takes connections and says nothing: is it busy, or should it be {other}?"
    if "no such file" in low:
        return "see how the socket's path is written"
    if "permission" in low:
        return "let the user of gatelight open it"
    return "is that machine switched on, and its address right?"


async def _try_certificate(site: Site, around: Surroundings) -> Finding:
    if site.tls is TlsMode.OFF:
        if not around.http_ports:
            way_out = 'write http = "0.0.0.0:80" under [listen], or switch TLS on for it'
            what = "nothing listens for plain HTTP on this box"
            return Finding(About.CERTIFICATE, Outcome.BAD, what, way_out)
        what = "plain HTTP: no certificate is needed"
        return Finding(About.CERTIFICATE, Outcome.GOOD, what)
    if not around.https_ports:
        what = "nothing listens for TLS on this box"
        way_out = 'write https = "0.0.0.0:443" under [listen] and start gatelight anew'
        return Finding(About.CERTIFICATE, Outcome.BAD, what, way_out)
    if site.tls is TlsMode.PASSTHROUGH:
        what = "the backend shows its own certificate; TLS is carried there as it is"
        return Finding(About.CERTIFICATE, Outcome.GOOD, what)
    return judge_certificate(site, await asyncio.to_thread(around.certificate, site))


def judge_certificate(site: Site, found: Mapping[str, Any] | None) -> Finding:
    """What a site would show (PURE)."""
    if found is None or (site.certificate is None and not found["fault"]):
        what = "this box's own CA signs its certificate"
        way_out = "each device trusts it once the CA's root is installed there: see Certificates"
        return Finding(About.CERTIFICATE, Outcome.GOOD, what, way_out)
    if found["fault"]:
        outcome = Outcome.BAD if not found["expires"] else Outcome.DOUBTFUL
        return Finding(About.CERTIFICATE, outcome, str(found["fault"]), "")
    what = f"{found['source']}: by {found['issuer']}, until {str(found['expires'])[:10]}"
    return Finding(About.CERTIFICATE, Outcome.GOOD, what)
