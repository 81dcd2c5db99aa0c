"""Who is asking: the forwarding headers a backend sees (PURE).

X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP and Forwarded (RFC 7239) are always written here. A
client's own are believed, and added to, only when it is one of `trusted_proxies`; the client is
then the right-most address in the chain that is not itself trusted. The chain is X-Forwarded-For,
and Forwarded where there is none: a proxy that writes one of them may let the other through as it
came from outside, and nearly all write the first.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a client's connection, as the socket shows it."""

    ip: str
    trusted: bool
    proto: bytes
    local_port: int
    port: int = 0
    local_ip: str = ""

    @property
    def local_host(self) -> str:
        """The address that was connected to, as a host is written."""
        return f"[{self.local_ip}]" if ":" in self.local_ip else self.local_ip


def parse_ip(text: str) -> str | None:
    """An address in its shortest form, without brackets, port or zone; None when it is not one."""
    text = text.strip(' "')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


def is_trusted(ip: str, trusted: Sequence[Network]) -> bool:
    """Whether `ip` lies in one of the networks."""
    if not trusted:
        return False
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address.version == network.version and address in network for network in trusted)


# RFC 7239 section 4: pairs parted by semicolons, names in any case, values quoted or not.
_FOR = re.compile(
    r'(?:^|;)[ \t]*for[ \t]*=[ \t]*(?:"([^"\\]*)"|([^",;]*))[ \t]*(?:;|$)', re.IGNORECASE
)


def choose_client(peer: Peer, received: Mapping[bytes, bytes], trusted: Sequence[Network]) -> str:
    """The right-most address of the chain in the fields `received` that is not a trusted proxy."""
    client = peer.ip
    for node in _nodes_from_right(received):
        if not is_trusted(client, trusted):
            break
        ip = parse_ip(node)
        if ip is None:
            break
        client = ip
    return client


def _nodes_from_right(received: Mapping[bytes, bytes]) -> Iterator[str]:
    """What each proxy said its client was, the nearest first; empty where it said nothing."""
    chain = received.get(b"x-forwarded-for")
    if chain is not None:
        yield from reversed(chain.decode("latin-1").split(","))
        return
    for element in _elements_from_right(received.get(b"forwarded", b"").decode("latin-1")):
        found = _FOR.search(element.strip(" \t"))
        yield (found[1] or found[2] or "") if found else ""


def _elements_from_right(text: str) -> Iterator[str]:
    """Cuts at the commas outside of quotes. From the right, as the left end may be an attacker's:
    a quote that is never closed there must not swallow what a trusted proxy has added."""
    end, is_quoted = len(text), False
    for at in range(len(text) - 1, -1, -1):
        if text[at] == '"' and not _is_escaped(text, at):
            is_quoted = not is_quoted
        elif text[at] == "," and not is_quoted:
            yield text[at + 1 : end]
            end = at
    yield text[:end]


def _is_escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _forwarded_node(ip: str) -> str:
    """RFC 7239 section 6: an IPv6 address is bracketed and quoted."""
    return f'"[{ip}]"' if ":" in ip else ip


def encode_forwarding(
    peer: Peer, client_ip: str, host: bytes, received: dict[bytes, bytes] | None
) -> bytes:
    """The forwarding lines for a backend; `received`: the client's own, where believed."""
    ip = peer.ip.encode()
    node = _forwarded_node(peer.ip).encode()
    quoted = host.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    element = b'for=%b;host="%b";proto=%b' % (node, quoted, peer.proto)
    chain, proto, outer_host, port = ip, peer.proto, host, b"%d" % peer.local_port
    if received is not None:
        chain = _appended(received.get(b"x-forwarded-for"), ip)
        element = _appended(received.get(b"forwarded"), element)
        proto = received.get(b"x-forwarded-proto", proto)
        outer_host = received.get(b"x-forwarded-host", host)
        port = received.get(b"x-forwarded-port", port)
    return (
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"
        b"X-Forwarded-Port: %b\r\nX-Real-IP: %b\r\nForwarded: %b\r\n"
        % (chain, proto, outer_host, port, client_ip.encode(), element)
    )


def _appended(before: bytes | None, last: bytes) -> bytes:
    return before + b", " + last if before else last
