"""The certificates of a worker as OpenSSL needs them.

Session tickets are encrypted with keys of the context that a connection begins with, whichever it
goes on with. So all begin with one that is made before the fork: a ticket of one worker is good for
the others, and for those that come after them.
"""

import os
import ssl
from collections.abc import Callable, Iterable

from appliance.tls.processor import AES128_FIRST, CHACHA20_FIRST, chosen_order

# Forward secret and authenticated, for both kinds of key; TLS 1.3 has only such.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# In the order that the processor likes; for TLS 1.3 it stands in OpenSSL's file.
ORDERED = {
    AES128_FIRST: "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20",
    CHACHA20_FIRST: "ECDHE+CHACHA20:ECDHE+AESGCM+AES128:ECDHE+AESGCM",
}
# HTTP/2 is not spoken yet.
PROTOCOLS = ("http/1.1",)
# For each full handshake of TLS 1.3; whoever uses one gets another. OpenSSL's two cost a tenth of
# the handshake, and most clients keep the last one only.
TICKETS = 1


def make_context() -> ssl.SSLContext:
    """TLS 1.2 and 1.3 towards clients, without a certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    order = chosen_order()
    if order is not None:
        context.set_ciphers(ORDERED[order])
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        # The client's order: it knows whether it has AES in hardware.
        context.set_ciphers(CIPHERS)
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = TICKETS
    context.set_alpn_protocols(PROTOCOLS)
    return context


class Contexts:
    """By site. Each is made when its site is first asked for, and anew when its PEM has changed."""

    def __init__(self, first: ssl.SSLContext, read_pem: Callable[[str], bytes | None]) -> None:
        """`first`: what every connection begins with; `read_pem` finds a site's certificate."""
        self.first = first
        self._read_pem = read_pem
        self._made: dict[str, ssl.SSLContext] = {}

    def find(self, host: str) -> ssl.SSLContext | None:
        """The context of a site's host; None when it has no certificate that OpenSSL takes."""
        context = self._made.get(host)
        if context is None:
            pem = self._read_pem(host)
            if pem is None:
                return None
            context = make_context()
            try:
                load_pem(context, pem)
            except (OSError, ValueError):
                # Control checks what it hands out; this is for what only OpenSSL minds.
                return None
            self._made[host] = context
        return context

    def renew(self, hosts: Iterable[str] | None) -> None:
        """These certificates have changed, or any may have; connections keep what they have."""
        if hosts is None:
            self._made.clear()
        else:
            for host in hosts:
                self._made.pop(host, None)


def load_pem(context: ssl.SSLContext, pem: bytes) -> None:
    """Loads a key and its certificate chain. Raises ssl.SSLError, an OSError.

    OpenSSL's wrapper reads files only, so this is one that lives in memory.
    """
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as content:
            content.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{file}", password=_no_password)
    finally:
        os.close(file)


def _no_password() -> str:
    raise ValueError("the key is encrypted")
